"""Individual agreement against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    cohen_kappa_score,
    confusion_matrix,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)

from va_experiments.metrics import individual

RNG = np.random.default_rng(12)
C, N = 6, 400
TRUTH = RNG.choice(C - 1, N, p=[0.5, 0.2, 0.2, 0.07, 0.03])  # the last cause has no deaths
NAMED = np.where(RNG.random(N) < 0.4, TRUTH, RNG.integers(-1, C, N))


def counts(truth: np.ndarray, named: np.ndarray, c: int = C) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.bincount(truth, minlength=c),
        np.bincount(named[named >= 0], minlength=c),
        np.bincount(truth[truth == named], minlength=c),
    )


TRUE, GIVEN, CORRECT = counts(TRUTH, NAMED)
PRESENT = list(range(C - 1))


def test_sensitivity_and_predictive_value_equal_sklearn() -> None:
    np.testing.assert_allclose(
        individual.sensitivity(CORRECT, TRUE)[:-1], recall_score(TRUTH, NAMED, labels=PRESENT, average=None)
    )
    assert np.isnan(individual.sensitivity(CORRECT, TRUE)[-1])
    np.testing.assert_allclose(
        individual.positive_predictive_value(CORRECT, GIVEN)[:-1],
        precision_score(TRUTH, NAMED, labels=PRESENT, average=None, zero_division=0),
    )
    assert individual.macro(individual.sensitivity(CORRECT, TRUE), TRUE) == pytest.approx(
        recall_score(TRUTH, NAMED, labels=PRESENT, average="macro")
    )
    assert individual.macro(individual.positive_predictive_value(CORRECT, GIVEN), TRUE) == pytest.approx(
        precision_score(TRUTH, NAMED, labels=PRESENT, average="macro", zero_division=0)
    )


def test_specificity_and_npv_equal_sensitivity_and_ppv_of_the_complement() -> None:
    for cause in PRESENT:
        other_true, other_named = (cause != TRUTH).astype(int), (cause != NAMED).astype(int)
        spec = individual.specificity(CORRECT, TRUE, GIVEN, N)[cause]
        npv = individual.negative_predictive_value(CORRECT, TRUE, GIVEN, N)[cause]
        assert spec == pytest.approx(recall_score(other_true, other_named))
        assert npv == pytest.approx(precision_score(other_true, other_named))


def test_confusion_equals_sklearn() -> None:
    expected = confusion_matrix(TRUTH, np.where(NAMED < 0, C, NAMED), labels=range(C + 1))[:C]
    np.testing.assert_array_equal(individual.confusion(TRUTH, NAMED, C), expected)


def test_kappa_equals_sklearn_with_undetermined_as_a_category() -> None:
    assert individual.kappa(CORRECT, TRUE, GIVEN) == pytest.approx(cohen_kappa_score(TRUTH, NAMED))


def test_concordance_is_zero_for_chance_and_has_its_minimum() -> None:
    true = np.array([34.0 * 10, 10, 0])
    ccc = individual.chance_corrected_concordance(np.array([340 / 3, 0, 0]), true)
    np.testing.assert_allclose(ccc, [0, -1 / 2, np.nan], atol=1e-15)  # minimum -1 / (N - 1), not -1
    assert individual.chance_corrected_concordance(true, true)[0] == pytest.approx(1)


def test_mean_and_median_run_over_causes_with_deaths() -> None:
    value, true = np.array([0.2, 0.9, 0.5, np.nan]), np.array([3, 1, 4, 0])
    assert individual.macro(value, true) == pytest.approx((0.2 + 0.9 + 0.5) / 3)
    assert individual.median_over_present(value, true) == 0.5
    assert individual.median_over_present(value, np.array([3, 1, 0, 0])) == pytest.approx(0.55)
    assert np.isnan(individual.median_over_present(value, np.zeros(4)))
    many = RNG.random((20, 9))
    present = RNG.random((20, 9)) < 0.6
    present[:, 0] = True
    expected = [np.median(v[k]) for v, k in zip(many, present, strict=True)]
    np.testing.assert_allclose(individual.median_over_present(many, present), expected)


def test_rank_equals_sklearn_where_there_are_no_ties() -> None:
    p = RNG.dirichlet(np.ones(C), N)
    rank = individual.rank_of_truth(TRUTH, p)
    for k in (1, 2, 3):
        assert (rank < k).mean() == pytest.approx(top_k_accuracy_score(TRUTH, p, k=k, labels=range(C)))


def test_ties_break_in_declared_order_and_zero_is_in_no_top_k() -> None:
    p = np.array([[0.25, 0.25, 0.25, 0.25], [0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_array_equal(individual.rank_of_truth([2, 0, 1, 2], p), [2, 4, 1, 4])


def test_partial_concordance() -> None:
    assert individual.partial_concordance(3 / 34, 3, 34) == pytest.approx(0)
    assert individual.partial_concordance(1.0, 3, 34) == pytest.approx(1)
    assert np.isnan(individual.partial_concordance(1.0, 3, 3))
    assert np.isnan(individual.partial_concordance(0.5, 3, 3))
    assert np.isnan(individual.partial_concordance(0.5, 3, 2))


def test_lists_of_one_and_two_causes() -> None:
    np.testing.assert_allclose(individual.chance_corrected_concordance([8, 1], [10, 2]), [(0.8 - 0.5) / 0.5, 0])
    one = individual.chance_corrected_concordance([[8], [9]], [[10], [10]])
    assert one.shape == (2, 1)
    assert one.dtype == np.float64
    assert np.isnan(one).all()
    assert individual.median_over_present([0.2, 0.9], [0, 3]) == 0.9


def test_resamples_are_each_scored_as_alone() -> None:
    true, named, correct = np.array([[6, 4], [2, 8]]), np.array([[5, 5], [3, 6]]), np.array([[4, 3], [1, 5]])
    for metric in (individual.kappa, lambda c, t, n: individual.macro(individual.sensitivity(c, t), t)):
        alone = [metric(c, t, n) for c, t, n in zip(correct, true, named, strict=True)]
        np.testing.assert_array_equal(metric(correct, true, named), alone)
    # by hand: .7 agree, .6 * .5 + .4 * .5 = .5 by chance
    assert individual.kappa(correct, true, named)[0] == pytest.approx((0.7 - 0.5) / (1 - 0.5))
