"""A choice between models sees the training sites alone, and takes what is best there."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.models import Chosen, NaiveBayes
from va_experiments.models.ensembles.chosen import _blend


def test_the_better_model_is_chosen_and_fitted_to_all_training_deaths(small_deaths: Deaths) -> None:
    train, test = small_deaths.take(small_deaths.site > 0), small_deaths.take(small_deaths.site == 0)
    model = Chosen(candidates=("prior", "nbc"), objective="top1").fit(train, seed=1)
    assert model.chosen_ == "nbc"
    assert model.tried_["nbc"][0] > model.tried_["prior"][0] + 0.2
    prediction = model.predict(test.without_causes(), seed=2)
    alone = NaiveBayes().fit(train, seed=1).predict(test.without_causes(), seed=2)
    np.testing.assert_allclose(prediction.probability, alone.probability)
    np.testing.assert_allclose(prediction.csmf, _blend(alone.probability, model.share_))
    assert prediction.diagnostics["chosen"] == "nbc"


def test_a_blend_by_hand() -> None:
    p = np.array([[0.6, 0.4], [0.9, 0.1], [0.3, 0.7], [0.0, 0.0]])
    np.testing.assert_allclose(_blend(p, 0.25), 0.25 * np.array([2, 1]) / 3 + 0.75 * np.array([1.8, 1.2]) / 3)


def test_the_share_of_counts_is_the_best_of_those_tried(small_deaths: Deaths) -> None:
    scores = {}
    for share in (0.0, 0.5, 1.0):
        scores[share] = Chosen(candidates=("nbc",), counts=(share,)).fit(small_deaths, seed=1).tried_["nbc"][1]
    every = Chosen(candidates=("nbc",), counts=(0.0, 0.5, 1.0)).fit(small_deaths, seed=1)
    assert every.share_ == max(scores, key=lambda share: scores[share])
    assert every.tried_["nbc"][1] == max(scores.values())


def test_invalid_options_are_named() -> None:
    with pytest.raises(InputError, match="did you mean 'nbc'"):
        Chosen(candidates=("nbcc",)).check_parameters()
    with pytest.raises(InputError, match="shares between 0 and 1"):
        Chosen(counts=(1.5,)).check_parameters()
    with pytest.raises(InputError, match="expected one of csmf_accuracy"):
        Chosen(objective="kappa").check_parameters()
