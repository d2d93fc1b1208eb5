"""Two levels whose order the deaths contradict: the default draws their posterior, the original holds them apart.

600 simulated deaths of two known causes answer three symptoms; these have the levels I, A+ and A under both causes. A+
is present in 15% of the deaths and A in 45%, but the levels must be ordered, A+ above A.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.conformance_insilico import compare, middle_rule, sample
from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.problem import Problem, build_problem

N = 600
PRESENT = (360, 90, 270)


@pytest.fixture(scope="module")
def problem() -> Problem:
    symptoms = np.stack([np.arange(N) * 7 % N < yes for yes in PRESENT], axis=1).astype(np.int8)
    possible = np.eye(2, dtype=bool)[np.arange(N) % 2]
    level = np.repeat(np.arange(3)[:, None], 2, axis=1)
    start = np.linspace(0.6, 0.01, 15)
    start[:3] = 0.6, 0.51, 0.45
    return build_problem(symptoms, level=level, start=start, possible=possible, levels_strength=0.01)


def draws(problem: Problem, *, reference_compat: bool) -> np.ndarray:
    run = Run(problem, Sampling(6000, 1000, n_chains=2, reference_compat=reference_compat), seed=3)
    run.sample(lambda run: True, 6000)
    return run.level_draws


def test_the_default_draws_from_the_ordered_posterior(problem):
    """Against integration of the three Beta densities over the ordered region."""
    a = problem.arrays.prior_a + PRESENT
    b = problem.arrays.prior_b - problem.arrays.prior_a + N - np.array(PRESENT)
    grid = np.linspace(0.15, 0.65, 2001)
    upper, lower = (stats.beta.pdf(grid, a[k], b[k]) for k in (1, 2))
    above = stats.beta.sf(grid, a[0], b[0])  # level I above A+
    weight = np.triu(np.outer(lower, upper * above))  # rows: A, columns: A+
    weight /= weight.sum()
    expected = (weight.sum(axis=0) @ grid, weight.sum(axis=1) @ grid)
    levels = draws(problem, reference_compat=False)
    assert levels[..., 1:].mean(axis=(0, 1)) == pytest.approx(expected, abs=0.001)
    assert expected == pytest.approx((0.311, 0.309), abs=0.001)
    assert middle_rule(levels) == pytest.approx(np.zeros(3))


def test_the_rule_of_the_original_holds_the_levels_apart(problem):
    levels = draws(problem, reference_compat=True)
    assert levels[..., 1].min() > 0.48
    assert levels[..., 2].mean() == pytest.approx(0.45, abs=0.005)
    assert middle_rule(levels)[1] > 0.999


def test_the_conformance_rows_see_the_difference(problem):
    slow = Sampling(2000, 1000, 10, original=True, sd_max=1e6, reference_compat=True)
    originals = [sample(problem, slow, seed=7)]
    for compat, holds in ((True, True), (False, False)):
        rows = list(compare("simulated", problem, originals, 2000, 4, precise=500, reference_compat=compat))
        levels = next(row for row in rows if row["figure"] == "t of the levels")
        assert levels["holds"] is holds
        assert ("A+ in 100%" in rows[-1]["note"]) is compat
