"""`BoundedBlend`: the largest share of counts at which no training site loses much."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.models import Blended, BoundedBlend
from va_experiments.models.ensembles.bounded_blend import largest_safe_share

MEMBERS = {"members": ("nbc", "prior"), "member_parameters": None}


def divided(deaths: Deaths) -> tuple[Deaths, Deaths]:
    test = deaths.site == 0
    return deaths.take(~test), deaths.take(test).without_causes()


def test_the_share_stops_where_a_site_would_lose():
    """Two causes. Site 0: means are right, counts name cause 0 for all; site 1: counts are right, means are not.

    Of site 0, ten deaths of which 6 have cause 0, all with (.6, .4): the mean is the truth, the counts are (1, 0). A
    share *a* moves the fractions by .4 a and the CSMF accuracy, which divides by 1 - .4, by .4 a / .6.
    """
    probability = np.array([[0.6, 0.4]] * 20)
    cause, fold = np.array([0] * 6 + [1] * 4 + [0] * 10), np.repeat([0, 1], 10)
    safe = [
        largest_safe_share(probability, cause, fold, most=0.25, largest_loss=loss)
        for loss in (0, 0.05 * 0.4 / 0.6, 0.1, 0.2)
    ]
    assert safe == pytest.approx([0, 0.05, 0.15, 0.25])
    assert largest_safe_share(probability[10:], cause[10:], fold[10:], most=0.22, largest_loss=0) == 0.22


def test_with_any_loss_allowed_it_is_blended(small_deaths: Deaths):
    train, test = divided(small_deaths)
    expected = Blended(**MEMBERS).fit(train, seed=3).predict(test, seed=4)
    model = BoundedBlend(**MEMBERS, largest_loss=1.0).fit(train, seed=3)
    prediction = model.predict(test, seed=4)
    assert (prediction.probability == expected.probability).all()
    assert prediction.diagnostics["count_share"] == 0.25
    none = BoundedBlend(**MEMBERS, count_share=0.0).fit(train).predict(test)
    assert none.diagnostics["count_share"] == 0


def test_bad_parameters_are_told():
    with pytest.raises(ValueError, match=r"largest_loss is -1; expected a number of at least 0"):
        BoundedBlend(**MEMBERS, largest_loss=-1).check_parameters()
