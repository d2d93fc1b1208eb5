"""`Blended`: fixed weights, and cause fractions between mean and counts."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.models import Blended, Voting

MEMBERS = {"members": ("nbc", "prior"), "member_parameters": None}


def divided(deaths: Deaths) -> tuple[Deaths, Deaths]:
    test = deaths.site == 0
    return deaths.take(~test), deaths.take(test).without_causes()


def test_the_csmf_is_a_quarter_counts_and_three_quarters_means(small_deaths: Deaths):
    train, test = divided(small_deaths)
    voted = Voting(**MEMBERS).fit(train).predict(test)
    blended = Blended(**MEMBERS, adapt="csmf").fit(train).predict(test)
    counts = np.bincount(voted.probability.argmax(axis=1), minlength=len(test.causes)) / len(test)
    np.testing.assert_allclose(blended.csmf, 0.75 * voted.probability.mean(axis=0) + 0.25 * counts, atol=1e-12)
    assert (blended.probability == voted.probability).all()


def test_probabilities_move_to_the_blend(small_deaths: Deaths):
    train, test = divided(small_deaths)
    plain = Blended(**MEMBERS, adapt="csmf").fit(train).predict(test)
    moved = Blended(**MEMBERS).fit(train).predict(test)
    assert (moved.csmf == plain.csmf).all()
    before = np.abs(plain.probability.mean(axis=0) - plain.csmf).sum()
    assert np.abs(moved.probability.mean(axis=0) - moved.csmf).sum() < before


def test_sets_are_predicted_as_one_by_one(small_deaths: Deaths):
    train, test = divided(small_deaths)
    model = Blended(**MEMBERS).fit(train)
    sets = [np.arange(len(test)), np.zeros(5, dtype=int), np.arange(0)]
    for rows, prediction in zip(sets, model.predict_sets(test, sets), strict=True):
        expected = model.predict(test.take(rows))
        np.testing.assert_allclose(prediction.probability, expected.probability, atol=1e-12)
        np.testing.assert_allclose(prediction.csmf, expected.csmf, atol=1e-12)


def test_bad_parameters_are_told():
    with pytest.raises(ValueError, match=r"count_share is 2; expected 0 to 1"):
        Blended(**MEMBERS, count_share=2).check_parameters()
    with pytest.raises(ValueError, match="adapt is 'none'; expected one of csmf, posterior"):
        Blended(**MEMBERS, adapt="none").check_parameters()
