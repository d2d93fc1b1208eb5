"""Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788): the proof that leans on no other program.

Parameters are drawn from the prior, deaths from the model given them, and the chain samples the posterior given the
deaths. The rank of each true parameter among (nearly independent) posterior draws is then uniform. Each parameter's
ranks are tested by chi-square; the false-alarm rate is 0.1% for each configuration (Bonferroni over its parameters).
``VA_SBC=5000`` runs that many simulations instead of 250.
"""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest
from scipy import stats

from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.problem import LEVEL_BOUNDS, build_problem

N_SIMULATIONS = int(os.environ.get("VA_SBC", "250"))
N_DRAWS, N_BINS, THIN = 99, 20, 25
PRIOR_A, PRIOR_B = np.array([7.0, 4.0, 1.5, 0.4]), 10.0
SD_MAX = 2.0


def draw_levels(rng: np.random.Generator) -> np.ndarray:
    """Ordered, truncated Beta draws, by rejection."""
    while True:
        value = rng.beta(PRIOR_A, PRIOR_B - PRIOR_A)
        if (np.diff(value) < 0).all() and value[0] <= LEVEL_BOUNDS[1] and value[-1] >= LEVEL_BOUNDS[0]:
            return value


def ranks(*, groups: int = 1, ruled: bool = False, sd_max: float = SD_MAX, n_deaths: int = 40) -> np.ndarray:
    """Ranks of the true parameters, shape (n_simulations, n_parameters)."""
    rng = np.random.default_rng(20260101)
    n_causes, n_symptoms = 4, 10
    level = np.stack([rng.permutation(np.resize(np.arange(4), n_symptoms)) for _ in range(n_causes)], axis=1)
    result = []
    for simulation in range(N_SIMULATIONS):
        value = draw_levels(rng)
        group = np.sort(np.resize(np.arange(groups), n_deaths))
        possible = np.ones((n_deaths, n_causes), dtype=bool)
        if ruled:
            possible = rng.random((n_deaths, n_causes)) < 0.8
            possible[np.arange(n_deaths), rng.integers(0, n_causes, n_deaths)] = True
        theta = rng.normal(size=(groups, n_causes)) * rng.uniform(0, SD_MAX, size=(groups, 1))
        share = np.exp(theta) / np.exp(theta).sum(axis=1, keepdims=True)
        cause = np.array([rng.choice(n_causes, p=p) for p in share[group]])
        # The chance of the pattern of possible causes must not depend on the cause drawn, other than by allowing it.
        possible[np.arange(n_deaths), cause] = True
        symptoms = (rng.random((n_deaths, n_symptoms)) < value[level][:, cause].T).astype(np.int8)
        symptoms[rng.random(symptoms.shape) < 0.1] = -1
        rules = possible if ruled else None
        problem = build_problem(symptoms, level=level, group=group if groups > 1 else None, possible=rules)
        arrays = problem.arrays._replace(prior_a=PRIOR_A, prior_b=PRIOR_B)
        problem = dataclasses.replace(problem, arrays=arrays, value=draw_levels(rng))
        sampling = Sampling((N_DRAWS + 8) * THIN, 8 * THIN, THIN, sd_max=sd_max)
        run = Run(problem, sampling, seed=simulation)
        run.sample(lambda run: True, sampling.n_iterations)
        csmf = run.csmf_draws[0].reshape(N_DRAWS, -1)
        truth = np.concatenate([share.ravel(), value])
        result.append((np.concatenate([csmf, run.level_draws[0]], axis=1) < truth).sum(axis=0))
    return np.array(result)


def smallest_p(ranks_of_draws: np.ndarray) -> float:
    """Smallest chi-square p-value over the parameters, times their number."""
    counts = np.stack([np.bincount(r * N_BINS // (N_DRAWS + 1), minlength=N_BINS) for r in ranks_of_draws.T])
    expected = len(ranks_of_draws) / N_BINS
    chi2 = ((counts - expected) ** 2 / expected).sum(axis=1)
    return float(stats.chi2.sf(chi2, N_BINS - 1).min() * len(counts))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("groups", "ruled"),
    [(1, False), pytest.param(2, False, marks=pytest.mark.nightly), pytest.param(1, True, marks=pytest.mark.nightly)],
)
def test_ranks_are_uniform(groups, ruled):
    assert smallest_p(ranks(groups=groups, ruled=ruled)) > 1e-3


@pytest.mark.nightly
@pytest.mark.slow
def test_another_prior_would_be_noticed():
    """Sampled with a prior that keeps the log-odds together, deaths from the same simulations give uneven ranks."""
    assert smallest_p(ranks(sd_max=0.3)) < 1e-3
