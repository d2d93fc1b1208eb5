"""Take the ids of a study's table from a column, or make them of the rows, with the problems of ids.

In: blocks of coded columns. Out: one id for each row, and problems in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.record_ids import content_ids, normal_id
from va_experiments.data.text_source import TextSource
from va_experiments.errors import shown, shown_path

__all__ = ["id_problems", "ids_of", "numbered_hashes"]


def ids_of(columns: Mapping[str, CodedColumn], id: str | None) -> npt.NDArray[np.object_]:
    """Return the id of each row of a block: the cells of a column, or hashes of the rows."""
    if id is None:
        return content_ids(columns)
    column = columns[id]
    return np.array([normal_id(v) for v in column.values], dtype=object)[column.codes]


def numbered_hashes(hashes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Add numbers to equal hashes, over all blocks."""
    seen: dict[str, int] = {}
    made = []
    for value in hashes:
        key = value.split(".")[0]
        seen[key] = seen.get(key, 0) + 1
        made.append(key if seen[key] == 1 else f"{key}.{seen[key]}")
    return np.array(made, dtype=object)


def id_problems(ids: npt.NDArray[np.object_], source: TextSource, column: str, ledger: list[LedgerEntry]) -> list[str]:
    """List ids that are empty or shared, and note ids that are equal as numbers."""
    where, problems = shown_path(source.path), []
    blank = np.flatnonzero(ids == "")
    if len(blank):
        lines = source.lines_of([int(r) + 2 for r in blank[:5]])
        problems.append(
            f"{where}: column {shown(column)}: {len(blank)} rows have no id (lines {_list(lines)}); "
            "fill them in, or leave `id` out"
        )
    text = ids.astype(np.str_)
    values, counts = np.unique(text, return_counts=True)
    for value in values[(counts > 1) & (values != "")][:50]:
        rows = np.flatnonzero(text == value)
        lines = source.lines_of([int(r) + 2 for r in rows[:5]])
        problems.append(
            f"{where}: {len(rows)} rows share id {shown(str(value))} (lines {_list(lines)}); ids are compared as text: "
            "give each death its own id, or say data.duplicates=first (leave the later rows out) or "
            "data.duplicates=keep"
        )
    as_number: dict[str, int] = {}
    for value in values.tolist():
        try:
            key = repr(float(value))
        except ValueError:
            continue
        as_number[key] = as_number.get(key, 0) + 1
    if n_equal := sum(n for n in as_number.values() if n > 1):
        ledger.append(LedgerEntry("noted", column, n_equal, "ids are equal as numbers (001 and 1) but differ as text"))
    return problems


def _list(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines))
