"""Adapt general-purpose classifiers: they get features and labels and return probabilities of the declared causes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.models.features import ENCODINGS, FeatureEncoder
from va_experiments.seeds import integer_seed

__all__ = ["Classifier"]

_BLOCK = 1 << 16  # deaths predicted at a time: bounds the memory


class Classifier(Model):
    """Base of the models that hand their features to a library. Subclasses write `_learn` and `_probabilities`.

    Rows are sorted by id before fitting, so that their order in the file plays no part. A cause absent from training
    gets probability 0; with a single cause in training every death gets it. The CSMF is the mean of the probabilities.
    """

    standardise: ClassVar[bool] = False
    """Whether covariates are centred and scaled to unit standard deviation."""

    encoding: str
    covariates: tuple[str, ...]

    def check_parameters(self) -> None:
        """Check the encoding and the numbers."""
        self.check_choice("encoding", ENCODINGS)
        self.check(self._conditions())

    def _conditions(self) -> list[tuple[bool, str]]:
        """Return what the parameters must fulfil, each with the text to print where it does not."""
        return []

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Learn from the encoded deaths."""
        self.check_parameters()
        labels = self.validate_train(train)
        order = np.argsort(train.id, kind="stable")
        self.features_ = FeatureEncoder.learn(
            train, encoding=self.encoding, covariates=tuple(self.covariates), standardise=self.standardise
        )
        self.present_, compact = np.unique(labels[order], return_inverse=True)
        if len(self.present_) > 1:
            library_seed = integer_seed([type(self).__name__, seed]) % 2**31
            self._learn(self.features_.encode(train, order), compact, library_seed)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return class probabilities, spread over the declared cause list."""
        self.validate_test(test)
        probability = np.zeros((len(test), len(self.causes_)))
        if len(self.present_) == 1:
            probability[:, self.present_] = 1.0
        else:
            for start in range(0, len(test), _BLOCK):
                rows = slice(start, start + _BLOCK)
                present_probability = self._probabilities(self.features_.encode(test, rows)).astype(np.float64)
                probability[rows, self.present_] = present_probability / present_probability.sum(axis=1, keepdims=True)
        csmf = probability.mean(axis=0) if len(test) else np.zeros(len(self.causes_))
        return Prediction(probability, csmf)

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        """Fit the library's model; `label` runs over 0..n_present-1, at least two of them."""
        raise NotImplementedError

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return positive weights, shape (n_rows, n_present)."""
        raise NotImplementedError
