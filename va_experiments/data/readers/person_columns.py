"""Read the columns that describe the person: sex in any of its codes, and age with its unit."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import MISSING_WORDS, normalised
from va_experiments.data.csv_blocks import Block, CodedColumn
from va_experiments.data.readers.csv_columns import Collected
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["AGE_UNITS", "Ages", "Sexes", "is_sex_column", "is_unit_column", "parse_age"]

_FEMALE = frozenset({"f", "female", "woman", "girl", "w", "femme", "féminin", "feminin", "mujer", "femenino", "fem"})
_MALE = frozenset({"m", "male", "man", "boy", "homme", "masculin", "hombre", "masculino", "h", "masc"})
AGE_UNITS = {"years": 1.0, "months": 1 / 12, "weeks": 7 / 365.25, "days": 1 / 365.25, "hours": 1 / 8766}
"""Years in each unit."""
_UNIT_WORDS = {
    **dict.fromkeys(("years", "year", "yrs", "yr", "y", "an", "ans", "año", "años", "anos"), "years"),
    **dict.fromkeys(("months", "month", "mths", "mth", "mo", "m", "mois", "mes", "meses"), "months"),
    **dict.fromkeys(("weeks", "week", "wks", "wk", "w", "semaines"), "weeks"),
    **dict.fromkeys(("days", "day", "d", "jours", "jour", "dias", "días"), "days"),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h", "heures"), "hours"),
}
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?|\d{1,2}[- ]?[A-Za-z]{3}[- ]?\d{2,4}")
_AGE = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*([^\W\d_]*)")
_OLDEST = 130.0


def is_sex_column(values: list[str]) -> bool:
    """Check whether the cells of a column are words or letters for female and male."""
    texts = {normalised(v) for v in values} - MISSING_WORDS
    return bool(texts) and texts <= _FEMALE | _MALE


def is_unit_column(values: list[str]) -> bool:
    """Check whether the cells of a column are units of time."""
    texts = {normalised(v) for v in values} - MISSING_WORDS
    return bool(texts) and texts <= set(_UNIT_WORDS) and bool(texts - {"m", "h", "y", "d", "w"})


class Sexes(Collected):
    """One column of the sex, read as a number: 1 female, 0 male, NaN not known.

    Parameters
    ----------
    column : str
    codes : tuple of str
        Cells for female and for male, where these are no words; empty to recognise words and letters.
    """

    def __init__(self, column: str, codes: tuple[str, ...] = ()) -> None:
        super().__init__(column)
        self._female = {normalised(c) for c in codes[:1]} or _FEMALE
        self._male = {normalised(c) for c in codes[1:]} or _MALE

    def values(self) -> npt.NDArray[np.float64]:
        """Return the column, NaN where the sex is not known."""
        coded = self.coded()
        return np.array([self._parse(v) for v in coded.values], dtype=np.float64)[coded.codes]

    def _parse(self, cell: str) -> float:
        text = normalised(cell)
        return 1.0 if text in self._female else 0.0 if text in self._male else math.nan

    def problems(self, source: TextSource) -> list[str]:
        """List the cells that are neither female nor male nor a known missing."""
        coded = self.coded()
        known = self._female | self._male
        bad = [v for v in coded.values if normalised(v) not in known and normalised(v) not in MISSING_WORDS - {"u"}]
        numbers = [v for v in coded.values if normalised(v) in ("0", "1", "2")]
        if not bad and numbers and math.isnan(np.nanmax([self._parse(v) for v in coded.values] + [math.nan])):
            bad = numbers
        if not bad:
            return []
        cells = ", ".join(shown(v) for v in sorted(set(bad))[:4])
        return [
            f"{shown_path(source.path)}: column {shown(self.column)} (data.sex): cells {cells} are neither female nor "
            "male; say which is which with 'data.sex_codes=[FEMALE, MALE]', as in 'data.sex_codes=[\"2\", \"1\"]'"
        ]


class Ages(Collected):
    """One column of the age at death, read in years.

    Parameters
    ----------
    column : str
    unit : str
        A unit, or the column that holds it for each death.
    missing : tuple of float
        Numbers that stand for an age that is not known.
    """

    def __init__(self, column: str, unit: str, missing: tuple[float, ...] = ()) -> None:
        super().__init__(column)
        self._unit, self._missing = unit, set(missing)
        self._units = Collected(unit) if unit not in AGE_UNITS else None

    def add(self, block: Block) -> None:
        """Add one block."""
        super().add(block)
        if self._units is not None:
            self._units.add(block)

    def values(self) -> npt.NDArray[np.float64]:
        """Return the age in years, NaN where it is not known."""
        coded = self.coded()
        units = self._units.coded() if self._units is not None else None
        years = np.full(len(coded.codes), np.nan)
        for k, cell in enumerate(coded.values):
            number, own = parse_age(cell)
            if math.isnan(number) or number in self._missing:
                continue
            rows = coded.codes == k
            if own is not None:
                years[rows] = number * AGE_UNITS[own]
            elif units is None:
                years[rows] = number * AGE_UNITS[self._unit]
            else:
                for u, word in enumerate(units.values):
                    if (unit := _UNIT_WORDS.get(normalised(word))) is not None:
                        years[rows & (units.codes == u)] = number * AGE_UNITS[unit]
        return years

    def problems(self, source: TextSource) -> list[str]:
        """List ages that are no numbers, have no known unit, or nobody has reached."""
        coded, where, problems = self.coded(), shown_path(source.path), []
        odd = [v for v in coded.values if normalised(v) not in MISSING_WORDS and math.isnan(parse_age(v)[0])]
        if odd:
            cells = ", ".join(shown(v) for v in odd[:4])
            what = "is a date, no age" if _DATE.fullmatch(odd[0].strip()) else "is no age"
            problems.append(
                f"{where}: column {shown(self.column)} (data.age): {cells} {what}; expected a number, alone "
                "or with a unit ('43 years', '6 months'), or an empty cell; a column of dates is no column "
                "of ages: data.age=null"
            )
        if self._units is not None:
            words = [w for w in self._units.coded().values if normalised(w) not in (*_UNIT_WORDS, *MISSING_WORDS)]
            if words:
                listed = ", ".join(shown(w) for w in words[:4])
                problems.append(
                    f"{where}: column {shown(self._unit)} (data.age_unit): {listed} is no unit; known: "
                    f"{', '.join(AGE_UNITS)}{did_you_mean(words[0], AGE_UNITS)}"
                )
        years = self.values()
        old = np.flatnonzero(years > _OLDEST)
        if len(old):
            oldest = sorted({coded.values[k].strip() for k in coded.codes[old].tolist()})
            listed = ", ".join(oldest[:4])
            if len(old) > 0.5 * np.isfinite(years).sum() and all(1800 < float(v) < 2200 for v in _numbers(oldest)):
                problems.append(
                    f"{where}: column {shown(self.column)} (data.age): {listed} look like years of birth or death, not "
                    "ages; make a column of ages, or read none: data.age=null"
                )
                return problems
            problems.append(
                f"{where}: column {shown(self.column)} (data.age): {listed} is older than {_OLDEST:.0f} years "
                f"({len(old)} rows); if it stands for an unknown age, say 'data.age_missing=[{listed}]'; if ages are "
                f"in "
                "another unit, say data.age_unit=months (or days, or the column with the unit)"
            )
        return problems


def parse_age(cell: str) -> tuple[float, str | None]:
    """Return the number in a cell and the unit that stands beside it, if any."""
    match = _AGE.fullmatch(normalised(cell))
    if match is None:
        return math.nan, None
    unit = match.group(2)
    if unit and unit not in _UNIT_WORDS:
        return math.nan, None
    return float(match.group(1).replace(",", ".")), _UNIT_WORDS[unit] if unit else None


def _numbers(cells: list[str]) -> list[float]:
    return [number for number, _ in map(parse_age, cells)]


def check_unit(unit: str, header: tuple[str, ...]) -> None:
    """Raise `InputError` unless the unit is known or a column of the table."""
    if unit not in AGE_UNITS and unit not in header:
        known = (*AGE_UNITS, *header)
        raise InputError(
            f"data.age_unit is {shown(unit)}; expected {', '.join(AGE_UNITS)}, or a column with the unit of each age"
            f"{did_you_mean(unit, known)}"
        )


def coded_values(column: CodedColumn) -> list[str]:
    """Return the distinct cells of a column that are not empty."""
    return [v for v in column.values if v.strip()]
