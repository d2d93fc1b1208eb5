"""Check what the cells of a column can be: ids, labels, ages, units, answers; or say why they are none of these."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from va_experiments.data.answer_words import meaning_of, normalised
from va_experiments.data.column_questions import filled_cells, folded_name, numeric_share
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.decorated import undecorated
from va_experiments.data.readers.age_columns import unit_in_name
from va_experiments.data.readers.age_text import AGE_UNITS, parse_age
from va_experiments.data.readers.person_columns import is_sex_column, is_unit_column
from va_experiments.data.record_ids import ID_NAMES
from va_experiments.data.text_columns import MOST_TEXTS
from va_experiments.errors import shown

__all__ = [
    "AGE_NAMES",
    "can_be_label",
    "cell_meaning",
    "holds_ages",
    "holds_both_sexes",
    "is_age_of_the_young",
    "is_called_age",
    "is_symptom",
    "looks_like_id",
    "may_be_strata",
    "may_be_unit",
    "why_left_out",
]

AGE_NAMES = ("age", "age_years", "ageinyears", "age_in_years", "age_at_death", "age_months", "ageinmonths", "age_days")
"""Names of a column of ages."""

_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|"
    r"\d{1,2}[- ]?[A-Za-z]{3,9}[- ,]*\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4}"
)
_ANSWER_NUMBERS = frozenset(
    {
        *("0", "1", "2", "7", "8", "9", "66", "77", "88", "96", "97", "98", "99", "777", "888", "997", "998", "999"),
        *("-1", "-7", "-8", "-9", "-77", "-88", "-99", "-888", "-999"),
    }
)
"""Numbers that stand for answers, and for reasons why there is none."""
_MOST_ANSWERS = 12


def looks_like_id(name: str, column: CodedColumn) -> bool:
    """Check whether a column can be an id: nearly unique; if its name is that of an id, deaths may occur some times."""
    share = len(column.values) / max(len(column.codes), 1)
    return share > (0.2 if folded_name(name) in ID_NAMES and len(column.values) > _MOST_ANSWERS else 0.9)


def can_be_label(column: str, *, table: Mapping[str, CodedColumn], answers: Mapping[str, bool], name: str) -> bool:
    """Check whether a column can hold sites or causes; one that is called so may hold a single one."""
    exact = folded_name(column) == name  # its codes may look like answers
    fewest = 1 if exact else 2
    return fewest <= len(table[column].values) <= 200 and (exact or not answers[column])


def holds_ages(column: CodedColumn) -> bool:
    """Check whether half of the different cells are ages; classes such as 15-49 are none."""
    cells = filled_cells(column)
    return bool(cells) and sum(not math.isnan(parse_age(c)[0]) for c in cells) >= 0.5 * len(cells)


def is_age_of_the_young(name: str, column: CodedColumn) -> bool:
    """Check whether a column is the age by its name, though its numbers, such as 0 and 1, could be answers."""
    return folded_name(name) in AGE_NAMES and numeric_share(filled_cells(column)) == 1


def is_called_age(column: str) -> bool:
    """Check whether a column is the age by its name; ``age_group`` is none."""
    return folded_name(column) in AGE_NAMES or unit_in_name(undecorated(column)) is not None


def holds_both_sexes(column: CodedColumn) -> bool:
    """Check whether a column holds words for both sexes."""
    cells = filled_cells(column)
    return is_sex_column(cells) and len({normalised(c)[:1] for c in cells}) > 1


def may_be_unit(name: str, column: CodedColumn) -> bool:
    """Check whether a column is called a unit, but holds codes."""
    cells = filled_cells(column)
    return "unit" in name.casefold() and 0 < len(cells) <= len(AGE_UNITS) + 2 and not is_unit_column(cells)


def cell_meaning(cell: str, value_map: Mapping[str, str]) -> str | None:
    """Return Y, N or ``.`` for a cell, by the mapping or else by the words that everybody understands."""
    return value_map.get(cell.strip()) or meaning_of(cell)


def is_symptom(column: CodedColumn, value_map: Mapping[str, str]) -> bool:
    """Check whether a column holds answers; some cells may be words that only its owner knows."""
    meanings = [cell_meaning(v, value_map) for v in column.values]
    counts = np.bincount(column.codes, minlength=len(column.values))
    filled = sum(int(n) for n, v in zip(counts, column.values, strict=True) if v.strip())
    answers = sum(int(n) for n, m in zip(counts, meanings, strict=True) if m in ("Y", "N"))
    known = sum(int(n) for n, m, v in zip(counts, meanings, column.values, strict=True) if m and v.strip())
    if not answers:
        return False
    cells = filled_cells(column)
    if numeric_share(cells) == 1 and not {normalised(c) for c in cells} <= _ANSWER_NUMBERS | {
        normalised(c) for c in value_map
    }:
        return known >= 0.99 * filled
    if known >= 0.9 * filled:
        return True
    return len(cells) <= _MOST_ANSWERS and {"Y", "N"} <= set(meanings) and answers >= 0.5 * filled


def why_left_out(column: CodedColumn, name: str) -> str:
    """Return why a column is neither a symptom nor one of the other roles."""
    cells = filled_cells(column)
    if not cells:
        return "every cell is empty"
    if (unit := unit_in_name(name)) and holds_ages(column):
        return f"an age by its name; if it is a part of the age, say 'age_parts={{{name}: {unit}}}'"
    if sum(_DATE.match(c) is not None for c in cells) > 0.9 * len(cells):
        return f"dates such as {', '.join(map(shown, cells[:2]))}: no age is computed from dates, give a column of ages"
    example = ", ".join(shown(v, limit=30) for v in cells[:3])
    if is_unit_column(cells):
        return f"units of time ({example}), but no column of ages was recognised; name it with age=COLUMN"
    if sum(c.replace(",", ".").lstrip("-").replace(".", "", 1).isdecimal() for c in cells) > 0.9 * len(cells) > 1.8:
        return f"numbers such as {example}; keep them with 'covariates={{COLUMN: null}}'"
    if all(meaning_of(c) == "." for c in cells):
        return f"no cell says yes or no ({example})"
    return f"no answers, but {len(cells)} different cell{'s' if len(cells) > 1 else ''} such as {example}"


def may_be_strata(column: CodedColumn) -> bool:
    """Check whether a column holds text with few values, each at two deaths on average."""
    counts = np.bincount(column.codes, minlength=len(column.values))
    cells = filled_cells(column)
    filled = sum(int(n) for n, v in zip(counts, column.values, strict=True) if v.strip())
    few = 2 <= len(cells) <= MOST_TEXTS and filled >= 2 * len(cells)
    return few and numeric_share(cells) < 0.5 and sum(_DATE.match(c) is not None for c in cells) < 0.5 * len(cells)
