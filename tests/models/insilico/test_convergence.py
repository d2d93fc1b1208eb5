"""Convergence diagnostics on series whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from va_experiments.models.insilico.convergence import (
    assess,
    cramer_von_mises,
    geweke,
    heidelberger_welch,
    spectral_density_at_zero,
)


def autoregression(rng, n, phi, size=()):
    noise = rng.normal(size=(*size, n + 200))
    x = np.zeros_like(noise)
    for k in range(1, noise.shape[-1]):
        x[..., k] = phi * x[..., k - 1] + noise[..., k]
    return x[..., 200:]


def test_cramer_von_mises_has_the_published_quantiles():
    """Anderson and Darling 1952, Ann. Math. Stat. 23:193, table 1."""
    published = {0.34730: 0.90, 0.46136: 0.95, 0.74346: 0.99}
    np.testing.assert_allclose(cramer_von_mises(list(published)), list(published.values()), atol=2e-5)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, -0.5])
def test_spectral_density_of_an_autoregression(phi):
    """An AR(1) with unit noise has the density 1 / (1 - phi)^2 at 0."""
    x = autoregression(np.random.default_rng(0), 4000, phi, (50,))
    assert spectral_density_at_zero(x).mean() == pytest.approx(1 / (1 - phi) ** 2, rel=0.1)


def test_rows_are_worked_on_one_by_one():
    x = autoregression(np.random.default_rng(0), 500, 0.6, (3,))
    np.testing.assert_allclose(spectral_density_at_zero(x), [float(spectral_density_at_zero(row)) for row in x])
    assert spectral_density_at_zero(np.ones(50)) == 0


def test_stationarity_test_keeps_its_level_and_sees_a_trend():
    x = autoregression(np.random.default_rng(1), 1000, 0.5, (200,))
    passed = sum(heidelberger_welch(row, level=0.05)[0] for row in x)
    assert passed >= 180  # at least 95% pass, more as beginnings may be discarded
    trend = x[:20] + np.linspace(0, 8, 1000)
    assert sum(heidelberger_welch(row)[0] for row in trend) <= 10  # the trend also inflates the variance estimate


def test_a_beginning_off_the_mark_is_discarded():
    rng = np.random.default_rng(2)
    x = rng.normal(10, 1, size=2000)
    x[:180] += 6
    stationary, accurate, start = heidelberger_welch(x)
    assert stationary
    assert accurate
    assert start == 200


def test_geweke_scores_are_standard_normal():
    z = geweke(autoregression(np.random.default_rng(3), 2000, 0.5, (400,)))
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(geweke(np.linspace(0, 1, 1000) + np.random.default_rng(0).normal(0, 0.01, 1000))) > 5


def test_assessment_of_good_and_bad_chains():
    rng = np.random.default_rng(4)
    good = rng.normal(size=(4, 500))
    apart = good + np.array([0, 0, 0, 3.0])[:, None]
    slow = autoregression(rng, 500, 0.98, (4,))
    still = np.full((4, 500), 0.25)
    assessment = assess(np.stack([good, apart, slow, still], axis=2))
    assert assessment.rhat[0] < 1.01
    assert assessment.rhat[1] > 1.2
    assert assessment.ess[0] > 1500
    assert assessment.ess[2] < 100
    assert assessment.rhat[3] == 1
    assert assessment.ess[3] == 2000
    assert assessment.stationary[[0, 3]].all()


def test_few_draws_are_no_good_news():
    assessment = assess(np.random.default_rng(0).random((2, 10, 3)))
    assert (assessment.rhat > 1.05).all()


def test_one_chain_is_split():
    assessment = assess(np.random.default_rng(0).normal(size=(1, 400, 2)))
    assert np.isfinite(assessment.rhat).all()
    assert (assessment.rhat < 1.05).all()


def test_rhat_equals_its_formula():
    """Vehtari et al. 2021: split chains, ranks as normal scores, the larger of the values and their distances."""
    draws = np.random.default_rng(12).gamma(2, size=(4, 200, 1)) + np.array([0, 0, 0, 0.3])[:, None, None]
    halves = draws[..., 0].reshape(8, 100)

    def classical(x):
        scores = stats.norm.ppf((stats.rankdata(x).reshape(x.shape) - 3 / 8) / (x.size + 1 / 4))
        between, within = 100 * scores.mean(axis=1).var(ddof=1), scores.var(axis=1, ddof=1).mean()
        return np.sqrt((99 / 100 * within + between / 100) / within)

    expected = max(classical(halves), classical(np.abs(halves - np.median(halves))))
    assert assess(draws).rhat[0] == pytest.approx(expected, rel=1e-6)


def test_effective_sample_size_of_an_autoregression():
    """An AR(1) with coefficient phi is worth (1 - phi) / (1 + phi) independent draws each."""
    rng, phi, n = np.random.default_rng(13), 0.6, 5000
    noise = rng.normal(size=(4, n))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0] / np.sqrt(1 - phi**2)
    for t in range(1, n):
        series[:, t] = phi * series[:, t - 1] + noise[:, t]
    assert assess(series[..., None]).ess[0] == pytest.approx(4 * n * (1 - phi) / (1 + phi), rel=0.1)
