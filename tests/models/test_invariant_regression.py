"""`InvariantRegression`: what makes a symptom stable, and what shrinking does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.models import InvariantRegression, LogisticRegression
from va_experiments.models.invariant_regression import site_stability


def answers(*shares: tuple[float, float, float, float], n: int = 100) -> np.ndarray:
    """Symptoms with these shares present among `n` deaths of (cause, site): (0, 0), (0, 1), (1, 0), (1, 1)."""
    return np.concatenate([[np.arange(n) < round(share[k] * n) for share in shares] for k in range(4)], axis=1).T


CAUSE = np.repeat([0, 0, 1, 1], 100)
SITE = np.repeat([0, 1, 0, 1], 100)


def test_stability_by_hand():
    # between sites given the cause: (.8 - .2)^2 / 2 = .18 less the sampling variance .8 x .2 / 99;
    # between causes: shares .5 and .5 do not differ, so that nothing is left; the first symptom is the same everywhere
    present = answers((0.8, 0.8, 0.2, 0.2), (0.8, 0.2, 0.2, 0.8), (0.8, 0.4, 0.2, 0.2))
    stability = site_stability(present, CAUSE, SITE, 1.0)
    assert stability[0] == pytest.approx(1.0)
    assert stability[1] == pytest.approx(0.0, abs=1e-12)
    share = (np.array([120, 40]) + 0.5) / 201
    between = np.var(share)
    within = ((0.8 - 0.4) ** 2 / 2 - (0.8 * 0.2 + 0.4 * 0.6) / 2 / 99) / 2  # cause 1 adds nothing
    assert stability[2] == pytest.approx(between / (between + within))


def test_nothing_is_shrunk_without_strength_or_with_one_site():
    present = answers((0.8, 0.2, 0.2, 0.8))
    assert site_stability(present, CAUSE, SITE, 0.0).tolist() == [1.0]
    assert site_stability(present, CAUSE, np.zeros(400, dtype=int), 4.0).tolist() == [1.0]


def test_few_deaths_say_nothing_of_a_site():
    few = np.zeros(404, dtype=bool)
    few[400:] = True
    stability = site_stability(
        np.column_stack([np.r_[answers((0.8, 0.8, 0.2, 0.2))[:, 0], few[400:]]]),
        np.r_[CAUSE, [0] * 4],
        np.r_[SITE, [2] * 4],
        4.0,
    )
    assert stability[0] == pytest.approx(1.0)


def test_without_shrinking_it_is_logistic_regression(small_deaths: Deaths):
    ours = InvariantRegression(C=0.2, strength=0.0, max_iter=50).fit(small_deaths).predict(small_deaths)
    plain = LogisticRegression(C=0.2, max_iter=50).fit(small_deaths).predict(small_deaths)
    np.testing.assert_allclose(ours.probability, plain.probability, atol=2e-3)  # float64 features here, float32 there


def test_an_unstable_symptom_counts_less(small_deaths: Deaths):
    rng = np.random.default_rng(1)
    site = rng.integers(0, 4, len(small_deaths)).astype(np.int16)
    symptoms = small_deaths.symptoms.copy()
    assert small_deaths.cause is not None
    symptoms[:, 0] = (small_deaths.cause % 2 == 0) ^ (site == 0)  # turned round at one site
    symptoms[:, 1] = small_deaths.cause % 2 == 0
    train = dataclasses.replace(small_deaths, symptoms=symptoms, site=site, sites=("a", "b", "c", "d"))
    scale = InvariantRegression().fit(train).scale_
    assert scale[1] > 0.99
    assert scale[0] < 0.7


def test_bad_parameters_are_told():
    with pytest.raises(ValueError, match=r"C is 0; expected a number above 0\n.*strength is -1"):
        InvariantRegression(C=0, strength=-1).check_parameters()
