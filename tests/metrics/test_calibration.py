"""Calibration: cases with a known answer, scikit-learn's log loss, and recovery of a known temperature."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from va_experiments.metrics import calibration
from va_experiments.metrics.sufficient_statistics import scored_deaths
from va_experiments.models.base import Prediction

RNG = np.random.default_rng(14)


def calibrated(n: int, c: int) -> tuple[np.ndarray, np.ndarray]:
    p = RNG.dirichlet(np.full(c, 0.5), n)
    return (RNG.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(max=c - 1), p


def test_log_loss_equals_sklearn() -> None:
    truth, p = calibrated(300, 5)
    p = np.maximum(p, 1e-10)
    p /= p.sum(axis=1, keepdims=True)
    cases = scored_deaths(truth, Prediction(probability=p, csmf=p.mean(axis=0)))
    assert cases.log_loss.mean() == pytest.approx(log_loss(truth, p, labels=range(5)), rel=1e-12)
    plain = ((p - np.eye(5)[truth]) ** 2).sum(axis=1)
    np.testing.assert_allclose(cases.brier, plain, atol=1e-12)


def test_errors_of_a_worked_example() -> None:
    # 10 deaths said with .75 that it is cause 0, and it is in 5 of them: |.75 - .5| for the top and for each cause
    p = np.tile([0.75, 0.25], (10, 1))
    truth = np.array([0, 1] * 5)
    assert calibration.expected_calibration_error(truth, p) == pytest.approx(0.25)
    assert calibration.classwise_calibration_error(truth, p) == pytest.approx(0.25)
    reliability = calibration.reliability(truth, p, n_bins=4)
    np.testing.assert_allclose(reliability.count, [[0, 0, 0, 10], [0, 10, 0, 0]])
    assert reliability.observed[0, 3] == reliability.observed[1, 1] == 0.5


def test_bins_part_what_one_bin_would_average() -> None:
    # .9 is always right and .6 half the time: .1 off each; in one bin the mean .75 is the share .75
    p, truth = np.array([[0.9, 0.1]] * 2 + [[0.6, 0.4]] * 2), [0, 0, 0, 1]
    for error in (calibration.expected_calibration_error, calibration.classwise_calibration_error):
        assert error(truth, p) == pytest.approx(0.1)
        assert error(truth, p, n_bins=1) == pytest.approx(0)


def test_undetermined_deaths_are_left_out() -> None:
    p = np.vstack([np.tile([0.75, 0.25], (10, 1)), np.zeros((3, 2))])
    truth = np.array([0, 1] * 5 + [0, 0, 0])
    assert calibration.expected_calibration_error(truth, p) == pytest.approx(0.25)
    assert np.isnan(calibration.expected_calibration_error([0], np.zeros((1, 2))))


def test_error_of_calibrated_probabilities_is_small() -> None:
    truth, p = calibrated(40_000, 5)
    assert calibration.expected_calibration_error(truth, p) < 0.01
    assert calibration.classwise_calibration_error(truth, p) < 0.01


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_recovered(temperature: float) -> None:
    truth, p = calibrated(20_000, 5)
    sharpened = calibration.apply_temperature(p, 1 / temperature)
    fitted = calibration.fit_calibration(truth, sharpened, bias=False).temperature
    assert fitted == pytest.approx(temperature, rel=0.05)
    before, after = (
        calibration.expected_calibration_error(truth, q)
        for q in (sharpened, calibration.apply_temperature(sharpened, fitted))
    )
    assert after < 0.015
    assert temperature == 1 or after < before


def test_temperature_and_biases_are_recovered_and_the_mean_becomes_the_share() -> None:
    truth, p = calibrated(30_000, 4)
    bias = np.array([0.8, -0.5, 0.2, -0.5])
    bent = calibration.apply_temperature(p, 0.4, -bias / 0.4)  # undone by temperature 1 / 0.4 and these biases
    fitted = calibration.fit_calibration(truth, bent)
    assert fitted.temperature == pytest.approx(2.5, rel=0.05)
    np.testing.assert_allclose(fitted.bias - fitted.bias.mean(), bias, atol=0.08)
    share = np.bincount(truth, minlength=4) / len(truth)
    np.testing.assert_allclose(fitted.apply(bent).mean(axis=0), share, atol=1e-5)
    alone = calibration.fit_calibration(truth, bent, bias=False).apply(bent).mean(axis=0)
    assert np.abs(alone - share).max() > 0.05


@pytest.mark.parametrize("bias", [True, False])
def test_the_fit_meets_the_conditions_of_a_least_loss(bias: bool) -> None:
    """The gradient of the mean log loss plus ``ridge / n * b @ b`` (Alexandari 2020, equation 5, with a ridge) is 0."""
    p = (
        np.array([[6, 3, 1, 0], [5, 2, 3, 0], [1, 7, 2, 0], [3, 3, 4, 0], [2, 2, 6, 0], [8, 1, 1, 0], [0, 4, 6, 0]])
        / 10
    )
    truth, ridge = np.array([0, 1, 1, 0, 2, 2, 0]), 0.3  # the last death cannot have its cause: it is left out
    fitted = calibration.fit_calibration(truth, p, bias=bias, ridge=ridge)
    cause, first_rows = truth[:6], p[:6]
    q, logs = fitted.apply(first_rows), np.log(np.maximum(first_rows, 1e-9))
    assert (q * logs).sum() == pytest.approx(logs[np.arange(6), cause].sum(), abs=3e-6)
    assert fitted.bias[3] == 0
    if bias:
        np.testing.assert_allclose(q.sum(axis=0) + 2 * ridge * fitted.bias, [2, 2, 2, 0], atol=3e-6)
    else:
        assert not fitted.bias.any()


def test_only_causes_with_deaths_have_a_bias() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.6, 0.1, 0.3], [0.2, 0.4, 0.4]])
    fitted = calibration.fit_calibration([0, 0, 1], p, ridge=0.1)
    assert fitted.bias[2] == 0
    assert (fitted.bias[:2] != 0).all()


def test_calibration_of_a_cause_without_deaths_and_of_very_sure_errors() -> None:
    truth, p = calibrated(5000, 4)
    padded = np.hstack([p, np.zeros((5000, 1))])
    padded[:20] = [1, 0, 0, 0, 0]
    padded[:10] = [1 - 1e-200, 1e-200, 0, 0, 0]  # sure and wrong, yet not impossible: these count most
    truth[:20] = 1
    fitted = calibration.fit_calibration(truth, padded)
    assert fitted.bias[4] == 0
    assert fitted.temperature > 5
    assert (fitted.apply(padded)[:, 4] == 0).all()


def test_temperature_leaves_zeros_and_undetermined_rows() -> None:
    p = np.array([[0.5, 0.5, 0], [0, 0, 0], [1.0, 0, 0]])
    raised = calibration.apply_temperature(p, 2.0)
    np.testing.assert_allclose(raised, p)
    unchanged = calibration.fit_calibration([2, 1], p[:2])
    assert unchanged.temperature == 1
    np.testing.assert_allclose(unchanged.apply(p), p)


def test_temperature_and_bias_by_hand_and_where_numbers_are_too_small() -> None:
    # square roots, the first one doubled: 2 * sqrt(.5), sqrt(.25), sqrt(.25), scaled to 1
    raised = calibration.apply_temperature([[0.5, 0.25, 0.25]], 2.0, np.log([2, 1, 1]))
    np.testing.assert_allclose(raised, np.array([[2 * 0.5**0.5, 0.5, 0.5]]) / (1 + 2 * 0.5**0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a zero gives none
        far = calibration.apply_temperature([[0.5, 0.5], [1.0, 0.0]], 0.0005)  # .5 ** 2000 is below the least number
    np.testing.assert_allclose(far, [[0.5, 0.5], [1.0, 0.0]])


def test_the_temperature_of_deaths_that_are_all_right_is_its_bound() -> None:
    fitted = calibration.fit_calibration([0, 1, 0], [[0.51, 0.49], [0.48, 0.52], [0.53, 0.47]], bias=False)
    assert fitted.temperature == pytest.approx(1 / 50)


def test_interval_coverage_is_nominal_for_exact_posteriors() -> None:
    # a flat Dirichlet prior and multinomial counts: the posterior is Dirichlet, its intervals cover as they should
    inside = []
    for _ in range(600):
        true = RNG.dirichlet(np.ones(6))
        draws = RNG.dirichlet(1 + RNG.multinomial(80, true), size=400)
        inside.append(calibration.csmf_interval_coverage(true, draws))
    coverage = np.mean(inside)
    print(f"coverage of 95% CSMF intervals over 600 x 6 fractions: {coverage:.3f}")
    assert 0.93 <= coverage <= 0.97


def test_the_ends_of_the_interval_are_the_quantiles_of_its_level() -> None:
    draws = np.linspace(0, 1, 101)[:, None] * np.ones(4)
    assert calibration.csmf_interval_coverage([0.101, 0.099, 0.899, 0.901], draws, level=0.8).tolist() == [1, 0, 1, 0]
    assert calibration.csmf_interval_coverage([0.026, 0.024, 0.974, 0.976], draws).tolist() == [1, 0, 1, 0]


def test_reliability_and_its_errors_equal_sklearns_curve() -> None:
    truth, p = calibrated(2000, 5)
    reliability = calibration.reliability(truth, p)
    gaps = []
    for cause in range(5):
        observed, predicted = calibration_curve(truth == cause, p[:, cause], n_bins=15)
        count, _ = np.histogram(p[:, cause], bins=15, range=(0, 1))
        used = reliability.count[cause] > 0
        np.testing.assert_array_equal(reliability.count[cause], count)
        np.testing.assert_allclose(reliability.observed[cause, used], observed)
        np.testing.assert_allclose(reliability.predicted[cause, used], predicted)
        gaps.append((np.abs(observed - predicted) * count[used]).sum() / 2000)
    assert calibration.classwise_calibration_error(truth, p) == pytest.approx(np.mean(gaps))
    top = p.max(axis=1)
    observed, predicted = calibration_curve(p.argmax(axis=1) == truth, top, n_bins=15)
    count = np.histogram(top, bins=15, range=(0, 1))[0]
    expected = (np.abs(observed - predicted) * count[count > 0]).sum() / 2000
    assert calibration.expected_calibration_error(truth, p) == pytest.approx(expected)
