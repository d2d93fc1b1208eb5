"""Compare models within and across sites and by training size, with the options of the earlier comparison script.

Three kinds of experiment: in_domain (train and test on 80% and 20% of each site), out_domain (train on one site, test
on another: all ordered pairs) and training_size (parts of the first site's training deaths). One multirun computes
them all, with checkpoints, MLflow and a report as for any run; the table of the earlier script is written beside them
as va34_comparison_results.csv.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "arguments", "run"]

RESULTS = "va34_comparison_results.csv"
COLUMNS = {
    "experiment_type": "experiment_type",
    "model": "model",
    "train_sites": "train_site",
    "test_site": "test_site",
    "train_size": "train_size",
    "n_train": "n_train",
    "n_test": "n_test",
    "csmf_accuracy_top": "csmf_accuracy",
    "top1": "cod_accuracy",
    "csmf_accuracy_top_low": "csmf_accuracy_ci_lower",
    "csmf_accuracy_top_high": "csmf_accuracy_ci_upper",
    "top1_low": "cod_accuracy_ci_lower",
    "top1_high": "cod_accuracy_ci_upper",
}
"""Column of ``cells.csv`` -> column of the earlier script's table."""

SITES = ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP")
MODELS = ("xgboost", "random_forest", "logistic_regression", "nbc")
SIZES = (0.25, 0.5, 0.75, 1.0)


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--data-path", metavar="FILE", help="the PHMRC adult file (default: simulated deaths, for a first try)"
    )
    parser.add_argument("--sites", nargs="+", metavar="SITE", default=list(SITES), help=f"default: {' '.join(SITES)}")
    parser.add_argument(
        "--models", nargs="+", metavar="MODEL", default=list(MODELS), help=f"default: {' '.join(MODELS)}"
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
    parser.add_argument("--output-dir", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument(
        "--parallel", action=BooleanOptionalAction, default=True, help="worker processes (default) or one"
    )
    parser.add_argument("--n-workers", type=int, metavar="N", help="workers (default: one for each core)")
    parser.add_argument("--resume", action=BooleanOptionalAction, default=True, help="take finished cells up (default)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="further overrides, as for va-experiments run"
    )


def run(options: Namespace) -> int:
    """Run the comparison and write its table."""
    from va_experiments.launcher import session

    jobs = _jobs(options)
    trees = [_composed(job) for job in jobs]
    shown = [tuple(o for o in job if o.split("=")[0] in _SHOWN) for job in jobs]
    now = time.time()
    folder = options.output_dir / "runs" / time.strftime("%Y-%m-%d", time.localtime(now))
    folder /= time.strftime("%H-%M-%S-", time.localtime(now)) + f"{int(now % 1 * 1e6):06d}"
    try:
        session.batch(trees, shown, 0, folder, {})
        code = session.close()
    except BaseException:
        session.abandon()
        raise
    _write(folder, options.output_dir / RESULTS, curve_at=options.sites[0] if 1.0 in options.training_sizes else None)
    return code


_SHOWN = ("model", "protocol", "protocol.train_size", "site.test_sites", "seed")


def _jobs(options: Namespace) -> list[list[str]]:
    """Return the overrides of each job: two for each model, sites against sites and training sizes."""
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
        common += ["data=phmrc_adult", f"data.path={_quoted(options.data_path)}"]
    sites = "[" + ",".join(map(_quoted, options.sites)) + "]"
    pairs = [
        "protocol=one_to_one",
        "protocol.same_site=true",
        f"protocol.train_sites={sites}",
        f"site.test_sites={sites}",
    ]
    divided = ["protocol.folds=1", "protocol.test_share=0.2"]
    sizes = "[" + ",".join(map(str, options.training_sizes)) + "]"
    first = f"[{_quoted(options.sites[0])}]"
    curve = ["protocol=in_domain", f"protocol.train_size={sizes}", f"site.test_sites={first}"]
    kinds = [[*pairs, *divided], *([[*curve, *divided]] if options.training_sizes else [])]
    return [[f"model={m}", *kind, *common, *options.overrides] for m in options.models for kind in kinds]


def _quoted(text: str) -> str:
    """Return text as Hydra's grammar takes it whatever is in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _composed(overrides: list[str]) -> dict[str, Any]:
    """Return the tree that one job's overrides compose, as plain data."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from va_experiments.__main__ import register_plugins
    from va_experiments.config import conf_dir
    from va_experiments.hydra_errors import explained

    register_plugins()
    try:
        with initialize_config_dir(config_dir=str(conf_dir()), version_base="1.3"):
            tree = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explained(error, conf_dir())) from None
    assert isinstance(tree, dict)
    return {str(k): v for k, v in tree.items()}


def _write(folder: Path, path: Path, *, curve_at: str | None) -> None:
    import pandas as pd

    if not (folder / "cells.parquet").exists():
        return
    from va_experiments.report.tables import write_csv

    write_csv(results(pd.read_parquet(folder / "cells.parquet"), curve_at=curve_at), path)
    print(f"table   {path}")


def results(cells: pd.DataFrame, *, curve_at: str | None = None) -> pd.DataFrame:
    """Return the table of the earlier script; cells that failed have a row without figures.

    Parameters
    ----------
    cells : DataFrame
        The run's cells.
    curve_at : str, optional
        The site whose in-domain cell is the full size of the training-size experiment too: it has a row in both.
    """
    import pandas as pd

    for column in COLUMNS:
        if column not in cells:
            cells[column] = float("nan")
    same, whole = cells["train_sites"] == cells["test_site"], cells["train_size"].astype(str) == "all"
    cells["experiment_type"] = "out_domain"
    cells.loc[same, "experiment_type"] = "in_domain"
    cells.loc[~whole, "experiment_type"] = "training_size"
    if curve_at is not None:
        full = cells[same & whole & (cells["test_site"].str.casefold() == curve_at.casefold())]
        cells = pd.concat([cells, full.assign(experiment_type="training_size")], ignore_index=True)
    sizes = cells["train_size"].astype(str).str.removeprefix("share=").replace("all", "1.0")
    table = cells.assign(train_size=sizes)[list(COLUMNS)].rename(columns=COLUMNS)
    order = ["experiment_type", "model", "train_site", "test_site", "train_size"]
    return table.sort_values(order, kind="stable", ignore_index=True)
