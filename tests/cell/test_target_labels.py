"""Cells with labelled deaths of the test site: what models see, and the two baselines."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, run_fit
from va_experiments.cell.target_labels import GBQL, by_labelled, label_scores
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.quantification import OutOfFoldPredictions
from va_experiments.models.base import Prediction
from va_experiments.protocols import splits

NBC = {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"}


def run(deaths: Deaths, csmf: str = "model", **labels: Any):
    calibration = {"level": "cause"} if csmf == GBQL else None
    setting = Setting("small", deaths.fingerprint, "hce", {"name": "natural"}, csmf, 0, 1, None, calibration)
    protocol = {"name": "leave_one_site_out", "target_labels": {"replicates": 1} | labels}
    cell = Cell(ModelSpec.from_config(NBC), splits(protocol, deaths)[0], setting)
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), deaths)
    assert result.failure is None
    return cell, result


def test_the_baselines_are_the_labelled_fractions_and_their_mean_with_the_models(small_deaths: Deaths):
    # truth .5 .5 0; labelled 1 of 4, 3 of 4: error .25 + .25 of 2 (1 - 0): accuracy .75. The model says 1, 0: half and
    # half .625, .375: error .25 of 2: .875
    labelled = small_deaths.take(np.arange(4))
    causes = labelled.cause.copy()
    causes[:] = [0, 1, 1, 1]
    object.__setattr__(labelled, "cause", causes)
    csmf = np.eye(len(small_deaths.causes))[0]
    prediction = Prediction(np.tile(csmf, (4, 1)), csmf=csmf)
    scores = label_scores(np.array([0, 0, 1, 1]), labelled, prediction, None)
    assert scores["csmf_accuracy_labelled"] == pytest.approx(0.75)
    assert scores["csmf_accuracy_half_labelled"] == pytest.approx(0.875)


def test_a_cell_has_both_baselines_and_fewer_tests(small_deaths: Deaths):
    _, plain = run(small_deaths, n=3)
    _, trained = run(small_deaths, n=3, copies=4)
    assert {"csmf_accuracy_labelled", "csmf_accuracy_half_labelled"} <= set(plain.metrics)
    assert trained.facts["n_train"] == plain.facts["n_train"] + 12
    assert trained.facts["n_test"] == plain.facts["n_test"]
    assert trained.metrics["csmf_accuracy_labelled"] == plain.metrics["csmf_accuracy_labelled"]
    assert trained.prediction_sha256 != plain.prediction_sha256


def test_gbql_changes_the_fractions_alone(small_deaths: Deaths):
    _, plain = run(small_deaths, n=6)
    _, learned = run(small_deaths, csmf=GBQL, n=6)
    assert learned.facts["csmf_estimator"] == GBQL
    assert learned.metrics["top1"] == plain.metrics["top1"]
    assert learned.metrics["csmf_accuracy_model"] != plain.metrics["csmf_accuracy_model"]
    assert "csmf_interval_coverage" in learned.metrics


def test_gbql_between_groups_keeps_the_shares_within_them(small_deaths: Deaths):
    n = len(small_deaths.causes)
    data = dataclasses.replace(small_deaths, groups=("a", *["b"] * (n - 1)))
    probability = np.random.default_rng(1).dirichlet(np.ones(n), size=60)
    labelled = OutOfFoldPredictions(probability[:20], np.arange(20) % n)
    prediction = Prediction(probability, csmf=probability.mean(axis=0))
    result, facts = by_labelled(prediction, labelled, data, level="group", seed=1)
    mean = probability.mean(axis=0)
    assert facts == {"csmf_estimator": GBQL}
    assert result.csmf.sum() == pytest.approx(1)
    assert result.csmf[1:] / result.csmf[1:].sum() == pytest.approx(mean[1:] / mean[1:].sum())
