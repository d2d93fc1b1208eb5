"""Predict without symptoms: name the commonest cause of the training deaths, for every death."""

from __future__ import annotations

from typing import Self

import numpy as np

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction

__all__ = ["Majority"]


class Majority(Model):
    """Name the commonest training cause for every death; of equally common ones, the one that is declared first.

    The floor of top-1 accuracy: no other rule without symptoms names more deaths rightly in expectation. As an estimate
    of cause fractions it is useless; the floor of those is `va_experiments.models.priors.Prior`.
    """

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Count the training causes."""
        counts = np.bincount(self.validate_train(train), minlength=len(train.causes))
        self.csmf_ = (np.arange(len(counts)) == counts.argmax()).astype(np.float64)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Give all probability to that cause."""
        self.validate_test(test)
        return Prediction(np.tile(self.csmf_, (len(test), 1)), csmf=self.csmf_.copy())
