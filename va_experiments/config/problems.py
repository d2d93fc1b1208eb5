"""Describe what is wrong with a tree of options: key, value, what is expected, the nearest known name; all at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError

from va_experiments.config.fields import Group, expected, groups_of
from va_experiments.config.folder import conf_dir
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["check", "known_names", "unknown_key"]

G = TypeVar("G", bound=Group)


def check(cls: type[G], tree: Any, path: str = "", choice: str = "") -> G:
    """Return the options of a group from plain data.

    Parameters
    ----------
    cls : type
    tree : mapping
        Plain data; a group itself is returned as it is.
    path : str
        Key of the group, ``"protocol"``; ``""`` for the whole configuration.
    choice : str
        How the group was chosen, ``"protocol=pooled"``, for the problems of unknown keys.

    Raises
    ------
    InputError
        With every unknown key, wrong type and value out of range.
    """
    try:
        return cls.model_validate(tree)
    except ValidationError as error:
        problems = [
            text
            for entry in error.errors(include_url=False)
            for text in _sentences(entry, _locate(cls, entry["loc"], path, choice), cls, tree)
        ]
    raise InputError(list(dict.fromkeys(problems)))


def unknown_key(key: str, known: Iterable[str], choice: str) -> str:
    """Return the problem of a key that the chosen reader, protocol, design or model does not have."""
    names = list(known)
    return f"unknown key {shown(key)} in {choice}{known_names(names)}{did_you_mean(key, names)}"


def known_names(names: Iterable[object]) -> str:
    """Return ``"; known: a, b, c"``."""
    return f"; known: {', '.join(map(str, names))}"


@dataclass
class _Place:
    """Where in a configuration an error is: the class of the option, the option, and the keys to it."""

    owner: type[Group]
    owner_path: str
    choice: str
    field: str | None = None
    keys: tuple[str, ...] = ()
    """From the tree that was checked to the option."""

    @property
    def path(self) -> str:
        return ".".join(filter(None, [self.owner_path, self.field]))


def _locate(cls: type[Group], location: Sequence[int | str], path: str, choice: str) -> _Place:
    """Follow an error's location; tags of unions, places in lists and keys of mappings are not in the result."""
    place = _Place(cls, path, choice)
    steps = list(location)
    while steps:
        step = str(steps.pop(0))
        name = next((n for n, f in place.owner.model_fields.items() if step in (n, f.alias)), None)
        place.field, place.keys = step, (*place.keys, step)
        if name is None:
            return place
        classes = groups_of(place.owner.model_fields[name])
        if classes and steps and (steps[0] in classes or "" in classes):
            tag = "" if "" in classes else str(steps.pop(0))
            place = _Place(classes[tag], place.path, f"{step}={tag}" if tag else "", None, place.keys)
        else:
            return place
    return place


def _sentences(entry: Mapping[str, Any], place: _Place, cls: type[Group], tree: Any) -> Iterator[str]:
    kind, path, fields = entry["type"], place.path, place.owner.model_fields
    value = _value_at(tree, place.keys)
    field = next((f for n, f in fields.items() if place.field in (n, f.alias)), None)
    names = [f.alias or n for n, f in fields.items() if n != "name" or not place.choice]
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{path} is {value}; expected a finite number"
    elif kind == "extra_forbidden":
        key = str(place.field)
        if place.choice:
            yield unknown_key(key, names, place.choice)
        else:
            yield f"unknown key {shown(path)}{did_you_mean(key, names) or known_names(names)}"
    elif kind == "missing":
        yield f"'{path}' is missing; choose one, as in {path}=..."
    elif kind in ("union_tag_invalid", "union_tag_not_found") and field is not None:
        tag, tags = value.get("name") if isinstance(value, Mapping) else value, groups_of(field)
        if isinstance(tag, str) or not isinstance(value, Mapping):
            yield f"unknown {path} {shown(tag)}{known_names(tags)}{did_you_mean(tag, tags)}"
        else:
            yield f"{path}.name must be one of {', '.join(tags)}; got {_got(tag, text=True)}"
    elif kind == "value_error" and isinstance(entry.get("ctx", {}).get("error"), InputError):
        prefix = f"{place.owner_path}." if place.owner_path else ""
        for problem in entry["ctx"]["error"].problems:
            about_a_field = re.match(r"\w+", problem)
            yield f"{prefix}{problem}" if about_a_field and about_a_field[0] in fields else problem
    elif kind == "literal_error" and isinstance(entry["input"], str) and field is not None:
        choices = _choices(field.annotation)
        yield f"{path} is {shown(entry['input'])}{known_names(choices)}{did_you_mean(entry['input'], choices)}"
    elif field is None:
        yield f"{path or 'the configuration'} must be a group of keys; got {_got(value)}"
    else:
        words = "text" if kind == "literal_error" else expected(field.annotation, field.metadata)
        way = _way_to_choose(path, value) if words == "a group of keys" else ""
        yield f"{path} must be {words}; got {_got(value, text=words == 'text')}{way}"


def _choices(annotation: Any) -> list[str]:
    """Return the values of the literal type in an annotation, however deep it stands."""
    if get_origin(annotation) is Literal:
        return [str(a) for a in get_args(annotation)]
    return [choice for inner in get_args(annotation) for choice in _choices(inner)]


def _way_to_choose(path: str, value: object) -> str:
    """Return how a file of a group is chosen by name, where a name stands in place of the group's keys."""
    if not isinstance(value, str) or not path.isidentifier() or not (conf_dir() / path).is_dir():
        return ""
    return f"; choose a file on the command line ({path}={value}) or in defaults ('override /{path}: {value}')"


def _got(value: object, *, text: bool = False) -> str:
    if value is None:
        return "nothing"
    hint = ""
    if text and isinstance(value, bool | int | float):
        hint = f'; quote it: "{"NO" if value is False else value}"'
    return f"{shown(value)} ({type(value).__name__}){hint}"


def _value_at(tree: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else getattr(tree, key, None)
    return tree
