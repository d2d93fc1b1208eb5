"""Naive Bayes classifier (Miasnikof et al. 2015, BMC Medicine 13:286)."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.models.symptom_counts import count_symptoms

__all__ = ["NaiveBayes"]

_BLOCK = 1 << 16  # deaths scored at a time: bounds the memory


class NaiveBayes(Model):
    """Bernoulli naive Bayes: cause fractions times the probabilities of the symptoms present and absent.

    Parameters
    ----------
    alpha : float
        Pseudo-deaths with and without each symptom added to each cause (Laplace's rule at 1); 0 for none.
    reference_compat : bool
        Do as nbc4va and openVA do: a missing symptom counts as absent, no smoothing (`alpha` is ignored), products
        instead of sums of logarithms; a death whose product is 0 for every cause is undetermined, yet counts for the
        alphabetically first cause in the CSMF; ties go to the alphabetically first cause; the CSMF is the share of
        top causes. By default a missing symptom says nothing (it is skipped in training and in prediction), sums of
        logarithms cannot underflow, and the CSMF is the mean of the probabilities.

    Attributes
    ----------
    probability_ : float64 array, shape (n_symptoms, n_causes)
        P(symptom present | cause).
    prior_ : float64 array, shape (n_causes,)
        Training cause fractions; a cause absent from training has 0 and is never named.
    """

    def __init__(self, *, alpha: float = 1.0, reference_compat: bool = False) -> None:
        self.alpha = alpha
        self.reference_compat = reference_compat

    def check_parameters(self) -> None:
        """Check `alpha`."""
        self.check([(self.alpha >= 0, f"alpha is {self.alpha!r}; expected a number of at least 0")])

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Count symptoms by cause."""
        self.check_parameters()
        labels = self.validate_train(train)
        counts = count_symptoms(train.symptoms, labels, len(train.causes), count_missing=not self.reference_compat)
        alpha = 0.0 if self.reference_compat else self.alpha
        known = counts.deaths - counts.missing + 2 * alpha
        # Without any death that knows the symptom (alpha = 0) there is nothing to learn: 0.5 decides nothing.
        self.probability_ = np.divide(counts.present + alpha, known, out=np.full_like(known, 0.5), where=known > 0)
        self.prior_ = counts.deaths / counts.deaths.sum()
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the posterior probabilities of the causes."""
        self.validate_test(test)
        probability = np.empty((len(test), len(self.causes_)))
        score = self._product if self.reference_compat else self._log_space
        for start in range(0, len(test), _BLOCK):
            probability[start : start + _BLOCK] = score(test.symptoms[start : start + _BLOCK])
        if not self.reference_compat:
            csmf = probability.mean(axis=0) if len(test) else self.prior_.copy()
            return Prediction(probability, csmf)
        alphabetical = np.array(sorted(range(len(self.causes_)), key=self.causes_.__getitem__))
        named = alphabetical[probability[:, alphabetical].argmax(axis=1)]
        csmf = np.bincount(named, minlength=len(self.causes_)) / max(len(test), 1)
        top = np.where(probability.any(axis=1), named, -1).astype(np.int16)
        return Prediction(probability, csmf, top_cause=top)

    def _log_space(self, symptoms: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            present, absent = np.log(self.probability_), np.log1p(-self.probability_)
            prior = np.log(self.prior_)
        # -inf times 0 is NaN in a matrix product: impossible symptoms (alpha = 0) are counted apart.
        impossible = (symptoms == 1).astype(np.float32) @ np.isneginf(present).astype(np.float32)
        impossible += (symptoms == 0).astype(np.float32) @ np.isneginf(absent).astype(np.float32)
        score = (symptoms == 1).astype(np.float64) @ np.where(np.isneginf(present), 0, present)
        score += (symptoms == 0).astype(np.float64) @ np.where(np.isneginf(absent), 0, absent)
        score += prior
        score[impossible > 0] = -np.inf
        best = score.max(axis=1, keepdims=True)
        likelihood = np.exp(score - np.where(np.isfinite(best), best, 0))
        total = likelihood.sum(axis=1, keepdims=True)
        return likelihood / np.where(total > 0, total, 1)

    def _product(self, symptoms: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        product = np.tile(self.prior_, (len(symptoms), 1))
        for j, p in enumerate(self.probability_):
            product *= np.where((symptoms[:, j] == 1)[:, None], p, 1 - p)
        total = product.sum(axis=1, keepdims=True)
        return product / np.where(total > 0, total, 1)
