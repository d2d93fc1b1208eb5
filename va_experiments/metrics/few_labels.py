"""Estimate cause fractions at a site where a few deaths have a known cause: by these, by a model, and by both.

In: a model's probabilities for the deaths of the site, and the true causes of some of them. Out: cause fractions.
`gbql` is generalised Bayes quantification learning (Fiksel, Datta, Amouzou and Zeger 2022, Journal of the American
Statistical Association; arXiv:2001.05360).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Quantified", "gbql", "labelled_fractions", "model_and_labelled", "pseudo_counts"]

Floats = npt.NDArray[np.float64]

_EPSILON = 0.001
_TOLERANCE = 1e-5
_STEP = 0.5  # standard deviation of the proposals of log gamma
_LARGEST_GAMMA = 1000.0


@dataclass(frozen=True, eq=False)
class Quantified:
    """Posterior of the fractions.

    Parameters
    ----------
    mean : float64 array, shape (n_causes,)
    draws : float64 array, shape (n_draws, n_causes)
    matrix : float64 array, shape (n_causes, n_causes)
        Posterior mean of the misclassification matrix: rows true cause, columns the model's.
    """

    mean: Floats
    draws: Floats
    matrix: Floats


def labelled_fractions(truth: npt.NDArray[np.integer], n_causes: int) -> Floats:
    """Return the fractions of the labelled deaths."""
    counts = np.bincount(np.asarray(truth), minlength=n_causes)
    return np.asarray(counts / counts.sum())


def model_and_labelled(truth: npt.NDArray[np.integer], unlabelled: Floats, *, share: float = 0.5) -> Floats:
    """Return a share of the fractions of the labelled deaths and the rest of the model's mean probability."""
    mean = unlabelled.mean(axis=0)
    return np.asarray(share * labelled_fractions(truth, unlabelled.shape[1]) + (1 - share) * mean / mean.sum())


def pseudo_counts(probability: Floats, copies: int) -> npt.NDArray[np.int64]:
    """Round each row of ``copies * probability`` to whole numbers that sum to `copies`, by largest remainders."""
    exact = probability / probability.sum(axis=1, keepdims=True) * copies
    counts = np.floor(exact + 1e-9).astype(np.int64)
    left = copies - counts.sum(axis=1)
    order = np.argsort(-(exact - counts), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return counts + (rank < left[:, None])


def gbql(
    unlabelled: Floats,
    labelled: Floats,
    truth: npt.NDArray[np.integer],
    *,
    alpha: float = 5.0,
    beta: float = 0.5,
    copies: int = 100,
    sweeps: int = 2000,
    chains: int = 3,
    rng: np.random.Generator,
) -> Quantified:
    """Sample the fractions of the unlabelled deaths and the misclassification matrix, given labelled deaths.

    The expected probabilities of a death of cause i are row i of the matrix. Row i is Dirichlet with shapes
    ``gamma_i (e_i + .001)``, gamma_i ~ Gamma(`alpha`, `beta`): without labelled deaths and for large gamma the answer
    is the mean probability.

    Parameters
    ----------
    unlabelled : float array, shape (n_unlabelled, n_causes)
        The model's probabilities; rows that are all zero are left out.
    labelled : float array, shape (n_labelled, n_causes)
    truth : int array, shape (n_labelled,)
    alpha, beta : float
        Shrinkage of the matrix to the identity: greater alpha trusts the model more.
    copies : int
        Each death is rounded to so many pseudo-deaths of weight 1 / `copies`.
    sweeps, chains : int
        The first fifth of the sweeps of each chain is discarded.
    rng : Generator

    References
    ----------
    Fiksel et al. 2022, sections 2 and 3: rounding and coarsening.
    """
    n_causes = unlabelled.shape[1]
    v = pseudo_counts(unlabelled[unlabelled.any(axis=1)], copies).sum(axis=0)
    known = np.zeros((n_causes, n_causes))
    keep = labelled.any(axis=1)
    np.add.at(known, np.asarray(truth)[keep], pseudo_counts(labelled[keep], copies))
    prior = np.eye(n_causes) + _EPSILON
    matrix = rng.dirichlet(np.ones(n_causes), size=(chains, n_causes))
    p = rng.dirichlet(np.ones(n_causes), size=chains)
    gamma = rng.uniform(0, 5, size=(chains, n_causes))
    saved, total = [], np.zeros((n_causes, n_causes))
    for sweep in range(sweeps):
        chance = np.swapaxes(p[:, :, None] * matrix, 1, 2)  # chain, named, true
        mass = chance.sum(axis=2, keepdims=True)
        chance = np.where(mass > 0, chance / np.where(mass > 0, mass, 1), 1 / n_causes)
        true = rng.multinomial(v, chance)
        weight = np.swapaxes(true, 1, 2)
        drawn = rng.standard_gamma((weight + known) / copies + gamma[:, :, None] * prior)
        matrix = drawn / np.maximum(drawn.sum(axis=2, keepdims=True), 1e-300)
        drawn = rng.standard_gamma(weight.sum(axis=2) / copies + 1.0)
        p = drawn / drawn.sum(axis=1, keepdims=True)
        proposal = np.minimum(gamma * np.exp(_STEP * rng.standard_normal(gamma.shape)), _LARGEST_GAMMA)
        ratio = _log_gamma(proposal, matrix, alpha, beta) - _log_gamma(gamma, matrix, alpha, beta)
        ratio += np.log(proposal) - np.log(gamma)
        gamma = np.where(np.log(rng.random(gamma.shape)) < ratio, proposal, gamma)
        if sweep >= sweeps // 5:
            saved.append(p)
            total += matrix.mean(axis=0)
    draws = np.concatenate(saved)
    return Quantified(draws.mean(axis=0), draws, total / len(saved))


def _log_gamma(gamma: Floats, matrix: Floats, alpha: float, beta: float) -> Floats:
    """Return the log density of gamma given the rows of the matrix, shape (chains, n_causes), up to a constant."""
    from scipy.special import gammaln  # SciPy is a third of a worker's start

    n = matrix.shape[1]
    diagonal = np.diagonal(matrix, axis1=1, axis2=2)
    logs = np.log(matrix + _TOLERANCE)
    others = logs.sum(axis=2) - np.log(diagonal + _TOLERANCE)
    small, large = gamma * _EPSILON, gamma * (1 + _EPSILON)
    height = gammaln((n - 1) * small + large + _TOLERANCE)
    height -= (n - 1) * gammaln(small + _TOLERANCE) + gammaln(large + _TOLERANCE)
    height += (large - 1) * np.log(diagonal + _TOLERANCE) + (small - 1) * others
    return height + (alpha - 1) * np.log(gamma + _TOLERANCE) - beta * gamma
