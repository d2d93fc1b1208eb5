"""The random draws of InSilicoVA have the distributions they claim; seeds are fixed, p-values compared with 0.1%."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from va_experiments.models.insilico.draws import beta_mass, block_metropolis, slice_csmf, truncated_beta


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize(
    ("a", "b", "lower", "upper"),
    [
        (2, 3, 0.1, 0.9),
        (500, 800, 0.45, 0.5),  # far in the upper tail
        (500, 800, 0.30, 0.32),  # far in the lower tail
        (3e4, 9e4, 0.25, 0.2501),  # much narrower than the Beta
        (5e-4, 600, 1e-4, 0.9),  # the lowest level: a almost 0
        (1e-3, 1e-3, 1e-4, 0.9999),
        (400, 3, 0.2, 0.9),
        (2, 5e4, 1e-4, 0.5),
    ],
)
def test_truncated_beta(a, b, lower, upper):
    rng = generator(11)
    x = np.array([truncated_beta(rng, a, b, lower, upper) for _ in range(4000)])
    assert x.min() >= lower
    assert x.max() <= upper
    z = np.linspace(special.logit(lower), special.logit(upper), 100_001)
    height = a * z - (a + b) * np.log1p(np.exp(z))
    density = np.exp(height - height.max())
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    assert stats.kstest(x, lambda q: np.interp(special.logit(q), z, below / below[-1])).pvalue > 1e-3


def test_beta_mass_equals_scipy():
    rng = np.random.default_rng(0)
    for a, b in [(0.5, 0.7), (2, 3), (500, 800), (5e-4, 600), (3e4, 9e4), (1.5, 4e5)]:
        for low, high in np.sort(rng.beta(max(a, 0.3), b, size=(20, 2)), axis=1):
            expected = stats.beta.cdf(high, a, b) - stats.beta.cdf(low, a, b)
            assert beta_mass(a, b, low, high) == pytest.approx(expected, abs=1e-9)


def csmf_by_grid(count, sd_max):
    """Mean and standard deviation of the CSMF of three causes, by integration over two log-odds and the sd."""
    grid = np.linspace(-12, 12, 241)
    x, y = np.meshgrid(grid, grid, indexing="ij")  # log-odds of causes 1 and 2 against cause 0
    p = np.stack([np.ones_like(x), np.exp(x), np.exp(y)])
    p /= p.sum(axis=0)
    likelihood = np.exp((np.log(p) * np.asarray(count)[:, None, None]).sum(axis=0))
    squares = x**2 + y**2 - (x + y) ** 2 / 3  # of the deviations from the mean
    sd = np.linspace(0.005, sd_max, 400)[:, None, None]
    prior = (sd**-2 * np.exp(-squares / (2 * sd**2))).sum(axis=0)
    weight = likelihood * prior
    weight /= weight.sum()
    mean = (p * weight).sum(axis=(1, 2))
    return mean, np.sqrt((p**2 * weight).sum(axis=(1, 2)) - mean**2)


def chain(step, n, burn=500):
    draws = []
    theta = np.array([0.3, -0.2, 0.1])
    state = 1.0
    for k in range(n + burn):
        state = step(theta, state)
        if k >= burn:
            p = np.exp(theta)
            draws.append(p / p.sum())
    return np.array(draws)


@pytest.mark.parametrize("count", [[6.0, 3.0, 1.0], [20.0, 0.0, 0.0]])
def test_slice_sampling_of_the_csmf_agrees_with_integration(count):
    rng, counted = generator(2), np.array(count)
    draws = chain(lambda theta, sd: slice_csmf(rng, theta, sd, counted, 3.0, 1, 0), 12_000)
    mean, sd = csmf_by_grid(count, 3.0)
    error = sd / np.sqrt(12_000 / 20)  # at most 20 iterations to one independent draw
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - mean), 4 * error)
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.1)


@pytest.mark.slow
def test_the_original_step_has_the_same_posterior():
    rng, counted = generator(3), np.array([6.0, 3.0, 4.0])
    fast = chain(lambda theta, sd: slice_csmf(rng, theta, sd, counted, 1e6, 1, 0), 20_000)
    slow = chain(lambda theta, v: block_metropolis(rng, theta, v, counted, 0.7, 0)[0], 120_000)
    np.testing.assert_allclose(fast.mean(axis=0), slow.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(fast.std(axis=0), slow.std(axis=0), rtol=0.1)


@pytest.mark.slow
def test_with_removed_causes_still_counted_both_samplers_fix_the_first():
    rng, counted = generator(4), np.array([2.0, 9.0, 5.0])
    fast = chain(lambda theta, sd: slice_csmf(rng, theta, sd, counted, 1e6, 2, 7), 40_000)
    slow = chain(lambda theta, v: block_metropolis(rng, theta, v, counted, 0.7, 7)[0], 150_000)
    np.testing.assert_allclose(fast.mean(axis=0), slow.mean(axis=0), atol=0.02)


def test_one_cause_stays_as_it_is():
    theta = np.array([0.7])
    assert slice_csmf(generator(1), theta, 1.3, np.array([5.0]), 10.0, 1, 0) == 1.3
    assert theta[0] == 0.7
