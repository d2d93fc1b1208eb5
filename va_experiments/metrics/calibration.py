"""Measure and correct calibration: reliability, expected calibration error, temperature, interval coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Calibration",
    "Reliability",
    "apply_temperature",
    "classwise_calibration_error",
    "csmf_interval_coverage",
    "expected_calibration_error",
    "fit_calibration",
    "reliability",
]

Floats = npt.NDArray[np.float64]

N_BINS = 15
"""Bins of equal width on [0, 1] (Guo et al. 2017, ICML)."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Deaths by bin of predicted probability: number, predicted and observed share. Shapes (..., n_bins)."""

    count: Floats
    predicted: Floats
    """Mean predicted probability of the bin; NaN where it is empty."""
    observed: Floats
    """Share of deaths for which it is true; NaN if the bin is empty."""

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
    """Compare predicted probability and observed share for each cause and bin, shape (n_causes, n_bins).

    Cause list: the declared one. Undetermined deaths (all-zero rows) are left out.

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
    """Compute the class-wise expected calibration error: the mean over the declared causes (Kull 2019).

    Undetermined deaths are left out.
    """
    return float(reliability(truth, probability, n_bins=n_bins).error.mean())


def expected_calibration_error(truth: npt.ArrayLike, probability: npt.ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Compute the expected calibration error of the largest probability: |confidence - accuracy| (Guo 2017).

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


def apply_temperature(probability: npt.ArrayLike, temperature: float, bias: npt.ArrayLike = 0.0) -> Floats:
    """Compute ``p ** (1 / temperature) * exp(bias)``, rows scaled to 1; zeros and all-zero rows stay zero.

    A temperature above 1 makes the probabilities less extreme.
    """
    p = np.asarray(probability, dtype=np.float64)
    with np.errstate(divide="ignore"):
        logs = np.log(p) / temperature + np.asarray(bias)
    top = logs.max(axis=1, keepdims=True, initial=-np.inf)
    raised = np.exp(logs - np.where(np.isfinite(top), top, 0.0))
    return raised / np.maximum(raised.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Bias-corrected temperature scaling: ``softmax(log p / temperature + bias)``."""

    temperature: float
    bias: Floats
    """Shape (n_causes,); 0 for causes that the calibration deaths do not have."""

    def apply(self, probability: npt.ArrayLike) -> Floats:
        """Calibrate probabilities; zeros and all-zero rows stay zero."""
        return apply_temperature(np.asarray(probability, dtype=np.float64), self.temperature, self.bias)


def fit_calibration(
    truth: npt.ArrayLike, probability: npt.ArrayLike, *, bias: bool = True, ridge: float = 1e-3
) -> Calibration:
    """Fit the temperature, and a bias for each cause, that minimise log loss on these deaths.

    Use deaths that the model was not fitted to (out-of-fold predictions). With biases the mean calibrated probability
    of each cause is its share among these deaths, which corrections for label shift need; this does not hold with a
    temperature alone (Alexandari, Kundaje and Shrikumar 2020, ICML; PMLR 119:222). Deaths whose true cause has
    probability 0, including undetermined deaths, have no effect and are left out; if none is left, nothing is
    changed. The loss is convex in (1 / temperature, bias) and is minimised by L-BFGS.

    Parameters
    ----------
    truth : int array, shape (n,)
    probability : float array, shape (n, n_causes)
    bias : bool
        False: temperature scaling alone (Guo et al. 2017, ICML; PMLR 70:1321).
    ridge : float
        Weight of the biases' sum of squares, in deaths: keeps the biases of causes with few deaths finite.
    """
    from scipy.optimize import minimize

    cause, p = np.asarray(truth, dtype=np.intp), np.asarray(probability, dtype=np.float64)
    n_causes = p.shape[1]
    keep = p[np.arange(len(cause)), cause] > 0
    cause, p = cause[keep], p[keep]
    n = len(cause)
    if n == 0:
        return Calibration(1.0, np.zeros(n_causes))
    possible = p > 0
    logs = np.log(np.where(possible, p, 1.0))
    members = np.bincount(cause, minlength=n_causes)
    free = members > 0 if bias else np.zeros(n_causes, dtype=bool)
    rows = np.arange(n)

    def loss(x: Floats) -> tuple[float, Floats]:
        shift = np.zeros(n_causes)
        shift[free] = x[1:]
        z = np.where(possible, logs * x[0] + shift, -np.inf)
        top = z.max(axis=1, keepdims=True)
        q = np.exp(z - top)
        total = q.sum(axis=1, keepdims=True)
        q /= total
        value = float((np.log(total[:, 0]) + top[:, 0] - z[rows, cause]).mean()) + ridge / n * float(x[1:] @ x[1:])
        by_scale = float(((q * logs).sum(axis=1) - logs[rows, cause]).mean())
        by_bias = (q.sum(axis=0) - members)[free] / n + 2 * ridge / n * x[1:]
        return value, np.concatenate([[by_scale], by_bias])

    start = np.concatenate([[1.0], np.zeros(int(free.sum()))])
    bounds = [(0.02, 50.0)] + [(None, None)] * int(free.sum())
    options = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-7}
    solution = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    shift = np.zeros(n_causes)
    shift[free] = solution[1:]
    return Calibration(float(1 / solution[0]), shift)


def csmf_interval_coverage(true: npt.ArrayLike, draws: npt.ArrayLike, *, level: float = 0.95) -> npt.NDArray[np.bool_]:
    """Check for each cause whether its true fraction lies in the equal-tailed interval of the posterior draws.

    The mean over causes, test sets and sites is the coverage to compare with `level`; the interval includes its ends.

    Parameters
    ----------
    true : float array, shape (n_causes,)
    draws : float array, shape (n_draws, n_causes)
    """
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail], axis=0)
    p = np.asarray(true, dtype=np.float64)
    return (low <= p) & (p <= high)
