"""Few labelled deaths: rounding by hand, the limits of GBQL, and a mix that a biased model alone gets wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from va_experiments.metrics.few_labels import _log_gamma, gbql, labelled_fractions, model_and_labelled, pseudo_counts

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25], [0.0, 0.0, 0.0]])
KNOWN, TRUTH = np.array([[0.6, 0.3, 0.1], [0.2, 0.1, 0.7]]), np.array([0, 2])


def test_fractions_by_hand() -> None:
    truth, p = np.array([0, 0, 2, 1]), np.array([[0.5, 0.5, 0.0], [0.1, 0.3, 0.6]])
    assert labelled_fractions(truth, 4).tolist() == [0.5, 0.25, 0.25, 0.0]
    np.testing.assert_allclose(model_and_labelled(truth, p), [0.4, 0.325, 0.275])
    np.testing.assert_allclose(model_and_labelled(truth, p, share=0.0), [0.3, 0.4, 0.3])


def test_a_share_of_the_labelled_fractions_and_the_rest_of_the_mean_probability_by_hand() -> None:
    probability = np.array([[0.5, 0.5], [0.0, 0.0]])  # the second death has no probabilities
    np.testing.assert_allclose(model_and_labelled(np.array([0]), probability), [0.75, 0.25])
    np.testing.assert_allclose(model_and_labelled(np.array([0]), probability, share=0.2), [0.6, 0.4])


def test_pseudo_deaths_sum_to_the_copies() -> None:
    p = np.array([[1 / 3, 1 / 3, 1 / 3], [0.155, 0.845, 0.0]])
    assert pseudo_counts(p, 100).tolist() == [[34, 33, 33], [16, 84, 0]]


def test_rows_are_scaled_and_equal_remainders_go_to_the_first_causes() -> None:
    assert pseudo_counts(np.array([[1.0, 1.0, 2.0]]), 4).tolist() == [[1, 1, 2]]
    exact = np.tile([1.5, 1.75, 1.5, 1.25], 10)[None]  # sums to 60: ones, ten for .75, and ten of twenty for .5
    assert pseudo_counts(exact, 60).tolist() == [[2, 2, 2, 1] * 5 + [1, 2, 1, 1] * 5]


def test_the_density_of_the_shrinkage_equals_its_formula() -> None:
    """Fiksel et al. 2022, section 2: row i is Dirichlet(g (e_i + .001)), g is Gamma(alpha, beta)."""
    gamma, alpha, beta, t = np.array([[2.0, 30.0, 7.5]]), 5.0, 0.5, 1e-5
    matrix = np.array([[[0.8, 0.15, 0.05], [0.2, 0.7, 0.1], [0.25, 0.35, 0.4]]])
    result = _log_gamma(gamma, matrix, alpha, beta)[0]
    for i, (g, row) in enumerate(zip(gamma[0], matrix[0], strict=True)):
        shapes = g * (np.eye(3)[i] + 0.001)
        expected = math.lgamma(shapes.sum() + t) - sum(math.lgamma(a + t) for a in shapes)
        expected += sum((a - 1) * math.log(m + t) for a, m in zip(shapes, row, strict=True))
        expected += (alpha - 1) * math.log(g + t) - beta * g
        assert result[i] == pytest.approx(expected, rel=1e-12)
        density = stats.dirichlet.logpdf(row, shapes) + stats.gamma.logpdf(g, alpha, scale=1 / beta)
        assert result[i] == pytest.approx(density - alpha * math.log(beta) + math.lgamma(alpha), abs=0.05)


def test_rows_that_underflow_leave_the_answer_defined() -> None:
    """With an alpha near 0 the shapes of the rows are near 0, and some rows are drawn as zeros."""
    posterior = gbql(P, KNOWN[:0], TRUTH[:0], alpha=1e-3, beta=1e4, sweeps=40, chains=2, rng=np.random.default_rng(6))
    np.testing.assert_allclose(posterior.draws.sum(axis=1), 1)
    assert (posterior.matrix.sum(axis=1) < 1).any()
    rare = np.array([[1 - 1e-6, 1e-6]])  # one pseudo-death of a million: its column is drawn as zeros too
    posterior = gbql(
        rare, rare[:0], TRUTH[:0], alpha=1e-3, beta=1e4, copies=10**6, sweeps=20, rng=np.random.default_rng(6)
    )
    np.testing.assert_allclose(posterior.draws.sum(axis=1), 1)


def test_without_labels_and_with_a_trusted_model_it_is_the_mean_probability() -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet([2, 5, 3], size=400)
    posterior = gbql(p, np.zeros((0, 3)), np.zeros(0, int), alpha=5000, beta=5.0, rng=rng, sweeps=600)
    np.testing.assert_allclose(posterior.mean, p.mean(axis=0), atol=0.03)


def test_labelled_deaths_correct_a_biased_model() -> None:
    """A classifier that names a third of cause 0 as cause 1; the mix of the site is .7, .2, .1."""
    rng = np.random.default_rng(2)
    matrix = np.array([[0.60, 0.35, 0.05], [0.05, 0.9, 0.05], [0.1, 0.1, 0.8]])
    truth = rng.choice(3, size=900, p=[0.7, 0.2, 0.1])
    named = np.array([rng.choice(3, p=matrix[c]) for c in truth])
    p = np.eye(3)[named]
    true = np.bincount(truth[150:], minlength=3) / 750
    biased = rng.permutation(np.flatnonzero(truth[:150] >= 0))[:120]  # any labelled sample informs the matrix
    posterior = gbql(p[150:], p[biased], truth[biased], rng=rng, sweeps=1500)
    plain = p[150:].mean(axis=0)
    assert np.abs(posterior.mean - true).sum() < 0.5 * np.abs(plain - true).sum()
    np.testing.assert_allclose(posterior.matrix, matrix, atol=0.17)
    low, high = np.quantile(posterior.draws, [0.025, 0.975], axis=0)
    assert (low <= true).all()
    assert (true <= high).all()


@pytest.mark.parametrize("copies", [10, 100])
def test_the_answer_does_not_depend_on_the_rounding(copies: int) -> None:
    rng = np.random.default_rng(3)
    p = rng.dirichlet([1, 2, 3], size=300)
    posterior = gbql(p[50:], p[:50], p[:50].argmax(axis=1), copies=copies, rng=np.random.default_rng(4), sweeps=800)
    fine = gbql(p[50:], p[:50], p[:50].argmax(axis=1), copies=1000, rng=np.random.default_rng(5), sweeps=800)
    np.testing.assert_allclose(posterior.mean, fine.mean, atol=0.05)


def test_the_draws_of_a_seed_are_recorded() -> None:
    """Another draw would be another result of an unchanged command."""
    few = gbql(P, KNOWN, TRUTH, copies=10, sweeps=5, chains=2, rng=np.random.default_rng(6))
    assert few.draws.shape == (8, 3)
    assert len(gbql(P, KNOWN, TRUTH, sweeps=9, chains=1, rng=np.random.default_rng(6)).draws) == 8, "one in nine goes"
    np.testing.assert_allclose(few.mean, [0.3711928795, 0.4258470672, 0.2029600533], rtol=1e-8)
    np.testing.assert_allclose(few.matrix[0], [0.9114020755, 0.0780379960, 0.0105599284], rtol=1e-7)


def test_the_defaults_are_those_of_the_page() -> None:
    default, same = (np.random.default_rng(6) for _ in range(2))
    stated = gbql(P, KNOWN, TRUTH, alpha=5.0, beta=0.5, copies=100, sweeps=2000, chains=3, rng=same)
    np.testing.assert_array_equal(gbql(P, KNOWN, TRUTH, rng=default).draws, stated.draws)
