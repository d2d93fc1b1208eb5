"""Sample the latent classes, their weights and their profiles from training deaths: the first stage of LCVA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from va_experiments import callbacks
from va_experiments.models.lcva.answers import distinct_answers

__all__ = ["Priors", "TrainingDraws", "sample_training"]

_LARGEST_LOGIT = 600.0


@dataclass(frozen=True)
class Priors:
    """Constants of the prior distributions.

    Parameters
    ----------
    a_omega, b_omega : float
        Gamma prior (shape, rate) of the concentration of the class weights.
    a_base, b_base : float
        Beta prior of a cause's baseline probability of a symptom.
    nu_phi, nu_tau : float
        Beta(1, nu) priors of free cells and of the share of free cells.
    """

    a_omega: float = 1.0
    b_omega: float = 1.0
    a_base: float = 1.0
    b_base: float = 1.0
    nu_phi: float = 1.0
    nu_tau: float = 1.0


@dataclass(frozen=True, eq=False)
class TrainingDraws:
    """Saved draws of the training stage.

    Parameters
    ----------
    logit : float32 array, shape (n_draws, n_symptoms, n_causes * n_classes)
        Log-odds of each symptom in each class.
    weight : float64 array, shape (n_draws, n_causes, n_classes, n_sites)
        Class weights of each cause at each site.
    free : float64 array, shape (n_draws,)
        Share of the cells of the profiles that differ from their cause's baseline.
    """

    logit: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float64]
    free: npt.NDArray[np.float64]

    @property
    def n_classes(self) -> int:
        """Classes of each cause."""
        return int(self.weight.shape[2])


def sample_training(
    symptoms: npt.NDArray[np.int8],
    cause: npt.NDArray[np.integer],
    site: npt.NDArray[np.integer],
    *,
    n_classes: int,
    n_iterations: int,
    burn_in: int,
    thin: int,
    priors: Priors,
    rng: np.random.Generator,
) -> TrainingDraws:
    """Run one chain.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_symptoms)
        1 present, 0 absent, -1 missing (at random).
    cause, site : int arrays, shape (n_deaths,)
        From 0, each occurring.
    n_classes, n_iterations, burn_in, thin : int
    priors : Priors
    rng : Generator

    References
    ----------
    Li et al. 2021, arXiv:2112.12186; class weights by stick breaking and a spike at the cause's baseline.
    """
    from va_experiments.models.lcva.kernel import assign_classes, draw_profiles, draw_sticks

    order = np.lexsort((*np.ascontiguousarray(symptoms.T[::-1]), site, cause))
    cause, site = (np.ascontiguousarray(a[order], dtype=np.int64) for a in (cause, site))
    answers, pattern = distinct_answers(symptoms[order])
    n_symptoms, n_causes, n_sites = symptoms.shape[1], int(cause.max()) + 1, int(site.max()) + 1
    shape = (n_causes, n_symptoms, n_classes)
    counts = np.arange(len(cause) + 2, dtype=np.float64)
    tables = special.gammaln(np.stack([1 + counts, priors.nu_phi + counts, 1 + priors.nu_phi + counts]))
    constants = (priors.a_base, priors.b_base, priors.nu_phi, priors.nu_tau)

    omega = rng.gamma(priors.a_omega, 1 / priors.b_omega, (n_causes, n_sites))
    weight = np.empty((n_causes, n_sites, n_classes))
    n_class, nothing = np.zeros((n_causes, n_sites, n_classes), np.int64), np.zeros(shape, np.int64)
    tau, log_gamma, log_not_gamma = _start(rng, n_causes, n_symptoms, priors)
    logit, absent = np.empty(shape), np.empty(shape)
    for c in range(n_causes):
        for g in range(n_sites):
            draw_sticks(rng, n_class[c, g], omega[c, g], priors.a_omega, priors.b_omega, weight[c, g])
    draw_profiles(rng, nothing, nothing, constants, log_gamma, log_not_gamma, tau, tables, logit, absent)

    n_saved = max((n_iterations - burn_in) // thin, 1)
    saved = TrainingDraws(
        np.empty((n_saved, n_symptoms, n_causes * n_classes), np.float32),
        np.empty((n_saved, n_causes, n_classes, n_sites)),
        np.empty(n_saved),
    )
    yes, gone = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    at = 0
    for iteration in range(n_iterations):
        callbacks.progress(iteration, n_iterations)
        assign_classes(rng, answers, pattern, cause, site, np.log(weight), logit, absent, n_class, yes, gone)
        for c in range(n_causes):
            for g in range(n_sites):
                omega[c, g] = draw_sticks(rng, n_class[c, g], omega[c, g], priors.a_omega, priors.b_omega, weight[c, g])
        no = n_class.sum(axis=1)[:, None, :] - yes - gone
        draw_profiles(rng, yes, no, constants, log_gamma, log_not_gamma, tau, tables, logit, absent)
        if at < n_saved and iteration >= burn_in and (iteration - burn_in + 1) % thin == 0:
            bounded = np.clip(logit, -_LARGEST_LOGIT, _LARGEST_LOGIT)
            saved.logit[at] = bounded.transpose(1, 0, 2).reshape(n_symptoms, -1)
            saved.weight[at] = weight.transpose(0, 2, 1)
            saved.free[at] = float((logit != (log_gamma - log_not_gamma)[:, :, None]).mean()) if n_symptoms else 0.0
            at += 1
    return saved


def _start(
    rng: np.random.Generator, n_causes: int, n_symptoms: int, priors: Priors
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Draw the share of free cells and the baselines from their priors."""
    tau = rng.beta(1.0, priors.nu_tau, n_causes)
    gamma = np.clip(rng.beta(priors.a_base, priors.b_base, (n_causes, n_symptoms)), 1e-12, 1 - 1e-12)
    return tau, np.log(gamma), np.log1p(-gamma)
