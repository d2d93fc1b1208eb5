"""Types of options: the words for a type and its bounds, and what each type accepts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest

from va_experiments.config.fields import (
    Count,
    Expected,
    FilePath,
    Flag,
    Group,
    Names,
    NotNegative,
    Number,
    PositiveNumber,
    Share,
    Size,
    Text,
    TextList,
    Whole,
    expected,
    file_options,
)
from va_experiments.config.problems import check
from va_experiments.errors import InputError


class Example(Group):
    """A group with an option of each type."""

    text: Text = ""
    flag: Flag = False
    whole: Whole = 0
    number: Number = 0.0
    count: Count = 1
    size: Size | None = None
    share: Share = 0.5
    positive: PositiveNumber = 1
    not_negative: NotNegative | None = None
    names: Names = ()
    texts: TextList = ()
    choice: Literal["a", "b"] = "a"
    file: FilePath | None = None
    free: dict[str, Any] = {}  # noqa: RUF012
    special: Annotated[Any, Expected("a colour")] = None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text", "text"),
        ("flag", "true or false"),
        ("whole", "a whole number"),
        ("number", "a number"),
        ("count", "a whole number >= 1"),
        ("size", "a whole number >= 0"),
        ("share", "a number between 0 and 1"),
        ("positive", "a number > 0"),
        ("not_negative", "a number >= 0"),
        ("names", "a list of names"),
        ("texts", "a list of text"),
        ("choice", "one of a, b"),
        ("file", "text"),
        ("free", "a group of keys"),
        ("special", "a colour"),
    ],
)
def test_a_type_in_words(name: str, words: str) -> None:
    field = Example.model_fields[name]
    assert expected(field.annotation, field.metadata) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("text", 7, 'text must be text; got 7 (int); quote it: "7"'),
        ("text", False, 'text must be text; got False (bool); quote it: "NO"'),
        ("flag", "yes", "flag must be true or false; got 'yes' (str)"),
        ("flag", 1, "flag must be true or false; got 1 (int)"),
        ("whole", 1.0, "whole must be a whole number; got 1.0 (float)"),
        ("whole", True, "whole must be a whole number; got True (bool)"),
        ("whole", None, "whole must be a whole number; got nothing"),
        ("number", "1", "number must be a number; got '1' (str)"),
        ("number", True, "number must be a number; got True (bool)"),
        ("number", float("inf"), "number is inf; expected a finite number"),
        ("count", 0, "count must be a whole number >= 1; got 0 (int)"),
        ("size", -1, "size must be a whole number >= 0; got -1 (int)"),
        ("share", 1, "share must be a number between 0 and 1; got 1 (int)"),
        ("positive", 0, "positive must be a number > 0; got 0 (int)"),
        ("names", "AP", "names must be a list of names; got 'AP' (str)"),
        ("names", [1], "names must be a list of names; got [1] (list)"),
        ("texts", 7, "texts must be a list of text; got 7 (int)"),
        ("choice", "c", "choice is 'c'; known: a, b"),
        ("free", 3, "free must be a group of keys; got 3 (int)"),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_bounds(name: str, value: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check(Example, {name: value})
    assert str(caught.value) == words


def test_values_are_kept_as_they_are() -> None:
    group = check(Example, {"number": 2, "share": 0.25, "texts": "one", "names": ["a", "b"], "size": None})
    assert group.tree()["number"] == 2
    assert isinstance(group.tree()["number"], int)
    assert group.texts == ("one",)
    assert group.tree()["names"] == ["a", "b"]


def test_options_that_name_a_file_are_marked() -> None:
    assert file_options(Example) == ("file",)
