"""Find the members of an ensemble, by their names in ``conf/model`` or by their class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.callbacks import Parts
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.models.base import Model, Prediction, parameters_of
from va_experiments.models.ensembles.pooling import pool
from va_experiments.models.model_import import allowed_class, model_targets
from va_experiments.seeds import integer_seed
from va_experiments.typical_costs import typical_cost

__all__ = [
    "check_members",
    "classes_of_member",
    "fit_members",
    "make_member",
    "member_class",
    "member_names",
    "parts_of",
    "pooled_prediction",
]

SOME_DEATHS = 2000
"""For which the fits inside of a fit are compared by their typical times."""

ALL = "all"
"""Value of a member's ``covariates`` that stands for every covariate of the training data."""


def member_names() -> tuple[str, ...]:
    """Return the names of models that can be members: those of ``conf/model`` that are trained."""
    return tuple(name for name, target in model_targets().items() if allowed_class(target).trains)


def member_class(name: str, parameters: Mapping[str, Any] | None = None) -> type[Model]:
    """Return the class of a member: the one that ``_target_`` among its parameters names, or that of ``conf/model``.

    Raises
    ------
    InputError
        For a name or class that is not known, and for a class that is not trained.
    """
    target = (parameters or {}).get("_target_")
    if target is None:
        targets = model_targets()
        if name not in targets:
            known = member_names()
            raise InputError(
                f"unknown member {shown(name)}; known: {', '.join(known)}{did_you_mean(name, known)}; "
                "any other class is named by _target_ in its parameters"
            )
        target = targets[name]
    # Packages that a run's config added were checked with it (`ModelSpec.from_config`), before any member is made.
    cls = allowed_class(str(target), (str(target).split(".")[0],), key=f"member '{name}': _target_")
    if not getattr(cls, "trains", True):
        raise InputError(f"member '{name}': {shown(str(target))} has fixed knowledge; expected a model that is trained")
    return cls


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
    if not isinstance(params := parameters or {}, Mapping):
        raise InputError(f"parameters of member '{name}' are {shown(params)}; expected names with values")
    cls = member_class(name, params)
    known = parameters_of(cls)
    if unknown := [key for key in params if key not in known and key != "_target_"]:
        hint = did_you_mean(unknown[0], known) or "; known: " + ", ".join(known)
        raise InputError(f"member '{name}': unknown parameter {shown(unknown[0])}{hint}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in params.items() if k != "_target_"}
    if values.get("covariates") == ALL:
        values["covariates"] = tuple(sorted(train.covariates)) if train is not None else ()
    return cls(**values)


def classes_of_member(name: str, parameters: Mapping[str, Any] | None = None) -> tuple[type[Model], ...]:
    """Return the class of a member, and the classes of the models that it is made of in turn."""
    return (member_class(name, parameters), *make_member(name, parameters).member_classes())


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


def parts_of(fits: Sequence[tuple[Model, float]]) -> Parts:
    """Return the parts of a fit that makes these fits in turn, each with its number, by their typical times."""
    return Parts([typical_cost(model).seconds(SOME_DEATHS) for model, times in fits for _ in range(round(times))])


def fit_members(
    members: Sequence[str], parameters: Mapping[str, Any], train: Deaths, *, seed: int, parts: Parts | None = None
) -> dict[str, Model]:
    """Return the members fitted to these deaths, each with a seed of its own and as the next of the parts of a fit."""
    parts = parts or parts_of([(make_member(name, parameters.get(name)), 1) for name in members])
    fitted = {}
    for name in members:
        with parts.next(member=name):
            member_seed = integer_seed([seed, name], "member")
            fitted[name] = make_member(name, parameters.get(name), train).fit(train, seed=member_seed)
    return fitted


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
    shares = {f"weight_{name}": float(w) for name, w in zip(models, weights, strict=True)}
    unsure = [name for name, p in zip(models, predictions, strict=True) if p.diagnostics.get("converged") is False]
    return Prediction(probability, csmf, diagnostics=shares | ({"not_converged": unsure} if unsure else {}))
