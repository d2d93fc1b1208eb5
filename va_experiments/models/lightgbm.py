"""Gradient-boosted trees by LightGBM (Ke et al. 2017, NeurIPS): an optional extra."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError
from va_experiments.models.classifier import Classifier

__all__ = ["LightGBM"]


class LightGBM(Classifier):
    """Leaf-wise boosted trees, single-threaded and deterministic.

    Needs the extra ``boosting`` (``pip install va-experiments[boosting]``).

    Parameters
    ----------
    rounds : int
        Boosting rounds; each adds one tree for each cause.
    leaves : int
        Largest number of leaves of a tree.
    learning_rate : float
    min_leaf : int
        Least number of training deaths in a leaf.
    colsample : float
        Share of the features that each tree sees.
    l2 : float
        Ridge penalty on the leaf values.
    encoding : str
        See `va_experiments.models.features.ENCODINGS`.
    covariates : tuple of str
        Numeric covariates to use where the data have them.
    """

    def __init__(
        self,
        *,
        rounds: int = 40,
        leaves: int = 8,
        learning_rate: float = 0.1,
        min_leaf: int = 5,
        colsample: float = 0.5,
        l2: float = 1.0,
        encoding: str = "present",
        covariates: tuple[str, ...] = ("age",),
    ) -> None:
        self.rounds = rounds
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_leaf = min_leaf
        self.colsample = colsample
        self.l2 = l2
        self.encoding = encoding
        self.covariates = covariates

    def _conditions(self) -> list[tuple[bool, str]]:
        return [
            (self.rounds >= 1, f"rounds is {self.rounds!r}; expected a whole number of at least 1"),
            (self.leaves >= 2, f"leaves is {self.leaves!r}; expected a whole number of at least 2"),
            (self.min_leaf >= 1, f"min_leaf is {self.min_leaf!r}; expected a whole number of at least 1"),
            (0 < self.learning_rate <= 1, f"learning_rate is {self.learning_rate!r}; expected a number in (0, 1]"),
            (0 < self.colsample <= 1, f"colsample is {self.colsample!r}; expected a share in (0, 1]"),
            (self.l2 >= 0, f"l2 is {self.l2!r}; expected at least 0"),
        ]

    def check_parameters(self) -> None:
        """Raise `InputError` for values that cannot work, and where the package is missing."""
        super().check_parameters()
        if importlib.util.find_spec("lightgbm") is None:
            raise InputError(
                "LightGBM: the package 'lightgbm' is not installed; install the extra 'boosting': "
                "pip install 'va-experiments[boosting]'"
            )

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        import lightgbm

        parameters = {
            "objective": "multiclass",
            "num_class": len(self.present_),
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_leaf,
            "feature_fraction": self.colsample,
            "lambda_l2": self.l2,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        table = lightgbm.Dataset(features, label, params={"verbosity": -1, "min_data_in_bin": 1})
        self.booster_ = lightgbm.train(parameters, table, self.rounds)

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return np.asarray(self.booster_.predict(features, num_threads=1))
