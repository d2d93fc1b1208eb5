"""The two trivial answers that every comparison needs: copy the training cause fractions, or say nothing at all."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction

__all__ = ["Prior", "Uniform"]


class Prior(Model):
    """Give every death the cause fractions of the training deaths.

    A method that does not beat this one has learned nothing from the symptoms. Its top cause is the commonest training
    cause for every death (the first in declared order on ties), so that its CSMF is to be read from `csmf`.
    """

    deterministic: ClassVar[bool] = True

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Count the training causes."""
        labels = self._remember(train)
        self.csmf_ = np.bincount(labels, minlength=len(train.causes)) / len(labels)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the training CSMF for every death."""
        self._check_test(test)
        return Prediction(np.tile(self.csmf_, (len(test), 1)), self.csmf_.copy())


class Uniform(Prior):
    """Give every cause of the declared list the same probability.

    This includes causes absent from training: it is the one model that learns nothing. Its top cause is the first of
    the list for every death.
    """

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Take the cause list."""
        self._remember(train)
        self.csmf_ = np.full(len(train.causes), 1 / len(train.causes))
        return self
