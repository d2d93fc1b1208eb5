"""`TfidfRegression`: weights of words by hand, and what it does without words."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.models import LogisticRegression, TfidfRegression


def told(deaths: Deaths, n_words: int) -> Deaths:
    """Return the deaths with their last `n_words` symptoms as words."""
    blocks = ("core",) * (len(deaths.symptom_names) - n_words) + ("word",) * n_words
    return dataclasses.replace(deaths, blocks=blocks)


def test_weights_by_hand(small_deaths: Deaths):
    symptoms = small_deaths.symptoms.copy()
    n = len(small_deaths)
    symptoms[:, -2:] = 0
    symptoms[: n // 2, -2] = 1  # in half of the deaths
    symptoms[: n // 4, -1] = 1  # in a quarter, all of them with the other word too
    train = told(dataclasses.replace(small_deaths, symptoms=symptoms), 2)
    model = TfidfRegression(word_length=3.0).fit(train)
    half, quarter = (math.log((1 + n) / (1 + k)) + 1 for k in (n // 2, n // 4))
    assert model.words_.tolist() == [symptoms.shape[1] - 2, symptoms.shape[1] - 1]
    np.testing.assert_allclose(model.idf_, [half, quarter], rtol=1e-6)
    weighted = model._weighted((symptoms == 1).astype(np.float32))
    both = 3.0 * np.array([half, quarter]) / math.hypot(half, quarter)
    np.testing.assert_allclose(weighted[0, -2:], both, rtol=1e-6)
    np.testing.assert_allclose(weighted[n // 2 - 1, -2:], [3.0, 0.0], rtol=1e-6)
    assert (weighted[n // 2 :, -2:] == 0).all()
    assert np.array_equal(weighted[:, :-2], symptoms[:, :-2] == 1)


def test_without_words_it_is_logistic_regression(small_deaths: Deaths):
    ours, plain = (kind().fit(small_deaths).predict(small_deaths) for kind in (TfidfRegression, LogisticRegression))
    assert np.array_equal(ours.probability, plain.probability)


def test_rare_words_tell_more_than_by_their_presence(small_deaths: Deaths):
    train = told(small_deaths, 10)
    ours, plain = (kind().fit(train).predict(train) for kind in (TfidfRegression, LogisticRegression))
    assert np.abs(ours.probability - plain.probability).max() > 0.01
    np.testing.assert_allclose(ours.probability.sum(axis=1), 1.0)


def test_a_length_of_nothing_is_told():
    with pytest.raises(ValueError, match="word_length is 0; expected a number above 0"):
        TfidfRegression(word_length=0).check_parameters()
