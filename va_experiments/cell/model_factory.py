"""Build an estimator from a model's class and parameters, and check them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from va_experiments.errors import InputError, shown
from va_experiments.models.base import Model, parameters_of

__all__ = ["build"]


def build(estimator_class: type[Model], params: Mapping[str, Any]) -> Model:
    """Return the estimator, its parameters checked.

    Raises
    ------
    InputError
        For a value that the model refuses, in its own words, and for one that its check cannot even look at.
    """
    try:
        estimator = estimator_class(**{k: tuple(v) if isinstance(v, list) else v for k, v in params.items()})
        estimator.check_parameters()
    except InputError:
        raise
    except Exception as error:
        raise InputError(_of_another_kind(estimator_class, params, error)) from error
    return estimator


def _of_another_kind(estimator_class: type[Model], params: Mapping[str, Any], error: Exception) -> list[str]:
    """Return a problem for each parameter whose value is of another kind than its default."""
    name = estimator_class.__name__
    problems = [
        f"{name}: {key} is {shown(params[key])} ({type(params[key]).__name__}); expected something like its default, "
        f"{shown(default)} ({type(default).__name__})"
        for key, default in parameters_of(estimator_class).items()
        if key in params and type(params[key]) is not type(default)
    ]
    return problems or [f"{name}: cannot be made with these parameters ({type(error).__name__}: {error})"]
