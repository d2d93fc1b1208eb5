"""A column says which values it takes, converts them, and reads them from text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from va_experiments.results.column import Column, Kind, Role, is_missing

COLUMNS = {kind: Column("x", kind, Role.PROVENANCE, "a value") for kind in Kind}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, "NA"),
        (Kind.WHOLE, 3),
        (Kind.WHOLE, 3.0),
        (Kind.WHOLE, np.float64(3)),
        (Kind.NUMBER, 0.1),
        (Kind.NUMBER, 2),
        (Kind.FLAG, False),
        *((kind, missing) for kind in Kind for missing in (None, float("nan"), pd.NA)),
    ],
)
def test_a_value_of_the_type_or_none_has_no_problem(kind: Kind, value: Any) -> None:
    assert COLUMNS[kind].problem(value) == ""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, 1),
        (Kind.WHOLE, 3.5),
        (Kind.WHOLE, True),
        (Kind.WHOLE, "3"),
        (Kind.NUMBER, "0.1"),
        (Kind.NUMBER, math.inf),
        (Kind.NUMBER, False),
        (Kind.FLAG, 1),
        (Kind.FLAG, "true"),
    ],
)
def test_a_value_of_another_type_is_named_with_the_type_expected(kind: Kind, value: Any) -> None:
    problem = COLUMNS[kind].problem(value)
    assert problem.startswith("column 'x' has ")
    assert problem.endswith(f"; expected {kind.value}")


def test_a_required_column_needs_a_value_and_choices_name_the_nearest() -> None:
    column = Column("status", Kind.TEXT, Role.STATUS, "state", required=True, choices=("done", "failed"))
    assert column.problem(None) == "column 'status' has no value: every row needs one"
    problem = column.problem("don")
    assert problem == "column 'status' has 'don'; expected one of done, failed; did you mean 'done'?"


def test_a_range_is_checked_up_to_the_last_bits_and_only_when_wanted() -> None:
    column = Column("top1", Kind.NUMBER, Role.METRIC, "share", range=(0, 1))
    assert column.problem(1 + 1e-12) == ""
    assert column.problem(1.01) == "column 'top1' has 1.01; expected 0 to 1"
    assert column.problem(1.01, ranges=False) == ""


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "NA", "NA"),
        (Kind.TEXT, "", None),
        (Kind.WHOLE, "7544", 7544),
        (Kind.WHOLE, "7544.0", 7544),
        (Kind.WHOLE, "9007199254740993", 9007199254740993),
        (Kind.WHOLE, "many", "many"),
        (Kind.NUMBER, "0.30639730639730639", 0.30639730639730639),
        (Kind.FLAG, "True", True),
        (Kind.FLAG, "false", False),
        (Kind.FLAG, "yes", "yes"),
    ],
)
def test_text_is_read_in_the_type_of_the_column(kind: Kind, text: str, value: Any) -> None:
    parsed = COLUMNS[kind].parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_only_none_nan_and_pandas_missing_value_are_missing() -> None:
    assert [is_missing(v) for v in (None, math.nan, np.nan, pd.NA, pd.NaT)] == [True] * 5
    assert [is_missing(v) for v in ("", "NA", 0, 0.0, False, math.inf)] == [False] * 6


def test_a_share_may_leave_its_range_by_its_last_bits_and_no_further() -> None:
    share = Column("x", Kind.NUMBER, Role.PROVENANCE, "a share", range=(0.0, 1.0))
    for value in (0.0, 1.0, -1e-9, 1 + 1e-9, -1e-12, 1 + 1e-12):
        assert share.problem(value) == "", value
    for value in (-1e-8, 1 + 1e-8, -1.0, 2.0):
        assert "expected 0 to 1" in share.problem(value), value
        assert share.problem(value, ranges=False) == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("3.0", 3),
        ("-3.0", -3),
        ("3.5", 3.5),
        ("1e3", 1000),
        (str(2**60 + 1), 2**60 + 1),
        (str(-(2**60) - 1), -(2**60) - 1),
        ("3-", "3-"),
    ],
)
def test_whole_numbers_are_read_exactly(text: str, value: Any) -> None:
    parsed = COLUMNS[Kind.WHOLE].parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_a_whole_number_in_a_column_of_numbers_is_a_float() -> None:
    converted = COLUMNS[Kind.NUMBER].convert(1)
    assert (converted, type(converted)) == (1.0, float)
