"""Paired tests against SciPy, published worked examples, closed forms, and their error rates by simulation."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from va_experiments.metrics.comparison import (
    bayesian_signed_rank,
    compare_models,
    corrected_t,
    holm,
    mcnemar,
    sign_flip,
    t_interval,
)
from va_experiments.metrics.ranking import (
    FEWEST_MODELS,
    STUDENTISED,
    critical_difference,
    friedman,
    friedman_of_mean_ranks,
    indistinguishable_groups,
)

# Fisher's use of Darwin's maize, 15 paired differences (eighths of an inch): the randomisation test in The Design of
# Experiments (1935, section 21) finds 863 of 32,768 arrangements on each side at least as extreme (p = .0527)
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_sign_flip_equals_fishers_worked_example() -> None:
    outcome = sign_flip(DARWIN)
    assert outcome.exact
    assert outcome.p == 2 * 863 / 2**15
    assert outcome.smallest_p == 2**-14


def test_sign_flip_equals_scipy_and_states_its_least_p() -> None:
    rng = np.random.default_rng(21)
    for n in (4, 6, 9):
        d = rng.normal(0.5, 1, n)
        expected = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
        assert sign_flip(d).p == pytest.approx(expected.pvalue)
    six = sign_flip([0.1, 0.2, 0.3, 0.01, 0.4, 0.05])
    assert six.p == six.smallest_p == 2 / 64
    assert sign_flip([0.0, 0.0, 0.0]).p == 1
    assert math.isnan(sign_flip([]).p)
    assert sign_flip([0.1, 0.1, 0.1, -0.3]).p == 1  # sums that are equal but for rounding count as equal


def test_sign_flip_of_many_units_is_monte_carlo() -> None:
    rng = np.random.default_rng(22)
    d = rng.normal(0.35, 1, 40)
    outcome = sign_flip(d, rng=rng)
    assert not outcome.exact
    assert outcome.p == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.01)
    with pytest.raises(ValueError, match="need rng"):
        sign_flip(d)


class Drawn:
    """Numbers that a generator is asked for, given by hand."""

    def __init__(self, expected: tuple[object, ...], numbers: np.ndarray) -> None:
        self._expected, self._numbers = expected, numbers

    def integers(self, low: int, high: int, size: tuple[int, int]) -> np.ndarray:
        assert (low, high, size) == self._expected
        return self._numbers

    def dirichlet(self, alpha: np.ndarray, size: int) -> np.ndarray:
        assert (alpha.tolist(), size) == self._expected
        return self._numbers


def test_sign_flip_of_drawn_signs_by_hand() -> None:
    """Of 21 ones: all signs kept and all turned are as extreme, 11 against 10 is not; one is added to both counts."""
    signs = np.array([[1] * 21, [0] * 21, [1] * 11 + [0] * 10])
    outcome = sign_flip(np.ones(21), n_draws=3, rng=Drawn((0, 2, (3, 21)), signs))
    assert (outcome.mean, outcome.p, outcome.smallest_p, outcome.n, outcome.exact) == (1.0, 3 / 4, 1 / 4, 21, False)
    assert sign_flip(np.ones(21), rng=Drawn((0, 2, (100_000, 21)), signs)).smallest_p == 1 / 100_001
    assert sign_flip(np.ones(21), n_draws=2**21, rng=Drawn((0, 2, (2**21, 21)), signs)).smallest_p == 2**-20


def test_sign_flip_at_its_limits() -> None:
    twenty = sign_flip(np.ones(20))
    assert (twenty.exact, twenty.p, twenty.smallest_p) == (True, 2**-19, 2**-19)
    assert sign_flip(np.array([1, 2, 3, 4]) * 1e-14).p == 2 / 16, "small differences are no rounding errors"
    none = sign_flip([])
    assert math.isnan(none.mean)
    assert math.isnan(none.smallest_p)
    assert (none.n, none.exact) == (0, True)


def test_sign_flip_keeps_its_level_for_few_sites() -> None:
    rng = np.random.default_rng(23)
    p = np.array([sign_flip(rng.standard_t(3, 6)).p for _ in range(4000)])
    rates = {level: float((p <= level).mean()) for level in (2 / 64, 0.05, 0.1)}
    print(f"sign-flip over 6 sites, no difference, 4,000 studies: rejected at {rates}")
    assert rates[2 / 64] == pytest.approx(2 / 64, abs=0.009)
    assert rates[0.05] <= 0.05
    assert rates[0.1] <= 0.1 + 0.01


def test_corrected_t_equals_its_formula_and_the_plain_t_without_test_deaths() -> None:
    d = np.array([0.02, 0.05, -0.01, 0.04, 0.03])
    outcome = corrected_t(d, 75, 25)
    t = d.mean() / math.sqrt((1 / 5 + 1 / 3) * d.var(ddof=1))
    assert outcome.t == pytest.approx(t)
    assert outcome.p == pytest.approx(2 * stats.t.sf(t, 4))
    assert outcome.df == 4
    assert outcome.high - outcome.mean == pytest.approx(stats.t.ppf(0.975, 4) * outcome.mean / t)
    plain = stats.ttest_1samp(d, 0)
    assert corrected_t(d, 1, 0).p == pytest.approx(plain.pvalue)
    assert outcome.mean - outcome.low == pytest.approx(outcome.high - outcome.mean)
    assert corrected_t([0.1, 0.1], 3, 1).p == 0
    same = corrected_t([0.0, 0.0], 3, 1)
    assert (same.t, same.p) == (0.0, 1.0)
    with pytest.raises(ValueError, match="at least 2"):
        corrected_t([0.1], 3, 1)


def test_corrected_t_keeps_its_level_where_the_plain_t_does_not() -> None:
    rng = np.random.default_rng(24)
    n, n_test, divisions, studies = 200, 50, 15, 1500
    corrected, plain = [], []
    for _ in range(studies):
        effect = rng.normal(size=n)  # of each death; the mean of the population is 0
        d = [effect[rng.permutation(n)[:n_test]].mean() for _ in range(divisions)]
        corrected.append(corrected_t(d, n - n_test, n_test).p <= 0.05)
        plain.append(stats.ttest_1samp(d, 0).pvalue <= 0.05)
    print(
        f"15 divisions 75/25, no difference, {studies} studies, level .05: "
        f"corrected t rejects {np.mean(corrected):.3f}, plain t {np.mean(plain):.3f}"
    )
    assert 0.03 <= np.mean(corrected) <= 0.07
    assert np.mean(plain) > 0.3


def test_t_interval_equals_scipy() -> None:
    x = [0.61, 0.55, 0.70, 0.66, 0.48, 0.72]
    mean, low, high = t_interval(x)
    np.testing.assert_allclose((low, high), stats.t.interval(0.95, 5, np.mean(x), stats.sem(x)))
    assert mean == pytest.approx(np.mean(x))
    assert math.isnan(t_interval([0.5])[1])
    assert t_interval([1.0, 3.0])[1:] == pytest.approx(stats.t.interval(0.95, 1, 2.0, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(map(math.isnan, t_interval([])))


def test_signed_rank_has_a_closed_form_for_equal_differences() -> None:
    # n differences of 1, rope far below: pairs of the pseudo-observation with itself are equivalent, all others better.
    # So "better" weighs most where w0^2 < 1/2, and w0 ~ Beta(s, n)
    posterior = bayesian_signed_rank(np.ones(2), rope=0.01, rng=np.random.default_rng(25), n_draws=200_000)
    expected = stats.beta.cdf(math.sqrt(0.5), 0.5, 2)
    assert posterior.first_better == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 200_000))
    assert posterior.first_worse == 0
    assert posterior.first_worse + posterior.equivalent + posterior.first_better == pytest.approx(1)


def test_signed_rank_behaves() -> None:
    rng = np.random.default_rng(26)
    d = rng.normal(0, 1, 12)
    forth, back = (bayesian_signed_rank(x, rope=0.1, rng=np.random.default_rng(1)) for x in (d, -d))
    assert forth.first_better == pytest.approx(back.first_worse, abs=1e-12)
    assert bayesian_signed_rank(d / 1000, rope=0.1, rng=rng).equivalent == 1
    assert bayesian_signed_rank(np.full(6, 0.05), rope=0.01, rng=rng).first_better > 0.99
    # as the rope vanishes: posterior probability of a positive pseudo-median, near the one-sided Wilcoxon p
    d = rng.normal(0.3, 1, 40)
    posterior = bayesian_signed_rank(d, rope=0.0, rng=rng)
    one_sided = stats.wilcoxon(d, alternative="greater").pvalue
    assert posterior.first_worse == pytest.approx(one_sided, abs=0.02)


def test_signed_rank_of_drawn_weights_by_hand() -> None:
    """The pair of 0 and -.02 has the mean -.01, which is within .01: worse weigh w1^2, that is .25 and .64."""
    weights = Drawn(([0.5, 1.0], 50_000), np.array([[0.5, 0.5], [0.2, 0.8]]))
    posterior = bayesian_signed_rank([-0.02], rope=0.01, rng=weights)
    assert (posterior.first_worse, posterior.equivalent, posterior.first_better) == (0.5, 0.5, 0.0)
    better = Drawn(([0.5, 1.0], 50_000), np.array([[0.5, 0.5], [0.2, 0.8]]))
    assert bayesian_signed_rank([0.02], rope=0.01, rng=better).first_better == 0.5


def test_signed_rank_divides_a_tie_and_counts_each_pair_once() -> None:
    thirds = Drawn(([0.5, 1.0, 1.0], 50_000), np.full((1, 3), 1 / 3))  # pairs: three worse, three better, three between
    posterior = bayesian_signed_rank([-0.05, 0.05], rope=0.01, rng=thirds)
    assert (posterior.first_worse, posterior.equivalent, posterior.first_better) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    halves = Drawn(([0.5, 1.0], 50_000), np.array([[0.5, 0.5]]))  # the pair with 0 has the mean .0125, above .01
    assert bayesian_signed_rank([0.025], rope=0.01, rng=halves).first_better == 1


def test_holm_worked_example() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, np.nan, 0.9]), [1, np.nan, 1])
    assert holm([]).shape == (0,)


def test_holm_keeps_the_family_error() -> None:
    rng = np.random.default_rng(27)
    p = rng.random((5000, 8))
    any_false = np.mean([holm(row).min() <= 0.05 for row in p])
    assert any_false == pytest.approx(1 - (1 - 0.05 / 8) ** 8, abs=0.01)


def test_mcnemar_equals_scipy() -> None:
    a = np.array([1] * 30 + [1] * 12 + [0] * 4 + [0] * 20, dtype=bool)
    b = np.array([1] * 30 + [0] * 12 + [1] * 4 + [0] * 20, dtype=bool)
    outcome = mcnemar(a, b)
    assert (outcome.only_first, outcome.only_second) == (12, 4)
    assert outcome.p == stats.binomtest(4, 16).pvalue == pytest.approx(2 * stats.binom.cdf(4, 16, 0.5))
    assert mcnemar(a, a).p == 1
    assert mcnemar(a.astype(int), b.astype(int)) == outcome


def test_friedman_equals_scipy() -> None:
    rng = np.random.default_rng(28)
    for v in (rng.normal(size=(9, 5)), rng.integers(0, 3, (12, 4)).astype(float)):  # the second has ties
        outcome = friedman(v)
        expected = stats.friedmanchisquare(*v.T)
        assert outcome.chi2 == pytest.approx(expected.statistic)
        assert outcome.p_chi2 == pytest.approx(expected.pvalue)
        np.testing.assert_allclose(friedman(-v, higher_is_better=False).mean_rank, outcome.mean_rank)
    gap = np.vstack([v, np.full(4, np.nan)])
    assert friedman(gap).n == 12
    with pytest.raises(ValueError, match="needs at least 2 and 3"):
        friedman(v[:, :2])


def test_friedman_equals_demsars_worked_example() -> None:
    # Demsar 2006, Table 6 and section 3.2.4: 14 data sets, 4 classifiers
    outcome = friedman_of_mean_ranks([3.143, 2.000, 2.893, 1.964], 14)
    assert outcome.mean_rank.tolist() == [3.143, 2.000, 2.893, 1.964]
    assert outcome.chi2 == pytest.approx(9.28, abs=0.02)
    assert outcome.f == pytest.approx(3.69, abs=0.02)
    assert outcome.critical_difference == pytest.approx(1.25, abs=0.005)
    assert outcome.p_f == pytest.approx(stats.f.sf(outcome.f, 3, 39))
    assert critical_difference(4, 14) == outcome.critical_difference
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=0.005)
    assert friedman_of_mean_ranks([3.143, 2.000, 2.893, 1.964], 14, alpha=0.10).critical_difference < 1.13


def test_friedman_of_two_sites_by_hand() -> None:
    """Ranks 1, 2, 3 and 1, 3, 2: chi2 6 / 2 and F 3; a site where all are equal: chi2 2 / 1; all equal: undefined."""
    outcome = friedman([[3, 2, 1], [3, 1, 2]])
    assert (outcome.n, outcome.chi2, outcome.f) == (2, 3.0, 3.0)
    assert friedman([[1, 1, 1], [3, 2, 1]]).chi2 == 2.0
    assert math.isnan(friedman([[1, 1, 1], [2, 2, 2]]).chi2)
    assert math.isinf(friedman([[3, 2, 1], [3, 2, 1]]).f)


def test_bars_of_a_critical_difference_diagram() -> None:
    assert indistinguishable_groups([3.143, 2.000, 2.893, 1.964], 1.25) == [(3, 1, 2, 0)]
    assert indistinguishable_groups([1.0, 1.5, 2.2, 4.0, 4.1], 0.8) == [(0, 1), (1, 2), (3, 4)]
    assert indistinguishable_groups([1.0, 2.0, 3.0], 0.5) == []
    assert indistinguishable_groups([1.0, 2.0, 3.0], 1.0) == [(0, 1), (1, 2)]


def test_compare_models_of_losses_by_hand() -> None:
    """Losses of two models at three sites: the first is lower by 1, 2 and .5, far beyond .01."""
    (row,) = compare_models(
        [[1, 2], [3, 5], [2, 2.5]], ["a", "b"], higher_is_better=False, rng=np.random.default_rng(1)
    )
    assert (row.n, row.mean, row.p, row.p_holm) == (3, pytest.approx(3.5 / 3), 2 / 8, 2 / 8)
    assert row.equivalent < 0.05 < 0.9 < row.first_better
    with pytest.raises(ValueError, match=r"^values of shape \(2,\) for 2 models"):
        compare_models([1, 2], ["a", "b"], rng=np.random.default_rng(1))


def test_compare_models_with_one_of_them_by_hand() -> None:
    """Over 21 sites, which needs drawn signs: the first model is better by 1 than the second, the third worse by 1."""
    values = np.arange(21.0)[:, None] + [1, 0, -1]
    rows = compare_models(values, ["a", "b", "c"], reference="b", rng=np.random.default_rng(1))
    assert [(row.first, row.second, row.n, row.mean) for row in rows] == [("a", "b", 21, 1.0), ("c", "b", 21, -1.0)]
    assert (rows[0].first_better, rows[1].first_worse) == (1, 1)


def test_compare_models_pairs_all_and_adjusts() -> None:
    rng = np.random.default_rng(29)
    site = rng.normal(0.6, 0.1, (6, 1))
    values = site + np.array([0.05, 0.0, -0.002]) + rng.normal(0, 0.004, (6, 3))
    rows = compare_models(values, ["good", "plain", "same"], rng=rng)
    assert [(r.first, r.second) for r in rows] == [("good", "plain"), ("good", "same"), ("plain", "same")]
    assert rows[0].p == rows[0].smallest_p == 2 / 64
    assert rows[0].p_holm == pytest.approx(3 * 2 / 64)
    assert rows[0].first_better > 0.95
    assert rows[2].equivalent > 0.9
    assert rows[2].first_worse + rows[2].equivalent + rows[2].first_better == pytest.approx(1)
    many = rng.normal(0.1, 1, size=(30, 2))
    by_simulation = sign_flip(many[:, 0] - many[:, 1], rng=np.random.default_rng(4)).p
    assert compare_models(many, ["a", "b"], rng=np.random.default_rng(4))[0].p == by_simulation
    assert rows[0].low < 0.05 < rows[0].high or abs(rows[0].mean - 0.05) < 0.01
    losses = compare_models(-values, ["good", "plain", "same"], higher_is_better=False, reference="plain", rng=rng)
    assert [(r.first, r.second) for r in losses] == [("good", "plain"), ("same", "plain")]
    assert losses[0].mean == pytest.approx(rows[0].mean)
    values[2, 0] = np.nan
    assert [r.n for r in compare_models(values, ["good", "plain", "same"], rng=rng)] == [5, 5, 6]
    with pytest.raises(ValueError, match="for 2 models"):
        compare_models(values, ["a", "b"], rng=rng)


def test_ranks_and_the_studentised_range_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        values = rng.integers(0, 4, (6, 5)).astype(float)
        ranks = stats.rankdata(values, axis=1).mean(axis=0)
        np.testing.assert_array_equal(friedman(values, higher_is_better=False).mean_rank, ranks)
    models = range(FEWEST_MODELS, FEWEST_MODELS + len(STUDENTISED))
    expected = [stats.studentized_range.ppf(0.95, k, np.inf) for k in models]
    np.testing.assert_allclose(STUDENTISED, expected, rtol=1e-9)
    assert friedman_of_mean_ranks([2.0, 2.0, 2.0], 7).p_f == pytest.approx(1)
