"""Make stratified random orders and folds, in which the deaths of a rare cause are placed by rule and never dropped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["stratified_folds", "stratified_order"]


def _ranks_within(cause: npt.NDArray[np.integer], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Rank each death at random among the deaths of the same cause."""
    shuffled = rng.permutation(len(cause))
    by_cause = shuffled[np.argsort(cause[shuffled], kind="stable")]
    start = np.searchsorted(cause[by_cause], cause[by_cause], side="left")
    rank = np.empty(len(cause), dtype=np.intp)
    rank[by_cause] = np.arange(len(cause)) - start
    return rank


def stratified_order(cause: npt.NDArray[np.integer], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Order the deaths at random so that every prefix has the cause mix of all deaths, to about one death.

    Systematic sampling within causes: the r-th death (in random order) of a cause with m deaths gets the key
    ``(r + u) / m``, with one uniform u for each cause; deaths are ordered by key. A prefix of share t therefore has
    floor or ceil of about t * m deaths of the cause, and a single death of a cause is in it with probability t. The
    same rule holds for rare causes. Prefixes are nested by construction.

    Parameters
    ----------
    cause : int array, shape (n,)
        Stratum of each death.
    rng : numpy.random.Generator

    Returns
    -------
    int array, shape (n,)
        A permutation of ``0..n-1``.
    """
    if len(cause) == 0:
        return np.empty(0, dtype=np.intp)
    members = np.bincount(cause)
    rank = _ranks_within(cause, rng)
    start = rng.random(len(members))
    key = (rank + start[cause]) / members[cause]
    # the second key makes the order of equal keys (all u equal has probability zero, but bits are finite) defined
    return np.lexsort((cause, key))


def stratified_folds(cause: npt.NDArray[np.integer], n_folds: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Assign a fold, in ``0..n_folds-1``, to each death.

    The deaths of one cause, in random order, are assigned to the folds in turn; the next cause continues at the next
    fold; the first fold is random. Therefore fold sizes differ by at most one, the counts of a cause differ by
    at most one between folds, and a cause with fewer deaths than folds has them in different folds: each is tested
    once, and is used for training in all other folds (a single death of a cause is tested once, without training).

    Parameters
    ----------
    cause : int array, shape (n,)
    n_folds : int
    rng : numpy.random.Generator
    """
    shuffled = rng.permutation(len(cause))
    dealt = shuffled[np.argsort(cause[shuffled], kind="stable")]
    fold = np.empty(len(cause), dtype=np.intp)
    fold[dealt] = (np.arange(len(cause)) + rng.integers(n_folds)) % n_folds
    return fold
