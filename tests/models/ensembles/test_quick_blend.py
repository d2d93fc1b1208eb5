"""`QuickBlend`: the share of the CSMF is judged by some members, and deaths are assigned by another share."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.data.deaths import Deaths
from va_experiments.models import Blended, BoundedBlend, NaiveBayes, QuickBlend
from va_experiments.models.adaptive_count import AdaptiveCount, reweigh
from va_experiments.models.ensembles.neighbours import average_with_neighbours, similarity_weights

MEMBERS = {"members": ("nbc", "prior"), "member_parameters": None}
ALONE = MEMBERS | {"neighbours": 0}


def divided(deaths: Deaths) -> tuple[Deaths, Deaths]:
    test = deaths.site == 0
    return deaths.take(~test), deaths.take(test).without_causes()


def test_with_all_members_as_judges_and_one_share_it_is_bounded_blend(small_deaths: Deaths):
    train, test = divided(small_deaths)
    options = MEMBERS | {"largest_loss": 1.0}
    expected = BoundedBlend(**options).fit(train, seed=3).predict(test, seed=4)
    model = QuickBlend(**options, neighbours=0, judges=("nbc", "prior"), posterior_share=0.25).fit(train, seed=3)
    prediction = model.predict(test, seed=4)
    assert (prediction.probability == expected.probability).all()
    assert (prediction.csmf == expected.csmf).all()


def test_deaths_move_to_the_mix_of_the_larger_share_and_the_csmf_does_not(small_deaths: Deaths):
    train, test = divided(small_deaths)
    model = QuickBlend(**ALONE, judges=("nbc",), largest_loss=1.0, posterior_share=0.75).fit(train, seed=3)
    prediction = model.predict(test, seed=4)
    plain = Blended(**MEMBERS, adapt="csmf", count_share=0.25).fit(train, seed=3).predict(test, seed=4)
    assert (prediction.csmf == plain.csmf).all()
    mix, _ = AdaptiveCount(intercepts=(0.75,)).csmf(plain.probability)
    assert (prediction.probability == reweigh(plain.probability, mix)).all()
    assert np.abs(mix - prediction.csmf).max() > 1e-3


def test_only_the_judges_are_fitted_without_each_training_site(small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch):
    sizes, fit = [], NaiveBayes.fit
    monkeypatch.setattr(
        NaiveBayes, "fit", lambda self, train, *, seed=0: sizes.append(len(train)) or fit(self, train, seed=seed)
    )
    train, _ = divided(small_deaths)
    QuickBlend(**MEMBERS, judges=("prior",)).fit(train)
    assert sizes == [len(train)]
    QuickBlend(**MEMBERS).fit(train)
    n_of_site = [int((train.site == site).sum()) for site in np.unique(train.site)]
    assert sorted(sizes[1:]) == sorted([len(train), *(len(train) - n for n in n_of_site)])
    times = [n for _, n in QuickBlend(**MEMBERS, judges=("nbc",)).inner_fits()]
    assert times[1] == 1 < times[0]


def test_bad_parameters_are_told():
    with pytest.raises(ValueError, match=r"judges is 'nb'; expected members: nbc, prior; did you mean 'nbc'\?"):
        QuickBlend(**MEMBERS, judges=("nb",)).check_parameters()
    with pytest.raises(ValueError, match=r"judges is empty; expected members: nbc, prior"):
        QuickBlend(**MEMBERS, judges=()).check_parameters()
    with pytest.raises(ValueError, match=r"posterior_share is 2; expected 0 to 1"):
        QuickBlend(**MEMBERS, judges=("nbc",), posterior_share=2).check_parameters()
    with pytest.raises(ValueError, match=r"neighbours is -1; expected a whole number of at least 0"):
        QuickBlend(**MEMBERS, neighbours=-1).check_parameters()
    with pytest.raises(ValueError, match=r"neighbour_share is 1.5; expected 0 to 1"):
        QuickBlend(**MEMBERS, neighbour_share=1.5).check_parameters()


def test_bad_parameters_of_fits_with_words_are_told():
    def told(**options: object) -> str:
        with pytest.raises(ValueError) as error:
            QuickBlend(**MEMBERS, word_parameters=options).check_parameters()
        return str(error.value)

    assert "word_parameters names 'xgbost', which is no model; did you mean 'xgboost'?" in told(xgbost={})
    assert "unknown parameter 'alpa'" in told(nbc={"alpa": 1})
    assert "word_parameters gives 'nbc' a class" in told(nbc={"_target_": "os.system"})
    QuickBlend(**MEMBERS, word_parameters={"xgboost": {"bags": 1}, "nbc": {"alpha": 2.0}}).check_parameters()


def test_neighbours_change_the_deaths_and_not_the_csmf(small_deaths: Deaths):
    train, test = divided(small_deaths)
    alone = QuickBlend(**ALONE, adapt="csmf").fit(train, seed=3).predict(test, seed=4)
    model = QuickBlend(**MEMBERS, adapt="csmf").fit(train, seed=3)
    prediction = model.predict(test, seed=4)
    assert model.depends_on_test_set
    assert (prediction.csmf == alone.csmf).all()
    expected = average_with_neighbours(
        alone.probability, test.symptoms == 1, similarity_weights(train), neighbours=10, share=0.4
    )
    assert (prediction.probability == expected).all()
    assert np.abs(prediction.probability - alone.probability).max() > 1e-3


def test_sets_are_predicted_as_the_deaths_in_them_in_any_order(small_deaths: Deaths):
    train, test = divided(small_deaths)
    model = QuickBlend(members=("nbc", "logistic_regression"), member_parameters=None).fit(train, seed=3)
    rows = np.random.default_rng(1).integers(0, len(test), size=len(test))
    whole, drawn = model.predict_sets(test, [np.arange(len(test)), rows], seed=4)
    assert np.array_equal(whole.probability, model.predict(test, seed=4).probability)
    assert np.allclose(drawn.probability, model.predict(test.take(rows), seed=4).probability, atol=1e-12)
    backwards = model.predict(test.take(np.arange(len(test))[::-1]), seed=4)
    assert np.allclose(backwards.probability[::-1], whole.probability, atol=1e-12)
    empty, _ = model.predict_sets(test, [rows[:0], rows], seed=4)
    assert empty.probability.shape == (0, len(test.causes))


def test_words_name_causes_and_do_not_enter_the_csmf(small_deaths: Deaths):
    blocks = ("core",) * (small_deaths.n_symptoms - 4) + ("word",) * 4
    train, test = divided(dataclasses.replace(small_deaths, blocks=blocks))
    answers = np.array(blocks) != "word"
    prediction = QuickBlend(**MEMBERS).fit(train, seed=3).predict(test, seed=4)
    without = QuickBlend(**MEMBERS).fit(train.select(answers), seed=3).predict(test.select(answers), seed=4)
    every = QuickBlend(**MEMBERS, csmf_words=True).fit(train, seed=3).predict(test, seed=4)
    smoother = MEMBERS | {"member_parameters": {"nbc": {"alpha": 9.0}}}
    expected = QuickBlend(**smoother, csmf_words=True).fit(train, seed=3).predict(test, seed=4)
    other = QuickBlend(**MEMBERS, word_parameters={"nbc": {"alpha": 9.0}}).fit(train, seed=3).predict(test, seed=4)
    assert (prediction.csmf == without.csmf).all()
    assert (other.csmf == without.csmf).all()
    assert (prediction.probability == every.probability).all()
    assert (other.probability == expected.probability).all()
    assert np.abs(other.probability - prediction.probability).max() > 1e-6
    assert np.abs(prediction.csmf - every.csmf).max() > 1e-6
    rows = np.arange(len(test))[::2]
    model = QuickBlend(**MEMBERS).fit(train, seed=3)
    (part,) = model.predict_sets(test, [rows], seed=4)
    assert np.allclose(part.csmf, model.predict(test.take(rows), seed=4).csmf, atol=1e-12)


def _odd_studies(deaths: Deaths) -> dict[str, Deaths]:
    """Make studies as small files of the field are; site 0 is tested."""
    assert deaths.cause is not None
    at_first_site = np.flatnonzero(deaths.site == 0)
    commonest = np.argsort(-np.bincount(deaths.cause))[:2]

    def answered(value: int, site: int, columns: slice = slice(None)) -> Deaths:
        symptoms = deaths.symptoms.copy()
        rows = np.flatnonzero(deaths.site == site)
        symptoms[rows[:, None], np.arange(symptoms.shape[1])[columns]] = value
        return dataclasses.replace(deaths, symptoms=symptoms)

    words = ("core",) * (deaths.n_symptoms - 6) + ("word",) * 6
    return {
        "five test deaths": deaths.take(np.setdiff1d(np.arange(len(deaths)), at_first_site[5:])),
        "one test death": deaths.take(np.setdiff1d(np.arange(len(deaths)), at_first_site[1:])),
        "two causes": deaths.take(np.isin(deaths.cause, commonest)),
        "one cause in training": deaths.take((deaths.cause == commonest[0]) | (deaths.site == 0)),
        "one training site": deaths.take(np.isin(deaths.site, (0, 1))),
        "every answer no at the test site": answered(0, 0),
        "every answer yes at the test site": answered(1, 0),
        "no answers at the test site": answered(-1, 0),
        "no answers at a training site": answered(-1, 1),
        "words missing at the test site": dataclasses.replace(answered(-1, 0, slice(-6, None)), blocks=words),
        "words never used at a training site": dataclasses.replace(answered(0, 1, slice(-6, None)), blocks=words),
        "an age that no death has": dataclasses.replace(deaths, covariates={"age": np.full(len(deaths), np.nan)}),
    }


def test_small_and_odd_studies_get_probabilities_and_fractions(small_deaths: Deaths):
    boosting = {"xgboost": {"rounds": 3, "bags": 1, "covariates": "all"}}
    rows = np.random.default_rng(5).permutation(len(small_deaths))[:240]
    for name, deaths in _odd_studies(small_deaths.take(rows)).items():
        train, test = divided(deaths)
        model = QuickBlend(member_parameters=boosting).fit(train, seed=3)
        prediction = model.predict(test, seed=4)
        assert np.allclose(prediction.probability.sum(axis=1), 1, atol=1e-9), name
        assert np.isclose(prediction.csmf.sum(), 1), name
        assert (prediction.csmf >= 0).all(), name
