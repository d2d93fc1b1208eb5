"""Sample causes and cause fractions of a new site, given draws of the training stage: the second stage of LCVA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments import callbacks, seeds
from va_experiments.models.lcva.answers import distinct_answers
from va_experiments.models.lcva.training import Priors, TrainingDraws

__all__ = ["TARGETS", "Target", "TargetDraws", "sample_targets"]

Floats = npt.NDArray[np.float64]

TARGETS = ("D", "DC", "N", "C")
"""How the classes are weighted at a new site: see `Target`."""


@dataclass(frozen=True, eq=False)
class Target:
    """The model of a new site.

    Parameters
    ----------
    kind : {"D", "DC", "N", "C"}
        ``D``: a mixture of the training sites, the same for all causes; ``DC``: one for each cause; ``N``: weights of
        its own; ``C``: the weights of the only training domain.
    alpha_pi, alpha_eta : float
        Dirichlet priors of the cause fractions and of the mixture.
    share : float64 array, shape (n_causes, n_sites)
        Share of each cause's training deaths that come from each site (``DC``).
    priors : Priors
    """

    kind: str
    alpha_pi: float
    alpha_eta: float
    share: Floats
    priors: Priors


@dataclass(frozen=True, eq=False)
class TargetDraws:
    """What is kept of one test set: draws of the fractions (n_draws, n_causes), mean probabilities (n, n_causes)."""

    csmf: Floats
    probability: Floats
    eta: Floats
    """Mean weights of the training sites, shape (n_causes, n_sites); no columns where they are not mixed."""


class _State:
    """One test set: its deaths by pattern, its parameters, what has been added up."""

    def __init__(self, pattern: npt.NDArray[np.int64], draws: TrainingDraws, target: Target, seed: int, n: int) -> None:
        _, n_causes, n_classes, n_sites = draws.weight.shape
        self.rng = seeds.generator(seed, "target")
        self.order = self.rng.integers(0, len(draws.weight), size=n)
        self.used, self.place, self.copies = np.unique(pattern, return_inverse=True, return_counts=True)
        self.target = target
        self.pi = np.full(n_causes, 1 / n_causes)
        mixes = target.kind in ("D", "DC")
        self.eta = np.full((n_causes, n_sites if mixes else 0), 1 / n_sites)
        self.weight = draws.weight[self.order[0]].mean(axis=2)
        self.omega: Floats = np.asarray(self.rng.gamma(target.priors.a_omega, 1 / target.priors.b_omega, n_causes))
        self.by_class = np.zeros((n_causes, n_classes), np.int64)
        self.by_site = np.zeros(self.eta.shape, np.int64)
        self.probability = np.zeros((len(self.used), n_causes))
        self.csmf: list[Floats] = []
        self.eta_sum = np.zeros(self.eta.shape)

    def sweep(self, likelihood: Floats, weight: Floats, *, save: bool) -> None:
        """Draw causes and classes given the parameters, then the parameters given these."""
        from va_experiments.models.lcva.kernel import assign_targets, draw_sticks

        kind, priors = self.target.kind, self.target.priors
        if kind != "N":
            self.weight = np.einsum("cg,ckg->ck", self.eta, weight) if self.eta.shape[1] else weight[:, :, 0]
        counts = (self.by_class, self.by_site)
        pi, eta = self.pi, self.eta
        assign_targets(
            self.rng, likelihood, self.used, self.copies, pi, np.ascontiguousarray(self.weight), eta, weight,
            self.probability, save, counts,
        )  # fmt: skip
        if kind == "N":
            self.weight = np.array(self.weight)
            for c in range(len(pi)):
                row, omega = self.weight[c], self.omega[c]
                self.omega[c] = draw_sticks(self.rng, self.by_class[c], omega, priors.a_omega, priors.b_omega, row)
        elif kind == "D":
            drawn = _dirichlet(self.rng, self.target.alpha_eta + self.by_site.sum(axis=0))
            self.eta = np.repeat(drawn[None], len(pi), axis=0)
        elif kind == "DC":
            self.eta = _dirichlet(self.rng, self.target.alpha_eta * self.target.share + self.by_site)
        self.pi = _dirichlet(self.rng, self.target.alpha_pi + self.by_class.sum(axis=1))
        if save:
            self.csmf.append(self.pi)
            self.eta_sum += self.eta

    def finish(self) -> TargetDraws:
        n = max(len(self.csmf), 1)
        return TargetDraws(np.array(self.csmf), (self.probability / n)[self.place], self.eta_sum / n)


def sample_targets(
    symptoms: npt.NDArray[np.int8],
    sets: Sequence[npt.NDArray[np.intp]],
    draws: TrainingDraws,
    target: Target,
    *,
    n_draws: int,
    burn_in: int,
    seed: int,
) -> list[TargetDraws]:
    """Sample each of several test sets drawn from the same deaths.

    Every sweep uses one training draw, chosen at random; nothing flows back to the training stage. The likelihood of a
    training draw is computed once for all sets.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_symptoms)
    sets : sequence of int arrays
        Rows of each test set.
    draws : TrainingDraws
    target : Target
    n_draws, burn_in : int
        Sweeps, and those dropped at the start.
    seed : int
        The same for every set: a set is sampled as it would be alone.
    """
    from va_experiments.models.lcva.kernel import class_likelihood

    answers, pattern = distinct_answers(symptoms)
    states = [_State(pattern[rows], draws, target, seed, n_draws) for rows in sets]
    likelihood = np.empty((len(answers.present_from) - 1, draws.logit.shape[2]))
    if not states:
        return []
    for sweep, number in enumerate(states[0].order):
        callbacks.progress(sweep, n_draws)
        class_likelihood(answers, draws.logit[number], likelihood)
        for state in states:
            state.sweep(likelihood, draws.weight[number], save=sweep >= burn_in)
    return [state.finish() for state in states]


def _dirichlet(rng: np.random.Generator, shape: Floats) -> Floats:
    """Draw from Dirichlet distributions along the last axis; a shape of 0 gives 0."""
    drawn = np.asarray(rng.standard_gamma(shape), dtype=np.float64)
    total = drawn.sum(axis=-1, keepdims=True)
    even = (np.asarray(shape) == np.asarray(shape).max(axis=-1, keepdims=True)).astype(np.float64)
    return np.where(total > 0, drawn / np.where(total > 0, total, 1), even / even.sum(axis=-1, keepdims=True))
