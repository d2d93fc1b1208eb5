"""Shared fits and the vectorised bootstrap change no bit: the benchmark's plain loop is the yardstick."""

from __future__ import annotations

import pytest

from benchmarks.va34_grid import SEPARATE, _Seconds, plain_cell
from va_experiments.cell import Cell, Fit, ModelSpec, Setting, run_fit
from va_experiments.data.deaths import Deaths
from va_experiments.protocols import splits

MODELS = {
    "nbc": {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"},
    "logistic_regression": {
        "name": "logistic_regression",
        "_target_": "va_experiments.models.logistic_regression.LogisticRegression",
    },
    "random_forest": {
        "name": "random_forest",
        "_target_": "va_experiments.models.random_forest.RandomForest",
        "n_trees": 10,
    },
    "xgboost": {"name": "xgboost", "_target_": "va_experiments.models.xgboost.XGBoost", "rounds": 3},
}


@pytest.mark.parametrize("name", MODELS)
def test_the_engine_gives_the_bits_of_the_plain_loop(small_deaths: Deaths, name: str) -> None:
    setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 25, 1)
    protocol = {"name": "one_to_one", "train_sites": "North", "same_site": True, "folds": 1}
    spec = ModelSpec.from_config(MODELS[name])
    cells = [Cell(spec, split, setting) for split in splits(protocol, small_deaths)]
    by_fit: dict[str, list[Cell]] = {}
    for cell in cells:
        by_fit.setdefault(cell.fit_key, []).append(cell)
    assert sorted(map(len, by_fit.values())) == [1, 2]
    for fit_key, shared in by_fit.items():
        for cell, result in zip(shared, run_fit(Fit(fit_key, tuple(shared)), small_deaths), strict=True):
            metrics, sha256 = plain_cell(cell, small_deaths, _Seconds())
            assert result.prediction_sha256 == sha256
            assert result.metrics == metrics
            assert len(metrics) > 40


def test_the_parts_of_the_loop_are_timed(small_deaths: Deaths) -> None:
    setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 25, 1)
    split = splits({"name": "leave_one_site_out"}, small_deaths)[0]
    seconds = _Seconds()
    plain_cell(Cell(ModelSpec.from_config(MODELS["nbc"]), split, setting), small_deaths, seconds)
    assert set(seconds) == set(SEPARATE)
    assert seconds["bootstrap"] > seconds["point"]  # 25 resamples one by one against one evaluation
