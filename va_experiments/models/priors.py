"""Predict without symptoms: copy the training cause fractions, or give every cause the same."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.seeds import generator

__all__ = ["Prior", "Uniform", "apportioned"]


def apportioned(shares: npt.NDArray[np.float64], n: int, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Return `n` causes whose counts are as near to ``n * shares`` as whole numbers can be, in random order.

    Largest remainders; ties go to the cause that is declared first.
    """
    exact = shares * n
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: n - counts.sum()]] += 1
    return rng.permutation(np.repeat(np.arange(len(shares), dtype=np.int16), counts))


class Prior(Model):
    """Give every death the cause fractions of the training deaths.

    A method that does not beat this one has learned nothing from the symptoms. The causes it names are dealt out to the
    deaths at random in the training fractions: naming the commonest cause for all would make its CSMF by top causes
    absurd, and every other method look good beside it.
    """

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Count the training causes."""
        labels = self.validate_train(train)
        self.csmf_ = np.bincount(labels, minlength=len(train.causes)) / len(labels)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the training CSMF for every death."""
        self.validate_test(test)
        order = np.argsort(test.id, kind="stable")
        top = np.empty(len(test), dtype=np.int16)
        top[order] = apportioned(self.csmf_, len(test), generator(seed, "apportion"))
        return Prediction(np.tile(self.csmf_, (len(test), 1)), self.csmf_.copy(), top_cause=top)


class Uniform(Prior):
    """Give every cause of the declared list the same probability.

    This includes causes absent from training: it is the one model that learns nothing. The causes it names are dealt
    out at random in equal numbers.
    """

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Take the cause list."""
        self.validate_train(train)
        self.csmf_ = np.full(len(train.causes), 1 / len(train.causes))
        return self
