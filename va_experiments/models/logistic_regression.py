"""Multinomial logistic regression with a ridge penalty (scikit-learn's)."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from va_experiments.models.classifier import Classifier

__all__ = ["LogisticRegression"]


class LogisticRegression(Classifier):
    """Multinomial logistic regression, fitted by L-BFGS.

    Parameters
    ----------
    C : float
        Inverse strength of the ridge penalty; smaller is simpler.
    max_iter : int
        Largest number of L-BFGS iterations. The fit is stopped there on purpose: beyond some 30 iterations the
        predictions for another site do not get better.
    tol : float
        Stop when no component of the gradient of the mean loss exceeds this.
    encoding : str
        See `va_experiments.models.features.ENCODINGS`.
    covariates : tuple of str
        Numeric covariates to use where the data have them, standardised.
    """

    standardise: ClassVar[bool] = True

    def __init__(
        self,
        *,
        C: float = 0.2,
        max_iter: int = 50,
        tol: float = 1e-3,
        encoding: str = "present",
        covariates: tuple[str, ...] = ("age",),
    ) -> None:
        self.C = C
        self.max_iter = max_iter
        self.tol = tol
        self.encoding = encoding
        self.covariates = covariates

    def _conditions(self) -> list[tuple[bool, str]]:
        return [
            (self.C > 0, f"C is {self.C!r}; expected a number above 0"),
            (self.max_iter >= 1, f"max_iter is {self.max_iter!r}; expected a whole number of at least 1"),
            (self.tol > 0, f"tol is {self.tol!r}; expected a number above 0"),
            (self.encoding != "nan", "encoding is 'nan'; expected one without NaN: present, one_hot, ordinal"),
        ]

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        from sklearn.linear_model import LogisticRegression as Ridge

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="lbfgs failed to converge")
            self.estimator_ = Ridge(C=self.C, max_iter=self.max_iter, tol=self.tol).fit(features, label)

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return self.estimator_.predict_proba(features)
