"""Extremely randomised trees (Geurts, Ernst and Wehenkel 2006, Machine Learning 63:3)."""

from __future__ import annotations

from va_experiments.models.random_forest import RandomForest

__all__ = ["ExtraTrees"]


class ExtraTrees(RandomForest):
    """A forest whose trees see all training deaths and draw their cut-offs at random.

    Parameters are those of `RandomForest`.
    """

    def _forest(self) -> type:
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier
