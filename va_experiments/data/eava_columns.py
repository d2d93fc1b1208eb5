"""Name the columns that EAVA needs beside the indicators of InterVA-5, and read them from a table that has them.

Out: covariates with 1 for yes, 0 for no, 2 for "does not know" or "refused" (the two HIV tests only), -1 for an answer
that is not known, and NaN for a cell that is empty. ``age_days``, ``i120c`` and ``i250b`` are numbers of days.

`va_experiments.data.readers.odk_eava` makes the same columns from an ODK export.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn

__all__ = ["DONT_KNOW", "EAVA_COLUMNS", "from_table"]

Column = npt.NDArray[np.float64]

DONT_KNOW: Final = 2.0
"""An HIV test of which the respondent does not know the result, or refused to tell it."""

_DAYS: Final = ("i120c", "i250b")

EAVA_COLUMNS: Final = (
    *("i183b", "i183c", "i184b", "i182d", "i182e", "i148d", "i148e", "i234c", "i234d", "i154c", "i154d", "i161b"),
    *("i167c", "i167d", "i173b", "i173c", "i173d", "i151b", "i126o", "i446o", "i120c", "i250b", "i120d"),
    *("swell_duration", "fb_day0"),
)
"""Names of the columns; ``age_days`` comes with them."""

_NOT_ASKED = frozenset({".", "-", "na", "nan"})
_NOT_KNOWN = frozenset({"dk", "ref", "don't know", "refused", "does not know"})


def from_table(columns: Mapping[str, CodedColumn]) -> tuple[dict[str, Column], dict[str, list[str]]]:
    """Return the columns as a table gives them, and for each the cells that are no answers.

    Parameters
    ----------
    columns : mapping of str to CodedColumn
        Some of `EAVA_COLUMNS`, and ``age`` in days.
    """
    made, odd = {}, {}
    for name, column in columns.items():
        number = name in (*_DAYS, "age")
        values = [_number(cell) if number else _answer(cell) for cell in column.values]
        if bad := [c for c, v in zip(column.values, values, strict=True) if math.isinf(v)]:
            odd[name] = bad
        cells = np.array(values or [math.nan], dtype=np.float64)[column.codes]
        if name == "age":
            cells = np.where(cells < 0, np.nan, cells)
        made["age_days" if name == "age" else name] = cells
    return made, odd


def _answer(cell: str) -> float:
    """Return the meaning of a cell; infinity where it has none."""
    text = normalised(cell)
    if text == "":
        return math.nan
    if text in ("y", "yes"):
        return 1.0
    if text in ("n", "no"):
        return 0.0
    if text in _NOT_KNOWN:
        return DONT_KNOW
    return -1.0 if text in _NOT_ASKED or text.isdecimal() else math.inf


def _number(cell: str) -> float:
    text = normalised(cell)
    if text == "":
        return math.nan
    if text in _NOT_ASKED | _NOT_KNOWN:
        return -1.0
    try:
        return float(text)
    except ValueError:
        return math.inf
