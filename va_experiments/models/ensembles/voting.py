"""Average the probabilities of several models, with weights (soft voting)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, shown
from va_experiments.models.base import Model, Prediction
from va_experiments.models.ensembles.ensemble_members import (
    check_members,
    classes_of_member,
    fit_members,
    make_member,
    pooled_prediction,
)
from va_experiments.models.ensembles.pooling import POOLS

__all__ = ["Voting"]


class Voting(Model):
    """Pool the probabilities of several models, by weights given beforehand.

    Parameters
    ----------
    members : tuple of str
        Names of models as in ``conf/model``; any other name has its class, as ``_target_``,
        in `member_parameters`.
    weights : tuple of float, optional
        One for each member, not negative; None: equal weights.
    pool : {"linear", "logarithmic"}
        Weighted mean of the probabilities, or of their logarithms.
    member_parameters : mapping of str to mapping, optional
        Parameters of members that are not to be the class's defaults.
    """

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("logistic_regression", "xgboost", "random_forest", "extra_trees", "nbc"),
        weights: tuple[float, ...] | None = None,
        pool: str = "linear",
        member_parameters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.members = members
        self.weights = weights
        self.pool = pool
        self.member_parameters = member_parameters

    @property
    def depends_on_test_set(self) -> bool:  # type: ignore[override]
        """Whether any member's prediction for one death depends on the others."""
        parameters = self.member_parameters or {}
        return any(make_member(name, parameters.get(name)).depends_on_test_set for name in self.members)

    def member_classes(self) -> tuple[type[Model], ...]:
        """Return the classes of the members."""
        return tuple(
            c for name in self.members for c in classes_of_member(name, (self.member_parameters or {}).get(name))
        )

    def check_parameters(self) -> None:
        """Check the members, their parameters and the weights."""
        check_members(self.members, self.member_parameters or {})
        self.check_choice("pool", POOLS)
        if self.weights is None:
            return
        numbers = all(isinstance(w, int | float) and w >= 0 for w in self.weights)
        if len(self.weights) != len(self.members) or not numbers or not sum(self.weights) > 0:
            raise InputError(
                f"Voting: weights is {shown(list(self.weights))} for {len(self.members)} members; expected a number of "
                "at least 0 for each, not all of them 0"
            )

    def inner_fits(self) -> list[tuple[Model, float]]:
        """Return the members, each fitted once."""
        parameters = self.member_parameters or {}
        return [(make_member(name, parameters.get(name)), 1) for name in self.members]

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Fit every member."""
        self.check_parameters()
        self.validate_train(train)
        self.models_ = fit_members(self.members, self.member_parameters or {}, train, seed=seed)
        weights = self.weights or (1.0,) * len(self.members)
        self.weights_ = [w / sum(weights) for w in weights]
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the pooled probabilities; the CSMF is their mean."""
        self.validate_test(test)
        return pooled_prediction(self.models_, test, self.weights_, self.pool, seed=seed)
