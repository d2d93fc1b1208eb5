"""A design of test sets is scored with its seed, training causes, resamples and intervals, on four deaths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from va_experiments.metrics import draw_test_sets, score, score_design, score_test_sets
from va_experiments.metrics.conformal import ConformalIntervals
from va_experiments.metrics.testset_scores import score_each_test_set
from va_experiments.models.base import Prediction

P = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
TRUTH, TRAIN, CAUSES = np.array([0, 0, 1, 2]), np.array([0, 1, 1]), ("a", "b", "c")
PREDICTION = Prediction(P, csmf=P.mean(axis=0))
INTERVALS = ConformalIntervals(0.3, 5)
TRAINED_MIX = {"name": "target", "csmf": "train", "n_resamples": 3}


def predict(sets: Sequence[np.ndarray]) -> Iterator[Prediction]:
    for rows in sets:
        csmf = P[rows].mean(axis=0)
        draws = np.vstack([csmf * 0.5, csmf * 1.2])
        yield Prediction(P[rows], csmf=csmf, csmf_draws=draws)


def test_the_natural_test_set_has_bootstrap_intervals_and_those_of_fractions() -> None:
    scores, facts = score_design(
        {"name": "natural"}, TRUTH, PREDICTION, CAUSES, seed=4, train_cause=TRAIN, intervals=INTERVALS
    )
    expected = score(TRUTH, PREDICTION, CAUSES, n_bootstrap=100, seed=4, train_cause=TRAIN).values
    true, csmf = [0.5, 0.25, 0.25], P.mean(axis=0)
    low, high = INTERVALS.interval(csmf)
    expected["csmf_conformal_coverage"] = INTERVALS.coverage(true, csmf)
    expected["csmf_conformal_width"] = (high - low).mean()
    assert scores.values == expected
    assert scores.values["label_coverage"] == 3 / 4
    np.testing.assert_array_equal(scores.per_cause["csmf_low"], low)
    np.testing.assert_array_equal(scores.per_cause["csmf_high"], high)
    sha256 = draw_test_sets({"name": "natural"}, TRUTH, CAUSES, seed=0).hash
    assert facts == {"testset_sha256": sha256, "n_test_sets": 1, "testset_method": "natural"}
    few, _ = score_design({"name": "natural"}, TRUTH, PREDICTION, CAUSES, seed=4, n_bootstrap=5)
    assert few.values == score(TRUTH, PREDICTION, CAUSES, n_bootstrap=5, seed=4).values


def test_resampled_test_sets_follow_the_training_mix_and_are_scored_together_or_one_by_one() -> None:
    sets = draw_test_sets(TRAINED_MIX, TRUTH, CAUSES, seed=4, train_cause=TRAIN)
    np.testing.assert_allclose(sets.csmf, [[1 / 3, 2 / 3, 0]] * 3)
    options = {"train_cause": TRAIN, "intervals": INTERVALS}
    known = {"testset_sha256": sets.hash, "n_test_sets": 3}
    once, facts = score_design(TRAINED_MIX, TRUTH, PREDICTION, CAUSES, seed=4, **options)
    assert once.values == score_test_sets(TRUTH, PREDICTION, CAUSES, sets, **options).values
    assert facts == known | {"testset_method": "predicted once, predictions resampled"}
    each, facts = score_design(TRAINED_MIX, TRUTH, PREDICTION, CAUSES, seed=4, predict=predict, **options)
    assert each.values == score_each_test_set(TRUTH, predict, PREDICTION, CAUSES, sets, **options).values
    assert facts == known | {"testset_method": "predicted on each test set"}
    assert each.values["csmf_conformal_coverage"] == pytest.approx(once.values["csmf_conformal_coverage"])
    assert each.values["csmf_conformal_width"] == pytest.approx(once.values["csmf_conformal_width"])


def test_numbers_over_test_sets_by_hand() -> None:
    sets = draw_test_sets({"name": "target", "csmf": {"a": 0.5, "b": 0.5}, "n_resamples": 5}, TRUTH, CAUSES, seed=1)
    true, mean = sets.weights @ np.eye(3)[TRUTH] / 4, sets.weights @ P / 4
    right = sets.weights @ [1, 0, 1, 1] / 4
    inside = [((0.5125 * m <= t) & (t <= 1.1825 * m)).mean() for t, m in zip(true, mean, strict=True)]
    each = score_each_test_set(TRUTH, predict, PREDICTION, CAUSES, sets, intervals=INTERVALS)
    once = score_test_sets(TRUTH, PREDICTION, CAUSES, sets, intervals=INTERVALS)
    for scores in (each, once):
        assert scores.values["n_test_sets"] == 5
        assert scores.values["top1"] == np.median(right)
        assert scores.values["csmf_conformal_coverage"] == pytest.approx(INTERVALS.coverage(true, mean))
        assert scores.per_cause["n_true"].tolist() == [2, 1, 1]
        varies = true.std(axis=0) > 0
        assert np.isnan(scores.per_cause["csmf_slope"][~varies]).all()
    assert each.values["csmf_interval_coverage"] == pytest.approx(math.fsum(inside) / 5)
    assert "csmf_interval_coverage" not in once.values


def test_what_one_prediction_cannot_say_is_left_out() -> None:
    sets = draw_test_sets({"name": "dirichlet", "n_resamples": 4}, TRUTH, CAUSES, seed=1)
    original = Prediction(P, csmf=np.array([0.2, 0.2, 0.6]))
    scores = score_test_sets(TRUTH, original, CAUSES, sets, intervals=INTERVALS).values
    assert not {"csmf_accuracy_model", "csmf_conformal_coverage", "csmf_conformal_width"} & set(scores)
    scored = score_test_sets(
        TRUTH, original, CAUSES, sets, csmf_model=np.tile([0.2, 0.2, 0.6], (4, 1)), intervals=INTERVALS
    )
    assert scored.values["csmf_conformal_width"] == INTERVALS.width([0.2, 0.2, 0.6])
    with pytest.raises(ValueError, match=r"^probabilities over 3 causes for a list of 2$"):
        score_test_sets(TRUTH, PREDICTION, ("a", "b"), sets)

    def without_draws(rows: Sequence[np.ndarray]) -> Iterator[Prediction]:
        for number, prediction in enumerate(predict(rows)):
            yield prediction if number else Prediction(prediction.probability, csmf=prediction.csmf)

    each = score_each_test_set(TRUTH, without_draws, PREDICTION, CAUSES, sets)
    assert "csmf_interval_coverage" not in each.values, "the first test set has no draws"
