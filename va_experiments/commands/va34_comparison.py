"""Compare models within and across sites and by training size, with the options of the earlier comparison script.

Three kinds of experiment: in_domain (train and test on 80% and 20% of each site), out_domain (train on one site, test
on another: all ordered pairs) and training_size (parts of the first site's training deaths). It is the run
experiment=va34_comparison, with checkpoints, MLflow and a report as for any run; its table of the earlier script,
va34_comparison_results.csv, is copied into the output folder.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from va_experiments.commands.command_line import App, Command
from va_experiments.errors import InputError, shown
from va_experiments.terminal import say

__all__ = ["Options", "app", "va34_comparison"]

SITES = ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP")
MODELS = ("xgboost", "random_forest", "logistic_regression", "nbc")
SIZES = (0.25, 0.5, 0.75, 1.0)


app = App()


class _Earlier(Command):
    several_values = {"--sites": "", "--models": "", "--training-sizes": "none"}  # noqa: RUF012 (a constant)


@dataclass(frozen=True)
class Options:
    """The options of the earlier script."""

    data_path: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The PHMRC adult file; default: simulated deaths, for a first try."),
    ] = None
    sites: Annotated[list[str], typer.Option(metavar="SITE...", help="Sites that train and test.")] = field(
        default_factory=lambda: list(SITES)
    )
    models: Annotated[list[str], typer.Option(metavar="MODEL...", help="Models by their names in conf/model.")] = field(
        default_factory=lambda: list(MODELS)
    )
    training_sizes: Annotated[
        list[str],
        typer.Option(
            metavar="[SHARE...]",
            help="Shares of the first site's training deaths, above 0 up to 1; none: leave this experiment out.",
        ),
    ] = field(default_factory=lambda: list(map(str, SIZES)))
    n_bootstrap: Annotated[int, typer.Option(metavar="N", help="Resamples for intervals.")] = 100
    output_dir: Annotated[Path, typer.Option(metavar="DIR", help="Where all is written.")] = Path("results")
    parallel: Annotated[bool, typer.Option("--parallel/--no-parallel", help="Worker processes, or one.")] = True
    n_workers: Annotated[int | None, typer.Option(metavar="N", help="Workers; default: one for each core.")] = None
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Reuse finished cells.")] = True
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of divisions and models.")] = 1
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Further overrides, as for va-experiments run."),
    ] = None

    @property
    def shares(self) -> list[float]:
        """Training sizes as numbers; NaN for what is none."""
        words = [w for w in self.training_sizes if w != "none"]
        return [_share(w) for w in words]


def _share(word: str) -> float:
    """Return a training size as a number; NaN where it is none."""
    try:
        return float(word)
    except ValueError:
        return float("nan")


@app.action(help=__doc__, cls=_Earlier)
def va34_comparison(options: Options) -> int:
    """Run the comparison and put its table into the output folder."""
    from va_experiments.hydra_app.app import compose
    from va_experiments.hydra_app.session import session
    from va_experiments.report.legacy_table import FILE

    jobs = _jobs(options)
    trees = [compose(job) for job in jobs]
    shown = [tuple(o for o in job if o.split("=")[0] in _SHOWN) for job in jobs]
    now = time.time()
    folder = options.output_dir / "runs" / time.strftime("%Y-%m-%d", time.localtime(now))
    folder /= time.strftime("%H-%M-%S-", time.localtime(now)) + f"{int(now % 1 * 1e6):06d}"
    try:
        session.batch(trees, shown, 0, folder, {})
        code = session.close()
    except BaseException:
        session.abort()
        raise
    if (folder / FILE).exists():
        shutil.copyfile(folder / FILE, options.output_dir / FILE)
        say(f"table   {options.output_dir / FILE}")
    return code


_SHOWN = ("model", "site.test_sites", "seed")


def _jobs(options: Options) -> list[list[str]]:
    """Return the overrides of each job, one for each model."""
    problems = []
    if options.n_workers is not None and options.n_workers < 1:
        problems.append(f"--n-workers must be 1 or more; got {options.n_workers}")
    if options.n_bootstrap < 0:
        problems.append(f"--n-bootstrap must be 0 or more; got {options.n_bootstrap}")
    overrides = options.overrides or []
    problems += [
        f"--training-sizes: {shown(word)[1:-1]} is not above 0 and up to 1"
        for word, share in zip([w for w in options.training_sizes if w != "none"], options.shares, strict=True)
        if not 0 < share <= 1
    ]
    problems += [f"{o!r} is not an override; write KEY=VALUE" for o in overrides if "=" not in o and o[:1] != "~"]
    if options.data_path is not None and not Path(options.data_path).exists():
        problems.append(f"--data-path: there is no file '{options.data_path}'")
    if problems:
        raise InputError(problems)
    common = [
        f"paths.outputs={_quoted(str(options.output_dir))}",
        f"n_bootstrap={options.n_bootstrap}",
        f"seed={options.seed}",
        f"resume={'true' if options.resume else 'false'}",
        f"execution={'ray' if options.parallel else 'inline'}",
    ]
    if options.parallel and options.n_workers:
        common.append(f"execution.num_workers={options.n_workers}")
    if options.data_path is not None:
        common.append(f"data.path={_quoted(options.data_path)}")
    else:
        common.append("data=simulated")
    sites = "[" + ",".join(map(_quoted, options.sites)) + "]"
    common += [f"site.test_sites={sites}", f"protocol.parts.one_to_one.train_sites={sites}"]
    if options.shares:
        sizes = "[" + ",".join(map(str, options.shares)) + "]"
        curve = "protocol.parts.training_size"
        common += [f"{curve}.train_size={sizes}", f"{curve}.test_sites={_quoted(options.sites[0])}"]
    else:
        common.append("~protocol.parts.training_size")
    whole = "experiment=va34_comparison"
    return [[whole, f"model={m}", *common, *overrides] for m in options.models]


def _quoted(text: str) -> str:
    """Return text as Hydra's grammar takes it whatever is in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
