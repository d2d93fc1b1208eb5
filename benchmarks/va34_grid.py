"""Compare the engine with a plain loop on the VA34 grid, 160 cells on the real adult deaths; results are equal.

``python -m benchmarks va34_grid [--json FILE] [--workers 2] [--no-loop]``

40 splits with each of four models (XGBoost, random forest, logistic regression, naive Bayes): 6 sites in-domain (80/20,
stratified), 30 ordered pairs of sites, and 4 training sizes of one site, which with four models are the grid's "16
training sizes". 100 bootstrap resamples a cell. The loop fits a model for every cell, scores one resample after the
other and does nothing else; every metric and every prediction's hash of the two are compared, bit for bit.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import ENVIRONMENT, ROOT, machine, newest_run, options, show, tell, watch
from va_experiments.cell import Cell, prediction_sha256
from va_experiments.checkpoints import Store
from va_experiments.config.schema import parse_config
from va_experiments.data import load
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.csmf import chance_corrected
from va_experiments.metrics.csmf_interval import accuracy_interval
from va_experiments.metrics.registry import CASE_METRICS, ESTIMATES, METRICS
from va_experiments.metrics.resampling import bootstrap_weights, interval
from va_experiments.metrics.score import LEVEL, evaluate
from va_experiments.metrics.sufficient_statistics import ScoredDeaths, scored_deaths, totals
from va_experiments.plan import Job, Plan, plan
from va_experiments.results import load_results
from va_experiments.seeds import generator, integer_seed

__all__ = ["COMMAND", "main", "plain_cell", "planned"]

COMMAND = (
    "-m",
    "va_experiments",
    "experiment=va34_comparison",
    "model=xgboost,random_forest,logistic_regression,nbc",
    "baselines=[]",
    "tracking=none",
)
SEPARATE = ("setup", "fit", "predict", "point", "bootstrap")
"""Parts of the loop that are timed."""


def real_deaths() -> Path:
    """Return the folder of the PHMRC files: ``VA_PHMRC_DIR``, or the one beside the checkout."""
    return Path(os.environ.get("VA_PHMRC_DIR") or ROOT.parent / "shared" / "data" / "phmrc")


def planned(folder: Path, deaths: Deaths) -> Plan:
    """Return the plan of the run that left `folder`, from the configs in its manifest."""
    jobs = json.loads((folder / "manifest.json").read_text())["jobs"]
    results = [Job(j["number"], tuple(j["overrides"]), parse_config(j["config"])[1], deaths.fingerprint) for j in jobs]
    return plan(results, {deaths.fingerprint: deaths})


class _Seconds(dict[str, float]):
    """CPU seconds of this process by part."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(SEPARATE, 0.0))
        self._last = time.process_time()

    def lap(self, part: str) -> None:
        now = time.process_time()
        self[part] += now - self._last
        self._last = now


def plain_cell(cell: Cell, deaths: Deaths, seconds: _Seconds) -> tuple[dict[str, float], str]:
    """Fit, predict and score one cell with nothing shared: resamples are drawn and scored one by one."""
    seconds.lap("setup")
    train_rows, test_rows = cell.split.indices(deaths)
    train, test = deaths.take(train_rows), deaths.take(test_rows)
    estimator = cell.model.estimator()
    seconds.lap("setup")
    estimator.fit(train, seed=integer_seed(cell.fit_seed_key, "fit"))
    seconds.lap("fit")
    prediction = estimator.predict(test.without_causes(), seed=integer_seed(cell.seed_key, "predict"))
    seconds.lap("predict")
    assert test.cause is not None
    whole = scored_deaths(test.cause, prediction, train.cause)
    point = {name: float(value[0]) for name, value in evaluate(totals(whole)).items()}
    by_cases = {name: float(info.function(whole)) for name, info in CASE_METRICS.items()}
    for name in ("top", "mean", "model"):
        corrected = chance_corrected(point[f"csmf_accuracy_{name}"], by_cases["csmf_chance"])
        by_cases[f"cccsmf_empirical_{name}"] = float(corrected)
    seconds.lap("point")
    values = point | _intervals(whole, point, cell) | by_cases
    seconds.lap("bootstrap")
    return {k: v for k, v in values.items() if math.isfinite(v)}, prediction_sha256(prediction)


def _intervals(whole: ScoredDeaths, point: Mapping[str, float], cell: Cell) -> dict[str, float]:
    rng = generator(integer_seed([cell.split.spec(), cell.setting.seed], "bootstrap"), "bootstrap")
    n = len(whole.truth)
    samples = [totals(whole), *(totals(whole, bootstrap_weights(n, 1, rng)) for _ in range(cell.setting.n_bootstrap))]
    resampled: dict[str, list[float]] = {name: [] for name in METRICS}
    for sample in samples[1:]:
        for name, value in evaluate(sample).items():
            resampled[name].append(float(value[0]))
    results = {
        name: interval(point[name], np.array(resampled[name]), level=LEVEL)
        for name, info in METRICS.items()
        if info.interval == "percentile"
    }
    true = np.concatenate([sample.csmf_true for sample in samples])
    for name, (_, estimate) in ESTIMATES.items():
        both = accuracy_interval(true, np.concatenate([estimate(sample) for sample in samples])[None], level=LEVEL)
        results[f"csmf_accuracy_{name}"] = both[0][0], both[1][0]
        results[f"cccsmf_{name}"] = chance_corrected(both[0])[0], chance_corrected(both[1])[0]
    ends: dict[str, float] = {}
    for name, (low, high) in results.items():
        least, most = METRICS[name].range
        ends[f"{name}_low"], ends[f"{name}_high"] = max(float(low), least), min(float(high), most)
    return ends


def engine(outputs: Path, *more: str) -> dict[str, Any]:
    """Run the grid through the command line, and return what it took."""
    os.environ["VA_PHMRC_DIR"] = str(real_deaths())
    run = watch([*COMMAND, f"paths.outputs={outputs}", *more])
    if run.code != 0:
        raise SystemExit(run.output)
    return recorded(newest_run(outputs)) | {
        "whole_command_cpu_s": run.cpu,
        "whole_command_wall_s": run.wall,
        "peak_mb": run.peak_mb,
        "load_average": run.load[0],
    }


def recorded(folder: Path) -> dict[str, Any]:
    """Return what the cells of a run took, from its table."""
    cells = load_results(folder)
    return {
        "cells": len(cells),
        "fits": cells["fit_key"].nunique(),
        "cpu_s": float(cells["cpu_seconds"].sum()),
        "fit_cpu_s": float(cells["fit_cpu_seconds"].sum()),
        "wall_s": float(cells["ended"].max() - cells["started"].min()),
        "parts_wall_s": {p: float(cells[f"{p}_seconds"].sum()) for p in ("load", "fit", "predict", "score", "encode")},
    }


def loop(folder: Path, store: Store) -> dict[str, Any]:
    """Run the plain loop over the cells of a run, and compare every figure with the stored one."""
    os.environ.update(ENVIRONMENT)
    for name in ("sklearn.ensemble", "sklearn.linear_model", "xgboost"):
        importlib.import_module(name)  # a library loaded after the limit would take as many threads as it likes
    from threadpoolctl import threadpool_limits

    deaths = load("phmrc_adult", {"path": str(real_deaths())})
    results = planned(folder, deaths)
    by_level: dict[str, Deaths] = {}
    seconds, differing, compared = _Seconds(), [], 0
    with threadpool_limits(1):
        for row in range(len(results)):
            cell = results.cell(row)
            level = by_level.setdefault(cell.setting.features, deaths.with_features(cell.setting.features))
            metrics, sha256 = plain_cell(cell, level, seconds)
            stored = store.load(cell.key)
            seconds.lap("setup")
            if stored is None or stored.manifest["prediction_sha256"] != sha256:
                differing.append(f"prediction of {cell.key[:12]}")
                continue
            compared += len(metrics)
            theirs = {k: v for k, v in stored.metrics["metrics"].items() if v is not None}
            differing += [
                f"{k} of {cell.key[:12]}" for k in metrics.keys() | theirs.keys() if metrics.get(k) != theirs.get(k)
            ]
    return {"seconds": dict(seconds), "cells": len(results), "metrics_compared": compared, "differing": differing}


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = options(__doc__, workers={"type": int, "default": 2, "help": "Ray workers"})
    parser.add_argument("--no-loop", action="store_true", help="only the engine")
    chosen = parser.parse_args(arguments)
    if not real_deaths().is_dir():
        print("needs the PHMRC adult file: set VA_PHMRC_DIR to its folder", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="va34-") as name:
        outputs = Path(name)
        ray = engine(outputs, "execution=ray", f"execution.num_workers={chosen.workers}")
        figures: dict[str, Any] = {"machine": machine(), "engine": ray}
        show(
            "The engine (Ray, bootstrap of 100; wall from the first fit's start to the last cell's end)",
            [{k: v for k, v in ray.items() if not isinstance(v, dict)} | {"cpu_limit_s": 35, "wall_limit_s": 20}],
        )
        show("Wall seconds by part, all workers together", [ray["parts_wall_s"]])
        if not chosen.no_loop:
            figures["loop"] = plain = loop(newest_run(outputs), Store(outputs / "checkpoints"))
            figures["ratios"] = _ratios(plain, ray)
            _show_loop(plain, figures["ratios"])
    tell(figures, chosen.json)
    return 1 if figures.get("loop", {}).get("differing") else 0


def _ratios(plain: Mapping[str, Any], ray: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps from the loop to the engine, one change at a time."""
    seconds = plain["seconds"]
    whole = sum(seconds.values())
    shared = whole - seconds["fit"] + ray["fit_cpu_s"]
    steps = [
        ("plain loop", whole),
        ("shared fits", shared),
        ("vectorised bootstrap", ray["cpu_s"]),
        ("parallelism (wall)", ray["wall_s"]),
    ]
    rows, before = [], whole
    for name, value in steps:
        rows.append(
            {"step": name, "seconds": value, "times_less": before / value, "times_less_than_loop": whole / value}
        )
        before = value
    return rows


def _show_loop(plain: Mapping[str, Any], ratios: list[dict[str, Any]]) -> None:
    show("The plain loop, CPU seconds by part", [plain["seconds"]])
    show("From the loop to the engine (CPU seconds; the last line is wall time)", ratios)
    print(f"\n{plain['metrics_compared']:,} metrics and {plain['cells']} predictions compared: ", end="")
    print("all equal to the last bit" if not plain["differing"] else f"{len(plain['differing'])} DIFFER")
    for line in plain["differing"][:10]:
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
