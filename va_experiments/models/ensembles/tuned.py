"""Choose the parameters of a model that predict a training site best from the other training sites."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.callbacks import Parts
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, shown
from va_experiments.models.base import Model, Prediction
from va_experiments.models.ensembles.ensemble_members import classes_of_member, make_member, parts_of
from va_experiments.models.ensembles.pooling import FLOOR
from va_experiments.models.ensembles.site_cross_validation import by_id, death_weights, out_of_site, site_folds
from va_experiments.seeds import canonical_json, generator, integer_seed
from va_experiments.typical_costs import TRAINING_SITES

__all__ = ["GRIDS", "OBJECTIVES", "Tuned"]

OBJECTIVES = ("log_loss", "top1", "csmf_accuracy")
"""What candidates are judged by, out of site. ``csmf_accuracy`` is that of the mean probability, over the folds."""


_TREES = {"min_leaf": (1, 3, 10), "max_features": ("sqrt", 0.2)}

GRIDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "extra_trees": _TREES,
    "interva": {"conversion": ("quantile", "fixed", "empirical"), "prior": ("uniform", "train")},
    "invariant_regression": {"C": (0.2, 0.5, 1.0), "strength": (2.0, 8.0)},
    "lightgbm": {"rounds": (20, 40, 80), "leaves": (4, 8)},
    "logistic_regression": {"C": (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)},
    "nbc": {"alpha": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)},
    "random_forest": _TREES,
    "tariff": {"top": (None, 20, 40), "n_bootstrap": (0, 500)},
    "xgboost": {"rounds": (20, 40, 80), "max_depth": (2, 3)},
}
"""Grid of each model where none is given: six candidates, so that models compare at equal budgets."""


class Tuned(Model):
    """Choose a model's parameters by leaving out each training site in turn, then fit it to all training deaths.

    Parameters
    ----------
    model : str
        Name of a model as in ``conf/model``; see `va_experiments.models.ensembles.ensemble_members`.
    grid : mapping of str to list, optional
        Values to try for each parameter; every combination is a candidate. None: the model's grid in `GRIDS`.
    budget : int
        Most candidates tried, so that models can be compared at equal budgets; of a larger grid so many are drawn at
        random.
    objective : str
        One of `OBJECTIVES`.
    balanced : bool
        Every training site weighs the same, however many deaths it has.
    parameters : mapping, optional
        Parameters that are the same for all candidates.

    Attributes
    ----------
    best_ : dict
        The chosen candidate; of equals the first in the grid.
    tried_ : list of (dict, float)
        Every candidate with its score; higher is better.
    tuning_seconds_, fitting_seconds_ : float
        Wall time of the choice, and of the final fit.
    """

    def __init__(
        self,
        *,
        model: str = "logistic_regression",
        grid: Mapping[str, Sequence[Any]] | None = None,
        budget: int = 6,
        objective: str = "log_loss",
        balanced: bool = True,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.grid = grid
        self.budget = budget
        self.objective = objective
        self.balanced = balanced
        self.parameters = parameters

    @property
    def depends_on_test_set(self) -> bool:  # type: ignore[override]
        """Whether the tuned model's prediction for one death depends on the others."""
        return make_member(self.model, self.parameters).depends_on_test_set

    def member_classes(self) -> tuple[type[Model], ...]:
        """Return the class of the tuned model, and those that it is made of."""
        return classes_of_member(self.model, self.parameters)

    def check_parameters(self) -> None:
        """Check the choices, and every candidate."""
        self.check_choice("objective", OBJECTIVES)
        self.check([(self.budget >= 1, f"budget is {self.budget!r}; expected a whole number of at least 1")])
        for name, values in self._grid().items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise InputError(f"Tuned: grid.{name} is {shown(values)}; expected a list of values to try")
            if name in (self.parameters or {}):
                raise InputError(f"Tuned: '{name}' is in grid and in parameters; expected it in one of them")
        for candidate in self._candidates(None):
            make_member(self.model, {**(self.parameters or {}), **candidate}).check_parameters()

    def _grid(self) -> Mapping[str, Sequence[Any]]:
        if self.grid is not None:
            return self.grid
        fixed = self.parameters or {}
        return {name: values for name, values in GRIDS.get(self.model, {}).items() if name not in fixed}

    def _candidates(self, seed: int | None) -> list[dict[str, Any]]:
        """Return the combinations of the grid, in order; with a seed, no more than the budget allows."""
        grid = self._grid()
        every = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
        if seed is None or len(every) <= self.budget:
            return every
        drawn = generator(integer_seed([seed, canonical_json(every)], "grid")).choice(
            len(every), size=self.budget, replace=False
        )
        return [every[k] for k in sorted(drawn)]

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Try the candidates out of site, and fit the best."""
        self.check_parameters()
        self.validate_train(train)
        train = by_id(train)
        start = time.perf_counter()
        candidates = self._candidates(seed)
        fold = site_folds(train, seed=seed)
        assert train.cause is not None
        parameters = [{**(self.parameters or {}), **c} for c in candidates]
        tried = [(make_member(self.model, p), len(np.unique(fold))) for p in parameters]
        parts = parts_of([*tried, (make_member(self.model, parameters[0]), 1)])
        if len(candidates) == 1 or len(np.unique(fold)) < 2:
            self.tried_ = [(candidates[0], float("nan"))]
        else:
            weight = death_weights(fold, balanced=self.balanced)
            self.tried_ = [(c, self._score(c, train, fold, parts, weight, seed)) for c in candidates]
        self.best_ = max(self.tried_, key=lambda tried: np.nan_to_num(tried[1], nan=-np.inf))[0]
        self.tuning_seconds_ = time.perf_counter() - start
        start = time.perf_counter()
        with parts.next(candidate="the best"):
            chosen = make_member(self.model, {**(self.parameters or {}), **self.best_}, train)
            self.model_ = chosen.fit(train, seed=seed)
        self.fitting_seconds_ = time.perf_counter() - start
        return self

    def inner_fits(self) -> list[tuple[Model, float]]:
        """Return the candidates: fitted once without each training site; and the first, as chosen, once to all."""
        candidates = [make_member(self.model, {**(self.parameters or {}), **c}) for c in self._candidates(0)]
        return [*((candidate, TRAINING_SITES) for candidate in candidates if len(candidates) > 1), (candidates[0], 1)]

    def _score(
        self,
        candidate: Mapping[str, Any],
        train: Deaths,
        fold: npt.NDArray[np.intp],
        parts: Parts,
        weight: npt.NDArray[np.float64],
        seed: int,
    ) -> float:
        assert train.cause is not None
        make = functools.partial(make_member, self.model, {**(self.parameters or {}), **candidate}, train)
        seen = out_of_site(make, train, fold, seed=integer_seed([seed], "tuning"), parts=parts)
        if self.objective == "csmf_accuracy":
            return float(np.mean([_csmf_accuracy(seen[fold == k], train.cause[fold == k]) for k in np.unique(fold)]))
        if self.objective == "top1":
            value = (seen.argmax(axis=1) == train.cause).astype(np.float64)
        else:
            value = np.log(np.maximum(seen[np.arange(len(train)), train.cause], FLOOR))
        return float(weight @ value / weight.sum())

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the chosen model's prediction; its diagnostics say what was chosen, and what the search cost."""
        self.validate_test(test)
        prediction = self.model_.predict(test, seed=seed)
        diagnostics = {f"best_{name}": value for name, value in self.best_.items()}
        diagnostics |= {"n_candidates": len(self.tried_), "tuning_seconds": self.tuning_seconds_}
        diagnostics["fitting_seconds"] = self.fitting_seconds_
        return Prediction(
            prediction.probability,
            prediction.csmf,
            prediction.csmf_draws,
            prediction.top_cause,
            {**prediction.diagnostics, **diagnostics},
        )


def _csmf_accuracy(probability: npt.NDArray[np.float64], truth: npt.NDArray[np.integer]) -> float:
    """Return 1 - sum |p - q| / (2 (1 - min p)) of the mean probability (Murray et al. 2011)."""
    true = np.bincount(truth, minlength=probability.shape[1]) / len(truth)
    if true.min() == 1:
        return 1.0
    return float(1 - np.abs(true - probability.mean(axis=0)).sum() / (2 * (1 - true.min())))
