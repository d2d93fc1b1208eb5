"""Define types of options: the values allowed, in words for people, for pydantic and for the JSON schema.

Every group of options is a `Group`: strict (no text for a number, no unknown key) and frozen. `expected` turns the type
and the bounds of a field into the words that errors and the reference page print, so that neither repeats them.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict, WithJsonSchema, WrapValidator
from pydantic.fields import FieldInfo

__all__ = [
    "MODEL_NAME",
    "Count",
    "Expected",
    "FilePath",
    "Flag",
    "Group",
    "Mapping",
    "Names",
    "NotNegative",
    "Number",
    "PositiveNumber",
    "Share",
    "Size",
    "Text",
    "TextList",
    "Whole",
    "descriptions",
    "expected",
    "file_options",
    "groups_of",
    "mapping_options",
    "tag_of",
]


MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}")
"""What a model may be called: names become parts of file names and of MLflow's metrics."""


class Group(BaseModel):
    """A group of options. A field is one option; the text below it is its help."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True, defer_build=True)

    def tree(self) -> dict[str, Any]:
        """Return the options as plain data: lists, mappings, text, numbers, null."""
        return dict(_plain(self.model_dump(by_alias=True)))  # not mode="json", which writes the number 1 as 1.0


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


class Expected:
    """Words for a type that has no short name of its own, such as "all, or a list of sites"."""

    def __init__(self, words: str) -> None:
        self.words = words


class FileMarker:
    """Marks an option that names a file: its content takes part in a key, its path does not."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {**handler(core), "format": "path"}


def _keep_whole(value: object, handler: Callable[[object], float]) -> object:
    """Check a number without making a whole number a float: canonical JSON, and so keys, tell 1 from 1.0."""
    handler(value)
    return value


def _one_is_a_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _no_single_text(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError("not a list")
    return value


def _no_text_for_a_mapping(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        from va_experiments.config.mapping_text import read_value

        return read_value(value)
    return value


Mapping = Annotated[
    dict[Any, Any],
    BeforeValidator(_no_text_for_a_mapping),
    Expected("a group of keys"),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""Keys of one's own choice; also as the text of a mapping."""

Text = Annotated[str, Strict()]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict(), WrapValidator(_keep_whole)]
Count = Annotated[int, Strict(), Ge(1)]
Size = Annotated[int, Strict(), Ge(0)]
Share = Annotated[float, Strict(), Gt(0), Lt(1), WrapValidator(_keep_whole)]
PositiveNumber = Annotated[float, Strict(), Gt(0), WrapValidator(_keep_whole)]
NotNegative = Annotated[float, Strict(), Ge(0), WrapValidator(_keep_whole)]
FilePath = Annotated[str, Strict(), FileMarker()]
TextList = Annotated[
    tuple[Text, ...],
    BeforeValidator(_one_is_a_list),
    Expected("a list of text"),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""Several texts; a single one is taken for a list of one."""
Names = Annotated[tuple[Text, ...], BeforeValidator(_no_single_text), Expected("a list of names")]
"""Several names; a single text is refused, because it is more often a list that lost its brackets."""

_WORDS: dict[Any, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def expected(annotation: Any, metadata: typing.Sequence[Any] = ()) -> str:
    """Return what a value must be, in words: "a whole number >= 1", "text", "one of ray, inline"."""
    marks = [m for entry in metadata for m in (entry.metadata if isinstance(entry, FieldInfo) else [entry])]
    for mark in marks:
        if isinstance(mark, Expected):
            return mark.words
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return expected(inner, [*more, *marks])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(expected(a, marks) for a in get_args(annotation) if a is not type(None)))
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if origin in (tuple, list):
        return "a list of text"
    if origin is dict or annotation is dict or _is_group(annotation):
        return "a group of keys"
    return _WORDS.get(annotation, "a value") + _bounds(marks)


def _bounds(marks: list[Any]) -> str:
    low = next((m for m in marks if isinstance(m, Gt)), None)
    high = next((m for m in marks if isinstance(m, Lt)), None)
    if low is not None and high is not None:
        return f" between {low.gt} and {high.lt}"
    texts = {Gt: "> {0.gt}", Ge: ">= {0.ge}", Lt: "< {0.lt}", Le: "<= {0.le}"}
    return "".join(f" {texts[type(m)].format(m)}" for m in marks if type(m) in texts)


def _is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Group)


def groups_of(field: FieldInfo) -> dict[str, type[Group]]:
    """Return the classes of options that may stand in a field, by tag; one without a tag under ``""``."""
    annotation = field.annotation
    candidates = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    classes = [c for c in candidates if _is_group(c)]
    return {tag_of(c) if field.discriminator else "": c for c in classes}


def mapping_options(cls: type[Group]) -> tuple[str, ...]:
    """Return the options of a group whose keys are of one's own choice."""
    return tuple(name for name, field in cls.model_fields.items() if field.annotation == dict[Any, Any])


def tag_of(cls: type[Group]) -> str:
    """Return the name by which a choice of a group is chosen: the default of its field ``name``."""
    return str(cls.model_fields["name"].default)


def file_options(cls: type[Group]) -> tuple[str, ...]:
    """Return the options of a group that name a file."""

    def marked(annotation: Any, metadata: typing.Sequence[Any]) -> bool:
        if any(isinstance(m, FileMarker) for m in metadata):
            return True
        return any(marked(a, getattr(a, "__metadata__", ())) for a in get_args(annotation))

    return tuple(name for name, field in cls.model_fields.items() if marked(field.annotation, field.metadata))


@lru_cache(maxsize=256)
def descriptions(cls: type[Group]) -> dict[str, str]:
    """Return the help of each option: the text that stands below its field, in the class or the one it comes from."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not (_is_group(base) and base is not Group):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(body, ast.ClassDef)
        for statement, following in zip(body.body, body.body[1:], strict=False):
            if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
                continue
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                texts[statement.target.id] = " ".join(str(following.value.value).split())
    return texts
