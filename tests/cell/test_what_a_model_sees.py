"""What the engine gives to a model: causes to `fit` alone, training rows alone, cut-offs learned on these rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from va_experiments.cell import Cell, Fit, ModelSpec, Result, Setting, decode_prediction, run_fit
from va_experiments.cell.csmf_correction import check_estimator
from va_experiments.cell.prepare import prepare
from va_experiments.data.deaths import Deaths, LearnedCut
from va_experiments.data.learned_cutoffs import learn_cuts
from va_experiments.errors import InputError
from va_experiments.metrics.quantification import OutOfFoldPredictions, estimate_csmf
from va_experiments.models.base import Prediction
from va_experiments.models.nbc import NaiveBayes
from va_experiments.protocols import Split, splits
from va_experiments.seeds import generator, integer_seed

NBC = {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"}
LEAVE_ONE_SITE_OUT = {"name": "leave_one_site_out"}
ONE_TO_ONE = {"name": "one_to_one", "train_sites": "North"}


@dataclass
class Calls:
    """The deaths that a model was given."""

    fitted: list[Deaths] = field(default_factory=list)
    predicted: list[Deaths] = field(default_factory=list)
    set_seeds: list[int] = field(default_factory=list)
    """Seeds with which predictions for resampled test sets were asked for."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The deaths that Naive Bayes is given in this test."""
    calls, fit, predict, predict_sets = Calls(), NaiveBayes.fit, NaiveBayes.predict, NaiveBayes.predict_sets

    def recording_fit(self: NaiveBayes, train: Deaths, *, seed: int = 0) -> NaiveBayes:
        calls.fitted.append(train)
        return fit(self, train, seed=seed)

    def recording_predict(self: NaiveBayes, test: Deaths, *, seed: int = 0) -> Prediction:
        calls.predicted.append(test)
        return predict(self, test, seed=seed)

    def recording_sets(self: NaiveBayes, test: Deaths, sets: Sequence[Any], *, seed: int = 0) -> Iterator[Prediction]:
        calls.predicted.append(test)
        calls.set_seeds.append(seed)
        yield from predict_sets(self, test, sets, seed=seed)

    monkeypatch.setattr(NaiveBayes, "fit", recording_fit)
    monkeypatch.setattr(NaiveBayes, "predict", recording_predict)
    monkeypatch.setattr(NaiveBayes, "predict_sets", recording_sets)
    return calls


def run_cells(deaths: Deaths, protocol: dict[str, Any], *, csmf: str = "model", site: str = "") -> list[Result]:
    """Run the cells of one fit (the first of the protocol, or that which tests `site`)."""
    setting = Setting("small", deaths.fingerprint, "hce", {"name": "natural"}, csmf, 20, 1)
    cells = [Cell(ModelSpec.from_config(NBC), s, setting) for s in splits(protocol, deaths)]
    cells = [c for c in cells if site in ("", c.split.test_site)]
    fit = Fit(cells[0].fit_key, tuple(c for c in cells if c.fit_key == cells[0].fit_key))
    results = run_fit(fit, deaths)
    assert [r.failure for r in results] == [None] * len(fit.cells)
    return results


@pytest.mark.parametrize("csmf", ["model", "adjusted_count"])
def test_no_model_is_given_causes_to_predict(small_deaths: Deaths, calls: Calls, csmf: str) -> None:
    results = run_cells(small_deaths, ONE_TO_ONE, csmf=csmf)
    assert len(results) == 2
    assert len(calls.predicted) >= 2
    assert [test.cause for test in calls.predicted] == [None] * len(calls.predicted)
    assert all(train.labelled for train in calls.fitted)


def test_resampled_test_sets_of_a_joint_model_have_no_causes(
    small_deaths: Deaths, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NaiveBayes, "depends_on_test_set", True)
    setting = Setting(
        "small",
        small_deaths.fingerprint,
        "hce",
        {"name": "dirichlet", "alpha": 1.0, "n_resamples": 3, "n_test": None},
        "model",
        0,
        1,
    )
    cell = Cell(ModelSpec.from_config(NBC), splits(LEAVE_ONE_SITE_OUT, small_deaths)[0], setting)
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert result.failure is None
    assert len(calls.predicted) >= 2, "the test set, and the resampled sets"
    assert [test.cause for test in calls.predicted] == [None] * len(calls.predicted)
    assert calls.set_seeds == [integer_seed(cell.seed_key, "predict")]


def test_predictions_of_other_models_are_resampled_and_not_computed_again(small_deaths: Deaths, calls: Calls) -> None:
    testset = {"name": "dirichlet", "alpha": 1.0, "n_resamples": 3, "n_test": None}
    setting = Setting("small", small_deaths.fingerprint, "hce", testset, "model", 0, 1)
    cell = Cell(ModelSpec.from_config(NBC), splits(LEAVE_ONE_SITE_OUT, small_deaths)[0], setting)
    run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    assert len(calls.predicted) == 1
    assert calls.set_seeds == []


def test_test_deaths_are_not_among_the_training_deaths(small_deaths: Deaths, calls: Calls) -> None:
    run_cells(small_deaths, LEAVE_ONE_SITE_OUT, site="South")
    (train,), (test,) = calls.fitted, calls.predicted
    assert {small_deaths.sites[k] for k in np.unique(train.site)} == {"North", "West"}
    assert {small_deaths.sites[k] for k in np.unique(test.site)} == {"South"}
    assert not set(train.id) & set(test.id)
    assert len(train) + len(test) == len(small_deaths)


def test_causes_of_the_test_deaths_change_no_prediction(small_deaths: Deaths) -> None:
    assert small_deaths.cause is not None
    other = small_deaths.cause.copy()
    tested = small_deaths.site == small_deaths.sites.index("South")
    other[tested] = (other[tested] + 1) % len(small_deaths.causes)
    changed = dataclasses.replace(small_deaths, cause=other)
    for csmf in ("model", "em"):
        (a,) = run_cells(small_deaths, LEAVE_ONE_SITE_OUT, csmf=csmf, site="South")
        (b,) = run_cells(changed, LEAVE_ONE_SITE_OUT, csmf=csmf, site="South")
        # the seeds count the data's fingerprint; naive Bayes uses none
        assert a.prediction_sha256 == b.prediction_sha256
        assert a.metrics["top1"] != b.metrics["top1"]


def held_out(calls: Calls) -> list[tuple[Deaths, Deaths]]:
    """Training and test deaths of each out-of-fold model: the first fit is the cell's own, the last test its test."""
    return list(zip(calls.fitted[1:], calls.predicted[:-1], strict=True))


def test_out_of_fold_predictions_come_from_models_that_did_not_see_the_death(
    small_deaths: Deaths, calls: Calls
) -> None:
    run_cells(small_deaths, LEAVE_ONE_SITE_OUT, csmf="adjusted_count", site="South")
    train = calls.fitted[0]
    folds = held_out(calls)
    assert len(folds) == 2, "the folds are the two training sites"
    for fitted, predicted in folds:
        assert not set(fitted.id) & set(predicted.id)
        assert set(fitted.id) | set(predicted.id) == set(train.id)
        assert len(np.unique(predicted.site)) == 1
        assert predicted.cause is None
    assert sorted(i for _, predicted in folds for i in predicted.id) == sorted(train.id)


def test_a_single_training_site_is_divided_into_five_folds(small_deaths: Deaths, calls: Calls) -> None:
    run_cells(small_deaths, ONE_TO_ONE, csmf="adjusted_count", site="South")
    train = calls.fitted[0]
    folds = held_out(calls)
    sizes = [len(predicted) for _, predicted in folds]
    assert len(folds) == 5
    assert max(sizes) - min(sizes) <= 1
    for fitted, predicted in folds:
        assert not set(fitted.id) & set(predicted.id)
        assert len(fitted) + len(predicted) == len(train)
    assert sorted(i for _, predicted in folds for i in predicted.id) == sorted(train.id)


def test_out_of_fold_models_learn_from_the_causes_of_the_training_deaths(small_deaths: Deaths) -> None:
    (result,) = run_cells(small_deaths, LEAVE_ONE_SITE_OUT, csmf="adjusted_count", site="South")
    train_rows, test_rows = np.flatnonzero(small_deaths.site != 1), np.flatnonzero(small_deaths.site == 1)
    train, test = small_deaths.take(train_rows), small_deaths.take(test_rows)
    probability = np.zeros((len(train), 4))
    for site in (0, 2):
        held = train.site == site
        model = NaiveBayes().fit(train.take(~held), seed=1)
        probability[held] = model.predict(train.take(held).without_causes(), seed=1).probability
    prediction = NaiveBayes().fit(train, seed=1).predict(test.without_causes(), seed=1)
    assert train.cause is not None
    expected = estimate_csmf(
        "adjusted_count", prediction.probability, OutOfFoldPredictions(probability, train.cause)
    ).csmf
    assert expected is not None
    assert not np.allclose(expected, prediction.csmf, atol=0.01)
    np.testing.assert_array_equal(decode_prediction(result.predictions)[2].csmf, expected)


def test_seeds_of_out_of_fold_models_come_from_the_fit_and_the_fold(
    small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[tuple[str, int]] = []
    fit, predict = NaiveBayes.fit, NaiveBayes.predict
    monkeypatch.setattr(
        NaiveBayes, "fit", lambda self, d, *, seed=0: seeds.append(("fit", seed)) or fit(self, d, seed=seed)
    )
    monkeypatch.setattr(
        NaiveBayes, "predict", lambda self, d, *, seed=0: seeds.append(("predict", seed)) or predict(self, d, seed=seed)
    )
    setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, "em", 0, 1)
    cell = Cell(ModelSpec.from_config(NBC), south(small_deaths), setting)
    fit_ = Fit(cell.fit_key, (cell,))
    run_fit(fit_, small_deaths)
    key = fit_.seed_key
    assert seeds == [
        ("fit", integer_seed(key, "fit")),
        ("fit", integer_seed([key, 0], "fold")),
        ("predict", integer_seed([key, 0], "fold predict")),
        ("fit", integer_seed([key, 2], "fold")),
        ("predict", integer_seed([key, 2], "fold predict")),
        ("predict", integer_seed(cell.seed_key, "predict")),
    ]


def test_random_folds_come_from_the_seed_of_the_fit(small_deaths: Deaths, calls: Calls) -> None:
    run_cells(small_deaths, ONE_TO_ONE, csmf="em", site="South")
    train = calls.fitted[0]
    setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, "em", 20, 1)
    cell = Cell(ModelSpec.from_config(NBC), splits(ONE_TO_ONE, small_deaths)[0], setting)
    fold = generator(integer_seed(cell.fit_seed_key, "folds")).permutation(len(train)) % 5
    assert [predicted.id.tolist() for _, predicted in held_out(calls)] == [
        train.id[fold == number].tolist() for number in range(5)
    ]


def test_an_unknown_estimator_of_the_csmf_is_refused_with_the_nearest() -> None:
    for name in ("model", "em", "bbse"):
        check_estimator(name)
    with pytest.raises(InputError) as caught:
        check_estimator("mean_probabilty")
    assert str(caught.value) == (
        "csmf is 'mean_probabilty'; known: model, classify_and_count, mean_probability, confirmed_counts, "
        "adjusted_count, em, bbse, vacalibration, gbql; did you mean 'mean_probability'?"
    )


def test_csmf_replaces_the_csmf_of_the_model(small_deaths: Deaths) -> None:
    by_estimator = {}
    for csmf in ("model", "classify_and_count", "mean_probability", "em"):
        (result,) = run_cells(small_deaths, LEAVE_ONE_SITE_OUT, csmf=csmf, site="South")
        assert result.facts.get("csmf_estimator", "model") == csmf
        by_estimator[csmf] = decode_prediction(result.predictions)[2]
    by_model = by_estimator["model"]
    for csmf, prediction in by_estimator.items():
        np.testing.assert_array_equal(prediction.probability, by_model.probability, err_msg=csmf)
        np.testing.assert_array_equal(prediction.top_cause, by_model.top_cause, err_msg=csmf)
    counted = np.bincount(by_model.probability.argmax(axis=1), minlength=4) / len(by_model.probability)
    np.testing.assert_allclose(by_estimator["classify_and_count"].csmf, counted, rtol=0, atol=1e-15)
    np.testing.assert_allclose(
        by_estimator["mean_probability"].csmf, by_model.probability.mean(axis=0), rtol=0, atol=1e-15
    )
    for other in ("model", "classify_and_count", "mean_probability"):
        assert np.abs(by_estimator["em"].csmf - by_estimator[other].csmf).max() > 1e-3


def test_an_estimator_that_needs_training_fractions_alone_fits_no_further_model(
    small_deaths: Deaths, calls: Calls
) -> None:
    (result,) = run_cells(small_deaths, LEAVE_ONE_SITE_OUT, csmf="confirmed_counts", site="South")
    (train,) = calls.fitted
    decoded = decode_prediction(result.predictions)[2]
    expected = estimate_csmf(
        "confirmed_counts", decoded.probability, OutOfFoldPredictions(np.zeros((len(train), 4)), train.cause)
    )
    np.testing.assert_allclose(decoded.csmf, expected.csmf, rtol=0, atol=1e-15)
    assert np.abs(decoded.csmf - decoded.probability.mean(axis=0)).max() > 1e-4


def test_the_csmf_of_the_setting_is_scored(small_deaths: Deaths) -> None:
    assert small_deaths.cause is not None
    truth = np.bincount(small_deaths.cause[small_deaths.site == 1], minlength=4) / (small_deaths.site == 1).sum()
    scores = {}
    for csmf in ("model", "classify_and_count", "em"):
        (result,) = run_cells(small_deaths, LEAVE_ONE_SITE_OUT, csmf=csmf, site="South")
        estimate = decode_prediction(result.predictions)[2].csmf
        # Murray et al. 2011: 1 - sum |estimate - truth| / (2 (1 - min truth))
        expected = 1 - np.abs(estimate - truth).sum() / (2 * (1 - truth.min()))
        assert result.metrics["csmf_accuracy_model"] == pytest.approx(expected, abs=1e-12)
        scores[csmf] = expected
    assert len(set(scores.values())) == 3


def test_the_csmf_of_the_setting_is_that_of_resampled_test_sets_too(
    small_deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    testset = {"name": "dirichlet", "alpha": 1.0, "n_resamples": 8, "n_test": None}
    monkeypatch.setattr(NaiveBayes, "depends_on_test_set", True)
    scores = set()
    for csmf in ("model", "classify_and_count", "adjusted_count"):
        setting = Setting("small", small_deaths.fingerprint, "hce", testset, csmf, 0, 1)
        cell = Cell(ModelSpec.from_config(NBC), south(small_deaths), setting)
        (result,) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
        assert result.failure is None
        scores.add(round(result.metrics["csmf_accuracy_model"], 6))
    assert len(scores) == 3


def test_where_the_estimator_abstains_the_csmf_is_the_model_s_and_not_scored_as_its(small_deaths: Deaths) -> None:
    prior = ModelSpec.from_config({"name": "prior", "_target_": "va_experiments.models.priors.Prior"})
    results = {}
    for csmf in ("model", "bbse"):
        setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, csmf, 5, 1)
        cell = Cell(prior, south(small_deaths), setting)
        (results[csmf],) = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)
    by_model, abstained = results["model"], results["bbse"]
    assert abstained.facts["csmf_estimator"] == "bbse"
    assert abstained.facts["csmf_abstained"]
    np.testing.assert_array_equal(
        decode_prediction(abstained.predictions)[2].csmf, decode_prediction(by_model.predictions)[2].csmf
    )
    left_out = set(by_model.metrics) - set(abstained.metrics)
    assert {n for n in by_model.metrics if n.startswith("csmf_accuracy_model")} == left_out
    assert "csmf_accuracy_model" in left_out
    assert "csmf_abstained" not in by_model.facts


@pytest.fixture
def with_cuts(small_deaths: Deaths) -> Deaths:
    """The small deaths with one more symptom: a number above a cut-off that is to be learned."""
    rng = np.random.default_rng(5)
    assert small_deaths.cause is not None
    days = rng.exponential(1 + 4.0 * small_deaths.cause * (1 + small_deaths.site))
    return dataclasses.replace(
        small_deaths,
        symptoms=np.column_stack([small_deaths.symptoms, np.full(len(small_deaths), -1)]),
        symptom_names=(*small_deaths.symptom_names, "long_illness"),
        blocks=(),
        covariates={**small_deaths.covariates, "days": days},
        learned_cuts=(LearnedCut("long_illness", "days"),),
    )


def south(deaths: Deaths) -> Split:
    return next(s for s in splits(LEAVE_ONE_SITE_OUT, deaths) if s.test_site == "South")


def test_cut_offs_are_learned_on_the_training_rows(with_cuts: Deaths) -> None:
    split = south(with_cuts)
    prepared = prepare(split, "hce", with_cuts)
    train_rows, test_rows = split.indices(with_cuts)
    assert prepared.train_rows.tolist() == train_rows.tolist()
    assert prepared.test_rows.tolist() == test_rows.tolist()
    cut = learn_cuts(with_cuts, train_rows)["long_illness"]
    everywhere = learn_cuts(with_cuts, np.arange(len(with_cuts)))["long_illness"]
    days = with_cuts.covariates["days"]
    assert ((days > cut) != (days > everywhere)).sum() > 5, "the two differ for some deaths"
    np.testing.assert_array_equal(prepared.deaths.symptoms[:, -1], days > cut)
    assert prepared.deaths.learned_cuts == ()


def test_values_and_causes_of_test_deaths_do_not_move_a_cut_off(with_cuts: Deaths, calls: Calls) -> None:
    assert with_cuts.cause is not None
    tested = with_cuts.site == with_cuts.sites.index("South")
    days = np.where(tested, with_cuts.covariates["days"] * 1000, with_cuts.covariates["days"])
    cause = np.where(tested, 0, with_cuts.cause)
    other = dataclasses.replace(with_cuts, cause=cause, covariates={**with_cuts.covariates, "days": days})
    for deaths in (with_cuts, other):
        run_cells(deaths, LEAVE_ONE_SITE_OUT, site="South")
    first, second = calls.fitted
    np.testing.assert_array_equal(first.symptoms, second.symptoms)
    assert 0 < (first.symptoms[:, -1] == 1).sum() < len(first)
    assert (calls.predicted[0].symptoms[:, -1] != calls.predicted[1].symptoms[:, -1]).any()


def test_a_model_sees_the_symptoms_of_its_feature_level_alone(small_deaths: Deaths, calls: Calls) -> None:
    blocks = ("hce",) * 3 + ("core",) * 9
    deaths = dataclasses.replace(small_deaths, blocks=blocks)
    levels = {}
    for level in ("hce", "no_hce"):
        setting = Setting("small", deaths.fingerprint, level, {"name": "natural"}, "model", 0, 1)
        cell = Cell(ModelSpec.from_config(NBC), south(deaths), setting)
        run_fit(Fit(cell.fit_key, (cell,)), deaths)
        levels[level] = (calls.fitted.pop().symptom_names, calls.predicted.pop().symptom_names)
    assert levels["hce"] == (deaths.symptom_names, deaths.symptom_names)
    assert levels["no_hce"] == (deaths.symptom_names[3:], deaths.symptom_names[3:])
