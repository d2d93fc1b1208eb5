"""Estimate how often deaths of one cause are named as another, with the uncertainty that a new site brings.

In: out-of-fold predictions of training deaths at several sites. Out: Dirichlet shapes of each row of the
misclassification matrix (rows: true cause, columns: named cause), for `va_experiments.metrics.vacalibration`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["confusion_counts", "group_level", "site_precision", "site_shapes"]

Floats = npt.NDArray[np.float64]

_PRECISIONS = np.geomspace(0.5, 1e5, 120)


def confusion_counts(
    named: npt.NDArray[np.integer],
    truth: npt.NDArray[np.integer],
    site: npt.NDArray[np.integer],
    n_causes: int,
) -> npt.NDArray[np.int64]:
    """Count deaths by site, true cause and named cause, shape (n_sites, n_causes, n_causes); -1 is not counted."""
    _, place = np.unique(site, return_inverse=True)
    counts = np.zeros((int(place.max(initial=0)) + 1, n_causes, n_causes), dtype=np.int64)
    keep = named >= 0
    np.add.at(counts, (place[keep], np.asarray(truth)[keep], np.asarray(named)[keep]), 1)
    return counts


def site_precision(counts: npt.NDArray[np.integer], mean: Floats) -> float:
    """Return the precision A with which a cause's rows at several sites scatter about their mean, by likelihood.

    Rows of counts at the sites are Dirichlet-multinomial with shapes ``A * mean``; the largest A of the grid means that
    the sites do not differ by more than chance.

    Parameters
    ----------
    counts : int array, shape (n_sites, n_causes)
    mean : float array, shape (n_causes,), above 0

    References
    ----------
    Minka 2000, Estimating a Dirichlet distribution.
    """
    from scipy.special import gammaln  # SciPy is a third of a worker's start

    n = counts.sum(axis=1)
    if (n > 0).sum() < 2:
        return float(_PRECISIONS[-1])
    a = _PRECISIONS[:, None]
    height = (gammaln(a) - gammaln(a + n)).sum(axis=1)
    shape = _PRECISIONS[:, None, None] * mean
    height += (gammaln(shape + counts) - gammaln(shape)).sum(axis=(1, 2))
    return float(_PRECISIONS[int(height.argmax())])


def site_shapes(counts: npt.NDArray[np.integer]) -> Floats:
    """Return Dirichlet shapes of each row for a new site, shape (n_causes, n_causes); 0 for causes without deaths.

    The mean of a row is its share of all sites' deaths, smoothed by one death with the overall shares of the named
    causes. Its precision is that of a row at a new site: ``1 / (1 / A + 1 / (n + 1))``, with A from `site_precision`
    and n the deaths of the cause, so that both the spread between sites and few deaths widen it.

    Parameters
    ----------
    counts : int array, shape (n_sites, n_causes, n_causes)
    """
    whole = counts.sum(axis=0)
    deaths = whole.sum(axis=1)
    overall = (whole.sum(axis=0) + 0.1) / (whole.sum() + 0.1 * len(whole))
    shapes = np.zeros(whole.shape)
    for cause in np.flatnonzero(deaths):
        mean = (whole[cause] + overall) / (deaths[cause] + 1)
        precision = 1 / (1 / site_precision(counts[:, cause], mean) + 1 / (deaths[cause] + 1))
        shapes[cause] = precision * mean
    return shapes


def group_level(fractions: Floats, groups: npt.NDArray[np.integer], n_groups: int) -> Floats:
    """Add up the last axis by group."""
    total = np.zeros((*np.shape(fractions)[:-1], n_groups))
    for cause, group in enumerate(groups):
        total[..., group] += np.asarray(fractions)[..., cause]
    return total
