"""Measure the peak memory of a fit, relative to the size of its input.

``python -m benchmarks memory [--json FILE]``

Simulated deaths in the sizes of PHMRC, those of Dar predicted from the other five sites. *Fit* is the peak of ``fit``
relative to the training symptoms (one byte each), *fit and predict* that of both relative to all symptoms. Both count
what NumPy and Python allocate beyond the deaths, including the fitted model. Each model runs once before, so that
imports and compiled code are not counted.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.measure import machine, options, show, tell
from va_experiments.data import simulate_deaths
from va_experiments.data.deaths import Deaths
from va_experiments.models import InSilicoVA, InterVA, NaiveBayes, Tariff, Tariff2
from va_experiments.models.base import Model

__all__ = ["MODELS", "divided", "main", "peaks"]

MODELS: dict[str, Callable[[], Model]] = {
    "nbc": NaiveBayes,
    "interva": InterVA,
    "tariff": Tariff,
    "tariff2": Tariff2,
    "insilico": lambda: InSilicoVA(auto_length=False),
}


def divided(site: str = "Dar") -> tuple[Deaths, Deaths]:
    """Return simulated deaths to train on, and those of a site to predict."""
    deaths = simulate_deaths()
    tested = deaths.site == deaths.sites.index(site)
    return deaths.take(~tested), deaths.take(tested).without_causes()


def peaks(make: Callable[[], Model], train: Deaths, test: Deaths) -> dict[str, float]:
    """Return what a model holds at most, in bytes and over its input."""
    make().fit(train, seed=1).predict(test, seed=1)
    tracemalloc.start()
    try:
        model = make().fit(train, seed=1)
        fit = tracemalloc.get_traced_memory()[1]
        model.predict(test, seed=1)
        both = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = train.symptoms.nbytes
    return {
        "fit_mb": fit / 1e6,
        "fit_times": fit / size,
        "fit_and_predict_mb": both / 1e6,
        "fit_and_predict_times": both / (size + test.symptoms.nbytes),
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    chosen = options(__doc__).parse_args(arguments)
    train, test = divided()
    rows: list[dict[str, Any]] = [{"model": name, **peaks(make, train, test)} for name, make in MODELS.items()]
    size = f"{len(train):,} and {len(test):,} deaths, {train.n_symptoms} symptoms"
    show(f"Memory over that of the symptoms given ({size}; goal: 10 times)", rows)
    tell({"machine": machine(), "memory": rows}, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
