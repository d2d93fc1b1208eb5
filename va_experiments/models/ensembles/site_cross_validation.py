"""Predict training deaths by models that were fitted without the deaths of their site."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from va_experiments.callbacks import Parts
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model
from va_experiments.seeds import generator, integer_seed

__all__ = ["by_id", "death_weights", "out_of_site", "site_folds"]

_FOLDS = 5
"""Folds of a training set from a single site."""


def by_id(deaths: Deaths) -> Deaths:
    """Return the deaths in the order of their ids, so that the order of the rows plays no part."""
    return deaths.take(np.argsort(deaths.id, kind="stable"))


def site_folds(train: Deaths, *, seed: int) -> npt.NDArray[np.intp]:
    """Return the fold of each death, shape (n_deaths,): its site; a single site is divided at random, in 5.

    What is learned from such folds is how models err where they were not trained; folds that mix the sites would teach
    how they err among deaths of the sites they know.
    """
    present, fold = np.unique(train.site, return_inverse=True)
    if len(present) > 1:
        return fold.astype(np.intp)
    return generator(seed, "folds").permutation(len(train)) % min(_FOLDS, len(train))


def out_of_site(
    make: Callable[[], Model],
    train: Deaths,
    fold: npt.NDArray[np.intp],
    *,
    seed: int,
    parts: Parts | None = None,
    **info: object,
) -> npt.NDArray[np.float64]:
    """Return probabilities of each training death by a model fitted to the other folds, shape (n_deaths, n_causes).

    Each fold is the next of the `parts` of a fit, described by `info`.
    """
    parts = parts or Parts([1.0] * len(np.unique(fold)))
    probability = np.zeros((len(train), len(train.causes)))
    for number in np.unique(fold):
        held = fold == number
        if held.all():
            continue
        content = [seed, int(number)]
        with parts.next(**info):
            model = make().fit(train.take(~held), seed=integer_seed(content, "fold"))
            tested = model.predict(train.take(held).without_causes(), seed=integer_seed(content, "fold predict"))
        probability[held] = tested.probability
    return probability


def death_weights(fold: npt.NDArray[np.intp], *, balanced: bool) -> npt.NDArray[np.float64]:
    """Return weights of the deaths with mean 1, shape (n_deaths,): all 1, or such that every fold weighs the same."""
    if not balanced:
        return np.ones(len(fold))
    size = np.bincount(fold)
    return len(fold) / (np.count_nonzero(size) * size[fold])
