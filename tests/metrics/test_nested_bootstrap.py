"""The nested bootstrap: coverage by simulation, pairing, and what each level speaks of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from va_experiments.metrics.nested_bootstrap import LEVELS, death_bank, nested_bootstrap, paired_difference
from va_experiments.metrics.resampling import bootstrap_weights, interval
from va_experiments.metrics.sufficient_statistics import scored_deaths
from va_experiments.models.base import Prediction
from va_experiments.seeds import generator

RNG = np.random.default_rng(31)


def cases(truth: np.ndarray, skill: float, c: int = 5):
    p = RNG.dirichlet(np.full(c, 0.5), len(truth)) + skill * np.eye(c)[truth]
    p /= p.sum(axis=1, keepdims=True)
    return scored_deaths(truth, Prediction(probability=p, csmf=p.mean(axis=0)))


def simulated_banks(rng: np.random.Generator, n_sites: int, n_splits: int, between: float, within: float) -> list:
    """Sites about a mean of 0, splits about their site, and resampled values about each split, as deaths would give."""
    banks = []
    for _ in range(n_sites):
        site = rng.normal(0, between)
        splits = []
        for _ in range(n_splits):
            value = site + rng.normal(0, within)
            splits.append(np.concatenate([[value], value + rng.normal(0, within, 40)])[:, None])
        banks.append(splits)
    return banks


def covered(levels: tuple[str, ...], n_sites: int, target: str, studies: int = 600) -> float:
    rng = np.random.default_rng(32)
    hits = 0
    for _ in range(studies):
        banks = simulated_banks(rng, n_sites, 2, 0.05, 0.02)
        intervals = nested_bootstrap(banks, levels=levels, n_resamples=200, rng=rng)
        hits += bool(intervals.low[0] <= 0 <= intervals.high[0])
    return hits / studies


@pytest.mark.slow
@pytest.mark.parametrize("n_sites", [6, pytest.param(20, marks=pytest.mark.nightly)])
def test_interval_for_new_sites_covers(n_sites: int) -> None:
    coverage = {levels: covered(levels, n_sites, "sites") for levels in (("site",), LEVELS)}
    print(
        f"mean over {n_sites} sites, nominal .95: " + ", ".join(f"{'+'.join(k)} {v:.3f}" for k, v in coverage.items())
    )
    assert 0.93 <= coverage["site",] <= 0.97
    assert 0.93 <= coverage[LEVELS] <= 0.99  # counts the chance of splits and deaths twice: cautious


def test_interval_for_new_deaths_at_the_same_sites_covers() -> None:
    rng = np.random.default_rng(33)
    hits, studies = 0, 600
    for _ in range(studies):
        site_truth = rng.normal(0, 0.3, 6)  # differences between sites must not count
        observed = site_truth + rng.normal(0, 0.02, 6)
        banks = [[np.concatenate([[x], rng.normal(x, 0.02, 200)])[:, None]] for x in observed]
        intervals = nested_bootstrap(banks, levels=("death",), n_resamples=400, rng=rng)
        hits += bool(intervals.low[0] <= site_truth.mean() <= intervals.high[0])
    print(f"mean over 6 given sites, deaths resampled, nominal .95: {hits / studies:.3f}")
    assert 0.93 <= hits / studies <= 0.97


def test_means_levels_and_pairing() -> None:
    rng = np.random.default_rng(34)
    banks = []
    for n_splits in (1, 3, 2):
        truth = rng.integers(0, 5, 120)
        banks.append([death_bank({"a": cases(truth, 0.8), "b": cases(truth, 0.4)}, "top1") for _ in range(n_splits)])
    intervals = nested_bootstrap(banks, rng=rng)
    expected = np.mean([np.mean([b[0] for b in site], axis=0) for site in banks], axis=0)
    np.testing.assert_allclose(intervals.mean, expected)
    assert intervals.levels == LEVELS
    assert intervals.resampled.shape == (2000, 2)
    assert (intervals.low < intervals.mean).all()
    assert (intervals.mean < intervals.high).all()
    fixed = nested_bootstrap(banks, levels=(), rng=rng)
    np.testing.assert_allclose(fixed.resampled, np.tile(fixed.mean, (2000, 1)))
    with pytest.raises(ValueError, match="unknown level 'sites'"):
        nested_bootstrap(banks, levels=("sites",), rng=rng)


def test_intervals_over_sites_by_hand() -> None:
    values = np.array([[0.1, 0.5], [0.4, 0.6], [0.9, 0.2]])
    intervals = nested_bootstrap([[v[None, :]] for v in values], levels=("site",), n_resamples=50, rng=generator(7))
    drawn = values[generator(7).integers(0, 3, size=(50, 3))].mean(axis=1)
    half = stats.t.ppf(0.975, 2) * drawn.std(axis=0, ddof=1) * np.sqrt(3 / 2)
    np.testing.assert_allclose(intervals.resampled, drawn)
    np.testing.assert_allclose(
        [intervals.low, intervals.high], [values.mean(axis=0) - half, values.mean(axis=0) + half]
    )
    np.testing.assert_allclose(intervals.standard_error, drawn.std(axis=0, ddof=1) * np.sqrt(3 / 2))
    two = nested_bootstrap([[v[None, :]] for v in values[:2]], levels=("site",), n_resamples=50, rng=generator(7))
    drawn = values[:2][generator(7).integers(0, 2, size=(50, 2))].mean(axis=1)
    half = stats.t.ppf(0.975, 1) * drawn.std(axis=0, ddof=1) * np.sqrt(2)
    np.testing.assert_allclose(two.high - two.mean, half)
    one = nested_bootstrap([[values[:1], values[1:2]]], n_resamples=50, rng=generator(7))
    np.testing.assert_allclose(one.standard_error, one.resampled.std(axis=0, ddof=1))
    with pytest.raises(ValueError, match=r"expected some of site, split, death"):
        nested_bootstrap([[values]], levels=("deaths",), rng=generator(7))


def test_resamples_of_splits_and_of_their_deaths_by_a_plain_loop() -> None:
    banks = [np.array([[0.5], [0.4], [0.7]]), np.array([[0.2], [0.1]])]
    intervals = nested_bootstrap([banks], levels=("split", "death"), n_resamples=20, level=0.8, rng=generator(8))
    rng, total = generator(8), np.zeros(20)
    for _ in banks:
        which = rng.integers(0, 2, size=20)
        for split, bank in enumerate(banks):
            of_split = np.flatnonzero(which == split)
            total[of_split] += bank[rng.integers(1, len(bank), size=len(of_split)), 0]
    np.testing.assert_allclose(intervals.resampled[:, 0], total / 2)
    ends = interval(intervals.mean, intervals.resampled, level=0.8)
    np.testing.assert_allclose([intervals.low, intervals.high], ends)
    assert intervals.mean.tolist() == [0.35]


def test_the_resamples_of_deaths_are_those_of_the_seed() -> None:
    truth = np.arange(40) % 4
    scored = cases(truth, 0.4, 4)
    bank = death_bank({"a": scored}, "log_loss")
    weights = np.vstack([np.ones(40), bootstrap_weights(40, 200, generator(0, "bootstrap"))])
    losses = -np.log(scored.probability[np.arange(40), truth])
    np.testing.assert_allclose(bank[:, 0], (weights * losses).sum(axis=1) / 40)


def test_paired_difference_is_narrower_than_unpaired_and_refuses_other_deaths() -> None:
    truth = RNG.integers(0, 5, 400)
    first = cases(truth, 0.5)
    second = scored_deaths(truth, Prediction(probability=0.9 * first.probability + 0.02, csmf=np.full(5, 0.2)))
    difference, low, high = paired_difference(first, second, "log_loss")
    assert low <= difference <= high
    whole = death_bank({"a": first, "b": second}, "log_loss", n_resamples=1000)
    assert difference == whole[0, 0] - whole[0, 1]
    assert (low, high) == interval(difference, whole[1:, 0] - whole[1:, 1])
    again = paired_difference(first, second, "log_loss", n_resamples=40, seed=3, kind="basic")
    few = death_bank({"a": first, "b": second}, "log_loss", n_resamples=40, seed=3)
    assert again == (difference, *interval(difference, few[1:, 0] - few[1:, 1], kind="basic"))
    bank = death_bank({"a": first}, "log_loss", n_resamples=500)
    spread = np.diff(np.quantile(bank[1:, 0], [0.025, 0.975]))[0]
    assert high - low < spread
    with pytest.raises(ValueError, match="same deaths"):
        paired_difference(first, cases(np.roll(truth, 1), 0.5), "top1")
    with pytest.raises(ValueError, match="different numbers"):
        death_bank({"a": first, "b": cases(truth[:9], 0.5)}, "top1")


@pytest.mark.nightly
@pytest.mark.slow
def test_paired_difference_covers() -> None:
    rng = np.random.default_rng(35)
    truth = rng.integers(0, 4, 20_000)
    p = rng.dirichlet(np.full(4, 0.6), len(truth)) + 0.5 * np.eye(4)[truth]
    p /= p.sum(axis=1, keepdims=True)
    q = 0.7 * p + 0.3 * np.roll(p, 1, axis=1)
    named_p, named_q = p.argmax(axis=1) == truth, q.argmax(axis=1) == truth
    target, hits, studies = named_p.mean() - named_q.mean(), 0, 600
    for k in range(studies):
        rows = rng.integers(0, len(truth), 200)
        pair = [scored_deaths(truth[rows], Prediction(probability=x[rows], csmf=x[rows].mean(axis=0))) for x in (p, q)]
        _, low, high = paired_difference(*pair, "top1", n_resamples=300, seed=k)
        hits += bool(low <= target <= high)
    print(f"paired difference of top-1, 200 deaths, nominal .95: {hits / studies:.3f}")
    assert 0.93 <= hits / studies <= 0.97
