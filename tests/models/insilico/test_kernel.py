"""The compiled loop of InSilicoVA against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from va_experiments.models.insilico import kernel
from va_experiments.models.insilico.arrays import State
from va_experiments.models.insilico.kernel import _assign, _count_levels, fill_likelihood
from va_experiments.models.insilico.problem import _WIDTH, build_problem
from va_experiments.models.insilico.sums import plan_sums


@pytest.fixture(scope="module")
def example():
    """60 deaths (some alike), 37 symptoms, 11 causes, 6 of the 15 levels."""
    rng = np.random.default_rng(1)
    symptoms = rng.choice([1, 0, -1], p=[0.3, 0.5, 0.2], size=(60, 37)).astype(np.int8)
    symptoms[40:] = symptoms[:20]
    symptoms[:, 5] = -1
    level = rng.choice([0, 2, 3, 7, 9, 14], size=(37, 11)).astype(np.int8)
    possible = rng.random((60, 11)) < 0.8
    possible[40:] = possible[:20]
    possible[3] = False
    return symptoms, level, possible


def dense(symptoms, probability):
    score = (symptoms == 1) @ np.log(probability) + (symptoms == 0) @ np.log1p(-probability)
    return score


def test_width_is_that_of_the_kernel():
    assert kernel.WIDTH == _WIDTH


def test_a_plan_adds_each_combination_once():
    profiles = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [1, 1, 0, 1], [1, 0, 0, 1]], dtype=np.int8)
    plan = plan_sums(profiles)
    assert len(plan.leaf_symptom) == 1 + 4  # s0 present, s1 present, s3 present, s3 missing
    assert plan.row[0] == plan.row[3]
    assert len(plan.left) == 4  # s0+s1; (s0) + s3 present; (s0) + s3 missing; (s0+s1) + s3 present


def test_a_plan_gives_the_sums_of_each_profile():
    rng = np.random.default_rng(2)
    profiles = rng.choice([1, 0, -1], size=(200, 23)).astype(np.int8)
    plan = plan_sums(profiles)
    present, missing = rng.normal(size=(2, 23))
    table = np.zeros(plan.n_rows)
    table[1 : len(plan.leaf_symptom)] = np.where(
        plan.leaf_present, present[plan.leaf_symptom], missing[plan.leaf_symptom]
    )[1:]
    for k, (a, b) in enumerate(zip(plan.left, plan.right, strict=True)):
        assert max(a, b) < len(plan.leaf_symptom) + k
        table[len(plan.leaf_symptom) + k] = table[a] + table[b]
    np.testing.assert_allclose(table[plan.row], (profiles == 1) @ present + (profiles == -1) @ missing, atol=1e-12)


@pytest.mark.parametrize("ruled", [False, True])
def test_likelihoods_equal_those_of_plain_products(example, ruled):
    symptoms, level, possible = example
    problem = build_problem(symptoms, level=level, possible=possible if ruled else None)
    arrays = problem.arrays
    value = np.array([0.95, 0.7, 0.3, 0.05, 0.004, 1e-4])
    table = np.zeros((len(arrays.leaf_symptom) + len(arrays.left) + 1, 8))
    likelihood = np.zeros((len(arrays.symptoms), arrays.allowed.shape[1]))
    fill_likelihood(arrays, value, table, likelihood)
    score = dense(symptoms, value[np.searchsorted(problem.levels, level)])
    if ruled:
        score[~possible] = -np.inf
    best = score.max(axis=1, keepdims=True)
    expected = np.exp(score - np.where(np.isfinite(best), best, 0))
    np.testing.assert_allclose(likelihood[arrays.profile[problem.cell], :11], expected, rtol=1e-11, atol=1e-300)
    assert (likelihood[:, 11:] == 0).all()


def test_fixed_probabilities_of_zero_and_one_rule_out():
    symptoms = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.int8)
    probability = np.array([[0.0, 1.0, 0.5], [0.5, 0.0, 0.0]])
    problem = build_problem(symptoms, probability=probability)
    rows = problem.likelihood[problem.arrays.profile[problem.cell], :3]
    np.testing.assert_allclose(rows, [[0, 1, 0.5], [1, 0, 0], [0, 0, 0]])


def test_exp_is_accurate_to_a_few_units_in_the_last_place():
    from numba import njit

    @njit
    def over(x):
        return np.array([kernel.exp_negative(v) for v in x])

    x = np.concatenate([-np.logspace(-12, np.log10(708), 4000), [0.0]])
    np.testing.assert_allclose(over(x), np.exp(x), rtol=1e-15, atol=0)


def state_for(problem, share, likelihood):
    n_padded = likelihood.shape[1]
    return State(
        theta=np.zeros((1, problem.n_causes)),
        sd=np.ones(1),
        value=problem.value,
        share=share,
        likelihood=likelihood,
        probability=np.zeros((len(problem.arrays.profile), n_padded)),
        csmf_draws=np.zeros((0, 1, n_padded)),
        level_draws=np.zeros((0, len(problem.value))),
        accepted=np.zeros(1, dtype=np.int64),
    )


def test_causes_are_drawn_with_their_probabilities(example):
    symptoms, level, _ = example
    problem = build_problem(symptoms, level=level)
    n_padded = problem.arrays.allowed.shape[1]
    rng = np.random.default_rng(3)
    share = np.zeros((1, n_padded))
    share[0, :11] = rng.dirichlet(np.ones(11))
    share[0, 4] = 0
    likelihood = np.zeros((len(problem.arrays.symptoms), n_padded))
    likelihood[:, :11] = rng.random((len(likelihood), 11))
    likelihood[:, 9] = 0
    state = state_for(problem, share, likelihood)
    count, cause = np.zeros((1, n_padded)), np.zeros(60, dtype=np.int64)
    tally = np.zeros((60, n_padded))
    generator = np.random.Generator(np.random.Philox(5))
    for _ in range(3000):
        _assign(generator, problem.arrays, state, True, -1, count, cause, np.zeros(n_padded))
        tally[np.arange(60), cause] += 1
        assert count.sum() == 60
    owner = np.repeat(np.arange(len(problem.arrays.profile)), problem.arrays.copies)
    expected = share * likelihood
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(state.probability / 3000, expected[problem.arrays.profile], rtol=1e-10)
    p = expected[problem.arrays.profile[owner]]
    assert (tally[p == 0] == 0).all()
    chi2 = ((tally - 3000 * p) ** 2 / np.where(p > 0, 3000 * p, 1)).sum()
    assert stats.chi2.sf(chi2, (p > 0).sum() - 60) > 1e-3


def test_a_death_with_no_possible_cause_is_left_out_or_as_the_original_goes_to_the_first(example):
    symptoms, level, possible = example
    problem = build_problem(symptoms, level=level, possible=possible)
    n_padded = problem.arrays.allowed.shape[1]
    likelihood = problem.arrays.allowed.copy()
    state = state_for(problem, np.full((1, n_padded), 1 / 11), likelihood)
    generator = np.random.Generator(np.random.Philox(5))
    for stray, total in ((-1, 59), (0, 60)):
        count, cause = np.zeros((1, n_padded)), np.zeros(60, dtype=np.int64)
        _assign(generator, problem.arrays, state, True, stray, count, cause, np.zeros(n_padded))
        assert count.sum() == total
        assert (cause == stray).sum() >= 1
    assert state.probability[problem.cell[3]].sum() == 0


def test_levels_are_counted_as_one_by_one():
    rng = np.random.default_rng(4)
    symptoms = rng.choice([1, 0, -1], size=(700, 9)).astype(np.int8)
    level = rng.choice([1, 6, 8], size=(9, 3)).astype(np.int8)
    problem = build_problem(symptoms, level=level)
    arrays = problem.arrays
    owner = np.repeat(np.arange(len(arrays.profile)), arrays.copies)
    cause = rng.choice(3, p=[0.8, 0.15, 0.05], size=700)  # more than 127 of one cause: counters overflow unless emptied
    cause[:7] = -1
    width = arrays.allowed.shape[1]
    yes, seen = np.zeros(3), np.zeros(3)
    bytes_ = [np.zeros((width, 9), np.int8) for _ in range(2)]
    words = [np.zeros((width, 9), np.int32) for _ in range(2)]
    _count_levels(arrays, cause, *bytes_, np.zeros(width, np.int64), *words, yes, seen)
    rank = np.searchsorted(problem.levels, level)
    expected = np.zeros((2, 3))
    for i, c in enumerate(cause):
        for s in range(9) if c >= 0 else ():
            x = arrays.symptoms[arrays.profile[owner[i]], s]
            expected[0, rank[s, c]] += x == 1
            expected[1, rank[s, c]] += x >= 0
    np.testing.assert_array_equal([yes, seen], expected)


def test_prior_of_the_levels_is_that_of_the_specification(example):
    symptoms, level, _ = example
    problem = build_problem(symptoms, level=level, levels_strength=0.5)
    answered = level[(symptoms >= 0).any(axis=0)]
    median = np.median(np.unique(answered, return_counts=True)[1])
    prior_b = np.trunc(np.trunc(1.5 * 60) * median * 0.5)
    assert problem.arrays.prior_b == prior_b
    standard = np.array([1, 0.5, 0.2, 0.01, 0.002, 1e-6])
    np.testing.assert_allclose(problem.arrays.prior_a, 0.99 * prior_b * standard)
    assert (np.diff(problem.value) < 0).all()
