"""Logistic regression that relies less on symptoms whose meaning differs between the training sites."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.classifier import Classifier

__all__ = ["InvariantRegression", "site_stability"]

Floats = npt.NDArray[np.float64]

MIN_DEATHS = 5
"""Deaths of a cause at a site from which on their share of present answers counts."""


def site_stability(
    present: npt.NDArray[np.bool_], cause: npt.NDArray[np.integer], site: npt.NDArray[np.integer], strength: float
) -> Floats:
    """Return how far each symptom separates causes rather than sites, in [0, 1], shape (n_symptoms,).

    With B the variance between causes of the share of deaths with the symptom, and S the variance of that share between
    sites given the cause, less what sampling explains, it is ``B / (B + strength S)``: the share of the signal among
    signal and site effects, as a reliability coefficient is.

    Parameters
    ----------
    present : bool array, shape (n_deaths, n_symptoms)
    cause, site : int array, shape (n_deaths,)
    strength : float
        Weight of the site effects; 0 returns ones.
    """
    if strength == 0 or len(np.unique(site)) < 2:
        return np.ones(present.shape[1])
    causes, sites = np.unique(cause, return_inverse=True)[1], np.unique(site, return_inverse=True)[1]
    n_causes, n_sites = causes.max() + 1, sites.max() + 1
    group = causes * n_sites + sites
    size = np.bincount(group, minlength=n_causes * n_sites).astype(np.float64)
    answers = present.astype(np.float64)
    total = np.zeros((len(size), answers.shape[1]))
    for k, column in enumerate(answers.T):
        total[:, k] = np.bincount(group, weights=column, minlength=len(size))
    within = _between_sites(total.reshape(n_causes, n_sites, -1), size.reshape(n_causes, n_sites))
    deaths = size.reshape(n_causes, n_sites).sum(axis=1)
    share = (total.reshape(n_causes, n_sites, -1).sum(axis=1) + 0.5) / (deaths[:, None] + 1)
    weight = deaths / deaths.sum()
    between = weight @ (share - weight @ share) ** 2
    whole = between + strength * within
    return np.divide(between, whole, out=np.ones_like(whole), where=whole > 0)


def _between_sites(total: Floats, size: Floats) -> Floats:
    """Return the variance between sites given the cause, averaged over causes by deaths, shape (n_symptoms,).

    Parameters
    ----------
    total : float array, shape (n_causes, n_sites, n_symptoms)
        Deaths with the symptom.
    size : float array, shape (n_causes, n_sites)
        All deaths.
    """
    used = size >= MIN_DEATHS
    n_used = used.sum(axis=1)
    share = total / np.maximum(size, 1)[:, :, None]
    sampling = share * (1 - share) / np.maximum(size - 1, 1)[:, :, None]
    mask = used[:, :, None]
    count = np.maximum(n_used, 1)[:, None]
    mean = (share * mask).sum(axis=1) / count
    spread = (((share - mean[:, None]) ** 2) * mask).sum(axis=1) / np.maximum(count - 1, 1)
    excess = np.maximum(spread - (sampling * mask).sum(axis=1) / count, 0.0)
    weight = np.where(n_used >= 2, (size * used).sum(axis=1), 0.0)
    average: Floats = weight @ excess / max(float(weight.sum()), 1.0)
    return average


class InvariantRegression(Classifier):
    """Multinomial logistic regression on symptoms shrunk by their spread between sites.

    Each symptom, 1 if present and 0 otherwise, is multiplied by the square root of its `site_stability`. Under the
    ridge penalty a symptom that is reported differently at each site for the same cause then gets a smaller coefficient
    than one that is reported alike. With a single training site this is `LogisticRegression`.

    Parameters
    ----------
    C : float
        Inverse strength of the ridge penalty; smaller is simpler.
    strength : float
        Weight of the site effects against the differences between causes; 0 shrinks nothing.
    max_iter : int
        Largest number of L-BFGS iterations.
    tol : float
        Stop when no component of the gradient of the mean loss exceeds this.
    covariates : tuple of str
        Numeric covariates to use where the data have them, standardised; they are not shrunk.

    Attributes
    ----------
    scale_ : float64 array, shape (n_symptoms,)
        What each symptom is multiplied by.
    """

    standardise: ClassVar[bool] = True
    encoding = "present"

    def __init__(
        self,
        *,
        C: float = 0.5,
        strength: float = 4.0,
        max_iter: int = 100,
        tol: float = 1e-3,
        covariates: tuple[str, ...] = ("age",),
    ) -> None:
        self.C = C
        self.strength = strength
        self.max_iter = max_iter
        self.tol = tol
        self.covariates = covariates

    def _conditions(self) -> list[tuple[bool, str]]:
        return [
            (self.C > 0, f"C is {self.C!r}; expected a number above 0"),
            (self.strength >= 0, f"strength is {self.strength!r}; expected a number of at least 0"),
            (self.max_iter >= 1, f"max_iter is {self.max_iter!r}; expected a whole number of at least 1"),
            (self.tol > 0, f"tol is {self.tol!r}; expected a number above 0"),
        ]

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Measure how stable each symptom is between sites, and fit the regression."""
        self.check_parameters()
        labels = self.validate_train(train)
        self.scale_ = np.sqrt(site_stability(train.symptoms == 1, labels, train.site, self.strength))
        return super().fit(train, seed=seed)

    def _scaled(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        scaled = features.astype(np.float64)
        scaled[:, : len(self.scale_)] *= self.scale_
        return scaled

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        from sklearn.linear_model import LogisticRegression as Ridge

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="lbfgs failed to converge")
            self.estimator_ = Ridge(C=self.C, max_iter=self.max_iter, tol=self.tol).fit(self._scaled(features), label)

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return self.estimator_.predict_proba(self._scaled(features))
