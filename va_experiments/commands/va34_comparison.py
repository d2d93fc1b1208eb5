"""Compare models within and across sites and by training size, with the options of the earlier comparison script.

Three kinds of experiment: in_domain (train and test on 80% and 20% of each site), out_domain (train on one site, test
on another: all ordered pairs) and training_size (parts of the first site's training deaths). It is the run
experiment=va34_comparison, with checkpoints, MLflow and a report as for any run; its table of the earlier script,
va34_comparison_results.csv, is copied into the output folder.
"""

from __future__ import annotations

import shutil
import time
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path

from va_experiments.errors import InputError

__all__ = ["arguments", "run"]

SITES = ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP")
MODELS = ("xgboost", "random_forest", "logistic_regression", "nbc")
SIZES = (0.25, 0.5, 0.75, 1.0)


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--data-path", metavar="FILE", help="the PHMRC adult file (default: simulated deaths, for a first try)"
    )
    parser.add_argument(
        "--sites",
        nargs="+",
        metavar="SITE",
        default=list(SITES),
        help=f"sites that train and test (default: {' '.join(SITES)})",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        default=list(MODELS),
        help=f"models by their names in conf/model (default: {' '.join(MODELS)})",
    )
    parser.add_argument(
        "--training-sizes",
        nargs="*",
        type=float,
        metavar="SHARE",
        default=list(SIZES),
        help="shares of the first site's training deaths, above 0 up to 1; none: leave this experiment out "
        f"(default: {' '.join(map(str, SIZES))})",
    )
    parser.add_argument(
        "--n-bootstrap", type=int, default=100, metavar="N", help="resamples for intervals (default: 100)"
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where all is written (default: results)",
    )
    parser.add_argument(
        "--parallel", action=BooleanOptionalAction, default=True, help="worker processes (default) or one"
    )
    parser.add_argument("--n-workers", type=int, metavar="N", help="workers (default: one for each core)")
    parser.add_argument("--resume", action=BooleanOptionalAction, default=True, help="reuse finished cells (default)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of divisions and models (default: 1)")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="further overrides, as for va-experiments run"
    )


def run(options: Namespace) -> int:
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
        print(f"table   {options.output_dir / FILE}")
    return code


_SHOWN = ("model", "site.test_sites", "seed")


def _jobs(options: Namespace) -> list[list[str]]:
    """Return the overrides of each job, one for each model."""
    problems = []
    if options.n_workers is not None and options.n_workers < 1:
        problems.append(f"--n-workers must be 1 or more; got {options.n_workers}")
    if options.n_bootstrap < 0:
        problems.append(f"--n-bootstrap must be 0 or more; got {options.n_bootstrap}")
    problems += [f"--training-sizes: {s} is not above 0 and up to 1" for s in options.training_sizes if not 0 < s <= 1]
    problems += [f"{o!r} is not an override; write KEY=VALUE" for o in options.overrides if "=" not in o]
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
    if options.training_sizes:
        sizes = "[" + ",".join(map(str, options.training_sizes)) + "]"
        curve = "protocol.parts.training_size"
        common += [f"{curve}.train_size={sizes}", f"{curve}.test_sites={_quoted(options.sites[0])}"]
    else:
        common.append("~protocol.parts.training_size")
    whole = "experiment=va34_comparison"
    return [[whole, f"model={m}", *common, *options.overrides] for m in options.models]


def _quoted(text: str) -> str:
    """Return text as Hydra's grammar takes it whatever is in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
