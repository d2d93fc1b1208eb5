"""The models that an ensemble may be made of: by the names they have in ``conf/model``, or by their class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.models.base import Model, Prediction, parameters_of
from va_experiments.models.ensembles.pooling import pool
from va_experiments.models.model_import import allowed_class
from va_experiments.seeds import integer_seed

__all__ = ["check_members", "fit_members", "make_member", "member_classes", "pooled_prediction"]

ALL = "all"
"""Value of a member's ``covariates`` that stands for every covariate of the training data."""


def member_classes() -> Mapping[str, type[Model]]:
    """Return the models that are known by name: name to class. Models with fixed knowledge are not among them.

    The imports stand here as text, so that the digest of an ensemble's code covers its members' code.
    """
    from va_experiments.models.ensembles.calibrated import Calibrated
    from va_experiments.models.ensembles.stacking import Stacking
    from va_experiments.models.ensembles.tuned import Tuned
    from va_experiments.models.ensembles.voting import Voting
    from va_experiments.models.extra_trees import ExtraTrees
    from va_experiments.models.insilico.insilico import InSilicoVA
    from va_experiments.models.interva.interva import InterVA
    from va_experiments.models.lightgbm import LightGBM
    from va_experiments.models.logistic_regression import LogisticRegression
    from va_experiments.models.nbc import NaiveBayes
    from va_experiments.models.priors import Prior, Uniform
    from va_experiments.models.random_forest import RandomForest
    from va_experiments.models.tariff import Tariff
    from va_experiments.models.tariff2 import Tariff2
    from va_experiments.models.xgboost import XGBoost

    return {
        "calibrated": Calibrated,
        "extra_trees": ExtraTrees,
        "insilico": InSilicoVA,
        "interva": InterVA,
        "lightgbm": LightGBM,
        "logistic_regression": LogisticRegression,
        "nbc": NaiveBayes,
        "prior": Prior,
        "random_forest": RandomForest,
        "stacking": Stacking,
        "tariff": Tariff,
        "tariff2": Tariff2,
        "tuned": Tuned,
        "uniform": Uniform,
        "voting": Voting,
        "xgboost": XGBoost,
    }


def make_member(name: str, parameters: Mapping[str, Any] | None = None, train: Deaths | None = None) -> Model:
    """Return the model of this name, its parameters stored but not yet checked.

    ``_target_`` among its parameters names the class, of ours or of scikit-learn's contract; the name is then free.
    ``covariates: all`` stands for all covariates that `train` has.

    Raises
    ------
    InputError
        For a name or class outside the allow-list or an unknown parameter, with the nearest known one, and for a class
        that is not trained.
    """
    if not isinstance(given := parameters or {}, Mapping):
        raise InputError(f"parameters of member '{name}' are {shown(given)}; expected names with values")
    found = _class_of(name, given.get("_target_"))
    known = parameters_of(found)
    if unknown := [key for key in given if key not in known and key != "_target_"]:
        hint = did_you_mean(unknown[0], known) or "; known: " + ", ".join(known)
        raise InputError(f"member '{name}': unknown parameter {shown(unknown[0])}{hint}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if k != "_target_"}
    if values.get("covariates") == ALL:
        values["covariates"] = tuple(sorted(train.covariates)) if train is not None else ()
    return found(**values)


def _class_of(name: str, target: object) -> type[Model]:
    if target is None:
        classes = member_classes()
        if name not in classes:
            raise InputError(
                f"unknown member {shown(name)}; known: {', '.join(classes)}{did_you_mean(name, classes)}; "
                "any other class is named by _target_ in its parameters"
            )
        return classes[name]
    # Packages that a run's config added were checked with it (`ModelSpec.from_config`), before any member is made.
    found = allowed_class(str(target), (str(target).split(".")[0],), key=f"member '{name}': _target_")
    if not getattr(found, "trains", True):
        raise InputError(f"member '{name}': {shown(target)} has fixed knowledge; expected a model that is trained")
    return found


def check_members(members: object, parameters: object) -> None:
    """Raise `InputError` unless the members are one or more known names, each once, with parameters that they take."""
    if isinstance(members, str) or not isinstance(members, Sequence) or not members:
        raise InputError(f"members is {shown(members)}; expected a list of names of models")
    if len(set(members)) != len(members):
        raise InputError(f"members names a model twice: {', '.join(map(str, members))}; weigh it by weights instead")
    if not isinstance(parameters, Mapping):
        raise InputError(f"member_parameters is {shown(parameters)}; expected members' names with their parameters")
    problems = [
        f"member_parameters names {shown(name)}, which is no member{did_you_mean(name, members)}"
        for name in parameters
        if name not in members
    ]
    for name in members:
        try:
            make_member(name, parameters.get(name)).check_parameters()
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def fit_members(members: Sequence[str], parameters: Mapping[str, Any], train: Deaths, *, seed: int) -> dict[str, Model]:
    """Return the members fitted to these deaths, each with a seed of its own."""
    return {
        name: make_member(name, parameters.get(name), train).fit(train, seed=integer_seed([seed, name], "member"))
        for name in members
    }


def pooled_prediction(
    models: Mapping[str, Model],
    test: Deaths,
    weights: Sequence[float] | npt.NDArray[np.float64],
    kind: str,
    *,
    bias: npt.NDArray[np.float64] | float = 0.0,
    seed: int,
) -> Prediction:
    """Return the pool of the members' predictions; its CSMF is the mean over the deaths that it determines."""
    predictions = [m.predict(test, seed=integer_seed([seed, name], "member")) for name, m in models.items()]
    probability = pool([p.probability for p in predictions], weights, kind, bias)
    csmf = probability.mean(axis=0) if len(test) else np.zeros(len(test.causes))
    said = {f"weight_{name}": float(w) for name, w in zip(models, weights, strict=True)}
    unsure = [name for name, p in zip(models, predictions, strict=True) if p.diagnostics.get("converged") is False]
    return Prediction(probability, csmf, diagnostics=said | ({"not_converged": unsure} if unsure else {}))
