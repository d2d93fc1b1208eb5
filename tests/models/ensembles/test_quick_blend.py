"""`QuickBlend`: the share of the CSMF is judged by some members, and deaths are assigned by another share."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.models import Blended, BoundedBlend, NaiveBayes, QuickBlend
from va_experiments.models.adaptive_count import AdaptiveCount, reweigh

MEMBERS = {"members": ("nbc", "prior"), "member_parameters": None}


def divided(deaths: Deaths) -> tuple[Deaths, Deaths]:
    test = deaths.site == 0
    return deaths.take(~test), deaths.take(test).without_causes()


def test_with_all_members_as_judges_and_one_share_it_is_bounded_blend(small_deaths: Deaths):
    train, test = divided(small_deaths)
    options = MEMBERS | {"largest_loss": 1.0}
    expected = BoundedBlend(**options).fit(train, seed=3).predict(test, seed=4)
    model = QuickBlend(**options, judges=("nbc", "prior"), posterior_share=0.25).fit(train, seed=3)
    found = model.predict(test, seed=4)
    assert (found.probability == expected.probability).all()
    assert (found.csmf == expected.csmf).all()


def test_deaths_move_to_the_mix_of_the_larger_share_and_the_csmf_does_not(small_deaths: Deaths):
    train, test = divided(small_deaths)
    model = QuickBlend(**MEMBERS, judges=("nbc",), largest_loss=1.0, posterior_share=0.75).fit(train, seed=3)
    found = model.predict(test, seed=4)
    plain = Blended(**MEMBERS, adapt="csmf", count_share=0.25).fit(train, seed=3).predict(test, seed=4)
    assert (found.csmf == plain.csmf).all()
    mix, _ = AdaptiveCount(intercepts=(0.75,)).csmf(plain.probability)
    assert (found.probability == reweigh(plain.probability, mix)).all()
    assert np.abs(mix - found.csmf).max() > 1e-3


def test_only_the_judges_are_fitted_without_each_training_site(small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch):
    sizes, fit = [], NaiveBayes.fit
    monkeypatch.setattr(
        NaiveBayes, "fit", lambda self, train, *, seed=0: sizes.append(len(train)) or fit(self, train, seed=seed)
    )
    train, _ = divided(small_deaths)
    QuickBlend(**MEMBERS, judges=("prior",)).fit(train)
    assert sizes == [len(train)]
    QuickBlend(**MEMBERS).fit(train)
    own = [int((train.site == site).sum()) for site in np.unique(train.site)]
    assert sorted(sizes[1:]) == sorted([len(train), *(len(train) - n for n in own)])
    times = [n for _, n in QuickBlend(**MEMBERS, judges=("nbc",)).inner_fits()]
    assert times[1] == 1 < times[0]


def test_bad_parameters_are_told():
    with pytest.raises(ValueError, match=r"judges is 'nb'; expected members: nbc, prior; did you mean 'nbc'\?"):
        QuickBlend(**MEMBERS, judges=("nb",)).check_parameters()
    with pytest.raises(ValueError, match=r"judges is empty; expected members: nbc, prior"):
        QuickBlend(**MEMBERS, judges=()).check_parameters()
    with pytest.raises(ValueError, match=r"posterior_share is 2; expected 0 to 1"):
        QuickBlend(**MEMBERS, judges=("nbc",), posterior_share=2).check_parameters()
