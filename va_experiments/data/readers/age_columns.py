"""Read the age at death in years from one column, from a column with its unit, or divided between several columns.

In: the columns, block by block. Out: years, and problems in words. Ages that are divided (``age_years``,
``age_months``, ``age_days``) are either parts that add up (1 year and 6 months) or the same age in each unit (1 year,
18 months); which of the two follows from the numbers, and columns that are neither are refused.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import MISSING_WORDS, normalised
from va_experiments.data.csv_blocks import Block
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.readers.age_text import AGE_UNITS, UNIT_WORDS, parse_age
from va_experiments.data.readers.csv_columns import Collected
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["Ages", "age_columns", "check_ages", "joined_ages", "unit_in_name"]

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?|\d{1,2}[- ]?[A-Za-z]{3}[- ]?\d{2,4}")
_OLDEST = 130.0
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_MONTH_AND_YEAR = re.compile(r"(?:0?[1-9]|1[0-2])\.(?:19|20)[0-9]{2}")
_MOST_CODES = 20
UNKNOWN_AGE = "stands for an age that is not known (data.age_missing)"
_HEAP = (5, 0.02, 5.0)
"""Deaths at 99 years, their share, and how often as many as at any of the years before, from which on it is a code."""
_AGE_NAME = re.compile(
    r"(?:.*[^a-z])?(?:age|edad|idade)(?:[^a-z]*(?:in|at|of|death|en|em|of death))*[^a-z]*(?:in)?[^a-z]*([a-zñ]+)[^a-z]*"
)
_BIRTH_OR_DEATH = re.compile(
    r"(?:^|[^a-z])(?:yob|dob|yod|dod)(?:[^a-z]|$)|birth|born|(?:year|date)\W*_*(?:of)?\W*_*death"
)
_MOST = {"months": 12.0, "weeks": 53.0, "days": 366.0, "hours": 24.0}
_IN_A_MONTH = {"weeks": 5.0, "days": 31.0}
"""Largest rest in each unit: behind years, and behind months."""

Floats = npt.NDArray[np.float64]


def unit_in_name(column: str) -> str | None:
    """Return the unit that the name of a column of ages says: ``months`` for ``age_months``, ``AgeInMonths``."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip()).casefold()
    match = _AGE_NAME.fullmatch(text)
    return UNIT_WORDS.get(match[1].removeprefix("in")) if match else None


def age_columns(columns: Sequence[str]) -> dict[str, str]:
    """Return the columns that hold parts of one age by their names, each with its unit, the largest unit first."""
    units = {c: unit for c in columns if (unit := unit_in_name(c)) is not None}
    units = dict(sorted(units.items(), key=lambda item: -AGE_UNITS[item[1]]))
    return units if len(set(units.values())) == len(units) else {}


def joined_ages(parts: Sequence[tuple[str, Floats]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Join an age that is divided between columns, in years; NaN where no column has a number.

    Parameters
    ----------
    parts : sequence of (unit, float64 array of shape (n_deaths,))
        NaN where the cell is empty.

    Returns
    -------
    years : float64 array, shape (n_deaths,)
    wrong : bool array, shape (n_deaths,)
        Ages of which a smaller unit is neither the rest of the larger ones nor the same age.
    """
    ordered = sorted(parts, key=lambda part: -AGE_UNITS[part[0]])
    years = np.full(len(ordered[0][1]), np.nan)
    wrong = np.zeros(len(years), dtype=bool)
    larger = ""
    for unit, number in ordered:
        age = number * AGE_UNITS[unit]
        both = np.isfinite(years) & np.isfinite(age) & (years > 0)
        most = _IN_A_MONTH.get(unit, _MOST.get(unit, 0.0)) if larger == "months" else _MOST.get(unit, 0.0)
        before = years / AGE_UNITS[unit]
        rest = number <= most
        same = (number >= before * 0.99 - 1) & (number <= (before + most) * 1.01 + 1)
        if both.any() and not rest[both].all() and same[both].mean() > rest[both].mean():
            wrong |= both & ~same
            years = np.where(np.isfinite(age), age, years)
        else:
            wrong |= both & ~rest
            years = np.where(np.isfinite(years) & np.isfinite(age), years + age, np.where(np.isfinite(age), age, years))
        larger = unit
    return years, wrong


class _Part(Collected):
    """One column of numbers, with the unit that a cell may name itself."""

    def numbers(self, unit: str, missing: set[float]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return the numbers in `unit`, and which of them name their own unit; NaN where not known."""
        coded = self.coded()
        number, has_unit = np.full(len(coded.values), np.nan), np.zeros(len(coded.values), dtype=bool)
        for k, cell in enumerate(coded.values):
            value, word = parse_age(cell)
            if value not in missing:
                number[k] = value if word is None else value * AGE_UNITS[word] / AGE_UNITS[unit]
                has_unit[k] = word is not None
        return number[coded.codes], has_unit[coded.codes]

    def with_thousands(self, unit: str) -> list[str]:
        """Return the cells such as 21.900 days, if every decimal point stands before three digits."""
        cells = [v.strip() for v in self.coded().values if "." in v and not math.isnan(parse_age(v)[0])]
        if unit == "years" or not cells or not all(_THOUSANDS.fullmatch(c) for c in cells):
            return []
        return [] if all(c.endswith("000") for c in cells) else cells

    def odd(self) -> list[str]:
        """Return the cells that are no ages, also ``3.1990`` where no other cell has a decimal point."""
        cells = self.coded().values
        odd = [v for v in cells if normalised(v) not in MISSING_WORDS and math.isnan(parse_age(v)[0])]
        with_point = [v for v in cells if "." in v and not v.strip(" .0123456789")]
        dates = [v for v in with_point if _MONTH_AND_YEAR.fullmatch(v.strip())]
        return [*odd, *dates] if len(dates) == len([v for v in with_point if not v.strip().endswith(".0")]) else odd


class Ages:
    """The age at death, read in years.

    Parameters
    ----------
    column : str
    unit : str
        A unit, or the column that holds it for each death.
    missing : tuple of float, optional
        Numbers that stand for an age that is not known; None: a heap at 99 years is a problem.
    parts : mapping of str to str, optional
        More columns of the same age -> their units.
    codes : mapping, optional
        Cell of the column of units -> its unit.
    """

    def __init__(
        self,
        column: str,
        unit: str,
        missing: tuple[float, ...] | None = (),
        parts: Mapping[str, str] | None = None,
        codes: Mapping[Any, str] | None = None,
    ) -> None:
        self._column, self._unit, self._missing = column, unit, set(missing or ())
        self._ask_heaps = missing is None
        self._main = _Part(column)
        self._parts = {_Part(c): u for c, u in (parts or {}).items()}
        self._units = Collected(unit) if unit not in AGE_UNITS else None
        self._words = UNIT_WORDS | {normalised(str(k)): u for k, u in (codes or {}).items()}

    def add(self, block: Block) -> None:
        """Add one block."""
        for column in (self._main, *self._parts, self._units):
            if column is not None:
                column.add(block)

    def values(self) -> Floats:
        """Return the age in years, NaN where it is not known."""
        return self._joined()[0]

    def note(self, ledger: list[LedgerEntry]) -> None:
        """Add to the ledger how many cells stand for an age that is not known."""
        for part in (self._main, *self._parts):
            coded = part.coded()
            codes = [k for k, cell in enumerate(coded.values) if parse_age(cell)[0] in self._missing]
            if codes:
                cells = tuple(shown(coded.values[k]) for k in codes[:5])
                count = int(np.isin(coded.codes, codes).sum())
                ledger.append(LedgerEntry("set missing", part.column, count, UNKNOWN_AGE, cells))

    def _joined(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        base = self._unit if self._units is None else "years"
        first, has_unit = self._main.numbers(base, self._missing)
        if self._units is not None:
            coded = self._units.coded()
            factor = [AGE_UNITS.get(self._words.get(normalised(w), ""), math.nan) for w in coded.values]
            first = np.where(has_unit, first, first * np.array(factor)[coded.codes])
        more = [(unit, part.numbers(unit, self._missing)[0]) for part, unit in self._parts.items()]
        return joined_ages([(base, first), *more])

    def problems(self, source: TextSource) -> list[str]:
        """List ages that are no numbers, have no known unit, contradict each other, or nobody has reached."""
        where, problems = shown_path(source.path), []
        for part in (self._main, *self._parts):
            if odd := part.odd():
                cells = ", ".join(shown(v) for v in odd[:4])
                dated = _DATE.fullmatch(odd[0].strip()) or _MONTH_AND_YEAR.fullmatch(odd[0].strip())
                what = "is a date, no age" if dated else "is no age"
                problems.append(
                    f"{where}: column {shown(part.column)} (data.age): {cells} {what}; expected a number, alone "
                    "or with a unit ('43 years', '6 months'), without a sign for thousands, or an empty cell; correct "
                    f"or empty these cells, or {self._no_age()}"
                )
            unit = self._parts.get(part, self._unit)
            if unit in AGE_UNITS and (numbers := part.with_thousands(unit)):
                listed = ", ".join(map(shown, numbers[:3]))
                problems.append(
                    f"{where}: column {shown(part.column)} (data.age): in {listed} {unit}, is "
                    "the point a sign for thousands? Write the numbers without it, or decimals with one or two digits"
                )
        if self._units is not None:
            words = [w for w in self._units.coded().values if normalised(w) not in (*self._words, *MISSING_WORDS)]
            codes = [
                w for w in self._units.coded().values if w.strip().isdecimal() and normalised(w) not in self._words
            ]
            if codes:
                example = ", ".join(f"{c.strip()}: UNIT" for c in sorted(codes)[:4])
                problems.append(
                    f"{where}: column {shown(self._unit)} (data.age_unit) holds "
                    f"{', '.join(map(shown, sorted(codes)[:4]))}: "
                    f"which units? Say 'data.age_unit_codes={{{example}}}', UNIT being one of {', '.join(AGE_UNITS)}"
                )
            elif words:
                listed = ", ".join(shown(w) for w in words[:4])
                problems.append(
                    f"{where}: column {shown(self._unit)} (data.age_unit): {listed} is no unit; known: "
                    f"{', '.join(AGE_UNITS)}{did_you_mean(words[0], AGE_UNITS)}"
                )
        years, wrong = self._joined()
        if wrong.any():
            rows = np.flatnonzero(wrong)
            names = ", ".join(shown(p.column) for p in (self._main, *self._parts))
            cells = " and ".join(shown(c.coded().text()[rows[0]]) for c in (self._main, *self._parts))
            lines = ", ".join(map(str, source.lines_of([int(r) + 2 for r in rows[:5]])))
            problems.append(
                f"{where}: columns {names} (data.age, data.age_parts): in {len(rows)} rows (line {lines}) they are "
                f"neither parts of one age nor the same age in each unit, such as {cells}; correct them, empty the "
                "cells that stand for an unknown number, or read one column of them"
            )
        return problems + self._too_old(years, where)

    def _no_age(self) -> str:
        """Return how no age is read."""
        listed = ", ".join(json.dumps(p.column, ensure_ascii=False) for p in (self._main, *self._parts))
        return f"read no age: data.age=null {shlex.quote(f'data.exclude=[{listed}]')}"

    def _too_old(self, years: Floats, where: str) -> list[str]:
        column = f"{where}: column {shown(self._column)} (data.age):"
        old = np.flatnonzero(years > _OLDEST)
        if not len(old):
            return self._heap(years, column)
        coded = self._main.coded()
        oldest = sorted({coded.values[k].strip() for k in coded.codes[old].tolist()})
        listed = ", ".join(oldest[:4]) + (", ..." if len(oldest) > 4 else "")
        if all(1800 < parse_age(v)[0] < 2200 for v in oldest) and (len(oldest) > 1 or len(old) > 0.5 * len(years)):
            return [
                f"{column} {listed} look like years of birth or death, not ages ({len(old)} rows); correct or empty "
                f"these cells, or {self._no_age()}"
            ]
        if len(old) > 0.5 * np.isfinite(years).sum():
            most = float(np.nanmax(years))
            units = [u for u in ("months", "days") if self._unit == "years" and most * AGE_UNITS[u] <= _OLDEST]
            unit = f"data.age_unit={units[0]} (or another of {', '.join(AGE_UNITS)}, or the column with the unit)"
            if not units:
                unit = "data.age_unit=COLUMN names the column of their units"
            return [
                f"{column} {listed} are older than {_OLDEST:.0f} years ({len(old)} rows): are they in another unit, or "
                f"days since 1900, as spreadsheets write dates? {unit}; or {self._no_age()}"
            ]
        codes = f"say 'data.age_missing=[{', '.join(oldest)}]'"
        return [
            f"{column} {listed} is older than {_OLDEST:.0f} years "
            f"({len(old)} rows); if it stands for an unknown age, "
            f"{codes if len(oldest) <= _MOST_CODES else 'empty these cells'}; if ages are in "
            "another unit, say data.age_unit=months (or days, or the column with the unit)"
        ]

    def _heap(self, years: Floats, column: str) -> list[str]:
        """Ask about deaths at 99 years that are many more than at the years before."""
        least, share, times = _HEAP
        n = int((years == 99).sum())
        before = max(int((years == year).sum()) for year in (95, 96, 97, 98))
        if not self._ask_heaps or n < max(least, share * np.isfinite(years).sum()) or n <= times * before:
            return []
        return [
            f"{column} {n} deaths at 99 years, {before} or fewer at each of 95 to 98: does 99 stand for an unknown "
            "age? Say 'data.age_missing=[99]', or data.age_missing=[] if it is an age"
        ]


def check_ages(
    age: str, unit: str | None, parts: Mapping[str, str], codes: Mapping[Any, str], header: Sequence[str]
) -> str:
    """Return the unit of the ages, or the column that holds it: what is given, else what the name says, else years.

    Raises
    ------
    InputError
        Unless units are known, or columns of the table; or if the name of the column says that it is no age.
    """
    if unit is None and _BIRTH_OR_DEATH.search(age.casefold()):
        raise InputError(
            f"data.age: column {shown(age)} holds years or dates of birth or death by its name, no ages; make a column "
            "of ages, or read none: data.age=null (if they are ages, name their unit: data.age_unit=years)"
        )
    unit = unit or unit_in_name(age) or "years"
    if unit not in AGE_UNITS and unit not in header:
        raise InputError(
            f"data.age_unit is {shown(unit)}; expected {', '.join(AGE_UNITS)}, or a column with the unit of each age"
            f"{did_you_mean(unit, (*AGE_UNITS, *header))}"
        )
    wrong = [(key, u) for key, units in (("age_parts", parts), ("age_unit_codes", codes)) for u in units.values()
             if u not in AGE_UNITS]  # fmt: skip
    if wrong:
        key, word = wrong[0]
        raise InputError(
            f"data.{key}: {shown(word)} is no unit; expected {', '.join(AGE_UNITS)}{did_you_mean(str(word), AGE_UNITS)}"
        )
    if codes and unit in AGE_UNITS:
        raise InputError("data.age_unit_codes needs the column that holds them: data.age_unit=COLUMN")
    if parts and unit not in AGE_UNITS:
        raise InputError("data.age_parts and a column with the unit of each age (data.age_unit) exclude each other")
    return unit
