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
    from va_experiments.cell import ModelSpec
    from va_experiments.config.schema import parse_config
    from va_experiments.data import load
    from va_experiments.hydra_app.app import compose
    from va_experiments.models.saved_model import write_model
    from va_experiments.protocols import resolve_sites
    from va_experiments.seeds import integer_seed

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
    learned = {c.symptom for c in data.learned_cuts}
    if learned:  # their cut-offs would have to be learned again where the model is applied
        data = data.select([s for s in data.symptom_names if s not in learned])
    sites = resolve_sites(job.site.test_sites, data.sites)
    chosen = data.take([k for k, s in enumerate(data.site.tolist()) if data.sites[s] in sites])
    seed = integer_seed([spec.seed_digest.hex(), chosen.fingerprint, job.seed], "saved model")
    model = spec.estimator().fit(chosen, seed=seed)
    metrics = {} if quick or len(sites) < 2 else _left_out(spec, chosen, job.seed)
    card = _card(spec, chosen, sorted(learned), metrics, licence, seed)
    digest = write_model(target, model, card)
    say(f"{spec.name}, trained on {len(chosen):,} deaths of {chosen.name} at {', '.join(sites)}: {target}")
    for site, own in metrics.items():
        say(f"  left out: {site:12} CSMF accuracy {own['csmf_accuracy_top']:.3f}, top 1 {own['top1']:.3f}")
    say(f"SHA-256 of the manifest: {digest}")
    if learned:
        say(f"left out, because cut-offs are learned for them: {', '.join(sorted(learned))}")
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
    found = {}
    for split in splits({"name": "leave_one_site_out"}, data):
        cell = Cell(spec, split, setting)
        (result,) = run_fit(Fit(cell.fit_key, (cell,)), data)
        if result.failure is not None:
            raise InputError(f"{spec.name} at {split.test_site}: {result.failure.error}: {result.failure.message}")
        own = {n: result.metrics[n] for n in MAIN_METRICS if n in result.metrics and n != "csmf_accuracy_model"}
        found[split.test_site] = {**own, "deaths": float(result.facts["n_test"])}
    return found


def _card(
    spec: Any, data: Any, left_out: list[str], metrics: dict[str, dict[str, float]], licence: str, seed: int
) -> dict[str, Any]:
    import datetime

    from va_experiments.cell import versions
    from va_experiments.cell.serialization import plain

    counts = {site: int((data.site == k).sum()) for k, site in enumerate(data.sites) if (data.site == k).any()}
    return {
        "model": {"name": spec.name, "class": spec.target, "parameters": plain(spec.params), "code": spec.code},
        "data": {
            "name": data.name,
            "sha256": data.fingerprint,
            "deaths": len(data),
            "sites": counts,
            "simulated": data.simulated,
            "licence": licence,
        },
        "causes": list(data.causes),
        "questions": list(data.symptom_names),
        "questions_left_out": left_out,
        "numbers": list(data.covariates),
        "metrics_at_left_out_sites": metrics,
        "seed": seed,
        "versions": dict(versions()),
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }
