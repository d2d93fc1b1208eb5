"""Measure agreement on single deaths: concordance, sensitivity, predictive value, kappa, rank of the true cause.

All functions but `rank_of_truth` take counts by cause with any leading axes (resamples): shapes are (..., n_causes).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "chance_corrected_concordance",
    "confusion",
    "kappa",
    "macro",
    "median_over_present",
    "negative_predictive_value",
    "partial_concordance",
    "positive_predictive_value",
    "rank_of_truth",
    "sensitivity",
    "specificity",
]

Floats = npt.NDArray[np.float64]


def rank_of_truth(truth: npt.ArrayLike, probability: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Rank the true cause (0 = first) among the probabilities of each death, shape (n,).

    Ties: in the order of the declared list, as `argmax` breaks them. A true cause with probability 0 (in particular
    that of an undetermined death) has rank `n_causes`: it is in no top k.

    Parameters
    ----------
    truth : int array, shape (n,)
    probability : float array, shape (n, n_causes)
    """
    cause, p = np.asarray(truth, dtype=np.intp), np.asarray(probability, dtype=np.float64)
    true_probability = p[np.arange(len(cause)), cause][:, None]
    before = np.arange(p.shape[1]) < cause[:, None]
    rank = ((p > true_probability) | ((p == true_probability) & before)).sum(axis=1)
    return np.where(true_probability[:, 0] > 0, rank, p.shape[1])


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(whole) > 0, np.asarray(part) / np.asarray(whole), np.nan)


def sensitivity(correct: npt.ArrayLike, true: npt.ArrayLike) -> Floats:
    """Compute the share of the deaths of each cause that are assigned correctly; NaN for causes without deaths.

    Undetermined deaths stay in the denominator: they are errors.
    """
    return _ratio(correct, true)


def positive_predictive_value(correct: npt.ArrayLike, named: npt.ArrayLike) -> Floats:
    """Compute the share of correct assignments to each cause; NaN for causes that are never assigned.

    Depends on the cause mix of the test set: not comparable between test sets.
    """
    return _ratio(correct, named)


def specificity(correct: npt.ArrayLike, true: npt.ArrayLike, named: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Compute the share of deaths of other causes that are not assigned to this one; NaN if there are none.

    Undetermined deaths are assigned no cause, so they count as correct here. `n` is the number of deaths, shape (...).
    """
    total = np.asarray(n, dtype=np.float64)[..., None]
    others = total - np.asarray(true)
    return _ratio(others - (np.asarray(named) - np.asarray(correct)), others)


def negative_predictive_value(
    correct: npt.ArrayLike, true: npt.ArrayLike, named: npt.ArrayLike, n: npt.ArrayLike
) -> Floats:
    """Compute the share of deaths of other causes among those not assigned to this one; NaN if there are none.

    Depends on the cause mix of the test set. `n` is the number of deaths, shape (...).
    """
    rest = np.asarray(n, dtype=np.float64)[..., None] - np.asarray(named)
    return _ratio(rest - (np.asarray(true) - np.asarray(correct)), rest)


def confusion(truth: npt.ArrayLike, named: npt.ArrayLike, n_causes: int) -> npt.NDArray[np.int64]:
    """Count how many deaths of each true cause are assigned to each cause, shape (n_causes, n_causes + 1).

    The last column counts undetermined deaths (-1). For groups of causes, pass the numbers of the groups.

    Parameters
    ----------
    truth, named : int array, shape (n,)
    n_causes : int
    """
    assigned = np.asarray(named, dtype=np.intp)
    codes = np.asarray(truth, dtype=np.intp) * (n_causes + 1) + np.where(assigned < 0, n_causes, assigned)
    return np.bincount(codes, minlength=n_causes * (n_causes + 1)).reshape(n_causes, n_causes + 1)


def chance_corrected_concordance(correct: npt.ArrayLike, true: npt.ArrayLike) -> Floats:
    """Compute chance-corrected concordance by cause, ``(sensitivity - 1/N) / (1 - 1/N)`` (Murray 2011).

    N is the length of the declared list (the last axis), not the number of causes seen. NaN for causes without deaths.
    The minimum is ``-1 / (N - 1)``; undetermined deaths are errors.
    """
    n_causes = np.shape(true)[-1]
    if n_causes < 2:
        return np.full(np.shape(true), np.nan)
    return (sensitivity(correct, true) - 1 / n_causes) / (1 - 1 / n_causes)


def partial_concordance(top_k: npt.ArrayLike, k: int, n_causes: int) -> Floats:
    """Compute partial chance-corrected concordance, ``(C_k - k/N) / (1 - k/N)``.

    C_k is the share of deaths with the true cause in the top k, N the length of the declared list; NaN where N is not
    more than k. Undetermined deaths are errors.
    """
    share = np.asarray(top_k, dtype=np.float64)
    return (share - k / n_causes) / (1 - k / n_causes) if n_causes > k else np.full_like(share, np.nan)


def macro(by_cause: npt.ArrayLike, true: npt.ArrayLike) -> Floats:
    """Average over the causes with deaths in the test set, shape (...); undefined values count as 0."""
    value, present = np.nan_to_num(np.asarray(by_cause, dtype=np.float64)), np.asarray(true) > 0
    return _ratio(np.where(present, value, 0.0).sum(axis=-1), present.sum(axis=-1))


def median_over_present(by_cause: npt.ArrayLike, true: npt.ArrayLike) -> Floats:
    """Take the median over the causes with deaths in the test set, shape (...)."""
    present = np.asarray(true) > 0
    ordered = np.sort(np.where(present, np.asarray(by_cause, dtype=np.float64), np.inf), axis=-1)
    n = present.sum(axis=-1)
    middle = [np.take_along_axis(ordered, np.maximum(k, 0)[..., None], axis=-1)[..., 0] for k in ((n - 1) // 2, n // 2)]
    return np.where(n > 0, (middle[0] + middle[1]) / 2, np.nan)


def kappa(correct: npt.ArrayLike, true: npt.ArrayLike, named: npt.ArrayLike) -> Floats:
    """Compute Cohen's kappa, ``(po - pe) / (1 - pe)``, between true and assigned causes, shape (...).

    Undetermined is a category that only the method uses: it adds to neither po nor pe.
    """
    true, named = np.asarray(true, dtype=np.float64), np.asarray(named, dtype=np.float64)
    n = true.sum(axis=-1)
    observed = _ratio(np.asarray(correct).sum(axis=-1), n)
    expected = _ratio((true * named).sum(axis=-1), n * n)
    return _ratio(observed - expected, 1 - expected)
