"""Define models that compute nothing, only use CPU time, or only wait, to measure the cost of the framework."""

from __future__ import annotations

import time
from typing import Self

import numpy as np

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction

__all__ = ["Burn", "NoOp", "Wait"]


class NoOp(Model):
    """Give every cause the same probability.

    Parameters
    ----------
    variant : int
        Ignored; makes models of different keys.
    """

    def __init__(self, *, variant: int = 0) -> None:
        self.variant = variant

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Store the causes."""
        self.validate_train(train)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return equal shares."""
        n = len(self.causes_)
        return Prediction(np.full((len(test), n), 1 / n), np.full(n, 1 / n))


class Burn(NoOp):
    """Spend CPU time, then predict as `NoOp`.

    Parameters
    ----------
    seconds : float
        CPU time of a fit.
    variant : int
        Ignored; makes models of different keys.
    """

    def __init__(self, *, seconds: float = 1.0, variant: int = 0) -> None:
        super().__init__(variant=variant)
        self.seconds = seconds

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Spend `seconds` of this process's CPU time on matrix products."""
        until = time.process_time() + self.seconds
        square = np.ones((60, 60))
        while time.process_time() < until:
            square = (square @ square) / 60
        return super().fit(train, seed=seed)


class Wait(Burn):
    """Wait without using CPU time, then predict as `NoOp`; more workers than cores can do so.

    Parameters
    ----------
    seconds : float
        Wall time of a fit.
    variant : int
        Ignored; makes models of different keys.
    """

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Wait for `seconds`."""
        time.sleep(self.seconds)
        return NoOp.fit(self, train, seed=seed)
