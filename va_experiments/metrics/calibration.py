"""Whether probabilities mean what they say: reliability, expected calibration error, temperature, interval coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Reliability",
    "apply_temperature",
    "classwise_calibration_error",
    "csmf_interval_coverage",
    "expected_calibration_error",
    "fit_temperature",
    "reliability",
]

Floats = npt.NDArray[np.float64]

N_BINS = 15
"""Bins of equal width on [0, 1] (Guo et al. 2017, ICML)."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Deaths by bin of predicted probability: how many, what was predicted, what was observed. Shapes (..., n_bins)."""

    count: Floats
    predicted: Floats
    """Mean predicted probability of the bin; NaN where it is empty."""
    observed: Floats
    """Share of deaths of which it was true; NaN where the bin is empty."""

    @property
    def error(self) -> Floats:
        """Mean absolute difference of predicted and observed, weighted by count, shape (...)."""
        gap = np.nan_to_num(np.abs(self.predicted - self.observed))
        return (gap * self.count).sum(axis=-1) / np.maximum(self.count.sum(axis=-1), 1)


def _bins(
    probability: Floats, happened: npt.NDArray[np.bool_], group: npt.NDArray[np.intp], n_groups: int, n_bins: int
) -> Reliability:
    place = np.minimum((probability * n_bins).astype(np.intp), n_bins - 1) + group * n_bins
    size = n_groups * n_bins
    count, predicted, observed = (
        np.bincount(place, weights=w, minlength=size).reshape(n_groups, n_bins)
        for w in (None, probability, happened.astype(np.float64))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return Reliability(count.astype(np.float64), predicted / count, observed / count)


def reliability(truth: npt.ArrayLike, probability: npt.ArrayLike, *, n_bins: int = N_BINS) -> Reliability:
    """Return predicted probability against observed share for each cause and bin, shape (n_causes, n_bins).

    Cause list: the declared one. Undetermined deaths (all-zero rows) are left out: they predict nothing.

    Parameters
    ----------
    truth : int array, shape (n,)
    probability : float array, shape (n, n_causes)
    """
    cause, p = np.asarray(truth, dtype=np.intp), np.asarray(probability, dtype=np.float64)
    keep = p.any(axis=1)
    cause, p = cause[keep], p[keep]
    n, n_causes = p.shape
    happened = cause[:, None] == np.arange(n_causes)
    group = np.broadcast_to(np.arange(n_causes), (n, n_causes))
    return _bins(p.ravel(), happened.ravel(), group.ravel(), n_causes, n_bins)


def classwise_calibration_error(truth: npt.ArrayLike, probability: npt.ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Return the class-wise expected calibration error: the mean over the declared causes of that of each (Kull 2019).

    Undetermined deaths are left out.
    """
    return float(reliability(truth, probability, n_bins=n_bins).error.mean())


def expected_calibration_error(truth: npt.ArrayLike, probability: npt.ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Return the expected calibration error of the largest probability: |confidence - accuracy| by bin (Guo 2017).

    Ties of the largest probability: the first in the declared list. Undetermined deaths are left out; NaN if all are.
    """
    cause, p = np.asarray(truth, dtype=np.intp), np.asarray(probability, dtype=np.float64)
    keep = p.any(axis=1)
    if not keep.any():
        return float("nan")
    cause, p = cause[keep], p[keep]
    top = p.argmax(axis=1)
    first = np.zeros(len(top), dtype=np.intp)
    return float(_bins(p[np.arange(len(top)), top], top == cause, first, 1, n_bins).error[0])


def apply_temperature(probability: npt.ArrayLike, temperature: float) -> Floats:
    """Return ``p ** (1 / temperature)``, each row scaled to 1: less sure above 1. All-zero rows stay zero."""
    p = np.asarray(probability, dtype=np.float64)
    with np.errstate(divide="ignore"):
        logs = np.log(p) / temperature
    top = logs.max(axis=1, keepdims=True, initial=-np.inf)
    raised = np.exp(logs - np.where(np.isfinite(top), top, 0.0))
    return raised / np.maximum(raised.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)


def fit_temperature(truth: npt.ArrayLike, probability: npt.ArrayLike, *, floor: float = 1e-12) -> float:
    """Return the temperature with the least log loss on these deaths (Guo et al. 2017), between 0.05 and 20.

    To be learned on deaths that the model was not fitted to (out-of-fold predictions). Deaths that are undetermined,
    or whose true cause has probability below `floor`, say nothing about it and are left out; 1.0 if none is left.
    Golden-section search on the logarithm: the log loss is convex in 1 / temperature, so it has a single minimum.
    """
    cause, p = np.asarray(truth, dtype=np.intp), np.asarray(probability, dtype=np.float64)
    keep = p[np.arange(len(cause)), cause] > floor
    cause, p = cause[keep], p[keep]
    if len(cause) == 0:
        return 1.0
    logs = np.log(np.maximum(p, np.finfo(np.float64).tiny))
    logs -= logs.max(axis=1, keepdims=True)
    own = logs[np.arange(len(cause)), cause]

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        mass = np.where(p > 0, np.exp(logs * scale), 0.0).sum(axis=1)
        return float((np.log(mass) - own * scale).mean())

    low, high = np.log(0.05), np.log(20.0)
    ratio = (np.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = loss(a), loss(b)
    for _ in range(60):
        if at_a <= at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = loss(b)
    return float(np.exp((low + high) / 2))


def csmf_interval_coverage(true: npt.ArrayLike, draws: npt.ArrayLike, *, level: float = 0.95) -> npt.NDArray[np.bool_]:
    """Return for each cause whether its true fraction lies in the equal-tailed interval of the posterior draws.

    The mean over causes, test sets and sites is the coverage to hold against `level`; the ends belong to the interval.

    Parameters
    ----------
    true : float array, shape (n_causes,)
    draws : float array, shape (n_draws, n_causes)
    """
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail], axis=0)
    p = np.asarray(true, dtype=np.float64)
    return (low <= p) & (p <= high)
