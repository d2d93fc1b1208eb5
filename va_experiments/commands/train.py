"""Train a model on all deaths of a data set and save it as a folder that can be applied where the deaths may not go.

The folder holds JSON, arrays and the libraries' own formats, never a pickle, and a card: data, causes, questions, and
the metrics at each site when it is left out. Apply it with protocol=assign model=registered model.path=FOLDER.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from va_experiments.commands.command_line import App
from va_experiments.errors import InputError
from va_experiments.terminal import say

__all__ = ["app", "train"]

app = App()


@app.action(help=__doc__)
def train(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder to write; it must not be there yet.")],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Options of a job: model=, data=, site=, features=, seed=."),
    ] = None,
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Licence of the data, for the card.")] = "not stated",
    register: Annotated[
        str | None, typer.Option(metavar="NAME", help="Register it under this name in MLflow's model registry.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Leave out the metrics at left-out sites.")] = False,
) -> int:
    """Train, save and describe."""
    import numpy as np

    from va_experiments.cell import ModelSpec
    from va_experiments.cell.trained_model import model_card, train_model
    from va_experiments.config.schema import parse_config
    from va_experiments.data import load
    from va_experiments.hydra_app.app import compose
    from va_experiments.models.saved_model import write_model
    from va_experiments.protocols import resolve_sites

    target = Path(folder)
    if target.exists():
        raise InputError(f"'{folder}' is there already; name a new folder")
    if register is not None:
        from va_experiments.tracking.model_registry import check_name, register_model

        check_name(register)
    run, job = parse_config(compose(pairs or []))
    spec = ModelSpec.from_config(job.model, allowed=run.allowed_targets)
    if not spec.trains:
        raise InputError(f"model '{spec.name}' has fixed knowledge: there is nothing to train, apply it as it is")
    data = load(job.data.name, job.data.model_dump()).with_features(job.features.name)
    sites = resolve_sites(job.site.test_sites, data.sites)
    rows = np.isin(data.site, [k for k, site in enumerate(data.sites) if site in sites])
    trained = train_model(spec, data, rows, seed=job.seed)
    chosen, learned = trained.deaths, trained.left_out
    metrics = {} if quick or len(sites) < 2 else _left_out(spec, chosen, job.seed)
    card = model_card(spec, trained, metrics, licence)
    digest = write_model(target, trained.model, card)
    say(f"{spec.name}, trained on {len(chosen):,} deaths of {chosen.name} at {', '.join(sites)}: {target}")
    for site, scores in metrics.items():
        say(f"  left out: {site:12} CSMF accuracy {scores['csmf_accuracy_top']:.3f}, top 1 {scores['top1']:.3f}")
    say(f"SHA-256 of the manifest: {digest}")
    if learned:
        say(f"left out, because cut-offs are learned for them: {', '.join(learned)}")
    if register is not None:
        version = register_model(run.tracking, Path(run.paths.outputs), register, target, card, digest)
        say(f"registered in MLflow as {register}, version {version}")
    return 0


def _left_out(spec: Any, data: Any, seed: int) -> dict[str, dict[str, float]]:
    """Return metrics at each site by a model that was trained at the others."""
    from va_experiments.cell import Cell, Fit, Setting, run_fit
    from va_experiments.protocols import splits
    from va_experiments.results.schema import MAIN_METRICS

    setting = Setting(data.name, data.fingerprint, "hce_words", {"name": "natural"}, "model", 0, seed)
    metrics = {}
    for split in splits({"name": "leave_one_site_out"}, data):
        cell = Cell(spec, split, setting)
        (result,) = run_fit(Fit(cell.fit_key, (cell,)), data)
        if result.failure is not None:
            raise InputError(f"{spec.name} at {split.test_site}: {result.failure.error}: {result.failure.message}")
        scores = {n: result.metrics[n] for n in MAIN_METRICS if n in result.metrics and n != "csmf_accuracy_model"}
        metrics[split.test_site] = {**scores, "deaths": float(result.facts["n_test"])}
    return metrics
