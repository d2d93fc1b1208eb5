"""CSMF accuracy against worked examples and its known limits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from va_experiments.metrics import csmf

RNG = np.random.default_rng(11)


def test_worked_example() -> None:
    # truth .5 .3 .2, estimate .4 .4 .2: sum of differences .2, worst case 2 (1 - .2) = 1.6
    assert csmf.csmf_accuracy([0.5, 0.3, 0.2], [0.4, 0.4, 0.2]) == pytest.approx(1 - 0.2 / 1.6)


def test_limits() -> None:
    p = np.array([0.6, 0.3, 0.1])
    assert csmf.csmf_accuracy(p, p) == 1
    assert csmf.csmf_accuracy(p, [0, 0, 1]) == pytest.approx(0)  # everything on the rarest cause is the worst there is
    assert csmf.csmf_accuracy(p, [0, 0, 0]) == pytest.approx(1 - 2 / 1.8)  # all undetermined: lower still, not clipped
    assert np.isnan(csmf.csmf_accuracy([1.0], [1.0]))


def test_the_least_and_the_greatest_minimum() -> None:
    assert csmf.csmf_accuracy([0.5, 0.5], [1.0, 0.0]) == 0  # the worst possible sum of differences is 1
    assert np.isnan(csmf.csmf_accuracy([1.0], [0.5]))
    assert csmf.cause_fractions([1], 2).tolist() == [0, 1]


def test_estimates_of_one_truth_are_scored_as_each_alone_and_without_a_warning() -> None:
    true, estimates = [0.2, 0.3, 0.5], [[0.2, 0.3, 0.5], [0.5, 0.3, 0.1], [0.0, 0.0, 0.0], [0.6, 0.1, 0.3]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for accuracy in (csmf.csmf_accuracy, csmf.csmf_accuracy_determined, csmf.csmf_accuracy_redistributed):
            np.testing.assert_array_equal(accuracy(true, estimates), [accuracy(true, each) for each in estimates])
        assert np.isnan(csmf.csmf_accuracy([1.0], [1.0]))
        assert np.isnan(csmf.csmf_accuracy([1.0], [0.5]))
        assert np.isnan(csmf.chance_corrected(1.0, 1.0))
        assert csmf.chance_corrected(0.5, 1.0) == -np.inf


def test_minimum_runs_over_the_declared_list() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    longer = csmf.csmf_accuracy([*p, 0], [*q, 0])
    assert longer == pytest.approx(1 - 0.2 / 2)


def test_undetermined_is_a_class_of_its_own_redistributed_or_dropped() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.2, 0.1])
    assert csmf.csmf_accuracy(p, q) == pytest.approx(1 - (0.1 + 0.1 + 0.1 + 0.3) / 1.6)
    assert csmf.csmf_accuracy_redistributed(p, q) == pytest.approx(csmf.csmf_accuracy(p, q + 0.1))
    assert csmf.csmf_accuracy_determined(p, q) == pytest.approx(csmf.csmf_accuracy(p, q / 0.7))
    assert np.isnan(csmf.csmf_accuracy_determined(p, [0, 0, 0]))


def test_equals_the_plain_formula_and_broadcasts() -> None:
    p, q = RNG.dirichlet(np.ones(34), 50), RNG.dirichlet(np.ones(34), 50)
    plain = [
        1 - sum(abs(a - b) for a, b in zip(x, y, strict=True)) / (2 * (1 - min(x))) for x, y in zip(p, q, strict=True)
    ]
    np.testing.assert_allclose(csmf.csmf_accuracy(p, q), plain, rtol=1e-13)
    np.testing.assert_allclose(csmf.csmf_accuracy(p[0], q)[3], csmf.csmf_accuracy(p[0], q[3]), rtol=1e-13)


def test_chance_correction() -> None:
    assert csmf.chance_corrected(1) == 1
    assert csmf.chance_corrected(csmf.RANDOM_ALLOCATION) == pytest.approx(0)
    assert abs(csmf.RANDOM_ALLOCATION - 0.632) < 5e-4
    # published pairs of CSMF accuracy and CCCSMF, Serina 2015: .717 and 23.1%, .770 and 37.6%
    assert csmf.chance_corrected([0.717, 0.770]) == pytest.approx([0.231, 0.376], abs=2e-3)


def test_cause_fractions() -> None:
    np.testing.assert_allclose(csmf.cause_fractions([0, 0, 2, -1], 4), [0.5, 0, 0.25, 0])
