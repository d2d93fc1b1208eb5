"""Validate a composed configuration: a tree of plain data in; `RunConfig` and `JobConfig` out.

Every problem of the tree is found at once. Each option stands once, in a class of this package (`run`, `job`, `data`,
`protocols`, `testsets`): type, bounds, default and help. Validation, error texts, the reference page and the JSON
schema for editors (`json_schema`) read it there. The parameters of a model belong to its class and are checked by
`cell.model_spec`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from va_experiments.config.fields import Group, descriptions, groups_of
from va_experiments.config.folder import conf_dir
from va_experiments.config.job import JobConfig, ModelOptions, Resources
from va_experiments.config.problems import check
from va_experiments.config.run import (
    AlertConfig,
    CheckpointConfig,
    CostConfig,
    ExecutionConfig,
    PathsConfig,
    RunConfig,
    TrackingConfig,
)
from va_experiments.errors import InputError, shown

__all__ = [
    "AlertConfig",
    "CheckpointConfig",
    "CostConfig",
    "ExecutionConfig",
    "JobConfig",
    "ModelOptions",
    "PathsConfig",
    "Resources",
    "RunConfig",
    "TrackingConfig",
    "all_groups",
    "conf_dir",
    "forbidden_keys",
    "json_schema",
    "option_tree",
    "parse_config",
    "parse_resources",
]


G = TypeVar("G", bound=Group)


class _Config(RunConfig, JobConfig):
    """One composed configuration: the keys of the run and those of the job."""


_MODEL_TARGET = re.compile(r"model(\.(member_parameters|parameters)(\..+)?)?\._target_")
"""Where ``_target_`` may stand: it names the class of the model, or of a member of an ensemble."""


def parse_config(tree: Mapping[str, Any], *, where: str = "config") -> tuple[RunConfig, JobConfig]:
    """Return what the run is and what the job is, from a composed tree of plain containers.

    Raises
    ------
    InputError
        Listing every unknown key (with the nearest known one), wrong type and value out of range.
    """
    problems: list[str] = []
    forbidden_keys(tree, where, problems)
    _not_plain({k: v for k, v in tree.items() if k != "data"}, where, problems)  # a reader knows its options itself
    try:
        config = check(_Config, dict(tree))
    except InputError as error:
        problems += [f"{where}: {p}" for p in error.problems]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return _part(RunConfig, config), _part(JobConfig, config)


def _part(cls: type[G], config: Group) -> G:
    return cls.model_construct(**{name: getattr(config, name) for name in cls.model_fields})


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a composed configuration, for editors."""
    from pydantic.json_schema import models_json_schema

    _, schema = models_json_schema([(_Config, "validation"), (ModelOptions, "validation")], by_alias=True)
    definitions = schema["$defs"]
    for cls in all_groups():
        properties = definitions.get(cls.__name__, {}).get("properties", {})
        for name, text in descriptions(cls).items():
            key = cls.model_fields[name].alias or name
            if key in properties:
                properties[key]["description"] = text
    top = definitions.pop("_Config")
    top["properties"]["model"] |= {"$ref": "#/$defs/ModelOptions"}
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "va_experiments"}
    return {**title, **{k: v for k, v in top.items() if k not in ("title", "description")}, "$defs": definitions}


def option_tree() -> dict[str, dict[str, None] | None]:
    """Return every key of a configuration; below a group that has one class of options, these; else None."""
    tree: dict[str, dict[str, None] | None] = {}
    for name, field in _Config.model_fields.items():
        classes = groups_of(field)
        tree[name] = dict.fromkeys(classes[""].model_fields) if "" in classes else None
    return tree


def all_groups() -> list[type[Group]]:
    """Return every class of options: the two halves of a configuration, their groups and the choices of these."""
    groups: dict[type[Group], None] = {_Config: None, RunConfig: None, JobConfig: None, ModelOptions: None}
    waiting = list(groups)
    while waiting:
        for field in waiting.pop(0).model_fields.values():
            new = [cls for cls in groups_of(field).values() if cls not in groups]
            groups |= dict.fromkeys(new)
            waiting += new
    return list(groups)


def parse_resources(tree: Any, where: str, problems: list[str]) -> Resources | None:
    """Return what ``model.resources`` allows; None, and what is wrong with it added to `problems`."""
    try:
        return check(Resources, {} if tree is None else tree, "resources")
    except InputError as error:
        problems += [f"{where}: {p}" for p in error.problems]
        return None


def forbidden_keys(tree: Any, where: str, problems: list[str], *, path: str = "") -> None:
    """Collect keys that Hydra would execute: ``_target_`` anywhere but in models, ``_partial_`` and the like."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            full = f"{path}.{key}" if path else str(key)
            if key in ("_partial_", "_args_", "_recursive_", "_convert_") or (
                key == "_target_" and not _MODEL_TARGET.fullmatch(full)
            ):
                problems.append(
                    f"{where}: {shown(full)} is not allowed in a run's config (value {shown(value)}); remove it"
                )
            forbidden_keys(value, where, problems, path=full)
    elif isinstance(tree, (list, tuple)):
        for i, value in enumerate(tree):
            forbidden_keys(value, where, problems, path=f"{path}[{i}]")


def _not_plain(tree: Any, where: str, problems: list[str], *, path: str = "") -> None:
    """Collect what cannot be part of a cell's key: numbers that are not finite, keys that are not text."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            full = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str):
                problems.append(f"{where}: the key {shown(full)} was read as {type(key).__name__}; quote it")
            _not_plain(value, where, problems, path=full)
    elif isinstance(tree, (list, tuple)):
        for i, value in enumerate(tree):
            _not_plain(value, where, problems, path=f"{path}[{i}]")
    elif isinstance(tree, float) and not math.isfinite(tree):
        problems.append(f"{where}: {path} is {tree}; expected a finite number")
