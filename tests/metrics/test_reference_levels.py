"""Chance levels and ceilings against closed forms and simulation."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from va_experiments.metrics import reference_levels
from va_experiments.metrics.csmf import RANDOM_ALLOCATION, csmf_accuracy

RNG = np.random.default_rng(13)


@pytest.mark.parametrize(("n", "p"), [(10, 0.3), (60, 0.02), (1500, 0.2), (1500, 0.0007)])
def test_mean_absolute_deviation_equals_de_moivre(n: int, p: float) -> None:
    v = math.floor(n * p) + 1  # De Moivre 1730: E|X - np| = 2 v C(n, v) p^v (1 - p)^(n - v + 1)
    log = (
        math.lgamma(n + 1)
        - math.lgamma(v + 1)
        - math.lgamma(n - v + 1)
        + v * math.log(p)
        + (n - v + 1) * math.log1p(-p)
    )
    assert reference_levels.mean_absolute_deviation(n, p, p) == pytest.approx(2 * v * math.exp(log) / n, rel=1e-9)


def test_degenerate_shares() -> None:
    np.testing.assert_allclose(reference_levels.mean_absolute_deviation(9, [0.0, 1.0], [0.25, 0.25]), [0.25, 0.75])
    assert math.isnan(reference_levels.chance_accuracy([1.0], 10))
    assert math.isnan(reference_levels.finite_sample_ceiling([1.0], 10))


@pytest.mark.parametrize("n", [60, 297, 1554])
def test_chance_and_finite_sample_ceiling_equal_simulation(n: int) -> None:
    p = RNG.dirichlet(np.ones(34))
    for exact, share in (
        (reference_levels.chance_accuracy(p, n), np.full(34, 1 / 34)),
        (reference_levels.finite_sample_ceiling(p, n), p),
    ):
        drawn = csmf_accuracy(p, RNG.multinomial(n, share, size=4000) / n)
        assert exact == pytest.approx(drawn.mean(), abs=4 * drawn.std() / math.sqrt(4000))


@pytest.mark.parametrize(("n_causes", "expected"), [(34, 0.637), (21, 0.641), (6, 0.656), (5, 0.662)])
def test_uniform_guess_under_dirichlet(n_causes: int, expected: float) -> None:
    mean, error = reference_levels.uniform_accuracy_under_dirichlet(
        n_causes, n_draws=40_000, rng=np.random.default_rng(3)
    )
    print(f"uniform estimate under Dirichlet(1), {n_causes} causes: {mean:.4f} +- {error:.4f}")
    assert mean == pytest.approx(expected, abs=0.0005 + 4 * error)  # the published figure has three digits
    assert mean > RANDOM_ALLOCATION


def test_the_error_of_the_simulated_mean_is_that_of_its_draws() -> None:
    _, error = reference_levels.uniform_accuracy_under_dirichlet(3, n_draws=20, rng=np.random.default_rng(3))
    draws = np.random.default_rng(3).dirichlet(np.ones(3), size=20)
    values = 1 - np.abs(draws - 1 / 3).sum(axis=1) / (2 * (1 - draws.min(axis=1)))
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(20))


def test_label_coverage_limits_the_best_possible_accuracy() -> None:
    truth, train = np.array([0] * 50 + [1] * 30 + [2] * 20), np.array([0, 0, 1])
    assert reference_levels.label_coverage(truth, train) == 0.8
    p = np.array([0.5, 0.3, 0.2, 0.0])
    best = reference_levels.coverage_ceiling(p, train)
    assert best == pytest.approx(0.8)
    reached = csmf_accuracy(p, np.column_stack([*(RNG.dirichlet([5, 3], 5000).T), np.zeros((5000, 2))])).max()
    assert best - 0.01 < reached <= best + 1e-12
    assert reference_levels.coverage_ceiling(p, [0, 1, 2]) == 1


def test_one_death_and_two_causes_by_hand() -> None:
    """Fractions .75 and .25: an estimate of (1, 0) scores 1 - .5 / 1.5, one of (0, 1) scores 0."""
    assert reference_levels.chance_accuracy([0.75, 0.25], 1) == pytest.approx((2 / 3 + 0) / 2)
    assert reference_levels.finite_sample_ceiling([0.75, 0.25], 1) == pytest.approx(0.75 * 2 / 3)
    assert reference_levels.chance_accuracy([1.0, 0.0], 1) == pytest.approx((1 + 0) / 2)
    assert reference_levels.finite_sample_ceiling([1.0, 0.0], 1) == 1
    assert reference_levels.coverage_ceiling([0.5, 0.3, 0.2], [0, 1]) == pytest.approx(1 - 0.2 / 0.8)
    assert reference_levels.coverage_ceiling([0.5, 0.3, 0.2], [0]) == pytest.approx(1 - 0.5 / 0.8)


def test_a_list_of_one_cause_has_no_reference_values() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(reference_levels.chance_accuracy([1.0], 5))
        assert np.isnan(reference_levels.finite_sample_ceiling([1.0], 5))
        assert np.isnan(reference_levels.coverage_ceiling([1.0], [0]))
