"""Cells with conformal intervals: same predictions, a coverage and a width, or a reason why there are none."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, run_fit
from va_experiments.cell.conformal import SETS_OF_A_SITE, conformal_intervals, training_sets
from va_experiments.cell.csmf_correction import out_of_fold
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.quantification import OutOfFoldPredictions
from va_experiments.protocols import splits
from va_experiments.seeds import generator

NBC = {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"}


def sites(n: int) -> Deaths:
    """Deaths of three causes at `n` sites, 30 at each."""
    rng = generator(1, "conformal")
    rows = 30 * n
    return Deaths(
        symptoms=rng.integers(0, 2, (rows, 4)).astype(np.int8),
        symptom_names=("a", "b", "c", "d"),
        causes=("x", "y", "z"),
        cause=rng.integers(0, 3, rows).astype(np.int16),
        sites=tuple(f"s{k}" for k in range(n)),
        site=np.repeat(np.arange(n), 30).astype(np.int16),
        id=np.array([f"d{k}" for k in range(rows)]),
        name="sites",
        simulated=True,
    )


def run(deaths: Deaths, testset: dict, *, conformal: bool = True, csmf: str = "model"):
    setting = Setting("s", deaths.fingerprint, "hce", testset, csmf, 0, 1, conformal=conformal)
    cell = Cell(ModelSpec.from_config(NBC), splits({"name": "leave_one_site_out"}, deaths)[0], setting)
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), deaths)
    assert result.failure is None
    return result


@pytest.mark.parametrize(
    ("testset", "csmf"),
    [
        ({"name": "natural"}, "model"),
        ({"name": "natural"}, "em"),
        ({"name": "dirichlet", "n_resamples": 5}, "model"),
        ({"name": "natural"}, "confirmed_counts"),
        ({"name": "dirichlet", "n_resamples": 5}, "confirmed_counts"),
    ],
)
def test_intervals_add_their_coverage_and_change_nothing_else(testset: dict, csmf: str):
    deaths = sites(4)
    plain, result = run(deaths, testset, conformal=False, csmf=csmf), run(deaths, testset, csmf=csmf)
    assert result.prediction_sha256 == plain.prediction_sha256
    assert 0 <= result.metrics["csmf_conformal_coverage"] <= 1
    assert 0 < result.metrics["csmf_conformal_width"] < 1
    more = {"csmf_conformal_coverage", "csmf_conformal_width"}
    assert {k: v for k, v in result.metrics.items() if k not in more} == plain.metrics
    assert ("csmf_low" in result.per_cause) == (testset["name"] == "natural")


def test_too_few_training_sites_are_said():
    result = run(sites(3), {"name": "natural"})
    assert "csmf_conformal_coverage" not in result.metrics
    assert result.facts["csmf_interval_abstained"] == "2 training sites; expected 3 or more"


def test_models_without_training_have_none(small_deaths: Deaths):
    setting = Setting("s", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 0, 1, conformal=True)
    assert conformal_intervals(setting, None, small_deaths, None)[1].startswith("the model is not trained")
    one = OutOfFoldPredictions(np.eye(3), np.arange(3))
    assert "training sites" in conformal_intervals(setting, one, small_deaths, None)[1]


DIRICHLET = {"name": "dirichlet", "n_resamples": 5}


def test_where_test_sets_are_resampled_training_sites_are_too():
    """The quantile is that of 20 sets of each training site, the mean probability of each against its true mix."""
    train = sites(4)
    assert train.cause is not None
    rng = generator(2, "conformal")
    probability = 0.6 * np.eye(3)[train.cause] + 0.4 * rng.dirichlet(np.ones(3), size=len(train))
    csmf_of_site = {k: probability[train.site == k].mean(axis=0) for k in range(4)}
    training = OutOfFoldPredictions(probability, train.cause, train.site, csmf_of_site)
    settings = [Setting("s", "f", "hce", t, "model", 0, 1, conformal=True) for t in ({"name": "natural"}, DIRICHLET)]
    natural, resampled = (conformal_intervals(s, training, train, None)[0] for s in settings)
    assert natural is not None
    assert resampled is not None
    errors = []
    for k in range(4):
        rows, true = training_sets(settings[1], train, k)
        assert len(rows) == SETS_OF_A_SITE
        mean = np.array([probability[train.site == k][own_rows].mean(axis=0) for own_rows in rows])
        errors.append(np.abs(mean - true) / np.sqrt(mean + 0.005))
    in_order = np.sort(np.ravel(errors))
    assert resampled.quantile == pytest.approx(in_order[int(np.ceil(241 * 0.95)) - 1])
    assert resampled.quantile > 2 * natural.quantile, "these mixes are further away than sites are from each other"
    assert resampled.n_sites == 4
    assert settings[0].content["csmf_interval"] != settings[1].content["csmf_interval"]


def test_fractions_of_no_known_form_fall_back_on_sites_as_they_are():
    train = sites(4)
    probability = np.full((len(train), 3), 1 / 3)
    training = OutOfFoldPredictions(
        probability, train.cause, train.site, {k: np.array([0.6, 0.2, 0.2]) for k in range(4)}
    )
    both = [Setting("s", "f", "hce", t, "model", 0, 1, conformal=True) for t in ({"name": "natural"}, DIRICHLET)]
    natural, resampled = (conformal_intervals(s, training, train, None)[0] for s in both)
    assert natural == resampled
    nobody = {"name": "target", "csmf": {"nowhere": 1.0}, "n_resamples": 5}
    assert training_sets(Setting("s", "f", "hce", nobody, "model", 0, 1, conformal=True), train, 0)[0] == []


def test_models_that_use_the_test_set_predict_each_resampled_set_of_a_training_site():
    deaths = sites(4)
    setting = Setting("s", deaths.fingerprint, "hce", DIRICHLET, "model", 0, 1, conformal=True)
    blended = {"name": "blended", "_target_": "va_experiments.models.ensembles.blended.Blended", "members": ["nbc"]}
    model = ModelSpec.from_config(blended | {"member_parameters": None})
    cell = Cell(model, splits({"name": "leave_one_site_out"}, deaths)[0], setting)
    fit = Fit(cell.fit_key, (cell,))
    predicted_sites = out_of_fold(fit, deaths.take(deaths.site != 0))
    assert predicted_sites is not None
    assert {site for _, site in predicted_sites.csmf_of_sets} == {1, 2, 3}
    assert all(v.shape == (SETS_OF_A_SITE, 3) for v in predicted_sites.csmf_of_sets.values())
    (result,) = run_fit(fit, deaths)
    assert 0 <= result.metrics["csmf_conformal_coverage"] <= 1


def test_other_keys_do_not_know_of_the_option(small_deaths: Deaths):
    setting = Setting("s", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 0, 1)
    assert "csmf_interval" not in setting.content
