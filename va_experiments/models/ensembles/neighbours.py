"""Average the probabilities of each death with those of the deaths that resemble it most, tested with it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.invariant_regression import site_stability

__all__ = ["LARGEST_POOL", "average_with_neighbours", "similarity_weights"]

Floats = npt.NDArray[np.float64]

LARGEST_POOL = 5_000
"""Deaths among which neighbours are sought; of more test deaths, so many are taken at equal steps in the order of
their content."""

_BLOCK = 512  # deaths compared at a time: bounds the memory
_DIGITS = 9  # of similarities: what is equal up to rounding is equal
_STRENGTH = 4.0  # of the site effects, as in `InvariantRegression`


def similarity_weights(train: Deaths) -> Floats:
    """Return the weight of each symptom in the similarity of two deaths, shape (n_symptoms,).

    It is the square root of its stability between training sites
    (`va_experiments.models.invariant_regression.site_stability`) times its inverse document frequency, ``ln((1 + n) /
    (1 + n_s)) + 1`` with n_s of n training deaths that have it: a rare symptom says more.
    """
    assert train.cause is not None
    present = train.symptoms == 1
    stability = site_stability(present, train.cause, train.site, _STRENGTH)
    rarity = np.log((1 + len(train)) / (1 + present.sum(axis=0))) + 1
    return np.asarray(np.sqrt(stability) * rarity)


def average_with_neighbours(
    probability: Floats,
    present: npt.NDArray[np.bool_],
    weights: Floats,
    *,
    neighbours: int,
    share: float,
) -> Floats:
    """Return the probabilities of each death, averaged with those of its nearest neighbours.

    Deaths of one cause at one site resemble each other in ways that other sites do not show. Two deaths are as similar
    as the cosine of their weighted present symptoms times the cosine of the square roots of their probabilities (the
    Bhattacharyya coefficient).

    Parameters
    ----------
    probability : float array, shape (n_deaths, n_causes)
        A death without probabilities (all zero) stays as it is and is nobody's neighbour.
    present : bool array, shape (n_deaths, n_symptoms)
        Deaths with the same symptoms and probabilities count as one, such as the copies in a resampled test set: they
        are no neighbours of each other. Of equally similar deaths the first in the order of this content is nearer.
    weights : float array, shape (n_symptoms,)
    neighbours : int
        How many; fewer where there are not so many other deaths.
    share : float
        Weight of the neighbours' mean, in [0, 1]; the rest is the death's own.
    """
    content = np.hstack([np.packbits(present, axis=1), np.round(probability, _DIGITS).view(np.uint8)])
    whole = np.ascontiguousarray(content).view(f"V{content.shape[1]}").ravel()
    _, first, copy = np.unique(whole, return_index=True, return_inverse=True)
    of_first = probability[first]
    known = np.flatnonzero(of_first.any(axis=1))
    count = min(neighbours, len(known) - 1)
    if count < 1 or share == 0:
        return probability
    averaged, symptoms = of_first.copy(), _unit(present[first[known]] * weights)
    mixes = _unit(np.sqrt(of_first[known]))
    pool = np.arange(len(known))
    if len(known) > LARGEST_POOL:
        pool = np.unique(np.linspace(0, len(known) - 1, LARGEST_POOL).astype(np.intp))
    for start in range(0, len(known), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(known)))
        near = np.round((symptoms[rows] @ symptoms[pool].T) * (mixes[rows] @ mixes[pool].T), _DIGITS)
        near -= np.arange(len(pool)) * 1e-14  # of equals the first
        near[rows[:, None] == pool] = -np.inf
        nearest = np.sort(np.argpartition(-near, count - 1, axis=1)[:, :count], axis=1)
        mean = of_first[known[pool[nearest]]].mean(axis=1)
        averaged[known[rows]] = (1 - share) * of_first[known[rows]] + share * mean
    return averaged[copy]


def _unit(rows: Floats) -> Floats:
    """Return the rows scaled to length 1; rows of zeros stay."""
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(length > 0, length, 1.0))
