"""Resample sites, splits and deaths by bootstrap, with the same resamples for all models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.metrics.resampling import bootstrap_weights, interval
from va_experiments.metrics.score import evaluate
from va_experiments.metrics.sufficient_statistics import ScoredDeaths, totals
from va_experiments.seeds import generator

__all__ = ["LEVELS", "NestedInterval", "death_bank", "nested_bootstrap", "paired_difference"]

Floats = npt.NDArray[np.float64]

LEVELS = ("site", "split", "death")
"""What can be resampled, from the outside in."""


def death_bank(models: Mapping[str, ScoredDeaths], metric: str, *, n_resamples: int = 200, seed: int = 0) -> Floats:
    """Compute a metric of several models on one test set and on resamples of its deaths, the same for all.

    Returns
    -------
    float64 array, shape (n_resamples + 1, n_models)
        The first row is the test set itself.
    """
    sizes = {len(c.truth) for c in models.values()}
    if len(sizes) != 1:
        raise ValueError(f"models were tested on different numbers of deaths: {sorted(sizes)}")
    n = sizes.pop()
    weights = np.ones((n_resamples + 1, n))
    weights[1:] = bootstrap_weights(n, n_resamples, generator(seed, "bootstrap"))
    return np.column_stack([evaluate(totals(c, weights), [metric])[metric] for c in models.values()])


def paired_difference(
    first: ScoredDeaths,
    second: ScoredDeaths,
    metric: str,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    kind: str = "percentile",
) -> tuple[float, float, float]:
    """Compute the difference of two models on the same test deaths, and its 95% bootstrap interval.

    Parameters
    ----------
    first, second : ScoredDeaths
        In the same order of deaths.
    metric : str
    n_resamples, seed, kind
        As in `va_experiments.metrics.resampling`.

    Raises
    ------
    ValueError
        If the true causes differ: the deaths are not the same.
    """
    if not np.array_equal(first.truth, second.truth):
        raise ValueError("the two models were not tested on the same deaths in the same order")
    values = death_bank({"first": first, "second": second}, metric, n_resamples=n_resamples, seed=seed)
    difference = values[:, 0] - values[:, 1]
    low, high = interval(difference[0], difference[1:], kind=kind)
    return float(difference[0]), float(low), float(high)


@dataclass(frozen=True, eq=False)
class NestedInterval:
    """Mean over sites of each model, its standard error and interval; shapes (n_models,)."""

    mean: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    resampled: Floats
    """Means over sites of each resample, shape (n_resamples, n_models): differences of columns are paired."""
    levels: tuple[str, ...]


def nested_bootstrap(
    banks: Sequence[Sequence[npt.ArrayLike]],
    *,
    levels: Sequence[str] = LEVELS,
    n_resamples: int = 2000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> NestedInterval:
    """Compute intervals of the mean over sites, resampling sites, splits within sites and deaths within splits.

    The levels determine the meaning of the interval: ``("split", "death")`` is about new deaths at the same sites,
    ``("site",)`` about new sites. Resampling all three is the most cautious: observed differences between sites already
    include the variation of splits and deaths, which is then counted twice (Davison and Hinkley 1997, section 3.8).

    Parameters
    ----------
    banks : for each site, for each split, float array of shape (1 + n_death_resamples, n_models)
        From `death_bank`; the first row is the value on the test set itself.
    levels : subset of ("site", "split", "death")
    n_resamples : int
    level : float
    rng : numpy.random.Generator

    Returns
    -------
    NestedInterval
        If sites are resampled, the interval is mean +- t * standard error with (sites - 1) degrees of freedom and
        the standard error enlarged by sqrt(S / (S - 1)): with few sites the plain percentile interval is far too
        narrow. Otherwise it is the percentile interval.
    """
    if unknown := [x for x in levels if x not in LEVELS]:
        raise ValueError(f"unknown level {unknown[0]!r}; expected some of {', '.join(LEVELS)}")
    sites = [[np.asarray(b, dtype=np.float64) for b in site] for site in banks]
    n_sites = len(sites)
    mean = np.mean([np.mean([b[0] for b in site], axis=0) for site in sites], axis=0)
    chosen = np.tile(np.arange(n_sites), (n_resamples, 1))
    if "site" in levels:
        chosen = rng.integers(0, n_sites, size=(n_resamples, n_sites))
    drawn = np.empty((n_resamples, n_sites, len(mean)))
    for place, site in enumerate(sites):
        at_place = chosen == place  # a site drawn twice has two resamples of its splits and deaths
        drawn[at_place] = _site_means(site, levels, int(at_place.sum()), rng)
    resampled = drawn.mean(axis=1)
    error = resampled.std(axis=0, ddof=1)
    if "site" in levels and n_sites > 1:
        from scipy.special import stdtrit  # scipy.stats computes the same, and takes half a second to import

        error = error * math.sqrt(n_sites / (n_sites - 1))
        half = float(stdtrit(n_sites - 1, (1 + level) / 2)) * error
        low, high = mean - half, mean + half
    else:
        low, high = interval(mean, resampled, level=level)
    return NestedInterval(mean, error, low, high, resampled, tuple(x for x in LEVELS if x in levels))


def _site_means(site: Sequence[Floats], levels: Sequence[str], n: int, rng: np.random.Generator) -> Floats:
    """Draw `n` resampled means over the splits of one site, shape (n, n_models)."""
    n_splits = len(site)
    total = np.zeros((n, site[0].shape[1]))
    for place in range(n_splits):
        which = rng.integers(0, n_splits, size=n) if "split" in levels else np.full(n, place)
        for split, bank in enumerate(site):
            draws = np.flatnonzero(which == split)
            if "death" in levels and len(bank) > 1:
                rows = rng.integers(1, len(bank), size=len(draws))
            else:
                rows = np.zeros(len(draws), dtype=np.intp)
            total[draws] += bank[rows]
    return total / n_splits
