"""How often the paired tests find a difference where there is none, and how often the t interval holds the mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from va_experiments.metrics.comparison import bayesian_signed_rank, corrected_t, mcnemar, sign_flip, t_interval
from va_experiments.metrics.ranking import friedman

LEVEL = 0.05


def margin(studies: int, rate: float = LEVEL) -> float:
    """Three Monte Carlo standard errors of a rate."""
    return 3 * math.sqrt(rate * (1 - rate) / studies)


@pytest.mark.parametrize("n_sites", [3, 6, 20])
def test_t_interval_over_sites_covers(n_sites: int) -> None:
    rng, studies = np.random.default_rng(41), 4000
    samples = rng.normal(0, 0.05, (studies, n_sites))
    inside = np.mean([low <= 0 <= high for _, low, high in map(t_interval, samples)])
    print(f"mean over {n_sites} sites, t interval, nominal .95, {studies} studies: {inside:.3f}")
    assert 0.93 <= inside <= 0.97


def test_t_interval_over_sites_of_which_one_is_unlike_the_others() -> None:
    """Skewed as scores over PHMRC's sites are: five alike, Pemba far below. Not normal, so not exact."""
    rng, studies = np.random.default_rng(42), 4000
    samples = rng.normal(0, 0.03, (studies, 6)) - 0.15 * (rng.random((studies, 6)) < 1 / 6)
    inside = np.mean([low <= -0.15 / 6 <= high for _, low, high in map(t_interval, samples)])
    print(f"mean over 6 sites of which each is far below with chance 1/6, nominal .95, {studies} studies: {inside:.3f}")
    assert 0.85 <= inside <= 0.97


def test_sign_flip_of_many_units_keeps_its_level() -> None:
    rng, studies = np.random.default_rng(43), 600
    p = np.array([sign_flip(rng.standard_t(3, 24), n_draws=999, rng=rng).p for _ in range(studies)])
    print(f"sign-flip over 24 units, 999 draws, no difference, {studies} studies: {(p <= LEVEL).mean():.3f} at .05")
    assert (p <= LEVEL).mean() <= LEVEL + margin(studies)


def test_corrected_t_over_folds_and_few_divisions() -> None:
    """A heuristic, so its level is what simulation finds: near .05 for divisions, too cautious for ten folds."""
    rng, n, studies = np.random.default_rng(44), 200, 1500
    rates = {}
    for name, n_divisions, n_test in (
        ("5 divisions 75/25", 5, 50),
        ("30 divisions 90/10", 30, 20),
        ("10 folds", 10, 20),
    ):
        hits = 0
        for _ in range(studies):
            effect = rng.normal(size=n)
            order = rng.permutation(n)
            parts = np.split(order, n_divisions) if "folds" in name else None
            tested = parts or [rng.permutation(n)[:n_test] for _ in range(n_divisions)]
            hits += corrected_t([effect[t].mean() for t in tested], n - n_test, n_test).p <= LEVEL
        rates[name] = hits / studies
    print(f"corrected t, no difference, {studies} studies, level .05: {rates}")
    assert rates["5 divisions 75/25"] == pytest.approx(LEVEL, abs=0.02)
    assert rates["30 divisions 90/10"] == pytest.approx(LEVEL, abs=0.02)
    assert rates["10 folds"] <= LEVEL + margin(studies)


def test_mcnemar_keeps_its_level() -> None:
    rng, studies = np.random.default_rng(45), 1500
    right = rng.random((studies, 2, 150)) < 0.4
    p = np.array([mcnemar(a, b).p for a, b in right])
    print(
        f"McNemar, 150 deaths, no difference, {studies} studies: {(p <= LEVEL).mean():.3f} at .05 (exact: at most .05)"
    )
    assert 0.02 <= (p <= LEVEL).mean() <= LEVEL + margin(studies)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_sites", "n_models"),
    [(6, 4), pytest.param(6, 8, marks=pytest.mark.nightly), pytest.param(14, 4, marks=pytest.mark.nightly)],
)
def test_friedman_and_the_critical_difference_keep_their_level(n_sites: int, n_models: int) -> None:
    rng, studies = np.random.default_rng(46), 1500
    f, apart, chi2 = 0, 0, 0
    for _ in range(studies):
        outcome = friedman(rng.normal(size=(n_sites, n_models)) + rng.normal(size=(n_sites, 1)))
        f += outcome.p_f <= LEVEL
        chi2 += outcome.p_chi2 <= LEVEL
        apart += np.ptp(outcome.mean_rank) >= outcome.critical_difference
    print(f"{n_models} like models over {n_sites} sites, {studies} studies, level .05: Iman-Davenport F "
          f"{f / studies:.3f}, chi-square {chi2 / studies:.3f}, any pair beyond the critical difference "
          f"{apart / studies:.3f}")  # fmt: skip
    assert f / studies == pytest.approx(LEVEL, abs=0.02)
    assert chi2 / studies <= LEVEL + margin(studies)
    assert apart / studies <= LEVEL + margin(studies)


@pytest.mark.parametrize("n_sites", [6, 20])
def test_how_often_the_bayesian_signed_rank_test_is_sure_of_nothing(n_sites: int) -> None:
    """It promises no error rate: with few sites P > .95 for one side comes oftener than in a two-sided test at .10."""
    rng, studies = np.random.default_rng(47), 500
    sure = 0
    for _ in range(studies):
        posterior = bayesian_signed_rank(rng.normal(size=n_sites), rope=0.0, rng=rng, n_draws=1500)
        sure += max(posterior.first_better, posterior.first_worse) > 0.95
    print(f"Bayesian signed-rank, {n_sites} sites, no difference, no rope, {studies} studies: P > .95 for one side in "
          f"{sure / studies:.3f}")  # fmt: skip
    assert 0.05 <= sure / studies <= 0.25


def test_t_interval_equals_scipys_paired_t_test() -> None:
    rng = np.random.default_rng(48)
    a, b = rng.normal(size=(2, 6))
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert t_interval(a - b)[1:] == pytest.approx((expected.low, expected.high))
