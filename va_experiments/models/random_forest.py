"""Random forest (Breiman 2001; for verbal autopsy Flaxman et al. 2011, Population Health Metrics 9:29)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.models.classifier import Classifier

__all__ = ["RandomForest"]

_MOST_LEAVES = 3000  # of a tree; each leaf keeps a share for every cause


class RandomForest(Classifier):
    """One multi-class random forest over all causes.

    Unlike the pairwise forests of Flaxman et al. there is one forest, whose leaf shares are the probabilities.

    Parameters
    ----------
    n_trees : int
    min_leaf : int
        Least number of training deaths in a leaf; more gives smoother probabilities. Above 9,000 training deaths at
        least 1/3,000 of them, so that the forest does not outgrow its data.
    max_depth : int or None
        None grows until the leaves are pure or reach `min_leaf`.
    max_features : float or str
        Share of the features tried at each split, or ``sqrt``, ``log2``.
    encoding : str
        See `va_experiments.models.features.ENCODINGS`.
    covariates : tuple of str
        Numeric covariates to use where the data have them.
    """

    def __init__(
        self,
        *,
        n_trees: int = 100,
        min_leaf: int = 3,
        max_depth: int | None = None,
        max_features: float | str = "sqrt",
        encoding: str = "present",
        covariates: tuple[str, ...] = ("age",),
    ) -> None:
        self.n_trees = n_trees
        self.min_leaf = min_leaf
        self.max_depth = max_depth
        self.max_features = max_features
        self.encoding = encoding
        self.covariates = covariates

    def _conditions(self) -> list[tuple[bool, str]]:
        share = isinstance(self.max_features, int | float) and 0 < self.max_features <= 1
        return [
            (self.n_trees >= 1, f"n_trees is {self.n_trees!r}; expected a whole number of at least 1"),
            (self.min_leaf >= 1, f"min_leaf is {self.min_leaf!r}; expected a whole number of at least 1"),
            (self.max_depth is None or self.max_depth >= 1, f"max_depth is {self.max_depth!r}; expected null or >= 1"),
            (
                share or self.max_features in ("sqrt", "log2"),
                f"max_features is {self.max_features!r}; expected a share in (0, 1], sqrt or log2",
            ),
        ]

    def _forest(self) -> type:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        forest = self._forest()(
            n_estimators=self.n_trees,
            min_samples_leaf=max(self.min_leaf, len(label) // _MOST_LEAVES),
            max_depth=self.max_depth,
            max_features=float(self.max_features) if not isinstance(self.max_features, str) else self.max_features,
            n_jobs=1,
            random_state=seed,
        )
        self.estimator_ = forest.fit(features, label)

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return self.estimator_.predict_proba(features)
