"""Adjust many paired comparisons over few sites by step-down max-T, whose smallest p does not depend on their number.

Holm's rule multiplies the smallest attainable p value of n sites by the number of comparisons, so that with six sites
no comparison among several can be significant. Here the signs of a site are flipped for all comparisons together, and
each comparison is tested against the largest statistic among those not yet decided: the smallest attainable p stays
that of one comparison, 2^(1 - n).
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

__all__ = ["max_t"]

MOST_UNITS = 16
"""All sign arrangements are gone through: 65,536 of 16 units."""


def max_t(differences: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjust two-sided p values of mean differences, shape (n_comparisons,), by Westfall and Young's step-down.

    The p value is the share of sign arrangements whose largest absolute t, over this comparison and those with a
    smaller one, is at least the observed t; it is never below the p of an earlier comparison. The family-wise error
    rate holds if, under the true null hypotheses, both signs of a site's differences are jointly equally likely.

    Parameters
    ----------
    differences : float array, shape (n_units, n_comparisons)
        A row for each site, a column for each comparison.

    Raises
    ------
    ValueError
        For more than `MOST_UNITS` units, none, or values that are not finite.

    References
    ----------
    Westfall and Young (1993), Resampling-based multiple testing, algorithm 2.8. Ge, Dudoit and Speed (2003), Test
    12:1-77.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or not 1 <= len(d) <= MOST_UNITS or not np.isfinite(d).all():
        raise ValueError(f"differences of shape {d.shape}; expected 1 to {MOST_UNITS} units by comparisons, all finite")
    n, m = d.shape
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    squares = n * (d**2).sum(axis=0)
    # (sum d)^2 / (n sum d^2) grows with t^2 and is also defined if all differences are equal
    statistic = np.divide((signs @ d) ** 2, squares, out=np.zeros((len(signs), m)), where=squares > 0)
    observed = statistic[0]
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(statistic[:, order[::-1]], axis=1)[:, ::-1]
    p = (largest >= observed[order] - 1e-12).mean(axis=0)
    adjusted = np.empty(m)
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted
