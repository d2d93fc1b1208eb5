"""Metrics that need the deaths one by one: by hand, and undefined where what they need is not known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from va_experiments.metrics import case_metrics
from va_experiments.metrics.sufficient_statistics import scored_deaths
from va_experiments.models.base import Prediction

P = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])


def test_ceilings_of_training_causes_by_hand() -> None:
    """Deaths of causes 0, 1, 1, 2 after training on 0 and 1: three of four are covered, 1 - .25 / (1 - .25)."""
    cases = scored_deaths([0, 1, 1, 2], Prediction(P, csmf=P.mean(axis=0)), [0, 1, 1])
    assert case_metrics.csmf_true(cases).tolist() == [0.25, 0.5, 0.25]
    assert case_metrics.label_coverage(cases) == 0.75
    assert case_metrics.coverage_ceiling(cases) == pytest.approx(1 - 0.25 / 0.75)


def test_what_is_not_known_is_undefined() -> None:
    cases = scored_deaths([0, 1, 1, 2], Prediction(P, csmf=P.mean(axis=0)))
    for metric in (case_metrics.label_coverage, case_metrics.coverage_ceiling, case_metrics.interval_coverage):
        assert math.isnan(metric(cases))


def test_share_of_causes_inside_their_intervals_by_hand() -> None:
    """True fractions .25, .5, .25; the draws of the last cause are all above .25."""
    draws = np.array([[0.2, 0.4, 0.4], [0.3, 0.6, 0.3]])
    cases = scored_deaths([0, 1, 1, 2], Prediction(P, csmf=P.mean(axis=0), csmf_draws=draws))
    assert case_metrics.interval_coverage(cases) == pytest.approx(2 / 3)
