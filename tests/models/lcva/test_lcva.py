"""LCVA's sampler against closed forms and plain NumPy, and its causes on simulated deaths of two sites."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import special

from va_experiments import seeds
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models import LCVA
from va_experiments.models.lcva.answers import distinct_answers
from va_experiments.models.lcva.kernel import assign_targets, class_likelihood, draw_sticks
from va_experiments.models.lcva.training import Priors, sample_training


def simulated(n: int, share: float, seed: int) -> Deaths:
    """Two causes with two classes each; at site B the second class is rare, at the target (`share`) anything."""
    rng = np.random.default_rng(seed)
    profile = np.random.default_rng(0).beta(0.5, 0.5, size=(2, 2, 25))
    cause, site = rng.integers(0, 2, n), rng.integers(0, 2, n)
    second = rng.random(n) < np.where(site == 0, share, 0.1)
    symptoms = (rng.random((n, 25)) < profile[cause, second.astype(int)]).astype(np.int8)
    symptoms[rng.random(symptoms.shape) < 0.3] = -1
    return Deaths(
        symptoms=symptoms,
        symptom_names=tuple(f"s{k}" for k in range(25)),
        causes=("a", "b", "never"),
        cause=cause.astype(np.int16),
        sites=("A", "B"),
        site=site.astype(np.int16),
        id=np.array([f"{k:04d}" for k in range(n)]),
        name="two classes",
        simulated=True,
    )


def test_one_class_is_naive_bayes_with_flat_priors():
    """With one class a cell is Beta(1 + yes, 1 + no), whether it is free or the baseline."""
    deaths = simulated(300, 0.5, 1)
    draws = sample_training(
        deaths.symptoms, deaths.cause, deaths.site * 0, n_classes=1, n_iterations=1200, burn_in=200, thin=1,
        priors=Priors(), rng=seeds.generator(5),
    )  # fmt: skip
    p = special.expit(draws.logit.astype(float)).reshape(1000, 25, 2)
    for c in range(2):
        rows = deaths.symptoms[deaths.cause == c]
        yes, no = (rows == 1).sum(axis=0), (rows == 0).sum(axis=0)
        expected = (1 + yes) / (2 + yes + no)
        sd = np.sqrt(expected * (1 - expected) / (3 + yes + no))
        assert (np.abs(p[:, :, c].mean(axis=0) - expected) / (sd / np.sqrt(1000))).max() < 4.5
        np.testing.assert_allclose(p[:, :, c].std(axis=0), sd, rtol=0.15)


def test_sticks_have_the_mean_of_their_posterior():
    """Two classes: V ~ Beta(1 + n1, omega + n2); the new omega is Gamma(a + 1, b - log(1 - V))."""
    rng, weight = seeds.generator(3), np.empty(2)
    drawn, omega = np.empty(4000), np.empty(4000)
    for k in range(4000):
        omega[k] = draw_sticks(rng, np.array([6, 3]), 2.0, 1.0, 1.0, weight)
        drawn[k] = weight[0]
        assert weight.sum() == pytest.approx(1)
    assert drawn.mean() == pytest.approx(7 / 12, abs=4 * np.sqrt(7 * 5 / 12**2 / 13 / 4000))
    rate = 1 - np.log1p(-np.random.default_rng(1).beta(7, 5, 100_000))
    assert omega.mean() == pytest.approx((2 / rate).mean(), abs=0.06)


def test_likelihood_and_assignment_equal_plain_numpy():
    rng = np.random.default_rng(2)
    symptoms = rng.choice([1, 0, -1], size=(40, 12)).astype(np.int8)
    symptoms[20:] = symptoms[:20]
    answers, pattern = distinct_answers(symptoms)
    assert len(answers.present_from) - 1 == len(np.unique(symptoms, axis=0))
    logit = rng.normal(size=(12, 6)).astype(np.float32)
    likelihood = np.empty((len(answers.present_from) - 1, 6))
    class_likelihood(answers, logit, likelihood)
    p = special.expit(logit.astype(float))
    dense = (symptoms == 1) @ np.log(p) + (symptoms == 0) @ np.log1p(-p)
    np.testing.assert_allclose(
        likelihood[pattern], np.exp(dense - dense.max(axis=1, keepdims=True)), rtol=1e-9, atol=1e-300
    )

    pi, weight = np.array([0.2, 0.5, 0.3]), rng.dirichlet([1, 1], size=3)
    counts = np.zeros((3, 2), np.int64), np.zeros((3, 0), np.int64)
    by_cause = np.zeros((1, 3))
    nothing = np.zeros((3, 0)), np.zeros((3, 2, 0))
    one, copies = np.array([4]), np.array([20_000])
    assign_targets(seeds.generator(1), likelihood, one, copies, pi, weight, *nothing, by_cause, True, counts)
    exact = (pi[:, None] * weight).reshape(-1) * likelihood[4]
    exact = (exact / exact.sum()).reshape(3, 2)
    np.testing.assert_allclose(by_cause[0], exact.sum(axis=1), rtol=1e-12)
    assert np.abs(counts[0] / 20_000 - exact).max() < 0.015


@pytest.mark.parametrize("target", ["D", "DC", "N", "C"])
def test_causes_of_simulated_deaths(target):
    train, test = simulated(600, 0.6, 1), simulated(300, 0.9, 2)
    test = test.take((test.site == 0) & ((test.cause == 0) | (np.arange(300) % 5 == 0)))
    model = LCVA(classes=3, target=target, n_iterations=120, burn_in=60, n_prediction=120, prediction_burn_in=40)
    prediction = model.fit(train, seed=1).predict(test.without_causes(), seed=2)
    assert (prediction.top_cause == test.cause).mean() > 0.9
    assert abs(prediction.csmf[0] - (test.cause == 0).mean()) < 0.08
    assert prediction.csmf_draws.shape == (80, 3)
    assert prediction.csmf_draws[:, 2].max() == 0
    if target == "D":
        assert prediction.diagnostics["largest_site_weight"] > 0.6, "the first site explains the target best"


def test_order_of_deaths_and_empty_test_sets():
    train, test = simulated(120, 0.5, 1), simulated(30, 0.5, 2)
    quick = {"classes": 2, "n_iterations": 30, "burn_in": 10, "n_prediction": 20, "prediction_burn_in": 5}
    model = LCVA(**quick).fit(train, seed=1)
    order = np.random.default_rng(1).permutation(30)
    first, shuffled = model.predict(test, seed=3), model.predict(test.take(order), seed=3)
    np.testing.assert_array_equal(first.probability[order], shuffled.probability)
    nobody = model.predict(test.take(np.zeros(0, dtype=int)), seed=3)
    assert nobody.probability.shape == (0, 3)
    assert nobody.csmf.sum() == pytest.approx(1)


def test_invalid_options_are_named():
    with pytest.raises(InputError) as caught:
        LCVA(classes=0, burn_in=600, alpha_eta=0).check_parameters()
    assert [p.split(" is ")[0] for p in caught.value.problems] == ["LCVA: classes", "LCVA: burn_in", "LCVA: alpha_eta"]
    with pytest.raises(InputError, match="expected one of D, DC, N, C"):
        LCVA(target="M").check_parameters()
    train = simulated(60, 0.5, 1)
    with pytest.raises(InputError, match="no causes"):
        LCVA().fit(dataclasses.replace(train, cause=None))
