"""Predictions of single deaths: which causes are named, in which order, for which deaths."""

from __future__ import annotations

import numpy as np

from va_experiments.analysis.death_tables import ranked_causes
from va_experiments.models.base import Prediction

PROBABILITY = np.array(
    [[0.2, 0.5, 0.3, 0.0], [0.25, 0.25, 0.25, 0.25], [0, 0, 0, 0], [0.0, 1.0, 0.0, 0.0], [0.4, 0.6, 0, 0]]
)


def test_causes_by_probability_the_named_one_first() -> None:
    prediction = Prediction(PROBABILITY, np.full(4, 0.2), top_cause=np.array([1, 2, -1, 1, 0], np.int16))
    assert ranked_causes(prediction).tolist() == [
        [1, 2, 0],  # by probability
        [2, 0, 1],  # equal: the named one, then in the order of the list
        [-1, -1, -1],  # undetermined
        [1, -1, -1],  # what has probability 0 is not named
        [0, 1, -1],  # the named one is first although another is more probable
    ]


def test_fewer_causes_than_places() -> None:
    prediction = Prediction(np.array([[0.3, 0.7]]), np.array([0.3, 0.7]))
    assert ranked_causes(prediction).tolist() == [[1, 0]]


def test_a_prediction_is_printed_as_a_summary() -> None:
    prediction = Prediction(PROBABILITY, np.full(4, 0.2), diagnostics={"converged": True})
    assert repr(prediction) == (
        "Prediction(5 deaths, 4 causes, 1 undetermined, mean largest probability 0.59, diagnostics: converged)"
    )
    assert repr(Prediction(np.zeros((0, 3)), np.zeros(3))) == "Prediction(0 deaths, 3 causes, 0 undetermined)"
