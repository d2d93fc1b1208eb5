"""Rank many models over many sites: the Friedman test and critical differences (Demsar 2006, JMLR 7:1-30)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Friedman", "critical_difference", "friedman", "friedman_of_mean_ranks", "indistinguishable_groups"]

FEWEST_MODELS = 3
STUDENTISED = (
    *(3.314493155398122, 3.6331595749026278, 3.857655510378623, 4.030092053180576, 4.169554155006547),
    *(4.286309409349043, 4.38650911549537, 4.474124221725907, 4.551863584065974, 4.621655471868518),
    *(4.684919847313499, 4.7427317076846975, 4.795923860431186, 4.845154183957343, 4.890951125576789),
    *(4.933745358126922, 4.973892348748306, 5.0116887941184425),
)
"""The 95% point of the studentised range for 3 to 20 models, as scipy.stats has it, which takes half a second."""


@dataclass(frozen=True, eq=False)
class Friedman:
    """Result of `friedman`."""

    mean_rank: npt.NDArray[np.float64]
    """Mean rank of each model, 1 = best, shape (n_models,)."""
    chi2: float
    p_chi2: float
    f: float
    """Iman and Davenport's F, less conservative than chi2."""
    p_f: float
    n: int
    """Sites on which all models have a value."""
    critical_difference: float
    """Nemenyi: mean ranks that differ by less are not significantly different at 5%."""


def friedman_of_mean_ranks(mean_rank: npt.ArrayLike, n: int, *, alpha: float = 0.05) -> Friedman:
    """Run the Friedman test on mean ranks without ties over `n` sites (Demsar 2006, section 3.2.2)."""
    ranks = np.asarray(mean_rank, dtype=np.float64)
    k = len(ranks)
    chi2 = 12 * n / (k * (k + 1)) * (float((ranks**2).sum()) - k * (k + 1) ** 2 / 4)
    return _with_f(ranks, chi2, n, k, alpha)


def friedman(values: npt.ArrayLike, *, higher_is_better: bool = True, alpha: float = 0.05) -> Friedman:
    """Test that all models rank alike (Friedman), with ties averaged and corrected.

    Parameters
    ----------
    values : float array, shape (n_sites, n_models)
        Sites where a model has no value (NaN) are left out for all.
    higher_is_better : bool
    alpha : float
        Level of the critical difference.
    """
    v = np.asarray(values, dtype=np.float64)
    v = v[np.isfinite(v).all(axis=1)]
    n, k = v.shape
    if n < 2 or k < 3:
        raise ValueError(f"{n} complete sites and {k} models: the Friedman test needs at least 2 and 3")
    ranks = _ranks(-v if higher_is_better else v)
    ties = sum(float((t**3 - t).sum()) for t in (np.unique(row, return_counts=True)[1] for row in ranks))
    spread = float(((ranks.sum(axis=0) - n * (k + 1) / 2) ** 2).sum())
    scale = n * k * (k + 1) / 12 - ties / (12 * (k - 1))
    return _with_f(ranks.mean(axis=0), spread / scale if scale > 0 else math.nan, n, k, alpha)


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rank each row from the least value, equal values by the mean of their ranks, shape (n_sites, n_models)."""
    less = (values[:, :, None] > values[:, None, :]).sum(axis=2)
    equal = (values[:, :, None] == values[:, None, :]).sum(axis=2)
    return less + (equal + 1) / 2


def _with_f(mean_rank: npt.NDArray[np.float64], chi2: float, n: int, k: int, alpha: float) -> Friedman:
    from scipy.special import chdtrc, fdtrc  # scipy.stats computes the same, and takes half a second to import

    rest = n * (k - 1) - chi2
    f = (n - 1) * chi2 / rest if rest > 0 else math.inf
    return Friedman(
        mean_rank=mean_rank,
        chi2=chi2,
        p_chi2=float(chdtrc(k - 1, max(chi2, 0.0))),
        f=f,
        p_f=float(fdtrc(k - 1, (k - 1) * (n - 1), max(f, 0.0))),
        n=n,
        critical_difference=critical_difference(k, n, alpha=alpha),
    )


def critical_difference(n_models: int, n_sites: int, *, alpha: float = 0.05) -> float:
    """Compute Nemenyi's critical difference of mean ranks, ``q_alpha sqrt(k (k + 1) / (6 n))``.

    q is the studentised range quantile for k models and infinite degrees of freedom over the square root of 2.
    """
    place = n_models - FEWEST_MODELS
    if alpha == 0.05 and 0 <= place < len(STUDENTISED):
        q = STUDENTISED[place]
    else:
        from scipy import stats

        q = float(stats.studentized_range.ppf(1 - alpha, n_models, np.inf))
    return q / math.sqrt(2) * math.sqrt(n_models * (n_models + 1) / (6 * n_sites))


def indistinguishable_groups(mean_rank: npt.ArrayLike, difference: float) -> list[Sequence[int]]:
    """Find the bars of a critical-difference diagram: the largest groups of models with mean ranks that close.

    Parameters
    ----------
    mean_rank : float array, shape (n_models,)
    difference : float
        The critical difference.

    Returns
    -------
    list of tuples of int
        Model numbers in the order of their mean rank; runs of one model are left out, as are runs inside a larger one.
    """
    ranks = np.asarray(mean_rank, dtype=np.float64)
    order = np.argsort(ranks, kind="stable")
    ends = np.searchsorted(ranks[order], ranks[order] + difference, side="right")
    runs: list[Sequence[int]] = []
    reached = 0
    for start, end in enumerate(ends.tolist()):
        if end > reached and end - start > 1:
            runs.append(tuple(order[start:end].tolist()))
        reached = max(reached, end)
    return runs
