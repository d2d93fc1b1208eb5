"""`score`: names, rules, speed, and resamples that equal a plain loop bit for bit."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from va_experiments.metrics import CASE_METRICS, METRICS, score
from va_experiments.metrics.csmf import RANDOM_ALLOCATION, cause_fractions, csmf_accuracy
from va_experiments.metrics.csmf_interval import accuracy_interval
from va_experiments.metrics.resampling import bootstrap_weights, interval
from va_experiments.metrics.score import _intervals, _resampled, evaluate, per_cause_table
from va_experiments.metrics.sufficient_statistics import scored_deaths, totals
from va_experiments.models.base import Prediction
from va_experiments.seeds import generator

RNG = np.random.default_rng(15)
C = 34
CAUSES = [f"cause {k}" for k in range(C)]


def example(n: int, undetermined: int = 0, c: int = C) -> tuple[np.ndarray, Prediction]:
    truth = RNG.choice(c, n, p=RNG.dirichlet(np.ones(c)))
    p = RNG.dirichlet(np.full(c, 0.3), n) + np.eye(c)[truth] * (RNG.random(n) < 0.4)[:, None]
    p /= p.sum(axis=1, keepdims=True)
    p[:undetermined] = 0
    csmf = RNG.dirichlet(50 * (p.mean(axis=0) + 1e-6)) * (1 - undetermined / n)
    return truth.astype(np.int16), Prediction(probability=p, csmf=csmf)


def test_values_equal_the_plain_definitions() -> None:
    truth, prediction = example(500, undetermined=20)
    scores = score(truth, prediction, CAUSES, n_bootstrap=0, train_cause=truth[:40])
    p_true, p = cause_fractions(truth, C), prediction.probability
    assert prediction.top_cause is not None
    expected = {
        "csmf_accuracy_top": csmf_accuracy(p_true, cause_fractions(prediction.top_cause, C)),
        "csmf_accuracy_mean": csmf_accuracy(p_true, p.mean(axis=0)),
        "csmf_accuracy_model": csmf_accuracy(p_true, prediction.csmf),
        "top1": (prediction.top_cause == truth).mean(),
        "top3": np.mean(
            [t in np.argsort(-row, kind="stable")[:3] and row.any() for t, row in zip(truth, p, strict=True)]
        ),
        "undetermined": 20 / 500,
        "label_coverage": np.isin(truth, truth[:40]).mean(),
    }
    for name, value in expected.items():
        assert scores.values[name] == pytest.approx(float(value), abs=1e-12), name
    sens = np.array([(prediction.top_cause[truth == k] == k).mean() for k in np.unique(truth)])
    ccc = (sens - 1 / C) / (1 - 1 / C)
    assert scores.values["mean_ccc"] == pytest.approx(ccc.mean())
    assert scores.values["median_ccc"] == pytest.approx(np.median(ccc))
    assert scores.values["cccsmf_empirical_top"] == pytest.approx(
        (scores.values["csmf_accuracy_top"] - scores.values["csmf_chance"]) / (1 - scores.values["csmf_chance"])
    )


@pytest.mark.parametrize(("n", "c"), [(12, 3), (40, 34)])
def test_the_bounds_of_a_metric_cut_off_only_what_no_population_can_be(n: int, c: int) -> None:
    """Ends of percentile intervals are values of the metric; test inversion has none above 1."""
    truth, prediction = example(n, c=c)
    weights = bootstrap_weights(n, 50, generator(0, "bootstrap"))
    cases = scored_deaths(truth, prediction, None)
    sample, resamples = totals(cases), totals(cases, weights)
    for name, values in evaluate(resamples).items():
        if METRICS[name].interval == "percentile":
            low, high = interval(evaluate(sample, [name])[name], values[:, None], level=0.95)
            least, most = METRICS[name].range
            assert least - 1e-12 <= low[0] <= high[0] <= most + 1e-12, name
    true = np.concatenate([sample.csmf_true, resamples.csmf_true])
    estimated = np.concatenate([sample.csmf_mean, resamples.csmf_mean])[None]
    assert accuracy_interval(true, estimated)[1].max() <= 1


def test_names_and_ranges() -> None:
    truth, prediction = example(200)
    scores = score(truth, prediction, CAUSES, n_bootstrap=50, train_cause=truth)
    assert {"csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1", "top3", "mean_ccc"} <= set(
        METRICS
    )
    absent = {"csmf_interval_coverage", "csmf_conformal_coverage", "csmf_conformal_width"}  # no draws, not asked for
    absent |= {"csmf_accuracy_labelled", "csmf_accuracy_half_labelled"}  # no death of the site was labelled
    assert not absent & set(scores.values)
    for name, info in {**METRICS, **CASE_METRICS}.items():
        if name in absent:
            continue
        assert info.range[0] <= scores.values[name] <= info.range[1]
        assert info.label
        assert info.description.endswith(".")
        if info.interval:
            assert info.range[0] <= scores.values[f"{name}_low"] <= scores.values[f"{name}_high"] <= info.range[1]
    assert all(type(v) is float and np.isfinite(v) for v in scores.values.values())
    assert set(scores.per_cause) == {
        "n_true", "sensitivity", "specificity", "ppv", "npv", "ccc", "csmf_true", "csmf_top",
        "csmf_mean", "csmf_model", "csmf_error",
    }  # fmt: skip
    assert all(v.shape == (C,) for v in scores.per_cause.values())
    assert scores.per_cause["n_true"].sum() == 200
    np.testing.assert_allclose(scores.per_cause["csmf_error"].sum(), 0, atol=1e-12)
    np.testing.assert_allclose(scores.per_cause["csmf_model"], prediction.csmf, atol=1e-12)


def test_every_resample_equals_a_plain_loop_bit_for_bit() -> None:
    truth, prediction = example(700, undetermined=5)
    cases = scored_deaths(truth, prediction)
    weights = bootstrap_weights(700, 60, generator(3, "bootstrap"))
    together = evaluate(totals(cases, weights))
    for b in range(60):
        alone = evaluate(totals(cases, weights[b : b + 1]))
        for name, value in together.items():
            assert value[b] == alone[name][0], name


def test_a_resample_equals_scoring_the_repeated_deaths() -> None:
    truth, prediction = example(300, undetermined=5)
    (weights,) = bootstrap_weights(300, 1, generator(4, "bootstrap"))
    rows = np.repeat(np.arange(300), weights)
    by_weight = evaluate(totals(scored_deaths(truth, prediction), weights[None]))
    repeated = Prediction(probability=prediction.probability[rows], csmf=prediction.csmf)
    directly = evaluate(totals(scored_deaths(truth[rows], repeated)))
    for name in by_weight:
        if "model" not in name:
            assert by_weight[name][0] == pytest.approx(directly[name][0], abs=1e-10), name


def test_the_models_own_csmf_moves_exactly_where_it_is_the_mean_or_the_top_shares() -> None:
    truth, prediction = example(300)
    p = prediction.probability
    weights = bootstrap_weights(300, 40, generator(5, "bootstrap"))
    for csmf, same in ((p.mean(axis=0), "mean"), (cause_fractions(prediction.top_cause, C), "top")):
        values = evaluate(totals(scored_deaths(truth, Prediction(probability=p, csmf=csmf)), weights))
        np.testing.assert_allclose(values["csmf_accuracy_model"], values[f"csmf_accuracy_{same}"], atol=1e-12)


def test_same_seed_same_bits_and_order_of_deaths_plays_no_part_in_the_point() -> None:
    truth, prediction = example(400)
    first, second = (score(truth, prediction, CAUSES, n_bootstrap=30, seed=8).values for _ in range(2))
    assert first == second
    order = RNG.permutation(400)
    moved = Prediction(probability=prediction.probability[order], csmf=prediction.csmf)
    again = score(truth[order], moved, CAUSES, n_bootstrap=0).values
    assert {k: again[k] for k in METRICS if "model" not in k} == {k: first[k] for k in METRICS if "model" not in k}


def test_coverage_of_csmf_draws() -> None:
    truth = np.array([0, 1, 2, 1])
    draws = np.tile([0.25, 0.5, 0.25], (40, 1)) + np.linspace(-0.01, 0.01, 40)[:, None] * [1, 0, -1]
    draws[:, 2] += 0.1
    prediction = SimpleNamespace(probability=np.eye(3)[truth], csmf=np.full(3, 1 / 3), top_cause=None, csmf_draws=draws)
    assert score(truth, prediction, "abc").values["csmf_interval_coverage"] == pytest.approx(2 / 3)


def test_intervals_are_those_of_the_recorded_resamples() -> None:
    truth, prediction = example(60, undetermined=5, c=4)
    values = score(truth, prediction, "abcd", n_bootstrap=20, seed=3).values
    cases = scored_deaths(truth, prediction)
    weights = np.vstack([np.ones(60), bootstrap_weights(60, 20, generator(3, "bootstrap"))])
    sums = totals(cases, weights)
    top1 = evaluate(sums, ["top1"])["top1"]
    assert (values["top1_low"], values["top1_high"]) == tuple(map(float, interval(top1[0], top1[1:])))
    low, high = accuracy_interval(sums.csmf_true, sums.csmf_top[None])
    assert (values["csmf_accuracy_top_low"], values["csmf_accuracy_top_high"]) == (low[0], high[0])
    ends = [(end - RANDOM_ALLOCATION) / (1 - RANDOM_ALLOCATION) for end in (low[0], high[0])]
    assert (values["cccsmf_top_low"], values["cccsmf_top_high"]) == pytest.approx(tuple(ends))


def hand_made() -> tuple[np.ndarray, Prediction]:
    """Four deaths of causes 0, 0, 1, 2, named 0, 1, 1 and undetermined."""
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.0, 0.0, 0.0]])
    return np.array([0, 0, 1, 2]), Prediction(p, csmf=np.array([0.5, 0.3, 0.2]))


def test_the_table_by_cause_by_hand() -> None:
    truth, prediction = hand_made()
    table = per_cause_table(totals(scored_deaths(truth, prediction)))
    expected = {
        "n_true": [2, 1, 1],
        "sensitivity": [0.5, 1, 0],
        "specificity": [1, 2 / 3, 1],  # of two, three and three other deaths none, one and none are named so
        "ppv": [1, 0.5, np.nan],
        "npv": [2 / 3, 1, 3 / 4],
        "ccc": [0.25, 1, -0.5],
        "csmf_true": [0.5, 0.25, 0.25],
        "csmf_top": [0.25, 0.5, 0],
        "csmf_mean": [0.225, 0.4, 0.125],
        "csmf_model": [0.5, 0.3, 0.2],
        "csmf_error": [-0.25, 0.25, -0.25],
    }
    assert list(table) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, err_msg=name)


def test_the_first_and_the_last_resample_count_in_an_interval() -> None:
    """Top-1 accuracies 0, .5, .5 and 1 of four resamples in two parts: they are the ends of the 95% interval."""
    cases = scored_deaths(*hand_made())
    weights = [[0, 4, 0, 0], [1, 1, 1, 1]], [[1, 1, 1, 1], [4, 0, 0, 0]]
    ends = _intervals([totals(cases), *(totals(cases, w) for w in weights)])
    assert (ends["top1_low"], ends["top1_high"]) == (0, 1)


def test_resamples_come_in_parts_of_limited_size_and_there_are_100_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = scored_deaths(*hand_made())
    module = sys.modules["va_experiments.metrics.score"]
    for limit, sizes in ((2 * 4, [2, 2, 1]), (1, [1] * 5)):
        monkeypatch.setattr(module, "MAX_WEIGHTS", limit)
        assert [len(part.n) for part in _resampled(cases, 5, generator(0, "bootstrap"))] == sizes
    monkeypatch.undo()
    truth, prediction = hand_made()
    assert score(truth, prediction, "abc").values == score(truth, prediction, "abc", n_bootstrap=100, seed=0).values
    drawn = []
    monkeypatch.setattr(module, "bootstrap_weights", lambda n, b, rng: drawn.append(b) or bootstrap_weights(n, b, rng))
    score(truth, prediction, "abc")
    assert drawn == [100]


def test_extreme_predictions() -> None:
    truth = np.array([0, 1, 2, 1], dtype=np.int16)
    perfect = SimpleNamespace(probability=np.eye(3)[truth], csmf=np.array([0.25, 0.5, 0.25]), top_cause=None)
    values = score(truth, perfect, "abc", n_bootstrap=20).values
    for name in ("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1", "top3", "mean_ccc", "kappa"):
        assert values[name] == 1
    assert values["log_loss"] == values["brier"] == values["ece"] == 0
    nothing = SimpleNamespace(probability=np.zeros((4, 3)), csmf=np.zeros(3), top_cause=None)
    values = score(truth, nothing, "abc", n_bootstrap=20).values
    assert values["undetermined"] == 1
    assert values["top1"] == values["top3"] == 0
    assert values["log_loss"] == pytest.approx(np.log(3))
    assert "csmf_accuracy_top_determined" not in values  # undefined, so not there: never a zero


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("n", "c"), [(1, 34), (2, 1), (3, 2), (1, 1)])
def test_tiny_test_sets_and_cause_lists_give_no_warning_and_no_made_up_number(n: int, c: int) -> None:
    p = np.full((n, c), 1 / c)
    values = score(np.zeros(n, int), Prediction(probability=p, csmf=p[0]), ["x"] * c, n_bootstrap=9).values
    assert values["top1"] == 1
    assert ("csmf_accuracy_top" in values) == ("mean_ccc" in values) == (c > 1)


def test_large_test_sets_are_resampled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, prediction = example(200)
    whole = score(truth, prediction, CAUSES, n_bootstrap=50, seed=2).values
    monkeypatch.setattr(sys.modules["va_experiments.metrics.score"], "MAX_WEIGHTS", 200 * 7)
    assert score(truth, prediction, CAUSES, n_bootstrap=50, seed=2).values == whole


def test_shapes_that_do_not_fit_are_refused() -> None:
    truth, prediction = example(20)
    with pytest.raises(ValueError, match="19 true causes"):
        score(truth[:19], prediction, CAUSES)
    with pytest.raises(ValueError, match="over 34 causes for a list of 3"):
        score(truth, prediction, "abc")
    with pytest.raises(ValueError, match="outside"):
        score(truth + 34, prediction, CAUSES)
    with pytest.raises(ValueError, match="no deaths"):
        score([], Prediction(probability=np.zeros((0, 3)), csmf=np.zeros(3)), "abc")
