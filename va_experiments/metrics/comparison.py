"""Compare two models by paired tests and intervals: the same sites, splits or deaths for both.

``docs/explanation/metrics.md`` explains which test to use and how little few sites can show.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "CorrectedT",
    "McNemar",
    "Pairwise",
    "SignFlip",
    "SignedRank",
    "bayesian_signed_rank",
    "compare_models",
    "corrected_t",
    "holm",
    "mcnemar",
    "sign_flip",
    "t_interval",
]

Floats = npt.NDArray[np.float64]

EXACT_UNITS = 20
"""Largest number of sites for which all sign arrangements (about a million) are computed."""


@dataclass(frozen=True)
class SignFlip:
    """Result of `sign_flip`."""

    mean: float
    p: float
    """Two-sided."""
    smallest_p: float
    """Smallest attainable p value for this n: print it beside `p`."""
    n: int
    exact: bool


def sign_flip(
    differences: npt.ArrayLike, *, n_draws: int = 100_000, rng: np.random.Generator | None = None
) -> SignFlip:
    """Test a mean difference of 0 by sign flips (one-sample permutation test).

    Under the null hypothesis that the two models are exchangeable at every site, both signs of a difference are equally
    likely; p is the share of the 2^n arrangements with an absolute mean at least as large. The test is exact up to 20
    units, then by Monte Carlo (Phipson and Smyth 2010: one is added to both counts). With six sites the smallest
    attainable p value is 2/64 = .031.

    Parameters
    ----------
    differences : float array, shape (n,)
        One for each site (average over its splits first: splits of a site are not exchangeable units).
    n_draws : int
        Number of Monte Carlo draws if n > 20.
    rng : numpy.random.Generator, optional
        Required if n > 20.
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    if n == 0:
        return SignFlip(math.nan, math.nan, math.nan, 0, True)
    observed = abs(d.sum())
    slack = 1e-12 * max(np.abs(d).sum(), 1e-300)  # arrangements that differ only by rounding count as equal
    exact = n <= EXACT_UNITS
    if exact:
        sums = np.zeros(1)
        for value in d:
            sums = np.concatenate([sums + value, sums - value])
        p = float((np.abs(sums) >= observed - slack).mean())
    else:
        if rng is None:
            raise ValueError(f"{n} differences: more than {EXACT_UNITS} need rng for the Monte Carlo draws")
        signs = rng.integers(0, 2, size=(n_draws, n)) * 2 - 1
        p = (1 + int((np.abs(signs @ d) >= observed - slack).sum())) / (1 + n_draws)
    smallest = 2.0 ** (1 - n) if exact else max(2.0 ** (1 - n), 1 / (1 + n_draws))
    return SignFlip(float(d.mean()), p, smallest, n, exact)


@dataclass(frozen=True)
class CorrectedT:
    """Result of `corrected_t`."""

    mean: float
    low: float
    high: float
    t: float
    p: float
    df: int


def corrected_t(differences: npt.ArrayLike, n_train: float, n_test: float, *, level: float = 0.95) -> CorrectedT:
    """Run the corrected resampled t-test for J random divisions of the same deaths (Nadeau and Bengio 2003).

    ``t = mean / sqrt((1/J + n_test/n_train) s^2)`` with J - 1 degrees of freedom: overlapping divisions are correlated,
    and the plain t-test, with 1/J alone, has too many false positives. The correction is a heuristic for the variance
    due to the choice of the training deaths. The test is about new deaths from the same sites, not about new sites.

    Parameters
    ----------
    differences : float array, shape (J,)
    n_train, n_test : float
        Deaths trained on and tested on in each division (their mean, if they vary).
    level : float
        Of the interval of the mean difference.

    References
    ----------
    Machine Learning 52:239-281, equation 9 and section 5.
    """
    from scipy.special import stdtr, stdtrit  # scipy.stats computes the same, and takes half a second to import

    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    if n < 2:
        raise ValueError(f"{n} difference: a t-test needs at least 2 divisions")
    error = math.sqrt((1 / n + n_test / n_train) * float(d.var(ddof=1)))
    mean = float(d.mean())
    t = mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0
    half = float(stdtrit(n - 1, (1 + level) / 2)) * error
    return CorrectedT(mean, mean - half, mean + half, t, float(2 * stdtr(n - 1, -abs(t))), n - 1)


def t_interval(values: npt.ArrayLike, *, level: float = 0.95) -> tuple[float, float, float]:
    """Compute the mean and its t interval over independent units (sites); the ends are NaN below 2 units."""
    from scipy.special import stdtrit

    x = np.asarray(values, dtype=np.float64)
    mean = float(x.mean()) if len(x) else math.nan
    if len(x) < 2:
        return mean, math.nan, math.nan
    half = float(stdtrit(len(x) - 1, (1 + level) / 2)) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class SignedRank:
    """Result of `bayesian_signed_rank`: posterior probabilities, which sum to 1."""

    first_worse: float
    equivalent: float
    """The models differ by no more than the region of practical equivalence."""
    first_better: float


def bayesian_signed_rank(
    differences: npt.ArrayLike,
    *,
    rope: float,
    rng: np.random.Generator,
    n_draws: int = 50_000,
    prior_strength: float = 0.5,
) -> SignedRank:
    """Run the Bayesian signed-rank test with a region of practical equivalence (Benavoli et al. 2017).

    A Dirichlet process prior with one pseudo-observation of 0. The posterior draws weights w ~ Dirichlet(s, 1, ..., 1)
    for it and the n differences, and adds up the weights of pairs with a mean below -rope, within, and above rope. The
    result is the share of draws in which each of the three has the largest weight; ties are divided equally.

    Parameters
    ----------
    differences : float array, shape (n,)
        First model less second, higher being better.
    rope : float
        Half the width of the region in which a difference does not matter, on the scale of the metric.
    rng : numpy.random.Generator
    n_draws : int
    prior_strength : float
        s; 0.5 in the papers.

    References
    ----------
    Journal of Machine Learning Research 18(77):1-36, section 4.2; ICML 2014, PMLR 32(2):1026-1034.
    """
    d = np.concatenate([[0.0], np.asarray(differences, dtype=np.float64)])
    alpha = np.ones(len(d))
    alpha[0] = prior_strength
    weights = rng.dirichlet(alpha, size=n_draws)
    pair_sum = d[:, None] + d[None]
    theta = np.stack(
        [
            np.einsum("bi,ij,bj->b", weights, where.astype(np.float64), weights, optimize=True)
            for where in (pair_sum < -2 * rope, np.abs(pair_sum) <= 2 * rope, pair_sum > 2 * rope)
        ]
    )
    best = theta >= theta.max(axis=0) - 1e-15
    share = (best / best.sum(axis=0)).mean(axis=1)
    return SignedRank(*(float(x) for x in share))


def holm(p: npt.ArrayLike) -> Floats:
    """Adjust p values for their number by Holm's step-down rule (Holm 1979), in the given order.

    Rejecting those at most alpha keeps the chance of any false rejection in the family below alpha. NaN stay NaN and do
    not count.

    Parameters
    ----------
    p : float array, shape (m,)
    """
    raw = np.asarray(p, dtype=np.float64)
    adjusted = np.full(raw.shape, np.nan)
    known = np.flatnonzero(np.isfinite(raw))
    order = known[np.argsort(raw[known], kind="stable")]
    m = len(order)
    adjusted[order] = np.minimum(np.maximum.accumulate(raw[order] * (m - np.arange(m))), 1)
    return adjusted


@dataclass(frozen=True)
class McNemar:
    """Result of `mcnemar`."""

    only_first: int
    """Deaths that the first names rightly and the second wrongly."""
    only_second: int
    p: float


def mcnemar(first_correct: npt.ArrayLike, second_correct: npt.ArrayLike) -> McNemar:
    """Run McNemar's exact test of two models' top causes on the same test deaths (two-sided, binomial).

    It tests whether they differ on deaths like these, without training variance and other sites.

    Parameters
    ----------
    first_correct, second_correct : bool array, shape (n,)
    """
    from scipy import stats

    a, b = np.asarray(first_correct, dtype=bool), np.asarray(second_correct, dtype=bool)
    first, second = int((a & ~b).sum()), int((b & ~a).sum())
    p = float(stats.binomtest(first, first + second).pvalue) if first + second else 1.0
    return McNemar(first, second, p)


@dataclass(frozen=True)
class Pairwise:
    """Two models over the same sites: see `compare_models`."""

    first: str
    second: str
    n: int
    mean: float
    """Mean of first less second over sites; positive: the first is better."""
    low: float
    """Lower end of the 95% t interval over sites."""
    high: float
    p: float
    """Exact sign-flip test."""
    smallest_p: float
    p_holm: float
    """Adjusted for the number of pairs compared."""
    first_worse: float
    equivalent: float
    first_better: float


def compare_models(
    values: npt.ArrayLike,
    models: Sequence[str],
    *,
    higher_is_better: bool = True,
    reference: str | None = None,
    rope: float = 0.01,
    rng: np.random.Generator,
) -> list[Pairwise]:
    """Compare every pair of models (or every model with one) over the same sites.

    Parameters
    ----------
    values : float array, shape (n_sites, n_models)
        One metric, averaged over the splits of each site. A site where either model has no value is left out of that
        pair; `Pairwise.n` is the number of sites used.
    models : sequence of str
    higher_is_better : bool
    reference : str, optional
        Compare all others with this one only.
    rope : float
        Differences up to this do not matter in practice.
    rng : numpy.random.Generator
        For the Bayesian test.
    """
    v = np.asarray(values, dtype=np.float64) * (1 if higher_is_better else -1)
    if v.ndim != 2 or v.shape[1] != len(models):
        raise ValueError(f"values of shape {v.shape} for {len(models)} models")
    pairs = list(itertools.combinations(range(len(models)), 2))
    if reference is not None:
        at = list(models).index(reference)
        pairs = [(k, at) for k in range(len(models)) if k != at]
    differences = [(v[:, i] - v[:, j])[np.isfinite(v[:, i] - v[:, j])] for i, j in pairs]
    tests = [sign_flip(d, rng=rng) for d in differences]
    adjusted = holm([t.p for t in tests])
    rows = []
    for (i, j), d, test, p_holm in zip(pairs, differences, tests, adjusted.tolist(), strict=True):
        mean, low, high = t_interval(d)
        ranked = bayesian_signed_rank(d, rope=rope, rng=rng)
        rows.append(
            Pairwise(models[i], models[j], len(d), mean, low, high, test.p, test.smallest_p, p_holm,
                     ranked.first_worse, ranked.equivalent, ranked.first_better)
        )  # fmt: skip
    return rows
