"""Logistic regression in which the words of a narrative have TF-IDF weights (scikit-learn's)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.logistic_regression import LogisticRegression

__all__ = ["TfidfRegression"]


class TfidfRegression(LogisticRegression):
    """Multinomial logistic regression on symptoms and on words with TF-IDF weights.

    A word that is present gets its inverse document frequency among the training deaths, ``ln((1 + n) / (1 + n_w)) +
    1`` with n_w of n deaths that have it (Sparck Jones 1972, smoothed as in scikit-learn), and the words of each death
    are scaled to the length `word_length`: a rare word weighs more than a frequent one, and a long narrative as much as
    a short one. A word is present or absent, so that its term frequency is 1. Other symptoms stay as they are; without
    words (``features=hce``) this is `LogisticRegression`.

    Parameters
    ----------
    C, max_iter, tol, covariates
        As for `LogisticRegression`.
    word_length : float
        Euclidean length of the words' weights at each death that has any, above 0; longer ones are penalised less.

    Attributes
    ----------
    words_ : int array, shape (n_words,)
        Columns of the symptoms that are words.
    idf_ : float64 array, shape (n_words,)
        Their inverse document frequencies.
    """

    def __init__(
        self,
        *,
        C: float = 0.2,
        max_iter: int = 50,
        tol: float = 1e-3,
        covariates: tuple[str, ...] = ("age",),
        word_length: float = 2.0,
    ) -> None:
        super().__init__(C=C, max_iter=max_iter, tol=tol, covariates=covariates)
        self.word_length = word_length

    def _conditions(self) -> list[tuple[bool, str]]:
        text = f"word_length is {self.word_length!r}; expected a number above 0"
        return [*super()._conditions(), (self.word_length > 0, text)]

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Find the words, and fit the regression."""
        self.words_ = np.flatnonzero(np.array(train.blocks) == "word")
        return super().fit(train, seed=seed)

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        from sklearn.feature_extraction.text import TfidfTransformer

        self.idf_ = TfidfTransformer().fit(features[:, self.words_]).idf_ if len(self.words_) else np.zeros(0)
        super()._learn(self._weighted(features), label, seed)

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return super()._probabilities(self._weighted(features))

    def _weighted(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the features with the words' weights, each death's of the same length."""
        if not len(self.words_):
            return features
        weights = features[:, self.words_] * self.idf_
        length = np.sqrt((weights**2).sum(axis=1, keepdims=True))
        weighted = features.copy()
        weighted[:, self.words_] = self.word_length * weights / np.where(length > 0, length, 1.0)
        return weighted
