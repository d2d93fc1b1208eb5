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
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.reference import REFERENCE
from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.csmf import cause_fractions
from va_experiments.models import LCVA
from va_experiments.models.base import Prediction
from va_experiments.reproductions.lcva_simulated import figures, page

__all__ = ["adult_rows", "coverage", "main"]


def coverage(prediction: Prediction, cause: npt.NDArray[np.integer]) -> float:
    """Return the share of causes whose 95% interval holds the true fraction, among those with draws that vary."""
    assert prediction.csmf_draws is not None
    low, high = np.quantile(prediction.csmf_draws, [0.025, 0.975], axis=0)
    true, sampled = cause_fractions(cause, len(prediction.csmf)), high > low
    return float(((low <= true) & (true <= high))[sampled].mean())


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
            print(page(str(REFERENCE / "lcva")))
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
