"""Choose one of several models, and how fractions follow from it, inside the training sites."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, shown
from va_experiments.models.base import Model, Prediction
from va_experiments.models.ensembles.ensemble_members import check_members, classes_of_member, make_member, parts_of
from va_experiments.models.ensembles.pooling import FLOOR
from va_experiments.models.ensembles.site_cross_validation import by_id, out_of_site, site_folds
from va_experiments.seeds import integer_seed
from va_experiments.typical_costs import TRAINING_SITES

__all__ = ["OBJECTIVES", "Chosen"]

OBJECTIVES = ("csmf_accuracy", "top1", "log_loss")
"""What candidates are judged by at training sites that they were not fitted to; each site weighs the same."""


class Chosen(Model):
    """Fit the model and the blend of counts and means that do best when each training site is left out in turn.

    Leaving out one site for testing, and choosing inside the others, is nested cross-validation: nothing of the
    left-out site plays a part in the choice. The fractions are a blend: a share of the counts of the most probable
    causes, the rest the mean probability.

    Parameters
    ----------
    candidates : tuple of str
        Names of models as in ``conf/model``; any other name has its class, as ``_target_``, in `member_parameters`.
    counts : tuple of float
        Shares of the counts to try, 0 to 1.
    objective : str
        One of `OBJECTIVES`. The share of the counts is always chosen by CSMF accuracy.
    member_parameters : mapping of str to mapping, optional
        Parameters of candidates that are not to be the class's defaults.

    Attributes
    ----------
    chosen_ : str
    share_ : float
        Of the counts.
    tried_ : dict of str to (float, float)
        Each candidate's score by `objective`, and its CSMF accuracy with the best share.
    """

    def __init__(
        self,
        *,
        candidates: tuple[str, ...] = ("nbc", "logistic_regression", "xgboost"),
        counts: tuple[float, ...] = (0.0, 0.25, 0.5),
        objective: str = "csmf_accuracy",
        member_parameters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.candidates = candidates
        self.counts = counts
        self.objective = objective
        self.member_parameters = member_parameters

    @property
    def depends_on_test_set(self) -> bool:  # type: ignore[override]
        """Whether any candidate's prediction for one death depends on the others."""
        parameters = self.member_parameters or {}
        return any(make_member(name, parameters.get(name)).depends_on_test_set for name in self.candidates)

    def member_classes(self) -> tuple[type[Model], ...]:
        """Return the classes of the candidates."""
        parameters = self.member_parameters or {}
        return tuple(c for name in self.candidates for c in classes_of_member(name, parameters.get(name)))

    def check_parameters(self) -> None:
        """Check the candidates, their parameters and the shares."""
        check_members(self.candidates, self.member_parameters or {})
        self.check_choice("objective", OBJECTIVES)
        if not self.counts or not all(isinstance(s, int | float) and 0 <= s <= 1 for s in self.counts):
            raise InputError(f"Chosen: counts is {shown(list(self.counts))}; expected shares between 0 and 1")

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Score every candidate at the training sites, and fit the best to all of them."""
        self.check_parameters()
        self.validate_train(train)
        train, parameters = by_id(train), self.member_parameters or {}
        start = time.perf_counter()
        assert train.cause is not None
        fold = site_folds(train, seed=seed)
        self.tried_: dict[str, tuple[float, float]] = {}
        shares: dict[str, float] = {}
        once = [make_member(name, parameters.get(name), train) for name in self.candidates]
        parts = parts_of([*((c, len(np.unique(fold))) for c in once), (once[0], 1)])
        for name in self.candidates:
            if len(np.unique(fold)) < 2:
                self.tried_[name], shares[name] = (0.0, 0.0), float(self.counts[0])
                continue
            make = functools.partial(make_member, name, parameters.get(name), train)
            seen = out_of_site(
                make, train, fold, seed=integer_seed([seed, name], "candidate"), parts=parts, candidate=name
            )
            accuracies = [_blended_accuracy(seen, train.cause, fold, share) for share in self.counts]
            best = int(np.argmax(accuracies))
            shares[name] = float(self.counts[best])
            self.tried_[name] = (_score(self.objective, seen, train.cause, fold, accuracies[best]), accuracies[best])
        self.chosen_ = max(self.candidates, key=lambda name: self.tried_[name][0])
        self.share_ = shares[self.chosen_]
        self.tuning_seconds_ = time.perf_counter() - start
        with parts.next(candidate=self.chosen_):
            self.model_ = make_member(self.chosen_, parameters.get(self.chosen_), train).fit(train, seed=seed)
        return self

    def inner_fits(self) -> list[tuple[Model, float]]:
        """Return the candidates: fitted once without each training site; and the first, as chosen, once to all."""
        parameters = self.member_parameters or {}
        members = [make_member(name, parameters.get(name)) for name in self.candidates]
        return [*((candidate, TRAINING_SITES) for candidate in members), (members[0], 1)]

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the chosen model's probabilities and the blended fractions; the diagnostics say what was chosen."""
        self.validate_test(test)
        prediction = self.model_.predict(test, seed=seed)
        csmf = prediction.csmf
        if prediction.probability.any():
            csmf = _blend(prediction.probability, self.share_) * float((~prediction.undetermined).mean())
        diagnostics = {"chosen": self.chosen_, "share_of_counts": self.share_, "tuning_seconds": self.tuning_seconds_}
        diagnostics |= {f"score_{name}": score for name, (score, _) in self.tried_.items()}
        return Prediction(
            prediction.probability, csmf, None, prediction.top_cause, {**prediction.diagnostics, **diagnostics}
        )


def _blend(probability: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """Return a share of the counts of the most probable causes and the rest of the mean probability."""
    p = probability[probability.any(axis=1)]
    counts = np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
    mean = p.mean(axis=0)
    return np.asarray(share * counts + (1 - share) * mean / mean.sum())


def _blended_accuracy(
    seen: npt.NDArray[np.float64], cause: npt.NDArray[np.integer], fold: npt.NDArray[np.intp], share: float
) -> float:
    """Return the mean CSMF accuracy over the folds (Murray et al. 2011)."""
    values = []
    for number in np.unique(fold):
        in_fold = (fold == number) & seen.any(axis=1)
        if not in_fold.any():
            continue
        true = np.bincount(cause[in_fold], minlength=seen.shape[1]) / in_fold.sum()
        worst = 2 * (1 - true.min())
        values.append(1.0 if worst == 0 else 1 - float(np.abs(true - _blend(seen[in_fold], share)).sum()) / worst)
    return float(np.mean(values)) if values else 0.0


def _score(
    objective: str,
    seen: npt.NDArray[np.float64],
    cause: npt.NDArray[np.integer],
    fold: npt.NDArray[np.intp],
    accuracy: float,
) -> float:
    if objective == "csmf_accuracy":
        return accuracy
    right = (seen.argmax(axis=1) == cause) & seen.any(axis=1)
    value = right.astype(float)
    if objective == "log_loss":
        value = np.log(np.maximum(seen[np.arange(len(cause)), cause], FLOOR))
    return float(np.mean([value[fold == number].mean() for number in np.unique(fold)]))
