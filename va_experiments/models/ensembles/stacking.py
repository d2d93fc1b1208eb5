"""Stack several models: pool them by weights learned on deaths of training sites held out from the models."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.callbacks import Parts
from va_experiments.data.deaths import Deaths
from va_experiments.models.adaptive_count import AdaptiveCount, fit_adaptive_count, reweigh
from va_experiments.models.base import Model, Prediction
from va_experiments.models.ensembles.ensemble_members import (
    check_members,
    classes_of_member,
    fit_members,
    make_member,
    parts_of,
    pooled_prediction,
)
from va_experiments.models.ensembles.pooling import POOLS, linear_weights, logarithmic_weights, pool
from va_experiments.models.ensembles.site_cross_validation import by_id, death_weights, out_of_site, site_folds
from va_experiments.seeds import integer_seed
from va_experiments.typical_costs import TRAINING_SITES

__all__ = ["ADAPT", "MEMBER_PARAMETERS", "Stacking"]

ADAPT = ("none", "csmf", "posterior")
"""What is adapted to the test set."""

MEMBER_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {
        "rounds": 150,
        "max_depth": 2,
        "learning_rate": 0.1,
        "subsample": 0.7,
        "colsample": 0.25,
        "bags": 3,
        "covariates": "all",
    }
}
"""Boosting in smaller steps than the class's defaults, the mean of three such, with every number that the data have."""


class Stacking(Model):
    """Pool several models by the weights that predict a training site best from the other training sites.

    Every member is fitted once for each training site, without it, and predicts it. On these predictions the weights of
    the pool are learned (Wolpert 1992, Neural Networks 5:241; folds grouped by site); then the members are fitted to
    all training deaths. The test site plays no part.

    Parameters
    ----------
    members : tuple of str
        Names of models as in ``conf/model``; any other name has its class, as ``_target_``,
        in `member_parameters`.
    pool : {"linear", "logarithmic"}
        ``linear``: weights that sum to 1, by EM. ``logarithmic``: exponents, which also make the pool more or less
        sure, by penalised likelihood.
    bias : bool
        With ``logarithmic``: learn a bias for each cause too.
    ridge : float
        With ``logarithmic``: penalty, in deaths, on weights away from equality and on biases away from 0.
    balanced : bool
        Every training site weighs the same in learning the weights, however many deaths it has.
    adapt : {"none", "csmf", "posterior"}
        ``csmf``: the model's own CSMF is the blend of counts and mean probability that
        `va_experiments.models.adaptive_count` learns on the same predictions of training sites. ``posterior``: the
        probabilities are moved to this cause mix as well, so that a death's depend on the deaths tested with it.
    member_parameters : mapping of str to mapping, optional
        Parameters of members that are not to be the class's defaults; ``covariates: all`` stands for all that the
        training data have.

    Attributes
    ----------
    weights_ : float64 array, shape (n_members,)
    bias_ : float64 array, shape (n_causes,)
    rule_ : AdaptiveCount
    tuning_seconds_ : float
        Wall time of the fits and predictions that the weights were learned from.
    """

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("xgboost", "logistic_regression"),
        pool: str = "logarithmic",
        bias: bool = False,
        ridge: float = 1.0,
        balanced: bool = True,
        adapt: str = "posterior",
        member_parameters: Mapping[str, Mapping[str, Any]] | None = MEMBER_PARAMETERS,
    ) -> None:
        self.members = members
        self.pool = pool
        self.bias = bias
        self.ridge = ridge
        self.balanced = balanced
        self.adapt = adapt
        self.member_parameters = member_parameters

    @property
    def depends_on_test_set(self) -> bool:  # type: ignore[override]
        """Whether the prediction for one death depends on the others: by `adapt`, or because a member's does."""
        return self.adapt == "posterior" or any(
            make_member(n, self._parameters().get(n)).depends_on_test_set for n in self.members
        )

    @property
    def prediction_is_costly(self) -> bool:
        """Whether the prediction of a member is costly; adapting to a test set's cause mix takes no time."""
        return any(make_member(n, self._parameters().get(n)).prediction_is_costly for n in self.members)

    def _parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the parameters of the members, by name."""
        return self.member_parameters or {}

    def member_classes(self) -> tuple[type[Model], ...]:
        """Return the classes of the members."""
        return tuple(c for name in self.members for c in classes_of_member(name, self._parameters().get(name)))

    def check_parameters(self) -> None:
        """Check the members, their parameters and the choices."""
        check_members(self.members, self._parameters())
        self.check_choice("pool", POOLS)
        self.check_choice("adapt", ADAPT)
        self.check(
            [
                (self.ridge >= 0, f"ridge is {self.ridge!r}; expected a number of at least 0"),
                (self.pool != "linear" or not self.bias, "bias is true; expected pool=logarithmic with it"),
            ]
        )

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Learn the weights out of site, then fit the members to all deaths."""
        self.check_parameters()
        self.validate_train(train)
        train = by_id(train)
        start = time.perf_counter()
        fold = site_folds(train, seed=seed)
        once = [make_member(name, self._parameters().get(name), train) for name in self.members]
        parts = parts_of([*((member, len(np.unique(fold))) for member in once), *((member, 1) for member in once)])
        self._learn(train, fold, parts, seed)
        self.tuning_seconds_ = time.perf_counter() - start
        self.models_ = fit_members(self.members, self._parameters(), train, seed=seed, parts=parts)
        return self

    def inner_fits(self) -> list[tuple[Model, float]]:
        """Return the members: fitted once without each training site, and once to all."""
        return [(make_member(name, self._parameters().get(name)), TRAINING_SITES + 1) for name in self.members]

    def _learn(self, train: Deaths, fold: npt.NDArray[np.intp], parts: Parts, seed: int) -> None:
        """Set the weights, the biases and the rule for the CSMF."""
        truth = train.cause
        assert truth is not None
        self.weights_ = np.full(len(self.members), 1 / len(self.members))
        self.bias_, self.rule_ = np.zeros(len(train.causes)), AdaptiveCount()
        if len(np.unique(fold)) < 2 or len(np.unique(truth)) < 2:
            return
        seen = []
        for name in self.members:
            make = functools.partial(make_member, name, self._parameters().get(name), train)
            seen.append(
                out_of_site(make, train, fold, seed=integer_seed([seed, name], "stacking"), parts=parts, member=name)
            )
        weight = death_weights(fold, balanced=self.balanced)
        if self.pool == "linear":
            self.weights_ = linear_weights(seen, truth, weight)
        else:
            self.weights_, self.bias_ = logarithmic_weights(seen, truth, weight, bias=self.bias, ridge=self.ridge)
        if self.adapt != "none":
            pooled = pool(seen, self.weights_, self.pool, self.bias_)
            self.rule_ = fit_adaptive_count(pooled, truth, fold, seed=seed)

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the pooled probabilities and the CSMF; the diagnostics hold weights and the share of the counts."""
        self.validate_test(test)
        return self._adapted(self._pooled(test, seed))

    def predict_sets(
        self, test: Deaths, sets: Sequence[npt.NDArray[np.intp]], *, seed: int = 0
    ) -> Iterator[Prediction]:
        """Yield the prediction of each set; members that predict each death alone predict once for all sets."""
        if any(m.depends_on_test_set for m in self.models_.values()):
            yield from super().predict_sets(test, sets, seed=seed)
            return
        self.validate_test(test)
        pooled = self._pooled(test, seed)
        for rows in sets:
            probability = pooled.probability[rows]
            csmf = probability.mean(axis=0) if len(rows) else pooled.csmf * 0
            yield self._adapted(Prediction(probability, csmf, diagnostics=pooled.diagnostics))

    def _pooled(self, test: Deaths, seed: int) -> Prediction:
        return pooled_prediction(self.models_, test, self.weights_, self.pool, bias=self.bias_, seed=seed)

    def _adapted(self, pooled: Prediction) -> Prediction:
        if self.adapt == "none" or not len(pooled.probability):
            return pooled
        csmf, share = self.rule_.csmf(pooled.probability)
        probability = reweigh(pooled.probability, csmf) if self.adapt == "posterior" else pooled.probability
        return Prediction(probability, csmf, diagnostics={**pooled.diagnostics, "share_of_counts": share})
