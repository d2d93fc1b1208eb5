"""Collect the columns of a study's table block by block: labels, numbers and symptoms, each with its problems."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import Block, CodedColumn
from va_experiments.data.deaths import ABSENT, MISSING, NOT_UNDERSTOOD, PRESENT, LedgerEntry
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["DEFAULT_VALUES", "NO_LABEL", "NO_SITE", "Collected", "Labels", "Numbers", "Symptoms", "value_codes"]

NO_LABEL = frozenset(
    {
        *("", ".", "-", "--", "?", "na", "n/a", "nan", "none", "null", "#n/a", "unknown", "unk", "not known"),
        *("missing", "dk", "don't know", "99", "999", "9999", "-1", "-9"),
    }
)
"""Causes, in any case, that stand for "not known" unless they are declared."""

_NO_NUMBER = frozenset({"", ".", "na", "n/a", "nan", "none", "null"})

NO_SITE = NO_LABEL - {"na"}
"""The same for sites, among which ``NA`` is a name that some have."""

_CODES = {"Y": PRESENT, "N": ABSENT, ".": MISSING}
_MAX_NAMES = 2000


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
            problems.append(f"value_map: {shown(str(cell))} is mapped to {shown(meaning)}; expected 'Y', 'N' or '.'")
        else:
            codes[str(cell).strip()] = _CODES[meaning]
    if not {PRESENT, ABSENT} <= set(codes.values()):
        problems.append("value_map: no cell is mapped to 'Y', or none to 'N'")
    if problems:
        raise InputError(problems)
    return codes


class Collected:
    """Codes of one column over blocks, with one list of distinct values."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._place: dict[str, int] = {}
        self._parts: list[npt.NDArray[np.int32]] = []

    def add(self, block: Block) -> None:
        """Add one block."""
        column = block.columns[self.column]
        recode = np.array([self._place.setdefault(v, len(self._place)) for v in column.values], dtype=np.int32)
        self._parts.append(recode[column.codes])

    def coded(self) -> CodedColumn:
        """Return the whole column."""
        return CodedColumn(np.concatenate(self._parts), list(self._place))

    def _at(self, source: TextSource, rows: npt.NDArray[np.intp]) -> str:
        lines = source.lines_of([int(r) + 2 for r in rows[:5]])
        more = ", ..." if len(rows) > 5 else ""
        return f"line{'s' if len(rows) > 1 else ''} {', '.join(map(str, lines))}{more}"


class Labels(Collected):
    """Sites or causes.

    Parameters
    ----------
    column : str
    what : {"site", "cause"}
    declared : sequence of str, optional
        Known names, in order.
    """

    def __init__(
        self,
        column: str,
        what: str,
        declared: Sequence[str] | None,
        rename: Mapping[Any, str | None] | None = None,
    ) -> None:
        super().__init__(column)
        self._what, self._declared = what, declared
        self._rename = {str(k).strip(): v for k, v in (rename or {}).items()}
        self._left_out: npt.NDArray[np.bool_] | None = None
        self.mapped_out = np.zeros(0, dtype=bool)
        """Rows that the mapping leaves out, after `finish`."""

    def leave_out(self, rows: npt.NDArray[np.bool_]) -> None:
        """Ignore these rows: they are empty."""
        self._left_out = rows

    def finish(
        self, source: TextSource, ledger: list[LedgerEntry], *, drop_missing: bool = False
    ) -> tuple[tuple[str, ...], npt.NDArray[np.int16], list[str]]:
        """Return the names, the index of each row (-1 if the cause is not known), and the problems."""
        coded, where, what = self.coded(), shown_path(source.path), self._what
        clean = [unicodedata.normalize("NFC", v).strip() for v in coded.values]
        problems: list[str] = []
        dropped: set[int] = set()
        if self._rename:
            if absent := [k for k in self._rename if k not in clean]:
                problems.append(
                    f"{where}: data.{what}_map names {shown(absent[0])}, which is no {what} of the table"
                    f"{did_you_mean(absent[0], clean)}"
                )
            for k, name in enumerate(clean):
                if name in self._rename:
                    new = self._rename[name]
                    count = int((coded.codes == k).sum())
                    reason = "left out by data." if new is None else f"renamed to {shown(new)} by data."
                    if new != coded.values[k]:  # what is written so already is not corrected
                        ledger.append(LedgerEntry("corrected", self.column, count, f"{reason}{what}_map", (name,)))
                    if new is None:
                        dropped.add(k)
                    else:
                        clean[k] = str(new)
        by_clean: dict[str, list[int]] = {}
        for k, name in enumerate(clean):
            by_clean.setdefault(name, []).append(k)
        for name, variants in by_clean.items():
            raw_names = {coded.values[k].strip() for k in variants}
            if len(variants) > 1 and not raw_names & set(self._rename):
                raw = " and ".join(shown(coded.values[k]) for k in variants[:3])
                rows = np.flatnonzero(np.isin(coded.codes, variants[1:]))
                problems.append(
                    f"{where}: {what} {shown(name)} is written in ways that differ only in spaces or Unicode form "
                    f"({raw}; {self._at(source, rows)}); write them one way"
                )
            elif len(variants) == 1 and name != coded.values[variants[0]] and not raw_names & set(self._rename):
                count = int((coded.codes == variants[0]).sum())
                ledger.append(LedgerEntry("normalised", self.column, count, "NFC and no spaces around it", (name,)))
        declared = set(self._declared or ())
        missing = [
            k
            for k, n in enumerate(clean)
            if k not in dropped and n not in declared and n.casefold() in (NO_LABEL if what == "cause" else NO_SITE)
        ]
        problems += self._unknown(coded, clean, missing, source, ledger, drop_missing)
        self.mapped_out = np.isin(coded.codes, sorted(dropped))
        missing += sorted(dropped)
        names = self._names(clean, missing)
        problems += self._look_alike(names, source, coded, clean)
        index = {n: k for k, n in enumerate(names)}
        index_of_value = np.array(
            [index.get(n, -1) if k not in set(missing) else -1 for k, n in enumerate(clean)], dtype=np.int16
        )
        if len(names) > _MAX_NAMES:
            problems.append(
                f"{where}: column {shown(self.column)} has {len(names)} different values: is it the {what}?"
            )
        return names, index_of_value[coded.codes], problems

    def _names(self, clean: list[str], missing: list[int]) -> tuple[str, ...]:
        if self._declared is not None:
            return tuple(self._declared)
        return tuple(sorted({n for k, n in enumerate(clean) if k not in set(missing)}))

    def _look_alike(
        self, names: tuple[str, ...], source: TextSource, coded: CodedColumn, clean: list[str]
    ) -> list[str]:
        where, problems, folded = shown_path(source.path), [], dict[str, str]()
        for name in names:
            visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
            key = " ".join(unicodedata.normalize("NFKC", visible).casefold().split())
            if key in folded:
                rows = np.flatnonzero(np.isin(coded.codes, [k for k, n in enumerate(clean) if n == name]))
                at = f" ({self._at(source, rows)})" if len(rows) else ""
                problems.append(
                    f"{where}: {self._what} {shown(folded[key])} and {shown(name)}{at} differ only in case, spaces or "
                    "invisible characters; make them one"
                )
            folded.setdefault(key, name)
        return problems

    def _unknown(
        self,
        coded: CodedColumn,
        clean: list[str],
        missing: list[int],
        source: TextSource,
        ledger: list[LedgerEntry],
        drop_missing: bool,
    ) -> list[str]:
        where, what, problems = shown_path(source.path), self._what, []
        rows = np.flatnonzero(np.isin(coded.codes, missing)) if missing else np.empty(0, dtype=np.intp)
        if self._left_out is not None:
            rows = rows[~self._left_out[rows]]
        if len(rows):
            values = ", ".join(sorted({shown(clean[k]) for k in missing}))
            plural = "s" if len(rows) > 1 else ""
            if what == "cause" and drop_missing:
                ledger.append(LedgerEntry("dropped row", self.column, len(rows), "no known cause"))
            elif what == "cause":
                problems.append(
                    f"{where}: {len(rows)} row{plural} without a cause ({self._at(source, rows)}; found {values}): "
                    "drop with `drop_unlabelled: true`, or name all causes with data.causes=[...] if it is one"
                )
            else:
                at = self._at(source, rows)
                example = json.dumps(next((clean[k] for k in missing if clean[k]), ""))
                found = "" if values == "''" else f"; found {values}"
                problems.append(
                    f"{where}: {len(rows)} row{plural} without a site ({at}{found}): say where they belong "
                    f"with "
                    f"'data.site_map={{{example}: SITE}}', leave them out with 'data.site_map={{{example}: null}}', or "
                    "name all sites with data.sites=[...] if it is one"
                )
        if what == "site":
            for k in [k for k, n in enumerate(clean) if n and n.casefold() in NO_LABEL and k not in missing]:
                count = int((coded.codes == k).sum())
                ledger.append(LedgerEntry("noted", self.column, count, "used as the name of a site", (clean[k],)))
        if self._declared is not None:
            for k, name in enumerate(clean):
                if k in missing or name in self._declared:
                    continue
                at = self._at(source, np.flatnonzero(coded.codes == k))
                known = ", ".join(self._declared[:8]) + (", ..." if len(self._declared) > 8 else "")
                problems.append(
                    f"{where}: unknown {what} {shown(name)} ({at}); known: {known}{did_you_mean(name, self._declared)}"
                )
        return problems


class Numbers(Collected):
    """One numeric column with the range that its values must lie in."""

    def __init__(self, column: str, limits: Sequence[float] | None, decimal: str) -> None:
        super().__init__(column)
        if limits is not None and (
            isinstance(limits, str)
            or len(limits) != 2
            or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in limits)
            or not limits[0] < limits[1]
        ):
            raise InputError(f"covariates: {shown(column)}: the range must be [low, high]; got {shown(limits)}")
        self._limits, self._decimal = limits, decimal

    def _parse(self, text: str) -> float:
        text = text.strip()
        if text.casefold() in _NO_NUMBER:
            return math.nan
        if self._decimal == ",":
            text = "bad" if "." in text else text.replace(",", ".")
        elif "," in text:
            return float("bad")
        if "_" in text or text.casefold() in ("nan", "+nan", "-nan"):
            return float("bad")
        return float(text)

    def values(self) -> npt.NDArray[np.float64]:
        """Return the column, NaN where missing."""
        coded = self.coded()
        return np.array([self._parse(v) for v in coded.values], dtype=np.float64)[coded.codes]

    def problems(self, source: TextSource) -> list[str]:
        """List the problems: text, infinite numbers, numbers outside the range."""
        coded, where, problems = self.coded(), shown_path(source.path), []
        low, high = self._limits or (-math.inf, math.inf)
        for k, text in enumerate(coded.values):
            try:
                number = self._parse(text)
            except ValueError:
                number, problem = math.nan, self._no_number(text)
            else:
                allowed = f"; allowed {low:g} to {high:g}" if self._limits else "; a finite number is wanted"
                outside = math.isinf(number) or number < low or number > high
                problem = f"is {text.strip() if not math.isinf(number) else f'{number:g}'}{allowed}" if outside else ""
            if problem:
                at = self._at(source, np.flatnonzero(coded.codes == k))
                problems.append(f"{where}: {shown(self.column)} on {at} {problem}")
        return problems

    def _no_number(self, text: str) -> str:
        if self._decimal == "." and text.count(",") == 1 and text.replace(",", "").strip().isdecimal():
            return f'is {shown(text)}: looks like a decimal comma (set `decimal: ","`) or a thousands separator'
        limits = f"from {self._limits[0]:g} to {self._limits[1]:g} " if self._limits else ""
        return f"is {shown(text)}: not a number; expected one {limits}or an empty cell"


class Symptoms:
    """All symptom columns, one byte for each answer.

    Parameters
    ----------
    columns : sequence of str
    codes : mapping of str to int
        Cell -> symptom code; cells that differ from one only in case, spaces or quotes, or as ``1.0`` from ``1``, count
        too.
    """

    def __init__(self, columns: Sequence[str], codes: Mapping[str, int]) -> None:
        self._columns, self._codes = list(columns), dict(codes)
        similar: dict[str, set[int]] = {}
        for cell, code in codes.items():
            similar.setdefault(normalised(cell), set()).add(code)
        self._similar = {cell: next(iter(found)) for cell, found in similar.items() if len(found) == 1}
        self._parts: list[npt.NDArray[np.int8]] = []
        self._bad: dict[tuple[str, str], tuple[int, int]] = {}
        self.n_rows = 0
        self.filled = np.zeros(len(self._columns), dtype=np.int64)
        """Cells of each column that are not empty."""

    def add(self, block: Block) -> None:
        """Add one block."""
        part = np.empty((len(self._columns), block.n_rows), dtype=np.int8)
        self.n_rows += block.n_rows
        for j, name in enumerate(self._columns):
            column = block.columns[name]
            table = np.empty(len(column.values), dtype=np.int8)
            blank = []
            for k, value in enumerate(column.values):
                cell = value.strip()
                code = self._codes.get(cell)
                if code is None:
                    code = self._similar.get(normalised(value))
                if code is None:
                    self._note(name, value, column.codes, k, block.start)
                    code = MISSING
                if not cell:
                    blank.append(k)
                table[k] = code
            part[j] = table[column.codes] if len(table) else MISSING
            self.filled[j] += block.n_rows - (np.isin(column.codes, blank).sum() if blank else 0)
        self._parts.append(np.ascontiguousarray(part.T))

    def _note(self, name: str, value: str, codes: npt.NDArray[np.int32], k: int, start: int) -> None:
        rows = codes == k
        count, first = self._bad.get((name, value), (0, start + int(rows.argmax())))
        if (name, value) in self._bad or len(self._bad) < 10_000:
            self._bad[name, value] = (count + int(rows.sum()), first)

    def problems(self, source: TextSource, max_unknown: float, ledger: list[LedgerEntry]) -> list[str]:
        """List one problem for each column and value that is not mapped, where there are too many of them.

        Columns in which at most the share `max_unknown` of the filled cells is not understood are entered in the
        ledger; such cells are missing.
        """
        where = shown_path(source.path)
        allowed = ", ".join(shown(c) for c in self._codes if c)
        unknown = dict.fromkeys(self._columns, 0)
        for (name, _), (count, _) in self._bad.items():
            unknown[name] += count
        few = {
            name
            for j, name in enumerate(self._columns)
            if 0 < unknown[name] <= max_unknown * max(1, int(self.filled[j]))
        }
        for name in (n for n in self._columns if n in few):
            cells = tuple(sorted({value.strip() for (column, value) in self._bad if column == name}))[:5]
            ledger.append(LedgerEntry("set missing", name, unknown[name], NOT_UNDERSTOOD[0], cells))
        worst = [(key, found) for key, found in self._bad.items() if key[0] not in few]
        lines = source.lines_of([first + 2 for _, (_, first) in worst[:50]])
        lines += [first + 2 for _, (_, first) in worst[50:]]
        return [
            f"{where}: {name}: value {shown(value)} on line {line}{f' and {count - 1} more' if count > 1 else ''}; "
            f"allowed {allowed} (map others with `value_map`, or leave the column out with `exclude`)"
            for ((name, value), (count, _)), line in zip(worst, lines, strict=True)
        ]

    @property
    def not_understood(self) -> dict[str, set[str]]:
        """Cells that are not mapped, by column."""
        found: dict[str, set[str]] = {}
        for name, value in self._bad:
            found.setdefault(name, set()).add(value.strip())
        return found

    def matrix(self) -> npt.NDArray[np.int8]:
        """Return the symptoms, int8 of shape (n_deaths, n_symptoms), and free the blocks."""
        whole = np.concatenate(self._parts)
        self._parts = []
        return whole
