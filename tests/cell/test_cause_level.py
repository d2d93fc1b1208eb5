"""A cell that is scored at a coarser level: sums of probabilities, the same prediction, a key of its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, decode_prediction, run_fit
from va_experiments.cell.cause_level import CauseLevel, at_level, truth_at_level
from va_experiments.data.deaths import Deaths
from va_experiments.metrics.score import score
from va_experiments.models.base import Prediction
from va_experiments.protocols import splits

LEVEL = CauseLevel("two", ("x", "y"), ("x", "y", "x", "y"))


def test_probabilities_and_fractions_add_up_and_the_named_cause_decides() -> None:
    probability = np.array([[0.4, 0.3, 0.0, 0.3], [0, 0, 0, 0]])
    at_broad_level = at_level(Prediction(probability, np.array([0.4, 0.1, 0.2, 0.3]), np.full((3, 4), 0.25)), LEVEL)
    np.testing.assert_allclose(at_broad_level.probability, [[0.4, 0.6], [0, 0]])
    np.testing.assert_allclose(at_broad_level.csmf, [0.6, 0.4])
    np.testing.assert_allclose(at_broad_level.csmf_draws, np.full((3, 2), 0.5))
    assert at_broad_level.top_cause.tolist() == [0, -1], "x is the group of the cause that is named, though y has more"
    assert truth_at_level(np.array([0, 3, 2], dtype=np.int16), LEVEL).tolist() == [0, 1, 0]


def test_a_level_is_scored_from_the_same_fit_and_prediction(small_deaths: Deaths) -> None:
    spec = ModelSpec.from_config({"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"})
    split = splits({"name": "leave_one_site_out"}, small_deaths)[0]
    plain = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 20, 1)
    cells = [Cell(spec, split, dataclasses.replace(plain, level=level)) for level in (None, LEVEL)]
    assert cells[0].key != cells[1].key
    assert cells[0].fit_key == cells[1].fit_key
    assert cells[0].seed_key == cells[1].seed_key
    fine, coarse = run_fit(Fit(cells[0].fit_key, tuple(cells)), small_deaths)
    assert fine.failure is coarse.failure is None
    _, truth, prediction = decode_prediction(fine.predictions)
    _, truth_there, decoded = decode_prediction(coarse.predictions)
    mapped = at_level(prediction, LEVEL)
    assert decoded.probability.tobytes() == mapped.probability.tobytes()
    assert truth_there.tolist() == truth_at_level(truth, LEVEL).tolist()
    assert coarse.facts["causes"] == ["x", "y"]
    by_hand = score(truth_there, mapped, LEVEL.causes, n_bootstrap=0)
    assert coarse.metrics["top1"] == by_hand.values["top1"] == np.mean(decoded.top_cause == truth_there)
    assert coarse.metrics["csmf_accuracy_top"] == pytest.approx(by_hand.values["csmf_accuracy_top"])


def test_the_name_of_a_level_is_no_part_of_a_key(small_deaths: Deaths) -> None:
    setting = Setting("small", small_deaths.fingerprint, "hce", {"name": "natural"}, "model", 20, 1)
    one = dataclasses.replace(setting, level=LEVEL)
    assert one.digest == dataclasses.replace(setting, level=dataclasses.replace(LEVEL, name="other")).digest
    assert one.digest != setting.digest
    assert "score_at" not in setting.content
    assert CauseLevel.from_tree(LEVEL.tree()) == LEVEL
