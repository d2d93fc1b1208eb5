"""Collect the columns of a study's table block by block: labels and numbers, each with its problems."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import Block, CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.decorated import doubtful_names, in_one_alphabet, typed_map, undecorated
from va_experiments.data.number_codes import codes_far_off, written
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["NORMALISED", "NO_LABEL", "NO_SITE", "Collected", "Labels", "Numbers", "names_of_columns"]

NO_LABEL = frozenset(
    {
        *("", ".", "-", "--", "?", "na", "n/a", "nan", "none", "null", "#n/a", "unknown", "unk", "not known"),
        *("missing", "dk", "don't know", "99", "999", "9999", "-1", "-9", "-99", "n/k", "nk", "not stated"),
        *("not specified", "unspecified", "not available", "not recorded", "no data", "not applicable"),
        *("undetermined", "indeterminate", "not determined", "ill-defined", "ill defined", "<na>", "nil"),
    }
)
"""Causes, in any case, that stand for "not known" unless they are declared."""

_NO_NUMBER = frozenset({"", ".", "na", "n/a", "nan", "none", "null"})

NO_SITE = NO_LABEL - {"na"}
"""The same for sites, among which ``NA`` is a name that some have."""

_NO_LABEL_CODES = frozenset({"77", "88", "97", "98", "777", "888", "997", "998", "7777", "8888"})
_MAX_NAMES = 2000
NORMALISED = "one Unicode form (NFC), without spaces, quotes and letters that are not seen"
"""What is changed in a name that stays the same name."""


def _codes_far_above(names: Sequence[str]) -> frozenset[str]:
    """Return the numbers such as 88 that stand far above all others where every name is a number."""
    numbers = [n for n in names if n.casefold() not in NO_LABEL]
    if len(numbers) < 3 or not all(n.isdecimal() for n in numbers):
        return frozenset()
    most = max((int(n) for n in numbers if n not in _NO_LABEL_CODES), default=1000)
    return frozenset(n for n in numbers if n in _NO_LABEL_CODES and int(n) > 2 * most)


def names_of_columns(columns: Sequence[str], where: str) -> tuple[list[str], list[str]]:
    """Return the names of symptoms for the names of their columns, and the problems of these.

    Parameters
    ----------
    columns : sequence of str
    where : str
        The file, as messages name it.
    """
    names = [undecorated(c) or c for c in columns]
    problems = [
        f"{where}: column {shown(c)} has letters of another alphabet that look like those of {shown(other)}; write its "
        "name in the first row with letters of one alphabet"
        for c, name in zip(columns, names, strict=True)
        if (other := in_one_alphabet(name)) != name
    ]
    first: dict[str, str] = {}
    for column, name in zip(columns, names, strict=True):
        if first.setdefault(name, column) != column:
            problems.append(
                f"{where}: columns {shown(first[name])} and {shown(column)} differ only in what nobody sees or a "
                "program added; rename or remove one of them"
            )
    return names, problems


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
    rename : mapping, optional
        Name as written -> name; None leaves the rows out.
    may_map : bool
        Whether the reader has the option for `rename`.
    """

    def __init__(
        self,
        column: str,
        what: str,
        declared: Sequence[str] | None,
        rename: Mapping[Any, str | None] | None = None,
        *,
        may_map: bool = True,
    ) -> None:
        super().__init__(column)
        self._may_map = may_map
        self._what, self._declared = what, declared
        self._rename = {unicodedata.normalize("NFC", str(k)).strip(): v for k, v in (rename or {}).items()}
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
        written = [unicodedata.normalize("NFC", v).strip() for v in coded.values]
        declared = set(self._declared or ())
        clean = [w if w in self._rename or w in declared else undecorated(w) for w in written]
        problems: list[str] = []
        dropped: set[int] = set()
        mapped: set[str] = set()  # names that are as the mapping says
        if self._rename:
            if absent := [k for k in self._rename if k not in clean]:
                problems.append(
                    f"{where}: data.{what}_map names {shown(absent[0])}, which is no {what} of the table"
                    f"{did_you_mean(absent[0], clean)}"
                )
            for k, name in enumerate(clean):
                if name in self._rename:
                    new = self._rename[name]
                    mapped |= {name, str(new)}
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
        several, again = list[str](), dict[str, str]()
        for name, variants in by_clean.items():
            if len(variants) > 1 and name not in mapped:
                raw = " and ".join(shown(coded.values[k]) for k in variants[:3])
                rows = np.flatnonzero(np.isin(coded.codes, variants[1:]))
                unseen = len({written[k] for k in variants}) > 1
                several.append(
                    f"{what} {shown(name)} is written in ways that differ only in "
                    f"{'what nobody sees or a program added' if unseen else 'spaces or Unicode form'} "
                    f"({raw}; {self._at(source, rows)})"
                )
                again[name] = name
            elif len(variants) == 1 and name != coded.values[variants[0]] and name not in mapped:
                count = int((coded.codes == variants[0]).sum())
                ledger.append(LedgerEntry("normalised", self.column, count, NORMALISED, (name,)))
        if several:
            told = f"{'; '.join(several[:5])}{'; ...' if len(several) > 5 else ''}"
            problems.append(f"{where}: {told}; write them one way{self._ways_out(again)}")
        no_label = (NO_LABEL if what == "cause" else NO_SITE) | _codes_far_above(clean)
        missing = [
            k for k, n in enumerate(clean) if k not in dropped and n not in declared and n.casefold() in no_label
        ]
        problems += self._unknown(coded, clean, missing, source, ledger, drop_missing)
        self.mapped_out = np.isin(coded.codes, sorted(dropped))
        missing += sorted(dropped)
        names = self._names(clean, missing)
        problems += self._doubtful(names, mapped | declared, source, coded, clean)
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

    def _ways_out(self, pairs: Mapping[str, str]) -> str:
        """Return the option that makes several spellings one name, where the reader has it."""
        return f", or say {typed_map(f'data.{self._what}_map', pairs)}" if self._may_map else ""

    def _doubtful(
        self, names: tuple[str, ...], accepted: set[str], source: TextSource, coded: CodedColumn, clean: list[str]
    ) -> list[str]:
        """List names that are probably another one, written with a mark or with letters of another alphabet."""
        found = doubtful_names(names, accepted)
        if not found:
            return []
        told = []
        for name, (why, other) in [*found.items()][:5]:
            rows = np.flatnonzero(np.isin(coded.codes, [k for k, n in enumerate(clean) if n == name]))
            told.append(f"{self._what} {shown(name)} ({self._at(source, rows)}) {why}: is it {shown(other)}?")
        keep = typed_map(f"data.{self._what}_map", {name: name for name in found})
        return [
            f"{shown_path(source.path)}: {' '.join(told)}{' ...' if len(found) > 5 else ''} Write it so"
            f"{self._ways_out({name: other for name, (_, other) in found.items()})}"
            f"{f'; if it is another {self._what}, {keep}' if self._may_map else ''}"
        ]

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
    """One numeric column with the range that its values must lie in.

    Parameters
    ----------
    column : str
    limits : (low, high), optional
    decimal : str
    missing : sequence of float, optional
        Numbers that stand for "not known"; None: numbers that look so are a problem, unless a range is given.
    """

    def __init__(
        self, column: str, limits: Sequence[float] | None, decimal: str, missing: Sequence[float] | None = None
    ) -> None:
        super().__init__(column)
        self._missing = missing
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
        number = float(text)
        return math.nan if number in (self._missing or ()) else number

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
        if not problems and self._missing is None and self._limits is None:
            problems += self._doubtful(where)
        return problems

    def _doubtful(self, where: str) -> list[str]:
        codes = codes_far_off(values := self.values())
        if not codes:
            return []
        times = ", ".join(f"{c:g} ({int((values == c).sum()):,} times)" for c in codes)
        return [
            f"{where}: column {shown(self.column)}: {times} stands far from all other numbers: does it mean not known? "
            f"Say 'data.missing_numbers=[{written(codes)}]', or data.missing_numbers=[] if it is a number"
        ]

    def _no_number(self, text: str) -> str:
        if self._decimal == "." and text.count(",") == 1 and text.replace(",", "").strip().isdecimal():
            return f'is {shown(text)}: looks like a decimal comma (set `decimal: ","`) or a thousands separator'
        limits = f"from {self._limits[0]:g} to {self._limits[1]:g} " if self._limits else ""
        return f"is {shown(text)}: not a number; expected one {limits}or an empty cell"
