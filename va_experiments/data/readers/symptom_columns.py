"""Collect the symptom columns of a table block by block, one byte for each answer, with what is not understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import meaning_of, normalised
from va_experiments.data.csv_blocks import Block
from va_experiments.data.deaths import ABSENT, MISSING, NOT_UNDERSTOOD, PRESENT, LedgerEntry
from va_experiments.data.text_source import TextSource
from va_experiments.errors import MAX_SHOWN, InputError, shown, shown_path

__all__ = ["DEFAULT_VALUES", "Symptoms", "value_codes"]

_CODES = {"Y": PRESENT, "N": ABSENT, ".": MISSING}
_MOST_CELLS = 100
_MOST_VALUES = 5
"""Values of a column that get an entry each; more of them share one entry."""
_MOST_COLUMNS = 3
"""Columns in which the same value gets an entry each; more of them share one entry."""
_ENOUGH = 10
"""Rows from which on one without answers stands out."""

_NONE = frozenset({"none", "nil", "null"})
"""Cells that say no, or that nothing is known."""

DEFAULT_VALUES: Mapping[Any, str] = {"Y": "Y", "N": "N", ".": "."}
"""Codes of a table that already uses Y, N and ``.``."""


def value_codes(value_map: Mapping[Any, str] = DEFAULT_VALUES) -> dict[str, int]:
    """Translate a mapping onto ``Y``, ``N`` and ``.`` into symptom codes; an empty cell is missing unless mapped.

    Raises
    ------
    InputError
        If a meaning is none of the three, a cell was read as true or false, or nothing is mapped to ``Y`` or ``N``.
    """
    codes, problems = {"": MISSING}, []
    for cell, meaning in value_map.items():
        if isinstance(cell, bool):
            problems.append(f'value_map: the cell {cell} was read as true/false; quote it: "{"Yes" if cell else "No"}"')
        elif meaning not in _CODES:
            blank = "; write a blank behind each colon, {no: N}" if meaning is None and ":" in str(cell) else ""
            problem = f"{shown(str(cell))} is mapped to {shown(meaning)}; expected 'Y', 'N' or '.'{blank}"
            problems.append(f"value_map: {problem}")
        else:
            codes[str(cell).strip()] = _CODES[meaning]
    if not {PRESENT, ABSENT} <= set(codes.values()):
        problems.append("value_map: no cell is mapped to 'Y', or none to 'N'")
    if problems:
        raise InputError(problems)
    return codes


class Symptoms:
    """All symptom columns, one byte for each answer.

    Parameters
    ----------
    columns : sequence of str
    codes : mapping of str to int
        Cell -> symptom code; cells that differ from one only in case, spaces or quotes, or as ``1.0`` from ``1``, count
        too.
    words : bool
        Whether cells that everybody understands (``Yes``, ``TRUE``, ``1``, ``DK``) are read too.
    may_exclude : bool
        Whether the reader has an option to leave columns out.
    """

    def __init__(
        self, columns: Sequence[str], codes: Mapping[str, int], *, words: bool = False, may_exclude: bool = True
    ) -> None:
        self._columns, self._codes = list(columns), dict(codes)
        self._words, self._may_exclude = words, may_exclude
        similar: dict[str, set[int]] = {}
        for cell, code in codes.items():
            similar.setdefault(normalised(cell), set()).add(code)
        self._similar = {cell: next(iter(found)) for cell, found in similar.items() if len(found) == 1}
        self._parts: list[npt.NDArray[np.int8]] = []
        self._bad: dict[tuple[str, str], tuple[int, int]] = {}
        self._unknown: list[npt.NDArray[np.int32]] = []
        self._empty: list[npt.NDArray[np.int32]] = []
        self.by_words: dict[str, str] = {}
        """Cells that were read by their words -> Y, N or ``.``."""
        self.missing_cells: Counter[str] = Counter()
        """Cells that were read as missing -> how often; "" for an empty one."""
        self.n_rows = 0
        self.filled = np.zeros(len(self._columns), dtype=np.int64)
        """Cells of each column that are not empty."""
        self.unsaid = np.zeros(len(self._columns), dtype=np.int64)
        """Cells of each column that may say no, and are read as missing: empty ones, and ``none``."""
        self.said: dict[str, set[str]] = {c: set() for c in self._columns}
        """Cells of each column that say yes or no, as `normalised` returns them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._columns)

    def add(self, block: Block) -> None:
        """Add one block."""
        part = np.empty((len(self._columns), block.n_rows), dtype=np.int8)
        unknown = np.zeros(block.n_rows, dtype=np.int32)
        empty = np.zeros(block.n_rows, dtype=np.int32)
        self.n_rows += block.n_rows
        for j, name in enumerate(self._columns):
            column = block.columns[name]
            table = np.empty(len(column.values), dtype=np.int8)
            blank, unsaid = [], []
            for k, value in enumerate(column.values):
                cell = value.strip()
                code = self._code(cell)
                if code is None:
                    rows = column.codes == k
                    self._note(name, value, rows, block.start)
                    unknown += rows
                    code = MISSING
                elif code == MISSING and (len(self.missing_cells) < _MOST_CELLS or cell in self.missing_cells):
                    self.missing_cells[cell] += int((column.codes == k).sum())
                if not cell:
                    blank.append(k)
                if code == MISSING and (not cell or normalised(cell) in _NONE):
                    unsaid.append(k)
                elif code != MISSING:
                    self.said[name].add(normalised(cell))
                table[k] = code
            part[j] = table[column.codes] if len(table) else MISSING
            self.filled[j] += block.n_rows - (np.isin(column.codes, blank).sum() if blank else 0)
            for k in blank:
                empty += column.codes == k
            self.unsaid[j] += np.isin(column.codes, unsaid).sum() if unsaid else 0
        self._parts.append(np.ascontiguousarray(part.T))
        self._unknown.append(unknown)
        self._empty.append(empty)

    def _code(self, cell: str) -> int | None:
        code = self._codes.get(cell)
        if code is None:
            code = self._similar.get(normalised(cell))
        if code is None and self._words and (meaning := meaning_of(cell)) is not None:
            self.by_words[normalised(cell)] = meaning
            code = _CODES[meaning]
        return code

    def _note(self, name: str, value: str, rows: npt.NDArray[np.bool_], start: int) -> None:
        count, first = self._bad.get((name, value), (0, start + int(rows.argmax())))
        if (name, value) in self._bad or len(self._bad) < 10_000:
            self._bad[name, value] = (count + int(rows.sum()), first)

    def _no_deaths(self) -> npt.NDArray[np.intp]:
        """Return the few rows whose cells are mostly no answers: labels, units or totals, not deaths."""
        unknown = np.concatenate(self._unknown) if self._unknown else np.zeros(0, dtype=np.int32)
        rows = np.flatnonzero(unknown >= max(3, len(self._columns) / 2))
        return rows if len(unknown) >= _ENOUGH and len(rows) <= max(2, 0.01 * len(unknown)) else rows[:0]

    def _of_deaths(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return the cells that are not understood, without those of rows that are no deaths."""
        no_deaths = set(self._no_deaths().tolist())
        return {
            key: (count, first)
            for key, (count, first) in self._bad.items()
            if not (first in no_deaths and count <= len(no_deaths))
        }

    def problems(self, source: TextSource, max_unknown: float, ledger: list[LedgerEntry]) -> list[str]:
        """List the cells that are not understood, in columns that have too many of them, and rows that are no deaths.

        Columns in which at most the share `max_unknown` of the filled cells is not understood are entered in the
        ledger; such cells are missing. A row of which most cells are not understood is a problem of its own.
        """
        where = shown_path(source.path)
        of_deaths = self._of_deaths()
        unknown = dict.fromkeys(self._columns, 0)
        for (name, _), (count, _) in of_deaths.items():
            unknown[name] += count
        few = {
            name
            for j, name in enumerate(self._columns)
            if 0 < unknown[name] <= max_unknown * max(1, int(self.filled[j]))
        }
        for name in (n for n in self._columns if n in few):
            cells = tuple(sorted({value.strip() for (column, value) in of_deaths if column == name}))[:5]
            ledger.append(LedgerEntry("set missing", name, unknown[name], NOT_UNDERSTOOD[0], cells))
        return [
            *self._rows_without_answers(source),
            *self._numbers_that_contradict(where),
            *self._cells_without_meaning(source, {k: found for k, found in of_deaths.items() if k[0] not in few}),
        ]

    def _cells_without_meaning(self, source: TextSource, cells: Mapping[tuple[str, str], tuple[int, int]]) -> list[str]:
        """List what is not understood: values in many columns, columns with many values, then single cells."""
        where = shown_path(source.path)
        holders: dict[str, list[str]] = {}
        for name, value in cells:
            holders.setdefault(value, []).append(name)
        shared = {value: names for value, names in holders.items() if len(names) > _MOST_COLUMNS}
        unknown: dict[str, list[str]] = {}
        for name, value in cells:
            if value not in shared:
                unknown.setdefault(name, []).append(value)
        crowded = {name: values for name, values in unknown.items() if len(values) > _MOST_VALUES}
        groups = (
            [[(name, value) for name in names] for value, names in shared.items()]
            + [[(name, value) for value in values] for name, values in crowded.items()]
            + [[(name, value)] for name, values in unknown.items() if name not in crowded for value in values]
        )
        records = [cells[group[0]][1] + 2 for group in groups[:MAX_SHOWN]]
        line_of = dict(zip(records, source.lines_of(records), strict=True))
        allowed = ", ".join(shown(c) for c in self._codes if c)
        way_out = ", or leave the column out with `exclude`" if self._may_exclude else ""
        problems = []
        for group in groups:
            (name, value), count = group[0], sum(cells[key][0] for key in group)
            first = cells[group[0]][1] + 2
            line = line_of.get(first, first)
            if value in shared:
                problem = (
                    f"value {shown(value)} in {count} cells of {len(group)} columns, such as {name} on line {line}"
                )
            elif name in crowded:
                problem = f"{name}: {count} cells are no answers, such as value {shown(value)} on line {line}"
            else:
                problem = f"{name}: value {shown(value)} on line {line}{f' and {count - 1} more' if count > 1 else ''}"
            problems.append(f"{where}: {problem}; allowed {allowed} (map others with `value_map`{way_out})")
        return problems

    def _rows_without_answers(self, source: TextSource) -> list[str]:
        problems, rows = [], self._no_deaths()
        for row, line in zip(rows, source.lines_of([int(r) + 2 for r in rows]), strict=True):
            cells = [value for (_, value), (_, first) in self._bad.items() if first == row]
            example = f", such as {', '.join(shown(c, limit=30) for c in cells[:2])}" if cells else ""
            problems.append(
                f"{shown_path(source.path)}: line {line}: most of its cells are no answers{example}: a row of labels, "
                "units or totals, not a death; remove it"
            )
        return problems

    def _numbers_that_contradict(self, where: str) -> list[str]:
        if not {"0", "2"} <= set(self.by_words):
            return []
        return [
            f"{where}: the symptoms hold both 0 and 2: which of them says no? Say what each cell means with "
            "data.value_map, as in 'data.value_map={1: Y, 0: N, 2: \".\"}'"
        ]

    @property
    def not_understood(self) -> dict[str, set[str]]:
        """Cells that are not mapped, by column."""
        values: dict[str, set[str]] = {}
        for name, value in self._of_deaths():
            values.setdefault(name, set()).add(value.strip())
        return values

    def empty_cells(self) -> npt.NDArray[np.int32]:
        """Return the number of empty cells of each row."""
        return np.concatenate(self._empty)

    def absent_cells(self) -> list[str]:
        """Return the cells that may mean "no" where no cell says so: the empty ones, if they are most, else all."""
        empty = self.missing_cells[""]
        return [""] if empty and 2 * empty >= self.missing_cells.total() else sorted(c for c in self.missing_cells if c)

    def common_unknown(self) -> set[str]:
        """Return the cells that are not understood and that more than a tenth of a column's filled cells hold."""
        filled = dict(zip(self._columns, self.filled.tolist(), strict=True))
        return {v.strip() for (name, v), (count, _) in self._of_deaths().items() if count > 0.1 * filled[name]}

    def matrix(self) -> npt.NDArray[np.int8]:
        """Return the symptoms, int8 of shape (n_deaths, n_symptoms), and free the blocks."""
        whole = np.concatenate(self._parts)
        self._parts = []
        return whole
