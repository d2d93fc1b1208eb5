"""Test-set designs: counts by rule, the same sets for every model, and scores over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from va_experiments.errors import InputError
from va_experiments.metrics import draw_test_sets, score, score_design, score_test_sets, testset_options
from va_experiments.metrics.csmf import csmf_accuracy
from va_experiments.metrics.resampling import cause_regression, median_interval, over_test_sets, quantile_of_sorted
from va_experiments.metrics.testsets import TESTSETS, Dirichlet, check_causes
from va_experiments.models.base import Prediction
from va_experiments.seeds import generator

RNG = np.random.default_rng(17)
CAUSES = [f"cause {k}" for k in range(8)]
TRUTH = RNG.choice(7, 400, p=RNG.dirichlet(np.full(7, 3.0)))  # the last cause has no deaths


def prediction(truth: np.ndarray, c: int, follows: bool = True) -> Prediction:
    p = RNG.dirichlet(np.full(c, 0.4), len(truth)) + 0.6 * np.eye(c)[truth]
    p /= p.sum(axis=1, keepdims=True)
    return Prediction(probability=p, csmf=p.mean(axis=0) if follows else np.full(c, 1 / c))


def test_counts_are_the_floor_and_a_multinomial_remainder() -> None:
    sets = draw_test_sets({"name": "dirichlet", "n_resamples": 200}, TRUTH, CAUSES, seed=5)
    assert sets.weights.shape == (200, 400)
    assert (sets.weights.sum(axis=1) == 400).all()
    counts = sets.weights @ np.eye(8, dtype=int)[TRUTH]
    least = np.floor(400 * sets.csmf)
    assert (counts >= least).all()
    assert (counts - least).sum() == 200 * 400 - least.sum()
    assert ((counts - least).sum(axis=1) < 8).all()
    assert (counts[:, 7] == 0).all()
    np.testing.assert_allclose(sets.csmf.sum(axis=1), 1)


def test_flat_dirichlet_has_its_moments() -> None:
    sets = draw_test_sets({"name": "dirichlet", "n_resamples": 4000}, TRUTH, CAUSES, seed=6)
    k = 7  # causes with deaths
    np.testing.assert_allclose(sets.csmf[:, :k].mean(axis=0), 1 / k, atol=4 * np.sqrt(6 / (k * k * (k + 1)) / 4000))
    np.testing.assert_allclose(sets.csmf[:, :k].var(axis=0), (k - 1) / (k * k * (k + 1)), rtol=0.12)


def test_around_and_target() -> None:
    shares = {"cause 0": 0.7, "cause 3": 0.3}
    around = draw_test_sets(
        {"name": "dirichlet_around", "csmf": shares, "concentration": 99, "n_resamples": 3000}, TRUTH, CAUSES, seed=7
    )
    assert around.csmf[:, 0].mean() == pytest.approx(0.7, abs=0.01)
    assert around.csmf[:, 0].var() == pytest.approx(0.7 * 0.3 / 100, rel=0.12)
    assert (around.csmf[:, [1, 2, 4, 5, 6, 7]] == 0).all()
    fixed = draw_test_sets({"name": "target", "csmf": shares, "n_resamples": 5, "n_test": 50}, TRUTH, CAUSES, seed=8)
    np.testing.assert_array_equal(fixed.weights @ (TRUTH == 0), [35] * 5)
    assert len(np.unique(fixed.weights, axis=0)) == 5
    train = draw_test_sets({"name": "target", "csmf": "train"}, TRUTH, CAUSES, seed=8, train_cause=[0, 1, 1, 1])
    np.testing.assert_allclose(train.csmf[0, :2], [0.25, 0.75])
    uniform = draw_test_sets({"name": "target", "csmf": "uniform"}, TRUTH, CAUSES[:7], seed=8)
    np.testing.assert_allclose(uniform.csmf[0], 1 / 7)
    test_sets = draw_test_sets({"name": "target", "csmf": "test"}, TRUTH, CAUSES, seed=8)
    np.testing.assert_allclose(test_sets.csmf[0], np.bincount(TRUTH, minlength=8) / 400)
    with pytest.raises(InputError, match="testset target: unknown cause 'cause 9'"):
        draw_test_sets({"name": "target", "csmf": {"cause 9": 1.0}}, TRUTH, CAUSES, seed=8)
    natural = draw_test_sets({"name": "natural"}, TRUTH, CAUSES, seed=8)
    assert (natural.weights == 1).all()
    assert natural.weights.shape == (1, 400)


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"name": "dirichlet"}, [0, 1, 2, 1, 0, 1, 0, 0, 2, 3, 0, 2]),
        (
            {"name": "dirichlet_around", "csmf": {"cause 0": 0.5, "cause 1": 0.3, "cause 2": 0.2}, "concentration": 5},
            [0, 0, 0, 0, 1, 4, 1, 0, 0, 1, 4, 1],
        ),
        ({"name": "target", "csmf": "train"}, [0, 0, 2, 1, 2, 2, 1, 2, 0, 0, 1, 1]),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else None,
)
def test_the_draws_of_a_seed_are_recorded(options: dict[str, object], first: list[int]) -> None:
    """Another draw would score every model on other deaths: results of earlier runs could not be compared."""
    truth, train = [0, 0, 0, 0, 1, 1, 1, 2, 2, 0, 1, 2], [0, 1, 1, 2]
    sets = draw_test_sets({**options, "n_resamples": 2}, truth, CAUSES[:4], seed=5, train_cause=train)
    assert sets.weights[0].tolist() == first


def test_mixes_that_are_aimed_at_by_hand() -> None:
    truth = np.array([0.0, 0, 1, 2], dtype=np.float32)  # numbers of causes of any type
    natural = draw_test_sets({"name": "natural"}, truth, "abcd", seed=1)
    assert natural.csmf.tolist() == [[0.5, 0.25, 0.25, 0]]
    assert natural.weights.dtype == np.int32
    options = {"name": "target", "n_resamples": 1}
    train = draw_test_sets({**options, "csmf": "train"}, truth, "abcd", seed=1, train_cause=[0, 1, 1, 3])
    np.testing.assert_allclose(train.csmf, [[1 / 3, 2 / 3, 0, 0]])  # of .25, .5 and .25 for a cause without deaths here
    test_sets = draw_test_sets({**options, "csmf": "test"}, truth, "abcd", seed=1)
    assert test_sets.csmf.tolist() == [[0.5, 0.25, 0.25, 0]]
    assert test_sets.weights[:, 2:].tolist() == [[1, 1]]
    around = {"name": "dirichlet_around", "csmf": "test", "concentration": 8, "n_resamples": 2}
    drawn = draw_test_sets(around, truth, "abcd", seed=1).csmf
    expected = generator(1, "testset").dirichlet([4, 2, 2], size=2)  # 8 times the natural fractions
    np.testing.assert_allclose(drawn, np.hstack([expected, np.zeros((2, 1))]))


def test_a_mix_of_unknown_causes_is_refused_before_any_death_is_drawn() -> None:
    options = testset_options({"name": "target", "csmf": {"cause 1": 0.5, "cause 9": 0.5}})
    check_causes(options, [*CAUSES, "cause 9"])
    with pytest.raises(InputError, match="testset target: unknown cause 'cause 9'"):
        check_causes(options, CAUSES)


def test_same_seed_same_sets_and_rows_repeat_as_weights_say() -> None:
    options = {"name": "dirichlet", "n_resamples": 20}
    a, b, c = (draw_test_sets(options, TRUTH, CAUSES, seed=s) for s in (1, 1, 2))
    assert a.hash == b.hash != c.hash
    assert len(a.hash) == 64
    np.testing.assert_array_equal(np.bincount(a.rows(3), minlength=400), a.weights[3])


def test_scores_over_test_sets_equal_scoring_each() -> None:
    sets = draw_test_sets({"name": "dirichlet", "n_resamples": 30}, TRUTH, CAUSES, seed=9)
    predicted = prediction(TRUTH, 8)
    scores = score_test_sets(TRUTH, predicted, CAUSES, sets)
    each = []
    for k in range(30):
        rows = sets.rows(k)
        p = predicted.probability[rows]
        each.append(score(TRUTH[rows], Prediction(probability=p, csmf=p.mean(axis=0)), CAUSES, n_bootstrap=0).values)
    for name in ("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1", "top3", "mean_ccc", "kappa"):
        values = [e[name] for e in each]
        assert scores.values[name] == pytest.approx(np.median(values), abs=1e-9), name
        assert scores.values[f"{name}_low"] == pytest.approx(np.quantile(values, 0.025), abs=1e-9)
        assert scores.values[f"{name}_high"] == pytest.approx(np.quantile(values, 0.975), abs=1e-9)
        assert scores.values[f"{name}_low"] <= scores.values[f"{name}_median_low"] <= scores.values[name]
    assert scores.values["n_test_sets"] == 30
    assert {"csmf_slope", "csmf_intercept", "csmf_rmse", "sensitivity"} <= set(scores.per_cause)


def test_a_design_is_scored_by_resampling_or_by_predicting_each_set() -> None:
    predicted = prediction(TRUTH, 8)
    natural, facts = score_design({"name": "natural"}, TRUTH, predicted, CAUSES, seed=4, n_bootstrap=10)
    assert natural.values == score(TRUTH, predicted, CAUSES, n_bootstrap=10, seed=4).values
    assert facts["testset_method"] == "natural"
    options = {"name": "dirichlet", "n_resamples": 25}
    once, how = score_design(options, TRUTH, predicted, CAUSES, seed=4)
    sizes = []

    def predict(sets: Sequence[np.ndarray]) -> Iterator[Prediction]:
        for rows in sets:
            sizes.append(len(rows))
            p = predicted.probability[rows]
            yield Prediction(probability=p, csmf=p.mean(axis=0))

    each, how_each = score_design(options, TRUTH, predicted, CAUSES, seed=4, predict=predict)
    assert sizes == [400] * 25
    assert how["testset_sha256"] == how_each["testset_sha256"] != facts["testset_sha256"]
    assert how["testset_method"] == "predicted once, predictions resampled"
    assert how_each["testset_method"] == "predicted on each test set"
    assert each.values == pytest.approx(once.values, abs=1e-9)
    for name, column in once.per_cause.items():
        np.testing.assert_allclose(each.per_cause[name], column, atol=1e-9)


def test_the_models_own_csmf_is_scored_only_where_it_is_known() -> None:
    sets = draw_test_sets({"name": "dirichlet", "n_resamples": 10}, TRUTH, CAUSES, seed=9)
    original = prediction(TRUTH, 8, follows=False)
    assert "csmf_accuracy_model" not in score_test_sets(TRUTH, original, CAUSES, sets).values
    csmf = RNG.dirichlet(np.ones(8), 10)
    scores = score_test_sets(TRUTH, original, CAUSES, sets, csmf_model=csmf).values["csmf_accuracy_model"]
    true = sets.weights @ np.eye(8)[TRUTH] / 400
    assert scores == pytest.approx(np.median(csmf_accuracy(true, csmf)))


def test_intervals_of_both_kinds() -> None:
    x = np.random.default_rng(1).normal(size=500)
    both = over_test_sets(x)
    assert both.median == np.median(x)
    assert (both.low, both.high) == pytest.approx(tuple(np.quantile(x, [0.025, 0.975])))
    assert (both.high - both.low) / (both.median_high - both.median_low) > 10
    # the closed form against 20,000 resamples
    rng = np.random.default_rng(2)
    for n in (25, 101, 500):
        y = np.sort(rng.normal(size=n))
        drawn = np.sort(rng.integers(0, n, size=(20_000, n)), axis=1)[:, (n - 1) // 2]
        places = np.searchsorted(y, median_interval(y))
        np.testing.assert_allclose(places, np.quantile(drawn, [0.025, 0.975]), atol=1)


def test_quantiles_of_sorted_values_are_interpolated_at_their_position_by_hand() -> None:
    """Position (10 + 1) p, less one because the first has the number 0: 8.35 of 0..9, and no further than the ends."""
    values = np.arange(10.0)
    assert quantile_of_sorted(values, 0.85) == pytest.approx(8.35)
    assert [quantile_of_sorted(values, p) for p in (0.01, 0.5, 0.99)] == [0, 4.5, 9]


def test_the_level_of_the_interval_of_a_median() -> None:
    values = np.arange(21.0)
    summary = over_test_sets(values, 0.5)
    assert (summary.median_low, summary.median_high) == median_interval(values, 0.5)
    assert summary.median_low > over_test_sets(values).median_low


def test_interval_of_the_median_covers() -> None:
    rng = np.random.default_rng(3)
    hits = [low <= np.log(2) <= high for low, high in (median_interval(rng.exponential(size=101)) for _ in range(2000))]
    print(f"coverage of the 95% interval of the median, 101 exponential values, 2,000 studies: {np.mean(hits):.3f}")
    assert 0.93 <= np.mean(hits) <= 0.97


def test_cause_regression_recovers_a_line() -> None:
    p = RNG.dirichlet(np.ones(4), 100)
    slope, intercept, rmse = cause_regression(p, 0.4 * p + 0.15)
    np.testing.assert_allclose(slope, 0.4)
    np.testing.assert_allclose(intercept, 0.15)
    np.testing.assert_allclose(rmse, np.sqrt(((0.15 - 0.6 * p) ** 2).mean(axis=0)))
    fit = np.polyfit(p[:, 0], q := p[:, 0] ** 2, 1)
    np.testing.assert_allclose([a[0] for a in cause_regression(p[:, :1], q[:, None])[:2]], fit)
    few = cause_regression([[0.1], [0.3]], [[0.2], [0.3]])
    np.testing.assert_allclose([a[0] for a in few], [0.5, 0.15, np.sqrt(0.005)])
    with np.errstate(all="raise"):
        assert np.isnan(cause_regression(np.ones((5, 1)), np.ones((5, 1)))[0][0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "dirichlett"}, "unknown testset 'dirichlett'.*did you mean 'dirichlet'"),
        (
            {"name": "dirichlet", "resamples": 3},
            "unknown key 'resamples' .*dirichlet; .*did you mean 'n_resamples'",
        ),
        ({"name": "dirichlet", "n_resamples": 500.0}, r"n_resamples must be a whole number >= 1; got 500.0 \(float\)"),
        ({"name": "dirichlet", "alpha": 0}, "alpha must be a number > 0"),
        ({"name": "target", "csmf": {"cause 0": 0.7, "cause 1": 0.7}}, "sums to 1.4; expected 1"),
        ({"name": "target", "csmf": {"cause 0": True}}, "must be a share"),
        ({"name": "target", "csmf": "flat"}, "must be one of test, train, uniform"),
        ({"name": "target", "csmf": {"Cause 3": 1.0}}, "unknown cause 'Cause 3'; did you mean 'cause 3'"),
        ({"name": "target", "csmf": {"cause 7": 1.0}}, "none of the causes of the target mix has test deaths"),
        ({"name": "target", "csmf": "train"}, "needs training deaths"),
    ],
)
def test_errors_say_what_was_expected(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_test_sets(options, TRUTH, CAUSES, seed=0)


def test_every_yaml_is_a_design_and_writes_out_the_defaults() -> None:
    from pathlib import Path

    import yaml

    paths = sorted((Path(__file__).resolve().parents[2] / "conf" / "testset").glob("*.yaml"))
    assert {p.stem for p in paths} == set(TESTSETS)
    for path in paths:
        content = yaml.safe_load(path.read_text())
        assert testset_options(content) == TESTSETS[path.stem]()
        assert set(content) == set(vars(TESTSETS[path.stem]()))
    assert testset_options(Dirichlet()) == Dirichlet()
