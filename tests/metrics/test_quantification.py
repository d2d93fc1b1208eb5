"""CSMF estimators: recovery where their assumption holds, closed forms, and abstaining where it cannot work."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.errors import InputError
from va_experiments.metrics import calibration
from va_experiments.metrics.calibration import apply_temperature
from va_experiments.metrics.quantification import (
    ESTIMATORS,
    CSMFEstimate,
    OutOfFoldPredictions,
    adjusted_count,
    bbse,
    em,
    estimate_csmf,
)

C = 5
RNG = np.random.default_rng(41)
CENTRES = RNG.normal(size=(C, 3)) * 1.6


def posteriors(cause: np.ndarray, prior: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return exact posteriors, under `prior`, of points around the centre of their cause, then sharpened."""
    x = CENTRES[cause] + RNG.normal(size=(len(cause), 3))
    logs = np.log(prior) - 0.5 * ((x[:, None] - CENTRES) ** 2).sum(axis=2)
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    return apply_temperature(p / p.sum(axis=1, keepdims=True), temperature)


def shifted(n_train: int = 20_000, n_test: int = 20_000, temperature: float = 1.0):
    prior, target = RNG.dirichlet(np.full(C, 5.0)), RNG.dirichlet(np.full(C, 1.0))
    train, test = RNG.choice(C, n_train, p=prior), RNG.choice(C, n_test, p=target)
    training = OutOfFoldPredictions(posteriors(train, prior, temperature), train)
    return posteriors(test, prior, temperature), training, np.bincount(test, minlength=C) / n_test


def error(estimate: CSMFEstimate, true: np.ndarray) -> float:
    assert estimate.csmf is not None, estimate.abstained
    assert estimate.csmf.sum() == pytest.approx(1)
    assert (estimate.csmf >= 0).all()
    return float(np.abs(estimate.csmf - true).sum())


def test_an_adjusted_count_without_errors_is_the_count_or_the_mean_probability() -> None:
    """Training deaths are all named rightly and surely: the matrix is the identity, the condition number 1."""
    training = OutOfFoldPredictions(np.eye(3)[[0, 1, 2]], np.arange(3))
    test = np.array([[0.6, 0.3, 0.1], [0.5, 0.1, 0.4], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]])
    for soft, expected in ((False, [0.5, 0.0, 0.5]), (True, [0.35, 0.2, 0.45])):
        estimate = adjusted_count(test, training, soft=soft)
        np.testing.assert_allclose(estimate.csmf, expected, atol=1e-6)
        assert estimate.facts["condition"] == pytest.approx(1)
    np.testing.assert_allclose(adjusted_count(test, training, max_condition=1).csmf, [0.5, 0.0, 0.5], atol=1e-6)
    unsure = np.array([[0.8, 0.2], [0.3, 0.7]])
    mixed = adjusted_count(unsure, OutOfFoldPredictions(unsure, np.array([0, 1])), soft=True)
    np.testing.assert_allclose(mixed.csmf, [0.5, 0.5], atol=1e-6)
    one = OutOfFoldPredictions(np.eye(3)[[0]], np.array([0]))
    np.testing.assert_allclose(adjusted_count(np.eye(3)[[0]], one).csmf, [1, 0, 0], atol=1e-6)


def said(first: int, second: int) -> np.ndarray:
    return np.repeat([[0.9, 0.1], [0.1, 0.9]], [first, second], axis=0)


def test_bbse_by_hand() -> None:
    """Of 80 deaths of cause 0, 64 are named so, of 20 of cause 1, 14: columns .8, .2 and .3, .7."""
    training = OutOfFoldPredictions(np.vstack([said(64, 16), said(6, 14)]), np.repeat([0, 1], [80, 20]))
    test = np.array([[0.6, 0.4], [0.1, 0.9]])
    hard = bbse(test, training, soft=False)  # half are named 0: (.5 - .3) / (.8 - .3) = .4
    np.testing.assert_allclose(hard.csmf, [0.4, 0.6])
    assert hard.facts == pytest.approx(
        {"condition": np.linalg.cond([[0.8, 0.3], [0.2, 0.7]]), "largest_ratio": 0.6 / 0.2}
    )
    np.testing.assert_allclose(bbse(test, training).csmf, [(0.35 - 0.34) / 0.4, (0.74 - 0.35) / 0.4])
    assert bbse(test, training).facts["largest_ratio"] == pytest.approx(0.975 / 0.2)
    np.testing.assert_allclose(bbse(said(3, 0), training, soft=False).csmf, [1, 0])  # a ratio below 0 becomes 0


def test_limits_of_the_corrections() -> None:
    one = OutOfFoldPredictions(np.eye(3)[[0]], np.array([0]))
    for name in ("adjusted_count", "bbse", "em"):
        np.testing.assert_allclose(estimate_csmf(name, np.eye(3)[[0]], one).csmf, [1, 0, 0], atol=1e-6)
        for test, train in ((np.zeros((1, 3)), one), (np.eye(3), OutOfFoldPredictions(np.zeros((1, 3)), np.zeros(1)))):
            estimate = estimate_csmf(name, test, train)
            assert (estimate.csmf, estimate.abstained) == (None, "every death is undetermined")
    for name in ("classify_and_count", "mean_probability"):
        assert estimate_csmf(name, np.zeros((2, 3))).abstained == "every test death is undetermined"
    sure = OutOfFoldPredictions(np.eye(3)[[0, 1]], np.array([0, 1]))
    assert bbse(np.eye(3)[[0]], sure, max_condition=1).csmf is not None
    outside = bbse(np.eye(3)[[2]], sure)
    assert (outside.csmf, outside.facts) == (None, {"condition": pytest.approx(1), "largest_ratio": 0.0})
    assert outside.abstained == "every ratio of test to training fractions is negative"
    absent = em(np.eye(3)[[2]], sure)
    assert absent.abstained == "no test death has a probable cause that occurs in training"
    assert absent.facts["temperature"] > 0


def test_em_of_two_kinds_of_answers_by_hand() -> None:
    """Likelihoods 4:1 in 3 deaths, 1:4 in 2: the greatest of (.2 + .6 q)^3 (.8 - .6 q)^2 is at q = 2/3."""
    training = OutOfFoldPredictions(said(1, 1), np.array([0, 1]))
    test = np.repeat([[0.8, 0.2], [0.2, 0.8]], [3, 2], axis=0)
    estimate = em(test, training, calibrate=False)
    np.testing.assert_allclose(estimate.csmf, [2 / 3, 1 / 3], atol=1e-7)
    assert list(estimate.facts) == ["iterations"]
    first = em(test, training, calibrate=False, tolerance=0.2)  # the mean of the answers: .56, .12 from halves in sum
    np.testing.assert_allclose(first.csmf, [0.56, 0.44])
    assert first.facts == {"iterations": 1}
    stopped = em(test, training, calibrate=False, max_iterations=1)
    assert (stopped.csmf, stopped.abstained) == (None, "not converged after 1 rounds")
    assert stopped.facts == {"last_change": pytest.approx(0.12)}
    # 5 pseudo-deaths of halves and 5 deaths with .56: the first round gives .53
    padded = em(test, training, calibrate=False, pseudo_deaths=5.0, tolerance=0.2)
    np.testing.assert_allclose(padded.csmf, [0.53, 0.47])
    three = OutOfFoldPredictions(said(3, 1), np.array([0, 0, 0, 1]))  # training fractions .75 and .25
    assert em(test, three, calibrate=False, max_iterations=1).facts["last_change"] == pytest.approx(2 * (0.75 - 0.56))
    never = em(test, training, calibrate=False, tolerance=0.0)
    assert never.abstained == "not converged after 10000 rounds"
    assert em(test, training).facts["temperature"] == calibration.fit_calibration([0, 1], said(1, 1)).temperature


def test_corrections_recover_a_shifted_mix_and_plain_counts_do_not() -> None:
    plain, corrected = [], {name: [] for name in ("adjusted_count", "bbse", "em")}
    for _ in range(10):
        test, training, true = shifted()
        plain.append(min(error(estimate_csmf(name, test), true) for name in ("classify_and_count", "mean_probability")))
        for name, errors in corrected.items():
            errors.append(error(estimate_csmf(name, test, training), true))
    print(
        "mean L1 error, 10 shifts:", {k: round(float(np.mean(v)), 3) for k, v in {"plain": plain, **corrected}.items()}
    )
    for errors in corrected.values():
        assert np.mean(errors) < 0.05 < np.mean(plain) / 3


def test_em_needs_calibrated_posteriors() -> None:
    raw, calibrated = [], []
    for _ in range(5):
        test, training, true = shifted(temperature=0.25)  # over-confident
        raw.append(error(estimate_csmf("em", test, training, calibrate=False), true))
        estimate = estimate_csmf("em", test, training)
        calibrated.append(error(estimate, true))
        assert estimate.facts["temperature"] == pytest.approx(4, rel=0.05)
    assert np.mean(calibrated) < 0.05 < np.mean(raw)


def test_em_is_a_fixed_point_of_its_equations() -> None:
    test, training, _ = shifted(2000, 500)
    estimate = estimate_csmf("em", test, training, calibrate=False)
    assert estimate.csmf is not None
    prior = np.bincount(training.truth, minlength=C) / len(training.truth)
    posterior = test * (estimate.csmf / prior)
    posterior /= posterior.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior.mean(axis=0), estimate.csmf, atol=1e-6)


def test_two_causes_in_closed_form() -> None:
    # sensitivity .8 and .7; named shares .5 and .5: q = (.5 - .3) / (.8 - .3) = .4 (Forman's adjusted count)
    training = OutOfFoldPredictions(np.vstack([said(80, 20), said(30, 70)]), np.repeat([0, 1], 100))
    for name, options in (("adjusted_count", {}), ("bbse", {"soft": False})):
        estimate = estimate_csmf(name, said(50, 50), training, **options)
        np.testing.assert_allclose(estimate.csmf, [0.4, 0.6], atol=1e-6)
        assert estimate.facts["condition"] > 1


def test_soft_and_hard_agree_with_plain_counting_for_a_perfect_model() -> None:
    truth = RNG.integers(0, C, 400)
    perfect = np.eye(C)[truth]
    test = np.eye(C)[RNG.choice(C, 300, p=[0.6, 0.1, 0.1, 0.1, 0.1])]
    for name in ESTIMATORS:
        np.testing.assert_allclose(
            estimate_csmf(name, test, OutOfFoldPredictions(perfect, truth)).csmf, test.mean(axis=0), atol=1e-6
        )


def test_corrections_abstain_with_a_reason_if_the_matrix_cannot_be_inverted() -> None:
    truth = np.repeat(np.arange(C), 40)
    same = np.tile(np.linspace(1, 2, C) / np.linspace(1, 2, C).sum(), (200, 1))  # every death gets the same answer
    for name in ("adjusted_count", "bbse"):
        estimate = estimate_csmf(name, same, OutOfFoldPredictions(same, truth))
        assert estimate.csmf is None
        assert "condition number" in estimate.abstained
        assert estimate.facts["condition"] > 100 or np.isinf(estimate.facts["condition"])
    assert estimate_csmf("em", *shifted(500, 200)[:2], max_iterations=1).abstained == "not converged after 1 rounds"


def test_undetermined_deaths_and_absent_causes() -> None:
    test, training, _ = shifted(3000, 3000)
    wider = lambda p: np.hstack([p, np.zeros((len(p), 1))])  # noqa: E731
    padded = np.vstack([wider(test), np.zeros((50, C + 1))])
    for name in ESTIMATORS:
        estimate = estimate_csmf(name, padded, OutOfFoldPredictions(wider(training.probability), training.truth))
        assert estimate.csmf is not None
        assert estimate.csmf[C] == 0
        narrow = estimate_csmf(name, test, training)
        np.testing.assert_allclose(estimate.csmf[:C], narrow.csmf, atol=1e-9)
        assert estimate_csmf(name, np.zeros((3, C)), training).abstained


def test_unknown_names_and_missing_training_predictions() -> None:
    with pytest.raises(InputError, match=r"unknown CSMF estimator 'bbs'; known: .*; did you mean 'bbse'\?"):
        estimate_csmf("bbs", np.eye(2))
    with pytest.raises(InputError, match="'em' learns from predictions of training deaths"):
        estimate_csmf("em", np.eye(2))
