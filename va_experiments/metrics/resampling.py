"""Resample test deaths as weights: the bootstrap, and intervals over many test sets."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "OverTestSets",
    "bootstrap_weights",
    "cause_regression",
    "interval",
    "median_interval",
    "over_test_sets",
    "quantile_of_sorted",
]


def bootstrap_weights(n: int, n_resamples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Count how often each of `n` deaths is drawn in each resample, shape (n_resamples, n)."""
    drawn = rng.integers(0, n, size=(n_resamples, n))
    drawn += np.arange(n_resamples)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=n_resamples * n).reshape(n_resamples, n)


def interval(
    point: npt.ArrayLike, resampled: npt.ArrayLike, *, level: float = 0.95, kind: str = "percentile"
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute the lower and upper ends of the bootstrap interval of a statistic.

    ``percentile`` takes the quantiles of the resampled values; ``basic`` mirrors them at the point estimate. Quantiles
    are the values at position ``(n_resamples + 1) * probability`` of the sorted ones (Davison and Hinkley 1997,
    sections 2.4 and 5.2.1): the default of `numpy.quantile` is too far inside, by a third of the tail with 100
    resamples.

    Neither has its nominal coverage for sums of absolute differences, as in CSMF accuracy: see
    `va_experiments.metrics.csmf_interval`.

    Parameters
    ----------
    point : float array, shape (...)
    resampled : float array, shape (n_resamples, ...)
    level : float
    kind : {"percentile", "basic"}
    """
    tail = (1 - level) / 2
    ordered = np.sort(np.moveaxis(np.asarray(resampled, dtype=np.float64), 0, -1), axis=-1)
    low, high = quantile_of_sorted(ordered, tail), quantile_of_sorted(ordered, 1 - tail)
    if kind == "percentile":
        return low, high
    if kind == "basic":
        return 2 * np.asarray(point) - high, 2 * np.asarray(point) - low
    raise ValueError(f"kind is {kind!r}; expected 'percentile' or 'basic'")


def quantile_of_sorted(values: npt.NDArray[np.float64], probability: float) -> npt.NDArray[np.float64]:
    """Return the value at position ``(n + 1) * probability`` of n sorted values, interpolated.

    Parameters
    ----------
    values : float array, shape (..., n)
        Ascending along the last axis.
    probability : float
    """
    n = values.shape[-1]
    place = min(max((n + 1) * probability - 1, 0.0), n - 1.0)
    below = int(place)
    above = min(below + 1, n - 1)
    return values[..., below] + (place - below) * (values[..., above] - values[..., below])


@dataclass(frozen=True)
class OverTestSets:
    """A metric over many test sets, with two kinds of interval: over test sets, and of their median."""

    median: float
    low: float
    """Lower percentile over test sets: what a single test set may give."""
    high: float
    median_low: float
    """Lower end of the bootstrap interval of the median: how well the median itself is known."""
    median_high: float

    def named(self, name: str) -> dict[str, float]:
        """Name the numbers ``name``, ``name_low``, ``name_high``, ``name_median_low``, ``name_median_high``."""
        ends = {k: getattr(self, k) for k in ("low", "high", "median_low", "median_high")}
        return {name: self.median, **{f"{name}_{k}": v for k, v in ends.items()}}


def over_test_sets(values: npt.ArrayLike, level: float = 0.95) -> OverTestSets:
    """Compute the median of a metric over test sets, its interval over test sets and that of the median.

    Parameters
    ----------
    values : float array, shape (n_sets,)
    level : float
    """
    x = np.asarray(values, dtype=np.float64)
    tail = (1 - level) / 2
    low, middle, high = np.quantile(x, [tail, 0.5, 1 - tail])
    return OverTestSets(float(middle), float(low), float(high), *median_interval(x, level))


def median_interval(values: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Compute the percentile bootstrap interval of the median exactly, as from infinitely many resamples.

    Of n sorted values, the median of a resample is at most the k-th with the probability that a binomial variable
    (n, k/n) is at least (n + 1) / 2 (Efron 1979, Annals of Statistics 7:1, section 3; the lower middle one for even n).

    Parameters
    ----------
    values : float array, shape (n,)
    level : float
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    low, high = _median_places(len(x), level)
    return float(x[low]), float(x[high])


@functools.lru_cache(maxsize=64)
def _median_places(n: int, level: float) -> tuple[int, int]:
    """Find the positions, among n sorted values, of the ends of the bootstrap interval of the median."""
    need = (n + 1) // 2
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    at_least = np.arange(need, n + 1)
    log_choose = log_factorial[n] - log_factorial[at_least] - log_factorial[n - at_least]
    below = np.ones(n)
    for k in range(1, n):
        log_mass = log_choose + at_least * math.log(k / n) + (n - at_least) * math.log1p(-k / n)
        below[k - 1] = np.exp(log_mass).sum()
    tail = (1 - level) / 2
    low, high = np.searchsorted(below, [tail, 1 - tail]).tolist()
    return low, min(high, n - 1)


def cause_regression(true: npt.ArrayLike, estimated: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], ...]:
    """Regress estimated on true fractions of each cause: slope, intercept and root mean squared error.

    Least squares over test sets (Murray 2011, Popul Health Metr 9:28): slope 1 and intercept 0 are correct; a
    slope below 1 means that the method pulls the fraction towards a constant.

    Parameters
    ----------
    true, estimated : float array, shape (n_sets, n_causes)

    Returns
    -------
    slope, intercept, rmse : float64 arrays, shape (n_causes,)
        Slope and intercept are NaN for causes whose true fraction does not vary. The rmse is of estimated less true.
    """
    p, q = np.asarray(true, dtype=np.float64), np.asarray(estimated, dtype=np.float64)
    spread = ((p - p.mean(axis=0)) ** 2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(spread > 0, ((p - p.mean(axis=0)) * q).sum(axis=0) / spread, np.nan)
    return slope, q.mean(axis=0) - slope * p.mean(axis=0), np.sqrt(((q - p) ** 2).mean(axis=0))
