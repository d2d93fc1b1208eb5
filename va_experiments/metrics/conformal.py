"""Give cause fractions intervals that are as wide as the errors at training sites, each predicted without itself.

Split-conformal intervals with sites as the units that are held out: the errors of a model's cause fractions at training
sites that it was not fitted to, scaled, have a quantile, and so wide is the interval at a new site. With five sites
there is no guarantee for any single one (Dunn, Wasserman and Ramdas 2022, Journal of the American Statistical
Association 118:2491): the coverage is meant, and measured, over causes and sites together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_SITES", "ConformalIntervals", "fit_conformal"]

Floats = npt.NDArray[np.float64]

LEAST_SITES = 3
"""Fewer training sites do not say how far errors spread between sites."""

_FLOOR = 0.005
"""Added to a fraction before its root is taken: a cause that is estimated at 0 can still occur."""


@dataclass(frozen=True)
class ConformalIntervals:
    """Half width of an interval, in units of the root of the fraction.

    Parameters
    ----------
    quantile : float
        Of the scaled errors at the training sites.
    n_sites : int
        Training sites that it was learned on.
    """

    quantile: float
    n_sites: int

    def interval(self, csmf: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return both ends of the intervals of cause fractions, of the same shape, within 0 and 1."""
        estimate = np.asarray(csmf, dtype=np.float64)
        half = self.quantile * _scale(estimate)
        return np.maximum(estimate - half, 0.0), np.minimum(estimate + half, 1.0)

    def coverage(self, true: npt.ArrayLike, csmf: npt.ArrayLike) -> float:
        """Return the share of true fractions that their intervals hold, ends included."""
        low, high = self.interval(csmf)
        p = np.asarray(true, dtype=np.float64)
        return float(((low <= p) & (p <= high)).mean())

    def width(self, csmf: npt.ArrayLike) -> float:
        """Return the mean width of the intervals."""
        low, high = self.interval(csmf)
        return float((high - low).mean())


def _scale(csmf: Floats) -> Floats:
    """Return what errors grow with: the root of the fraction, as the standard error of a share does."""
    return np.asarray(np.sqrt(csmf + _FLOOR))


def fit_conformal(estimated: npt.ArrayLike, true: npt.ArrayLike, *, level: float = 0.95) -> ConformalIntervals:
    """Learn how wide the intervals are, from cause fractions at training sites that were predicted without themselves.

    Parameters
    ----------
    estimated, true : float array, shape (n_sites, n_causes) or (n_sites, n_sets, n_causes)
        Of each site's deaths as they are, or of test sets resampled from them.
    level : float
        The quantile is that of ``ceil((n + 1) level)`` of the n scaled errors, or their greatest.

    Raises
    ------
    ValueError
        For fewer than `LEAST_SITES` sites.
    """
    estimate, truth = np.asarray(estimated, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if len(estimate) < LEAST_SITES:
        raise ValueError(f"{len(estimate)} training sites; expected {LEAST_SITES} or more")
    errors = np.sort((np.abs(estimate - truth) / _scale(estimate)).ravel())
    place = min(int(np.ceil((len(errors) + 1) * level)), len(errors)) - 1
    return ConformalIntervals(float(errors[place]), len(estimate))
