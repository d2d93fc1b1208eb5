"""Automatic choice of a classifier and of its parameters by FLAML (Wang et al. 2021, MLSys): an optional extra.

The search is FLAML's; what candidates are judged by is ours: training sites left out in turn, as in
`va_experiments.models.ensembles.tuned`, so that both can be compared at equal budgets.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import time
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, shown
from va_experiments.models.base import Prediction
from va_experiments.models.classifier import Classifier
from va_experiments.models.ensembles.site_cross_validation import by_id, site_folds

__all__ = ["LEARNERS", "Flaml"]

LEARNERS = ("lgbm", "extra_tree", "rf", "lrl2")
"""What may be chosen, by FLAML's names: LightGBM, extremely randomized trees, random forest, logistic regression."""

_FLOOR = 1e-6
"""Least probability in the logarithm: a cause may be absent from the sites that a candidate was fitted to."""


class Flaml(Classifier):
    """Try classifiers and parameters in FLAML's order, out of site, and fit the best to all training deaths.

    Needs the extra ``automl`` (``pip install va-experiments[automl]``).

    Parameters
    ----------
    budget : int, optional
        Most candidates tried; each is fitted once for every training site that is left out. None: only `seconds` ends
        the search.
    seconds : float, optional
        Wall time of the search. The candidates that are tried then depend on the speed of the machine, and so does the
        choice. None: only `budget` ends the search, and the same seed gives the same bits.
    learners : tuple of str
        Some of `LEARNERS`; they take turns.
    encoding : str
        See `va_experiments.models.features.ENCODINGS`.
    covariates : tuple of str
        Numeric covariates to use where the data have them.

    Attributes
    ----------
    best_ : dict
        The chosen learner and its parameters.
    n_candidates_ : int
        Candidates tried.
    tuning_seconds_ : float
        Wall time of search and final fit.
    """

    def __init__(
        self,
        *,
        budget: int | None = 24,
        seconds: float | None = None,
        learners: tuple[str, ...] = LEARNERS,
        encoding: str = "present",
        covariates: tuple[str, ...] = ("age",),
    ) -> None:
        self.budget = budget
        self.seconds = seconds
        self.learners = learners
        self.encoding = encoding
        self.covariates = covariates

    def _conditions(self) -> list[tuple[bool, str]]:
        budget, seconds = self.budget, self.seconds
        return [
            (budget is None or budget >= 1, f"budget is {budget!r}; expected a whole number of at least 1, or null"),
            (
                seconds is None or (math.isfinite(seconds) and seconds > 0),
                f"seconds is {seconds!r}; expected a number above 0, or null",
            ),
            (budget is not None or seconds is not None, "budget and seconds are both null; expected at least one"),
        ]

    def check_parameters(self) -> None:
        """Raise `InputError` for values that cannot work, and where a package is missing."""
        super().check_parameters()
        learners = self.learners
        if isinstance(learners, str) or not learners or set(learners) - set(LEARNERS):
            raise InputError(f"Flaml: learners is {shown(learners)}; expected a list of some of {', '.join(LEARNERS)}")
        for package in ("flaml", "lightgbm"):
            if importlib.util.find_spec(package) is None:
                raise InputError(
                    f"Flaml: the package '{package}' is not installed; install the extra 'automl': "
                    "pip install 'va-experiments[automl]'"
                )

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Search out of site, and fit the best candidate to all deaths."""
        self.check_parameters()
        self.validate_train(train)
        self._folds = site_folds(by_id(train), seed=seed)
        self.best_: dict[str, Any] = {}
        self.n_candidates_, self.tuning_seconds_ = 0, 0.0
        try:
            return super().fit(train, seed=seed)
        finally:
            del self._folds  # of the deaths: no part of what was learned

    def _learn(self, features: npt.NDArray[np.float32], label: npt.NDArray[Any], seed: int) -> None:
        with warnings.catch_warnings():  # of the packages that it imports: they say nothing about the deaths
            warnings.simplefilter("ignore")
            from flaml import AutoML

        began = time.perf_counter()
        number = len(np.unique(self._folds))
        by_fold = {"eval_method": "cv", "split_type": "group", "groups": self._folds, "n_splits": number}
        everyone = {"eval_method": "holdout", "X_val": features, "y_val": label}
        judged = 0

        def metric(*arguments: Any, **named: Any) -> tuple[float, dict[str, float]]:
            nonlocal judged
            judged += 1
            return _log_loss(*arguments, **named)

        state = np.random.get_state()  # noqa: NPY002  FLAML seeds numpy's global generator
        logger = logging.getLogger("flaml.automl")  # warns of each candidate that the end of the time has cut off
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            search = AutoML()
            search.fit(
                features,
                label,
                task="multiclass" if len(self.present_) > 2 else "binary",
                metric=metric,
                estimator_list=list(self.learners),
                learner_selector="roundrobin",
                max_iter=self.budget,
                time_budget=-1 if self.seconds is None else self.seconds,
                seed=seed,
                n_jobs=1,
                sample=False,
                mlflow_logging=False,
                verbose=0,
                **(by_fold if number > 1 else everyone),
            )
        finally:
            logger.setLevel(level)
            np.random.set_state(state)  # noqa: NPY002
        estimator = search.model.estimator
        self.estimator_ = getattr(estimator, "booster_", estimator)  # LightGBM's own object can be saved
        self.best_ = {"learner": str(search.best_estimator)}
        self.best_ |= {k: getattr(v, "item", lambda v=v: v)() for k, v in search.best_config.items()}
        self.n_candidates_ = judged // number
        self.tuning_seconds_ = time.perf_counter() - began

    def _probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        if hasattr(self.estimator_, "predict_proba"):
            return np.asarray(self.estimator_.predict_proba(features))
        probability = np.asarray(self.estimator_.predict(features, num_threads=1))
        return np.column_stack([1 - probability, probability]) if probability.ndim == 1 else probability

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the chosen classifier's prediction; its diagnostics say what was chosen, and what the search cost."""
        prediction = super().predict(test, seed=seed)
        diagnostics = {f"best_{name}": value for name, value in self.best_.items()}
        diagnostics |= {"n_candidates": self.n_candidates_, "tuning_seconds": self.tuning_seconds_}
        return Prediction(prediction.probability, prediction.csmf, diagnostics=diagnostics)


def _log_loss(
    features: npt.NDArray[Any],
    label: npt.NDArray[Any],
    estimator: Any,
    labels: Any,
    train: Any,
    train_label: Any,
    *_: Any,
    **__: Any,
) -> tuple[float, dict[str, float]]:
    """Return the mean of -log p of the true causes of a fold, in the form that FLAML asks of a metric."""
    probability = np.asarray(estimator.predict_proba(features))
    place = {int(c): k for k, c in enumerate(estimator.classes_)}
    at = np.array([place.get(int(c), -1) for c in label])
    value = np.where(at >= 0, probability[np.arange(len(at)), at], 0.0)
    loss = float(-np.log(np.maximum(value, _FLOOR)).mean())
    return loss, {"log_loss": loss}
