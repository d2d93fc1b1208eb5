"""Collect a column of numbers of a study's table block by block, with its problems."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.number_codes import codes_far_off, written
from va_experiments.data.readers.csv_columns import Collected
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, shown, shown_path

__all__ = ["Numbers"]

_NO_NUMBER = frozenset({"", ".", "na", "n/a", "nan", "none", "null"})


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
