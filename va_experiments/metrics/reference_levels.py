"""Compute reference values to judge CSMF accuracy by: the score of guessing, and the highest score possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from va_experiments.metrics.csmf import csmf_accuracy

__all__ = [
    "chance_accuracy",
    "coverage_ceiling",
    "finite_sample_ceiling",
    "label_coverage",
    "mean_absolute_deviation",
    "uniform_accuracy_under_dirichlet",
]

Floats = npt.NDArray[np.float64]


def mean_absolute_deviation(n: int, share: npt.ArrayLike, about: npt.ArrayLike) -> Floats:
    """Compute ``E |X/n - about|`` for X binomial with n trials of probability `share`, exactly.

    Parameters
    ----------
    n : int
    share, about : float array, shape (k,), or float
    """
    shares, centres = np.broadcast_arrays(np.asarray(share, dtype=np.float64), np.asarray(about, dtype=np.float64))
    k = np.arange(n + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    log_choose = log_factorial[n] - log_factorial - log_factorial[::-1]
    result = np.empty(shares.shape)
    for pi in np.unique(shares):
        is_pi = shares == pi
        if 0 < pi < 1:
            mass = np.exp(log_choose + k * np.log(pi) + (n - k) * np.log1p(-pi))
            result[is_pi] = np.abs(k / n - centres[is_pi][:, None]) @ mass
        else:
            result[is_pi] = np.abs(np.round(pi) - centres[is_pi])
    return result


def chance_accuracy(true: npt.ArrayLike, n: int) -> float:
    """Compute the expected CSMF accuracy if each of `n` deaths gets a random cause, all causes equally likely.

    The value is exact for this cause mix and number of deaths; cause list and minimum are those of `csmf_accuracy`.

    Parameters
    ----------
    true : float array, shape (n_causes,)
        True cause fractions.
    n : int
        Test deaths.
    """
    p = np.asarray(true, dtype=np.float64)
    if p.max() >= 1 and len(p) == 1:
        return float("nan")
    return float(1 - mean_absolute_deviation(n, 1 / len(p), p).sum() / (2 * (1 - p.min())))


def finite_sample_ceiling(true: npt.ArrayLike, n: int) -> float:
    """Compute the expected CSMF accuracy of a correctly labelled random sample of `n` deaths from the true mix.

    A method that knows the cause mix of the population perfectly scores about this on `n` deaths. The ceiling depends
    on n, so test sets of different sizes cannot be compared without it. The value is exact, not simulated.

    Parameters
    ----------
    true : float array, shape (n_causes,)
    n : int
    """
    p = np.asarray(true, dtype=np.float64)
    if p.max() >= 1 and len(p) == 1:
        return float("nan")
    return float(1 - mean_absolute_deviation(n, p, p).sum() / (2 * (1 - p.min())))


def label_coverage(truth: npt.ArrayLike, train_cause: npt.ArrayLike) -> float:
    """Compute the share of test deaths whose cause occurs in training: the ceiling of top-k accuracy."""
    return float(np.isin(np.asarray(truth), np.unique(np.asarray(train_cause))).mean())


def coverage_ceiling(true: npt.ArrayLike, train_cause: npt.ArrayLike) -> float:
    """Compute the best CSMF accuracy of an estimate that gives nothing to causes absent from training.

    With u the share of test deaths of such causes, the least sum of differences is 2u: ``1 - u / (1 - min p)``.
    """
    p = np.asarray(true, dtype=np.float64)
    known = np.zeros(len(p), dtype=bool)
    known[np.unique(np.asarray(train_cause))] = True
    return float(1 - p[~known].sum() / (1 - p.min())) if p.min() < 1 else float("nan")


def uniform_accuracy_under_dirichlet(n_causes: int, *, n_draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Compute mean and standard error of the CSMF accuracy of 1/N for every cause under Dirichlet(1) truth.

    By simulation; about .637 for 34 causes, and 1 - 1/e in the limit.
    """
    value = csmf_accuracy(rng.dirichlet(np.ones(n_causes), size=n_draws), np.full(n_causes, 1 / n_causes))
    return float(value.mean()), float(value.std(ddof=1) / np.sqrt(n_draws))
