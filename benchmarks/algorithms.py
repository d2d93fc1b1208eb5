"""Measure CPU seconds of our algorithms on one core, and compare them with the original programs.

``python -m benchmarks.algorithms [--json FILE] [--plot FILE.svg] [--largest 1000000]``

Ours is the fastest of three runs of fit and predict on the same folds as the originals; theirs is the median of the
runs in ``reference/timings.csv`` (process CPU, measured on the same kind of machine). The second table shows that the
cost of InterVA-5 is linear in the number of deaths, each size in a separate process, with its peak memory.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.reference import REFERENCE, fold, who_deaths
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model
from va_experiments.models.interva.interva import InterVA
from va_experiments.models.interva.interva5 import InterVA5
from va_experiments.models.nbc import NaiveBayes
from va_experiments.models.tariff import Tariff
from va_experiments.models.tariff2 import Tariff2

__all__ = ["cost_by_size", "cpu_seconds", "main", "original", "plot", "rows"]

_FOLDS = ("Pemba", "Bohol", "UP", "AP", "Mexico", "Dar")


def cpu_seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Measure the shortest CPU time of this process over some runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def original(algorithm: str, data: str, *variants: str) -> float | None:
    """Look up the median CPU seconds of the original on these data; None if it was not measured."""
    table = pd.read_csv(REFERENCE / "timings.csv")
    chosen = (table["algorithm"] == algorithm) & (table["data"] == data) & table["cpu_s"].notna()
    if variants:
        chosen &= table["variant"].isin(variants)
    return float(table.loc[chosen, "cpu_s"].median()) if chosen.any() else None


def _row(algorithm: str, data: str, n_train: int, n_test: int, ours: float, theirs: float | None, of: str) -> dict:
    return {
        "algorithm": algorithm,
        "data": data,
        "n_train": n_train,
        "n_test": n_test,
        "cpu_s": ours,
        "original_cpu_s": theirs,
        "times_less": None if theirs is None else theirs / ours,
        "original": of,
    }


def _fold_row(name: str, make: Callable[[], Model], site: str, theirs: float | None, of: str) -> dict[str, Any]:
    train, test = fold(site)
    ours = cpu_seconds(lambda: make().fit(train, seed=1).predict(test, seed=2))
    return _row(name, site, len(train), len(test), ours, theirs, of)


def rows() -> list[dict[str, Any]]:
    """Compare ours with the originals for every algorithm but InSilicoVA, fold by fold."""
    table = []
    quiet = ("quiet_quantile_uniform_run1", "quiet_quantile_uniform_run2")
    for site in _FOLDS:
        theirs = original("InterVA_train", site, *quiet)
        table.append(_fold_row("InterVA train", InterVA, site, theirs, "openVA (R)"))
    for site in _FOLDS:
        table.append(_fold_row("NBC", NaiveBayes, site, original("NBC", site), "openVA/nbc4va (R)"))
    for site in _FOLDS:
        theirs = original("Tariff", site, "default")
        of = "Tariff (R)" if theirs else "Tariff (R), its loops vectorised"
        theirs = theirs or original("Tariff_vectorised", site, "default")
        table.append(_fold_row("Tariff", Tariff, site, theirs, of))
    for site in _FOLDS:
        table.append(_fold_row("Tariff 2.0", Tariff2, site, None, "not run"))
    deaths = who_deaths("RandomVA5.csv.gz")
    many = deaths.take(np.tile(np.arange(len(deaths)), 50))
    model = InterVA5().fit()
    each = cpu_seconds(lambda: model.predict(many)) / len(many) * len(deaths)
    python = original("interva_python", "RandomVA5", "quiet200_run1", "quiet200_run2")
    table.append(_row("InterVA-5", "200 WHO deaths", 0, 200, each, python, "interva (Python)"))
    table.append(
        _row(
            "InterVA-5",
            "200 WHO deaths",
            0,
            200,
            each,
            original("InterVA5_R", "RandomVA5", "hh", "quiet200_run1"),
            "InterVA5 (R)",
        )
    )
    with_table = cpu_seconds(lambda: model.table(many)) / len(many) * len(deaths)
    table.append(_row("InterVA-5, with its table", "200 WHO deaths", 0, 200, with_table, python, "interva (Python)"))
    if importlib.util.find_spec("benchmarks.insilico") is not None:
        table += importlib.import_module("benchmarks.insilico").rows()
    return table


def cost_by_size(largest: int = 1_000_000) -> list[dict[str, Any]]:
    """Measure CPU seconds and peak memory of InterVA-5 from 10,000 deaths upwards, each size in its own process."""
    sizes = [n for n in (10_000, 30_000, 100_000, 300_000, 1_000_000) if n <= largest]
    results = []
    for n in sizes:
        command = [sys.executable, "-m", "benchmarks.algorithms", "--one-size", str(n)]
        root = Path(__file__).resolve().parents[1]
        done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return results


def _one_size(n: int) -> dict[str, Any]:
    deaths = who_deaths("RandomVA5.csv.gz")
    many = Deaths(
        symptoms=np.tile(deaths.symptoms, (n // len(deaths), 1)),
        symptom_names=deaths.symptom_names,
        causes=deaths.causes,
        cause=None,
        sites=deaths.sites,
        site=np.zeros(n, dtype=np.int16),
        id=np.arange(n).astype(str),
    )
    model = InterVA5().fit()
    seconds = cpu_seconds(lambda: model.predict(many), repeats=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"deaths": n, "cpu_s": seconds, "microseconds_each": 1e6 * seconds / n, "peak_gb": peak}


def plot(table: list[dict[str, Any]], file: Path) -> None:
    """Draw CPU seconds against the number of deaths, with a straight line through the origin for comparison."""
    import altair as alt

    frame = pd.DataFrame(table)
    slope = float((frame["cpu_s"] * frame["deaths"]).sum() / (frame["deaths"] ** 2).sum())
    frame["linear"] = slope * frame["deaths"]
    x = alt.X("deaths:Q", scale=alt.Scale(type="log"), title="deaths")
    y_title = "CPU seconds on one core"
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=60)
        .encode(x=x, y=alt.Y("cpu_s:Q", title=y_title).scale(type="log"))
    )
    line = alt.Chart(frame).mark_line(strokeDash=[4, 3]).encode(x=x, y=alt.Y("linear:Q", title=y_title))
    title = f"InterVA-5: {1e6 * slope:.3g} microseconds a death (dashed: proportional to the deaths)"
    (points + line).properties(width=420, height=260, title=title).save(file)


def _print(table: list[dict[str, Any]]) -> None:
    columns = list(table[0])
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in table:
        cells = ["" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()]
        print("| " + " | ".join(cells) + " |")
    print()


def main(arguments: list[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    parser.add_argument("--plot", metavar="FILE", help="draw the second table there (.svg, .png or .html)")
    parser.add_argument("--largest", type=int, default=1_000_000, help="largest number of deaths of the second table")
    parser.add_argument("--one-size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one_size:
        with threadpool_limits(1):
            print(json.dumps(_one_size(options.one_size)))
        return 0
    if not REFERENCE.is_dir():
        print(
            f"needs the reference outputs in {REFERENCE.name}/ of the folder shared/ beside the checkout",
            file=sys.stderr,
        )
        return 2
    with threadpool_limits(1):
        figures = {"beside_the_originals": rows(), "interva5_by_size": cost_by_size(options.largest)}
    for table in figures.values():
        _print(table)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        plot(figures["interva5_by_size"], Path(options.plot))
    return 0


if __name__ == "__main__":
    sys.exit(main())
