"""Compute the accuracy of cause-specific mortality fractions (CSMF): how well a population's cause mix is estimated."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = [
    "RANDOM_ALLOCATION",
    "cause_fractions",
    "chance_corrected",
    "csmf_accuracy",
    "csmf_accuracy_determined",
    "csmf_accuracy_redistributed",
]

Floats = npt.NDArray[np.float64]

RANDOM_ALLOCATION = 1 - 1 / math.e
"""CSMF accuracy of random allocation as the number of causes grows, truth being Dirichlet(1): .632 (Flaxman 2015)."""


def cause_fractions(cause: npt.ArrayLike, n_causes: int) -> Floats:
    """Compute the share of each cause, shape (n_causes,); undetermined deaths (-1) count in the total.

    Parameters
    ----------
    cause : int array, shape (n,)
    n_causes : int
    """
    codes = np.asarray(cause)
    return np.bincount(codes[codes >= 0], minlength=n_causes) / max(len(codes), 1)


def csmf_accuracy(true: npt.ArrayLike, estimated: npt.ArrayLike) -> Floats:
    """Compute CSMF accuracy, ``1 - sum_j |p_j - q_j| / (2 (1 - min_j p_j))`` (Murray 2011, Popul Health Metr 9:28).

    - Cause list: the last axis, which is the declared list; causes without deaths belong to it.
    - Minimum: over the declared list, so 0 where some cause has no deaths.
    - Undetermined: where `estimated` sums to less than 1 the rest is a separate class that no true death has: its
      share adds to the sum as an error and is not used in the minimum.
    - Not clipped: 1 is best; 0 is the worst that an estimate without undetermined deaths can be.

    Parameters
    ----------
    true, estimated : float array, shape (..., n_causes)
        Shares; leading axes broadcast.

    Returns
    -------
    float64 array, shape (...)
        NaN where the true cause is the only one of the list.
    """
    p, q = np.asarray(true, dtype=np.float64), np.asarray(estimated, dtype=np.float64)
    undetermined = np.maximum(1 - q.sum(axis=-1), 0)
    undetermined = np.where(undetermined < 1e-12, 0.0, undetermined)
    error = np.abs(p - q).sum(axis=-1) + undetermined
    worst = 2 * (1 - p.min(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(worst > 0, 1 - error / worst, np.nan)


def csmf_accuracy_determined(true: npt.ArrayLike, estimated: npt.ArrayLike) -> Floats:
    """Compute `csmf_accuracy` without the undetermined share, the rest scaled to 1 (openVA's practice).

    This favours a method that leaves difficult deaths undetermined: report it together with `csmf_accuracy`. NaN if
    all deaths are undetermined.
    """
    q = np.asarray(estimated, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = q / q.sum(axis=-1, keepdims=True)
    return np.where(np.isfinite(scaled).all(axis=-1), csmf_accuracy(true, np.nan_to_num(scaled)), np.nan)


def csmf_accuracy_redistributed(true: npt.ArrayLike, estimated: npt.ArrayLike) -> Floats:
    """Compute `csmf_accuracy` with the undetermined share spread evenly over the declared causes."""
    q = np.asarray(estimated, dtype=np.float64)
    rest = np.maximum(1 - q.sum(axis=-1, keepdims=True), 0)
    return csmf_accuracy(true, q + rest / q.shape[-1])


def chance_corrected(accuracy: npt.ArrayLike, chance: npt.ArrayLike = RANDOM_ALLOCATION) -> Floats:
    """Compute ``(accuracy - chance) / (1 - chance)``: 0 for guessing, 1 for perfect (CCCSMF; Flaxman 2015, PHM 13:28).

    Parameters
    ----------
    accuracy : float array
    chance : float or float array
        The default 1 - 1/e is the limit for many causes under Dirichlet(1) truth only; for a given truth and
        number of deaths use `va_experiments.metrics.reference_levels.chance_accuracy`.
    """
    base = np.asarray(chance, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.asarray(accuracy, dtype=np.float64) - base) / (1 - base)
