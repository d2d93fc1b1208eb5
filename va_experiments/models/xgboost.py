"""Gradient-boosted trees by XGBoost's histogram method (Chen and Guestrin 2016, KDD)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError
from va_experiments.models.classifier import Classifier
from va_experiments.models.devices import require_cuda
from va_experiments.seeds import integer_seed

__all__ = ["XGBoost"]


class XGBoost(Classifier):
    """Boosted trees with one tree for each cause in each round, single-threaded.

    Parameters
    ----------
    rounds : int
        Boosting rounds.
    max_depth : int
    learning_rate : float
    subsample : float
        Share of the training deaths that each tree sees.
    colsample : float
        Share of the features that each tree sees.
    min_child_weight : float
        Least sum of second derivatives in a leaf.
    l2 : float
        Ridge penalty on the leaf values.
    max_bin : int
        Histogram bins of a numeric feature.
    bags : int
        Fits that differ in their seed alone and whose probabilities are averaged: where trees see a share of the deaths
        or features, the mean errs less by that chance, and no more on average (Breiman 1996, Machine Learning 24:123).
    device : {"cpu", "cuda"}
        ``cuda`` needs a GPU and the CUDA build of XGBoost; results are not bit-identical to the CPU's.
    encoding : str
        See `va_experiments.models.features.ENCODINGS`.
    covariates : tuple of str
        Numeric covariates to use where the data have them.
    """

    def __init__(
        self,
        *,
        rounds: int = 40,
        max_depth: int = 2,
        learning_rate: float = 0.3,
        subsample: float = 1.0,
        colsample: float = 0.5,
        min_child_weight: float = 1.0,
        l2: float = 1.0,
        max_bin: int = 64,
        bags: int = 1,
        device: str = "cpu",
        encoding: str = "present",
        covariates: tuple[str, ...] = ("age",),
    ) -> None:
        self.rounds = rounds
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample = colsample
        self.min_child_weight = min_child_weight
        self.l2 = l2
        self.max_bin = max_bin
        self.bags = bags
        self.device = device
        self.encoding = encoding
        self.covariates = covariates

    def check_parameters(self) -> None:
        """Check the choices and the numbers; whether there is a GPU is checked where the fit runs."""
        super().check_parameters()
        self.check_choice("device", ("cpu", "cuda"))

    def _conditions(self) -> list[tuple[bool, str]]:
        shares = [
            (0 < getattr(self, p) <= 1, f"{p} is {getattr(self, p)!r}; expected a share in (0, 1]")
            for p in ("learning_rate", "subsample", "colsample")
        ]
        return [
            (self.rounds >= 1, f"rounds is {self.rounds!r}; expected a whole number of at least 1"),
            (self.max_depth >= 1, f"max_depth is {self.max_depth!r}; expected a whole number of at least 1"),
            (self.max_bin >= 2, f"max_bin is {self.max_bin!r}; expected a whole number of at least 2"),
            (self.bags >= 1, f"bags is {self.bags!r}; expected a whole number of at least 1"),
            (self.min_child_weight >= 0, f"min_child_weight is {self.min_child_weight!r}; expected at least 0"),
            (self.l2 >= 0, f"l2 is {self.l2!r}; expected at least 0"),
            *shares,
        ]

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        import xgboost

        if self.device == "cuda":
            require_cuda("XGBoost")
            if not xgboost.build_info().get("USE_CUDA"):
                raise InputError(
                    "XGBoost: device is 'cuda', but the installed build is for the CPU only; expected the package "
                    "'xgboost' in place of 'xgboost-cpu', or device=cpu"
                )
        parameters = {
            "objective": "multi:softprob",
            "num_class": len(self.present_),
            "tree_method": "hist",
            "device": self.device,
            "nthread": 1,
            "max_depth": self.max_depth,
            "eta": self.learning_rate,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample,
            "min_child_weight": self.min_child_weight,
            "lambda": self.l2,
            "max_bin": self.max_bin,
            "verbosity": 0,
        }
        table = xgboost.QuantileDMatrix(self._sparse(features), label, nthread=1, max_bin=self.max_bin)
        seeds = [seed, *(integer_seed([seed, k], "bag") % 2**31 for k in range(1, self.bags))]
        self.boosters_ = [xgboost.train({**parameters, "seed": s}, table, self.rounds) for s in seeds]

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        matrix = self._sparse(features)
        probabilities = [np.asarray(booster.inplace_predict(matrix)) for booster in self.boosters_]
        return (
            np.asarray(np.mean(probabilities, axis=0, dtype=np.float64)) if len(probabilities) > 1 else probabilities[0]
        )

    def _sparse(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the features with NaN for a symptom's 0 where its columns hold but 0 and 1, in place.

        A split on such a column parts 1 from NaN as it parts 1 from 0, and only what is not NaN is summed up: the same
        trees in half the time.
        """
        if self.encoding in ("present", "one_hot"):
            symptoms = features[:, : features.shape[1] - len(self.features_.covariates)]
            symptoms[symptoms == 0] = np.nan
        return features
