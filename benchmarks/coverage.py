"""Measure the coverage of the 95% intervals of CSMF accuracy in seven populations.

``python -m benchmarks coverage [--studies 600] [--sizes 297 1000 1726] [--only NAME ...] [--json FILE]``

A population is 20,000 simulated deaths with the probabilities of a model, or naive Bayes' predictions of real deaths,
each site's from the others (needs the PHMRC files: ``VA_PHMRC_DIR``). A study draws deaths from the population and
checks whether the interval from 100 resamples contains its CSMF accuracy. It takes three to six minutes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.measure import options, show, tell
from benchmarks.va34_grid import real_deaths
from va_experiments.metrics.csmf_interval import accuracy_interval
from va_experiments.metrics.resampling import bootstrap_weights

__all__ = ["coverage", "main", "populations"]

C, DEATHS, RESAMPLES = 34, 20_000, 100
Population = tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]


def populations(only: list[str] | None = None) -> Iterator[tuple[str, Population]]:
    """Yield the populations by name: true causes and probabilities."""
    simulated = {
        "middling model": lambda: _model(4.0, 2.0),
        "uneven causes": lambda: _model(0.5, 2.0),
        "right on average": _calibrated,
        "gross errors": lambda: _model(1.0, 0.5),
    }
    for name, make in simulated.items():
        if not only or name in only:
            yield name, make()
    names = [n for n in ("real, all sites", "real, Pemba", "real, Dar") if not only or n in only]
    if names and real_deaths().is_dir():
        truth, p, site = _real()
        for name in names:
            where = np.ones(len(truth), bool) if "all" in name else site == name.split()[-1]
            yield name, (truth[where], p[where])


def _model(evenness: float, skill: float) -> Population:
    """Simulate deaths of causes from Dirichlet(evenness), and a model that favours the true cause by `skill`."""
    rng = np.random.default_rng(16)
    truth = rng.choice(C, DEATHS, p=rng.dirichlet(np.full(C, evenness)))
    tilt = rng.normal(size=(C, C)) + skill * np.eye(C)
    odds = np.exp(tilt[truth] + rng.gumbel(size=(DEATHS, C)))
    return truth, odds / odds.sum(axis=1, keepdims=True)


def _calibrated() -> Population:
    """Simulate deaths whose causes are drawn with the model's own probabilities."""
    rng = np.random.default_rng(17)
    p = rng.dirichlet(np.full(C, 0.1) * rng.gamma(2, size=C), DEATHS)
    return (rng.random(DEATHS)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(max=C - 1), p


def _real() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    from va_experiments.data import load
    from va_experiments.models import NaiveBayes

    deaths = load("phmrc_adult", {"path": str(real_deaths())})
    p = np.empty((len(deaths), len(deaths.causes)))
    for site in range(len(deaths.sites)):
        test = deaths.site == site
        p[test] = NaiveBayes().fit(deaths.take(~test)).predict(deaths.take(test).without_causes(), seed=0).probability
    return np.asarray(deaths.cause, dtype=np.intp), p, np.array(deaths.sites)[deaths.site]


def coverage(population: Population, n: int, studies: int, seed: int = 5) -> dict[str, float]:
    """Measure the share of studies of `n` deaths whose interval contains the population's value, and the misses."""
    truth, p = population
    eye = np.eye(p.shape[1])
    features = np.hstack([eye[truth], eye[p.argmax(axis=1)], p])
    parts = np.split(features.mean(axis=0), 3)
    worst = 2 * (1 - parts[0].min())
    target = np.array([1 - np.abs(parts[0] - q).sum() / worst for q in parts[1:]])
    rng, below, above = np.random.default_rng(seed), np.zeros(2), np.zeros(2)
    weights = np.ones((RESAMPLES + 1, n))
    for _ in range(studies):
        rows = rng.integers(0, len(truth), n)
        weights[1:] = bootstrap_weights(n, RESAMPLES, rng)
        true, top, mean = np.split(weights @ features[rows] / n, 3, axis=1)
        low, high = accuracy_interval(true, np.stack([top, mean]))
        below += target < low
        above += target > high
    names = ("top", "mean")
    results = {f"covered_{k}": float(1 - (below[i] + above[i]) / studies) for i, k in enumerate(names)}
    return results | {
        f"{w}_{k}": float(m[i] / studies) for w, m in (("below", below), ("above", above)) for i, k in enumerate(names)
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = options(__doc__, studies={"type": int, "default": 600, "help": "simulated studies of each condition"})
    parser.add_argument("--sizes", type=int, nargs="+", default=[297, 1000, 1726], help="deaths of a study")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="populations")
    chosen = parser.parse_args(arguments)
    rows = [
        {"population": name, "deaths": n, **coverage(population, n, chosen.studies)}
        for name, population in populations(chosen.only)
        for n in chosen.sizes
    ]
    error = math.sqrt(0.95 * 0.05 / chosen.studies)
    show(f"Coverage of nominal 95% intervals, {chosen.studies} studies each (Monte Carlo error {error:.3f})", rows)
    covered = [r[f"covered_{k}"] for r in rows for k in ("top", "mean")]
    print(f"\n{len(covered)} conditions: {min(covered):.3f} to {max(covered):.3f}, mean {np.mean(covered):.3f}")
    tell({"studies": chosen.studies, "rows": rows}, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
