"""Import the class that a model's ``_target_`` names, from allow-listed packages only."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, cast

from va_experiments.config.schema import conf_dir
from va_experiments.errors import InputError, shown
from va_experiments.models.base import Model

__all__ = ["ALLOWED_TARGETS", "allowed_class", "model_targets", "nested_targets"]

ALLOWED_TARGETS = ("va_experiments", "sklearn", "xgboost", "lightgbm")
"""Packages from which classes may come; a run's config can add some with ``allowed_targets``."""


@functools.cache
def model_targets() -> Mapping[str, str]:
    """Return the models of ``conf/model`` by name, each with the dotted path of its class."""
    targets = {}
    for path in sorted((conf_dir() / "model").glob("*.yaml")):
        if match := re.search(r"^_target_:\s*([\w.]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            targets[path.stem] = match.group(1)
    return targets


def allowed_class(target: str, allowed: tuple[str, ...] = (), *, key: str = "model._target_") -> type[Model]:
    """Return the model class that `target` names; `key` is what the config calls it.

    Raises
    ------
    InputError
        For a package outside the allow-list, a name that cannot be imported, or something that is no class.
    """
    package, _, name = target.rpartition(".")
    roots = (*ALLOWED_TARGETS, *allowed)
    if target.split(".")[0] not in roots or not package:
        raise InputError(
            f"{key} is {shown(target)}: not allowed in a run's config; expected a class of one of "
            f"{', '.join(roots)} (add a package of yours with allowed_targets=[...])"
        )
    try:
        cls = getattr(importlib.import_module(package), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{key} is {shown(target)}: cannot be imported ({error})") from error
    if not isinstance(cls, type):
        raise InputError(f"{key} is {shown(target)}: expected a class, found {type(cls).__name__}")
    if cls.__module__.split(".")[0] not in roots:
        raise InputError(
            f"{key} is {shown(target)}: that is {cls.__module__}.{cls.__qualname__}, which only passes "
            f"through there; expected a class of one of {', '.join(roots)} itself"
        )
    if not issubclass(cls, Model):
        from va_experiments.models.sklearn_adapter import adapter_for

        return adapter_for(cast(Hashable, cls))
    return cls


def nested_targets(parameters: Any, path: str = "model") -> Iterator[tuple[str, str]]:
    """Yield key and value of every ``_target_`` among a model's parameters: the classes of an ensemble's members."""
    if isinstance(parameters, Mapping):
        for key, value in parameters.items():
            if key == "_target_":
                yield f"{path}._target_", str(value)
            else:
                yield from nested_targets(value, f"{path}.{key}")
    elif isinstance(parameters, (list, tuple)):
        for place, value in enumerate(parameters):
            yield from nested_targets(value, f"{path}[{place}]")
