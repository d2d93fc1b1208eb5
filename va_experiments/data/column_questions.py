"""Ask the owner of a table what a program cannot know of its columns, and write the options that answer.

In: the roles that were guessed, and the coded columns. Out: questions, each with the options to type.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.data.answer_words import meaning_of, normalised
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.decorated import undecorated
from va_experiments.data.record_ids import ID_NAMES
from va_experiments.data.roles import Roles
from va_experiments.errors import shown

__all__ = [
    "ask_about_numbers",
    "ask_about_rows",
    "ask_about_words",
    "exclude_option",
    "filled_cells",
    "folded_name",
    "numeric_share",
    "units_option",
]

_SCALES = (frozenset({"0", "1"}), frozenset({"1", "2"}))
"""Numbers for no and yes, or for yes and no."""
_MOST_WORDS = 6
_MOST_YES = 2.0
"""Times that 1 may be as frequent as 0 before a person is asked whether it says yes."""
_SHARED = 3
"""Columns that must share their words before these are taken for answers in another language."""


def folded_name(name: str) -> str:
    """Return the name of a column without case and without what programs add (``="id"``)."""
    return undecorated(name).casefold()


def filled_cells(column: CodedColumn) -> list[str]:
    """Return the different cells of a column that are not empty, without spaces around them."""
    return [v.strip() for v in column.values if v.strip()]


def numeric_share(cells: Sequence[str]) -> float:
    """Return the share of cells that begin with a digit."""
    numbers = sum(c[:1].isdigit() for c in cells)
    return numbers / len(cells) if cells else 0.0


def ask_about_words(roles: Roles, table: Mapping[str, CodedColumn], excluded: Sequence[str]) -> None:
    """Ask what words mean that several columns share: they are probably answers in another language."""
    words = {c: {normalised(v) for v in filled_cells(table[c])} for c in roles.left_out if c not in excluded}
    words = {
        c: w
        for c, w in words.items()
        if 1 < len(w) <= _MOST_WORDS and (numeric_share([*w]) < 1 or any(scale < w for scale in _SCALES))
    }
    times = Counter(word for w in words.values() for word in w)
    columns = [c for c, w in words.items() if all(times[word] >= _SHARED for word in w)]
    if len(columns) < _SHARED:
        return
    cells = sorted({v for c in columns for v in filled_cells(table[c])})
    listed = ", ".join(shown(c) for c in columns[:5]) + (", ..." if len(columns) > 5 else "")
    example = ", ".join(f"{json.dumps(v, ensure_ascii=False)}: {_suggested(v)}" for v in cells[:_MOST_WORDS])
    roles.questions.append(
        f"{len(columns)} columns ({listed}) share the cells {', '.join(shown(v) for v in cells[:_MOST_WORDS])}: are "
        f"they answers? Say what each means, as in 'value_map={{{example}}}' (Y, N or \".\" for missing in place of "
        f"each ?), or leave the columns out with 'exclude=[{', '.join(map(json.dumps, columns))}]'"
    )


def ask_about_rows(
    roles: Roles, header: Sequence[str], table: Mapping[str, CodedColumn], chosen: Mapping[str, Any]
) -> None:
    """Ask about an id that most rows share: a row for each answer, or ids that a program has changed."""
    left_out = [c for c in header if c in roles.left_out and c not in (chosen.get("exclude") or ())]
    for column in (c for c in left_out if "id" not in chosen and roles.id is None and folded_name(c) in ID_NAMES):
        n, rows = len(filled_cells(table[column])), len(table[column].codes)
        if 0 < n <= 0.5 * rows:
            roles.questions.append(
                f"column {shown(column)} has {n} different cells in {rows} rows, such as "
                f"{shown(filled_cells(table[column])[0])}: a table with one row for each answer, or ids that a "
                "program has rounded? Make one row for each death, with a column for each question; if it is "
                f"no id, leave it out with {exclude_option([column])}"
            )


def ask_about_numbers(roles: Roles, table: Mapping[str, CodedColumn], own: Mapping[str, str]) -> None:
    """Ask which number says yes where the usual reading, 1 for yes, is doubtful.

    It is doubtful where 1 is the more frequent answer, and where columns with 1 and 2 stand beside others.
    """
    if {"0", "1", "2"} & {normalised(c) for c in own}:
        return
    texts = {c: {normalised(v) for v in table[c].values} for c in roles.symptoms if c in table}
    with_two = [c for c, cells in texts.items() if {"1", "2"} <= cells and "0" not in cells]
    with_zero = [c for c, cells in texts.items() if {"0", "1"} <= cells and "2" not in cells]
    if with_two and any("0" in cells for cells in texts.values()):
        roles.questions.append(
            f"{_listed(with_two)} with 1 and 2, {_listed(with_zero) or 'others'} with 0 and 1: which number says no "
            f"in each? Write them in one way, or leave the columns out with {exclude_option(with_two)}"
        )
        return
    for no, numbers in (("2", with_two), ("0", with_zero)):
        if not numbers:
            continue
        counts = _counts_of(numbers, table)
        few = len(numbers) < 0.5 * len(texts)
        if few and (no == "2" or (len(numbers) < 0.25 * len(texts) and counts["1"] > counts["0"])):
            why = "other columns hold other answers" + ("" if no == "2" else ", and 1 is the more frequent one")
        elif not few and counts["1"] > (1.5 if no == "2" else _MOST_YES) * counts[no]:
            why = "1 is the more frequent one"
        else:
            continue
        roles.questions.append(
            f"{_listed(numbers)} with 1 ({counts['1']:,} cells) and {no} ({counts[no]:,}): which of them says yes? "
            f'({why}) Say \'value_map={{"1": Y, "{no}": N}}\' or \'value_map={{"1": N, "{no}": Y}}\', or leave the '
            f"columns out with {exclude_option(numbers)}"
        )


def _listed(columns: Sequence[str]) -> str:
    if not columns:
        return ""
    names = ", ".join(shown(c) for c in columns[:3]) + (", ..." if len(columns) > 3 else "")
    return f"{len(columns)} column{'s' if len(columns) > 1 else ''} ({names})"


def _counts_of(columns: Sequence[str], table: Mapping[str, CodedColumn]) -> Counter[str]:
    counts = Counter[str]()
    for column in columns:
        times = np.bincount(table[column].codes, minlength=len(table[column].values)).tolist()
        counts.update({v: n for v, n in zip(map(normalised, table[column].values), times, strict=True) if v in "012"})
    return counts


def units_option(codes: Sequence[str]) -> str:
    """Return the mapping of codes to units of time, with UNIT for those that only the owner of the table knows."""
    return ", ".join(f"{json.dumps(c)}: UNIT" for c in codes)


def exclude_option(columns: Sequence[str]) -> str:
    """Return the option that leaves these columns out, as it is typed."""
    return shlex.quote(f"exclude=[{', '.join(json.dumps(c, ensure_ascii=False) for c in columns)}]")


def _suggested(cell: str) -> str:
    """Return the meaning of a cell as it is typed in a mapping; ``?`` where only the owner of the table knows it."""
    meaning = None if cell.strip() in ("+", "-") else meaning_of(cell)
    return '"."' if meaning == "." else meaning or "?"
