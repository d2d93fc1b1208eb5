"""Coverage of the bootstrap intervals over deaths, by simulation from populations whose values are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from va_experiments.metrics import METRICS, score
from va_experiments.metrics.csmf import csmf_accuracy
from va_experiments.metrics.csmf_interval import accuracy_interval
from va_experiments.metrics.resampling import bootstrap_weights, interval, over_test_sets, quantile_of_sorted
from va_experiments.metrics.score import evaluate
from va_experiments.metrics.sufficient_statistics import scored_deaths, totals
from va_experiments.models.base import Prediction

C, STUDIES, RESAMPLES = 34, 500, 100
SIZES = (297, 1000, 1726)
"""Deaths of a study: from the smallest of the PHMRC's sites to the largest."""
NAMES = (
    *("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model"),
    *("top1", "top3", "mean_ccc", "macro_sensitivity", "kappa", "log_loss", "brier"),
)
Coverage = dict[tuple[str, int], float]


def population() -> tuple[np.ndarray, np.ndarray]:
    """20,000 deaths and the probabilities that a middling model gives them."""
    rng = np.random.default_rng(16)
    truth = rng.choice(C, 20_000, p=rng.dirichlet(np.full(C, 4.0)))
    tilt = rng.normal(size=(C, C)) + 2 * np.eye(C)
    odds = np.exp(tilt[truth] + rng.gumbel(size=(len(truth), C)))
    return truth, odds / odds.sum(axis=1, keepdims=True)


def covered(truth: np.ndarray, p: np.ndarray, sizes: tuple[int, ...], seed: int = 5) -> Coverage:
    """Share of the studies whose interval holds the population's value, by metric and number of deaths."""
    rng = np.random.default_rng(seed)

    def prediction(rows: np.ndarray) -> Prediction:
        return Prediction(probability=p[rows], csmf=p[rows].mean(axis=0))

    everybody = totals(scored_deaths(truth, prediction(np.arange(len(truth)))))
    known = {name: float(v[0]) for name, v in evaluate(everybody, NAMES).items()}
    inside: Coverage = {}
    for n in sizes:
        for study in range(STUDIES):
            rows = rng.integers(0, len(truth), n)
            scores = score(truth[rows], prediction(rows), list("a" * C), n_bootstrap=RESAMPLES, seed=study).values
            for name in NAMES:
                hit = scores[f"{name}_low"] <= known[name] <= scores[f"{name}_high"]
                inside[name, n] = inside.get((name, n), 0.0) + hit / STUDIES
    return inside


@pytest.fixture(scope="module")
def coverage() -> Coverage:
    return covered(*population(), SIZES)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_nominal_95_percent_intervals_cover_as_they_say(name: str, n: int, coverage: Coverage) -> None:
    error = math.sqrt(0.95 * 0.05 / STUDIES)
    print(f"{name}, {n} deaths, {C} causes, {STUDIES} studies, nominal .95: {coverage[name, n]:.3f} "
          f"({METRICS[name].interval}; Monte Carlo error {error:.3f})")  # fmt: skip
    assert 0.93 <= coverage[name, n] <= 0.97


@pytest.mark.nightly
@pytest.mark.slow
def test_why_csmf_accuracy_needs_another_interval() -> None:
    truth, p = population()
    rng = np.random.default_rng(6)
    target = float(csmf_accuracy(np.bincount(truth) / len(truth), p.mean(axis=0)))
    hits = {"percentile": 0, "basic": 0}
    for _ in range(200):
        rows = rng.integers(0, len(truth), 297)
        weights = np.ones((RESAMPLES + 1, 297))
        weights[1:] = bootstrap_weights(297, RESAMPLES, rng)
        sums = totals(scored_deaths(truth[rows], Prediction(probability=p[rows], csmf=p[rows].mean(axis=0))), weights)
        values = csmf_accuracy(sums.csmf_true, sums.csmf_mean)
        for kind in hits:
            low, high = interval(values[0], values[1:], kind=kind)
            hits[kind] += bool(low <= target <= high)
    print(f"csmf_accuracy_mean, 297 deaths, nominal .95: percentile {hits['percentile'] / 200:.3f}, "
          f"basic {hits['basic'] / 200:.3f}")  # fmt: skip
    assert hits["percentile"] < 0.1 * 200
    assert hits["basic"] < 0.93 * 200


def test_inversion_where_chance_plays_no_part_is_the_normal_interval() -> None:
    """Errors of many standard errors: the sum is linear in them, so the interval is that of a mean."""
    rng = np.random.default_rng(7)
    true = np.full((4001, 4), 0.25)
    seen = np.array([0.10, -0.06, -0.03, -0.01])
    noise = rng.normal(0, 0.0005, (4001, 2))
    noise[0] = 0
    estimated = true - seen - np.column_stack([noise[:, 0], -noise[:, 0], noise[:, 1], -noise[:, 1]])
    (low,), (high,) = accuracy_interval(true, estimated[None])
    # sum of |error| = .20 + 2 * (noise of the first pair), noise of the second pair cancels: -1 - (-1)
    error = 2 * 0.0005 / (2 * 0.75)
    assert (low + high) / 2 == pytest.approx(1 - 0.20 / 1.5, abs=0.1 * error)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.05)


def test_inversion_without_any_error_reaches_to_1() -> None:
    """A sample that differs from its own estimate by chance alone: a world without error is not ruled out."""
    rng = np.random.default_rng(8)
    inside = 0
    for _ in range(100):
        p = np.full(10, 0.1)
        true = rng.multinomial(200, p, size=101) / 200
        estimated = np.tile(p, (101, 1))
        true[1:] = rng.multinomial(200, true[0], size=100) / 200
        (low,), (high,) = accuracy_interval(true, estimated[None])
        assert low <= high <= 1
        inside += high > 0.999
    assert inside >= 90


def test_a_sample_better_than_chance_allows_lies_in_its_interval() -> None:
    rng = np.random.default_rng(3)
    q = np.array([0.4, 0.3, 0.2, 0.1])
    resamples = rng.multinomial(50, q, 200) / 50
    low, high = accuracy_interval(
        np.vstack([q, resamples]), np.broadcast_to(np.add(q, [0.002, -0.002, 0, 0]), (1, 201, 4))
    )
    seen = 1 - 0.004 / (2 * 0.9)
    assert low[0] == pytest.approx(seen)
    assert high[0] == pytest.approx(1)


def test_kinds() -> None:
    values = np.arange(1.0, 100.0)  # 99 of them: the 2.5% point stands in place 2.5
    assert [float(x) for x in interval(40.0, values)] == pytest.approx([2.5, 97.5])
    assert [float(x) for x in interval(40.0, values, kind="basic")] == pytest.approx([-17.5, 77.5])
    assert float(quantile_of_sorted(values, 0.001)) == 1
    assert float(quantile_of_sorted(values, 0.999)) == 99
    np.testing.assert_allclose(quantile_of_sorted(values, 0.3), np.quantile(values, 0.3, method="weibull"))
    with pytest.raises(ValueError, match="kind is 'bca'"):
        interval(0.0, values, kind="bca")


def test_metrics_without_an_interval_that_holds_have_none() -> None:
    assert not METRICS["median_ccc"].interval
    assert not METRICS["macro_ppv"].interval
    assert over_test_sets([0.1, 0.2, 0.3]).median == 0.2  # over test sets every metric has one


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.real_data
def test_csmf_accuracy_on_real_deaths(phmrc_dir) -> None:
    """Naive Bayes at each PHMRC site, trained on the others; its 7,841 predictions are the population."""
    from va_experiments.data import read_phmrc
    from va_experiments.models import NaiveBayes

    deaths = read_phmrc("adult", phmrc_dir / "adult.csv.gz")
    p = np.empty((len(deaths), len(deaths.causes)))
    for site in range(len(deaths.sites)):
        test = deaths.site == site
        p[test] = NaiveBayes().fit(deaths.take(~test)).predict(deaths.take(test).without_causes(), seed=0).probability
    coverage = covered(np.asarray(deaths.cause, dtype=int), p, (297,))
    for name in ("csmf_accuracy_top", "csmf_accuracy_mean"):
        print(f"{name}, real deaths, 297 of {len(deaths)}, {STUDIES} studies, nominal .95: {coverage[name, 297]:.3f}")
        assert 0.93 <= coverage[name, 297] <= 0.97


def test_the_interval_of_csmf_accuracy_equals_its_plain_steps_with_undetermined_deaths() -> None:
    """One estimate and one end at a time: candidates along a line, halved 20 times (Carpenter 1999)."""
    rng = np.random.default_rng(41)
    true = rng.dirichlet([6.0, 3.0, 2.0], 25)
    estimated = np.stack(
        [rng.dirichlet([4.0, 4.0, 3.0], 25), rng.uniform(0.7, 0.9, (25, 1)) * rng.dirichlet([5.0, 4.0, 2.0], 25)]
    )
    low, high = accuracy_interval(true, estimated, level=0.8)
    for ends, q in zip(np.stack([low, high], axis=1), estimated, strict=True):
        error, undetermined = true - q, np.maximum(1 - q.sum(axis=1), 0)
        worst, noise = 2 * (1 - true.min(axis=1)), error[1:] - error[0]
        size, spread = np.abs(error[0]), noise.std(axis=0)
        accuracy = 1 - (size.sum() + undetermined[0]) / worst[0]
        step = size**0.25 * spread**0.75
        for k, tail in enumerate((0.9, 0.1)):
            left, right = -16.0, 16.0
            for _ in range(20):
                middle = (left + right) / 2
                candidate = np.sign(error[0]) * np.maximum(size - middle * step, 0)
                sums = np.abs(candidate + noise).sum(axis=1) + undetermined[1:]
                below = quantile_of_sorted(np.sort(1 - sums / worst[1:]), tail) < accuracy
                left, right = (middle, right) if below else (left, middle)
            left_over = np.maximum(size - (left + right) / 2 * step, 0).sum() + undetermined[0]
            assert ends[k] == pytest.approx(1 - left_over / worst[0], abs=1e-6)
    assert np.isfinite(accuracy_interval(true[:, :2], estimated[:, :, :2])).all()
    assert np.isnan(accuracy_interval(true[:, :1], estimated[:, :, :1])).all()
