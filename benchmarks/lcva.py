"""Measure LCVA on the simulated deaths of its package, and at new sites on the PHMRC adults.

``python -m benchmarks.lcva [--adult] [--data FILE] [--targets D N ...] [--classes K]``

The simulated deaths (2,500 to train on at five sites, 1,000 to test with another cause mix) are in the folder
``shared/reference/lcva``: five classes, 400 iterations (200 burn-in) and 200 prediction sweeps (100 burn-in), as in the
figures that they are compared with. With ``--adult``, each PHMRC site is predicted from the other five with the
defaults: CSMF accuracy, top-1, coverage of the 95% intervals of the fractions, and CPU seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.reference import REFERENCE
from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.models import LCVA, Prior
from va_experiments.models.base import Model, Prediction

__all__ = ["EXPECTED", "adult_rows", "coverage", "main", "simulated_deaths", "simulated_rows"]

EXPECTED = {"D": (0.937, 0.966), "N": (0.940, 0.964), "C": (0.920, 0.955)}
"""Top-1 and CSMF accuracy of an independent implementation, by target model."""

SHORT = {"classes": 5, "n_iterations": 400, "burn_in": 200, "thin": 2, "n_prediction": 200, "prediction_burn_in": 100}


def simulated_deaths() -> tuple[Deaths, Deaths]:
    """Read the simulated training and test deaths."""
    folder = REFERENCE / "lcva"
    tables = [
        pd.read_csv(folder / f"simulated_{k}.csv.gz", dtype=str, keep_default_na=False) for k in ("train", "test")
    ]
    names = tuple(c for c in tables[0] if c.startswith("s") and c[1:].isdigit())
    causes = tuple(f"C{k}" for k in range(1, 11))
    sites = (*sorted(tables[0]["site"].unique()), "target")
    made = []
    for table in tables:
        codes = np.select([table[list(names)] == "1", table[list(names)] == "0"], [1, 0], -1).astype(np.int8)
        cause = np.array([causes.index(c if c.startswith("C") else f"C{c}") for c in table["cause"]], dtype=np.int16)
        site = table["site"] if "site" in table else ["target"] * len(table)
        place = np.array([sites.index(s) for s in site], dtype=np.int16)
        made.append(
            Deaths(
                symptoms=codes,
                symptom_names=names,
                causes=causes,
                cause=cause,
                sites=sites,
                site=place,
                id=np.array([f"{k:05d}" for k in range(len(table))]),
                name="LCVA's simulated deaths",
                simulated=True,
            )
        )
    return made[0], made[1]


def figures(model: Model, train: Deaths, test: Deaths, seed: int) -> tuple[Prediction, float, float, float]:
    """Fit and predict; return the prediction, top-1, CSMF accuracy and CPU seconds."""
    assert test.cause is not None
    start = time.process_time()
    prediction = model.fit(train, seed=seed).predict(test.without_causes(), seed=seed)
    seconds = time.process_time() - start
    accuracy = float(csmf_accuracy(cause_fractions(test.cause, len(test.causes)), prediction.csmf))
    return prediction, float((prediction.top_cause == test.cause).mean()), accuracy, seconds


def coverage(prediction: Prediction, cause: npt.NDArray[np.integer]) -> float:
    """Return the share of causes whose 95% interval holds the true fraction, among those with draws that vary."""
    assert prediction.csmf_draws is not None
    low, high = np.quantile(prediction.csmf_draws, [0.025, 0.975], axis=0)
    true, sampled = cause_fractions(cause, len(prediction.csmf)), high > low
    return float(((low <= true) & (true <= high))[sampled].mean())


def simulated_rows(targets: tuple[str, ...], seeds: tuple[int, ...] = (1, 2)) -> dict[str, tuple[float, float, float]]:
    """Return top-1, CSMF accuracy and CPU seconds for each target model, means over seeds."""
    train, test = simulated_deaths()
    found = {}
    for target in targets:
        runs = [figures(LCVA(target=target, **SHORT), train, test, seed)[1:] for seed in seeds]  # type: ignore[arg-type]
        found[target] = tuple(np.mean(runs, axis=0).tolist())
    found["copy of the training mix"] = figures(Prior(), train, test, 1)[1:]
    return found  # type: ignore[return-value]


def adult_rows(deaths: Deaths, target: str, classes: int) -> list[tuple[str, float, float, float, float]]:
    """Return site, CSMF accuracy, top-1, coverage and CPU seconds of each left-out site."""
    rows = []
    for site, name in enumerate(deaths.sites):
        train, test = deaths.take(deaths.site != site), deaths.take(deaths.site == site)
        assert test.cause is not None
        prediction, top, accuracy, seconds = figures(LCVA(target=target, classes=classes), train, test, 1)
        rows.append((name, accuracy, top, coverage(prediction, test.cause), seconds))
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adult", action="store_true", help="leave one site out on the PHMRC adults (minutes)")
    parser.add_argument("--data", help="the adult file; by default VA_PHMRC_DIR, or shared/data/phmrc")
    parser.add_argument("--targets", nargs="+", default=["D", "DC", "N", "C"])
    parser.add_argument("--classes", type=int, default=10, help="latent classes on the adults (default: 10)")
    options = parser.parse_args(arguments)
    with threadpool_limits(1):
        if not options.adult:
            print("| target | top-1 | CSMF accuracy | expected | CPU s |\n|---|---:|---:|---|---:|")
            for target, (top, accuracy, seconds) in simulated_rows(tuple(options.targets)).items():
                expected = EXPECTED.get(target)
                shown = f"{expected[0]:.3f} / {expected[1]:.3f}" if expected else ""
                print(f"| {target} | {top:.3f} | {accuracy:.3f} | {shown} | {seconds:.1f} |", flush=True)
            return 0
        shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"
        folder = options.data or os.environ.get("VA_PHMRC_DIR") or (shared if shared.is_dir() else None)
        deaths = read_phmrc("adult", folder)
        print("| target | site | CSMF accuracy | top-1 | coverage | CPU s |\n|---|---|---:|---:|---:|---:|")
        for target in options.targets:
            rows = adult_rows(deaths, target, options.classes)
            for row in [*rows, ("mean", *np.mean([r[1:] for r in rows], axis=0).tolist())]:
                print(f"| {target} | {row[0]} | " + " | ".join(f"{v:.3f}" for v in row[1:4]) + f" | {row[4]:.0f} |")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
