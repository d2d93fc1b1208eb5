"""Cells with conformal intervals: same predictions, a coverage and a width, or a reason why there are none."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, run_fit
from va_experiments.cell.conformal import conformal_intervals
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
    [({"name": "natural"}, "model"), ({"name": "natural"}, "em"), ({"name": "dirichlet", "n_resamples": 5}, "model")],
)
def test_intervals_add_their_coverage_and_change_nothing_else(testset: dict, csmf: str):
    deaths = sites(4)
    plain, found = run(deaths, testset, conformal=False, csmf=csmf), run(deaths, testset, csmf=csmf)
    assert found.prediction_sha256 == plain.prediction_sha256
    assert 0 <= found.metrics["csmf_conformal_coverage"] <= 1
    assert 0 < found.metrics["csmf_conformal_width"] < 1
    more = {"csmf_conformal_coverage", "csmf_conformal_width"}
    assert {k: v for k, v in found.metrics.items() if k not in more} == plain.metrics
    assert ("csmf_low" in found.per_cause) == (testset["name"] == "natural")


def test_too_few_training_sites_are_said():
    found = run(sites(3), {"name": "natural"})
    assert "csmf_conformal_coverage" not in found.metrics
    assert found.facts["csmf_interval_abstained"] == "2 training sites; expected 3 or more"


def test_models_without_training_have_none(small_deaths: Deaths):
    setting = Setting("s", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 0, 1, conformal=True)
    assert conformal_intervals(setting, None, small_deaths, None)[1].startswith("the model is not trained")
    one = OutOfFoldPredictions(np.eye(3), np.arange(3))
    assert "training sites" in conformal_intervals(setting, one, small_deaths, None)[1]


def test_other_keys_do_not_know_of_the_option(small_deaths: Deaths):
    setting = Setting("s", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 0, 1)
    assert "csmf_interval" not in setting.content
