"""Measure InSilicoVA by default and as the original program samples it, at every site.

``python -m benchmarks.insilico_rule [--data FILE] [--runs N]``

*As the original*: ``reference_compat=True, sampler="original"``, one chain of 4,000 iterations with 2,000 of burn-in.
It takes the middle of an interval in which a truncated Beta has a mass below 1e-8, and its chains mix slowly, so the
table gives the mean and the range over several runs. CSMF accuracy by the posterior mean, and top-1. About 2 CPU
minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from va_experiments.data import read_phmrc
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.csmf import cause_fractions, csmf_accuracy
from va_experiments.models import InSilicoVA

__all__ = ["main"]

_NAMES = ("default", "as the original")


def makers() -> dict[str, Callable[[], InSilicoVA]]:
    """Define the two ways."""
    as_original = {"n_iterations": 4000, "burn_in": 2000, "thin": 10, "n_chains": 1, "sampler": "original"}
    return {
        _NAMES[0]: lambda: InSilicoVA(),
        _NAMES[1]: lambda: InSilicoVA(**as_original, auto_length=False, reference_compat=True),  # type: ignore[arg-type]
    }


def measure(make: Callable[[], InSilicoVA], train: Deaths, test: Deaths, seed: int) -> tuple[float, float]:
    """Return CSMF accuracy and top-1 of one fit and prediction."""
    assert test.cause is not None
    prediction = make().fit(train, seed=seed).predict(test.without_causes(), seed=seed)
    true = cause_fractions(test.cause, len(test.causes))
    return float(csmf_accuracy(true, prediction.csmf)), float((prediction.top_cause == test.cause).mean())


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="the adult file; by default VA_PHMRC_DIR, or shared/data/phmrc")
    parser.add_argument("--runs", type=int, default=5, help="runs of each, with different seeds (default: 5)")
    options = parser.parse_args(arguments)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "phmrc"
    folder = options.data or os.environ.get("VA_PHMRC_DIR") or (shared if shared.is_dir() else None)
    deaths = read_phmrc("adult", folder)
    print("| site | CSMF accuracy, default | as the original | top-1, default | as the original |")
    print("|---|---:|---:|---:|---:|")
    means = []
    with threadpool_limits(1):
        for site, name in enumerate(deaths.sites):
            train, test = deaths.take(deaths.site != site), deaths.take(deaths.site == site)
            seeds = range(1, options.runs + 1)
            figures = {way: np.array([measure(make, train, test, s) for s in seeds]) for way, make in makers().items()}
            cells = [_cell(figures[way][:, k]) for k in (0, 1) for way in _NAMES]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
            means.append([figures[way][:, k].mean() for k in (0, 1) for way in _NAMES])
    print(f"| mean | {' | '.join(f'{v:.3f}' for v in np.mean(means, axis=0))} |")
    return 0


def _cell(values: npt.NDArray[np.float64]) -> str:
    return f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})"


if __name__ == "__main__":
    sys.exit(main())
