"""Read dates of birth and death in the forms that exports hold: ISO, with the name of a month, or numbers in any order.

Names of months may be English, French, Spanish, Portuguese or Swahili.

In: the cells of a column. Out: a date for each, or None. Whether 3/4/2018 is in March or in April follows from the
other dates of the column, such as 25/4/2018; where none of them says it, such dates are not understood. Years of two
digits are read only where the latest year of the file is known: with 2018, 18 is 2018 and 19 is 1919.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

__all__ = ["YEARS", "DateOrder", "order_of", "read_dates", "shape_of"]

DateOrder = Literal["auto", "day_first", "month_first", "year_first"]
"""Which number of 3/4/2018 is the day; ``auto``: what the dates of the column say."""

YEARS: Final = (1850, 2100)
"""First and last year of a date; others are typing errors, whatever the clock of this machine says."""

_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_WORD = r"([^\W\d_]{3,})"
_OF = r"(?:del? )?"
_MONTH_FIRST: Final = re.compile(rf"{_WORD}\.?[ -](\d{{1,2}}),?[ -](\d{{4}})(?!\d)")
_DAY_FIRST: Final = re.compile(rf"(\d{{1,2}})(?:er|º|°)?[ -]?{_OF}{_WORD}\.?,?[ -]?{_OF}(\d{{4}})(?!\d)")
_NUMBERS: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)")
_SHORT_NUMBERS: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{2})(?!\d)")
_SHORT_YEAR: Final = re.compile(
    rf"(\d{{1,2}}(?:er|º|°)?[ -]?{_OF}{_WORD}\.?,?[ -/]?{_OF}|{_WORD}\.?[ -]\d{{1,2}},?[ -])(\d{{2}})(?!\d)(?!:)"
)
_NAMES: Final = (
    "january february march april may june july august september october november december",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari machi aprili mei juni julai agosti septemba oktoba novemba desemba",
)
"""Months in English, French, Spanish, Portuguese and Swahili, without accents."""

_MONTHS: Final = [(name, k) for names in _NAMES for k, name in enumerate(names.split(), start=1)]
_ENGLISH: Final = {name[:3]: k for name, k in _MONTHS[:12]}


def read_dates(
    cells: Sequence[str], order: DateOrder = "auto", latest_year: int | None = None
) -> list[datetime.date | None]:
    """Return the dates of a column, None for cells that are none, or whose year is not in `YEARS`.

    Parameters
    ----------
    cells : sequence of str
        Such as 2018-06-12, Jun 12, 2018, 12 June 2018, 12jun2018 or 12/06/2018, with or without a time.
    order : {"auto", "day_first", "month_first", "year_first"}
        How dates of three numbers are read.
    latest_year : int, optional
        Years of two digits are the last ones up to this one. Three numbers with such a year need an `order` too: any of
        them may be the year.
    """
    dates = {cell: _plain(cell.strip()) for cell in set(cells)}
    if latest_year is not None:
        for cell in [c for c in dates if dates[c] is None]:
            dates[cell] = _of_two_digits(cell.strip(), order, latest_year)
    order = order_of(cells) if order == "auto" else order
    for cell in [c for c in dates if dates[c] is None]:
        if match := _NUMBERS.match(cell.strip()):
            one, two, year = (int(match[k]) for k in (1, 2, 3))
            if order in ("day_first", "month_first"):
                dates[cell] = _date(year, two, one) if order == "day_first" else _date(year, one, two)
            elif one == two:
                dates[cell] = _date(year, one, two)
    return [dates[cell] for cell in cells]


def order_of(cells: Sequence[str]) -> DateOrder:
    """Return the order that dates of three numbers have in a column; ``auto`` where none or both follow from them."""
    numbers = [m for cell in set(cells) if _plain(cell.strip()) is None and (m := _NUMBERS.match(cell.strip()))]
    day_first = any(int(m[1]) > 12 for m in numbers)
    month_first = any(int(m[2]) > 12 for m in numbers)
    if day_first is month_first:
        return "auto"
    return "day_first" if day_first else "month_first"


def shape_of(cell: str) -> str:
    """Return the form of a cell without its content: ``99/99/99`` for 11/05/18, ``aaa 99`` for May 11."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", cell.strip()))[:24]


def _plain(text: str) -> datetime.date | None:
    """Return a date whose parts leave no doubt."""
    text = text.casefold()
    if match := _ISO.match(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _MONTH_FIRST.match(text):
        return _date(int(match[3]), _month(match[1]), int(match[2]))
    if match := _DAY_FIRST.match(text):
        return _date(int(match[3]), _month(match[2]), int(match[1]))
    return None


def _month(word: str) -> int:
    """Return the number of a month from its name or the beginning of it; 0 where it is none, or could be two."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    months = {k for name, k in _MONTHS if name.startswith(plain)}
    if len(months) == 1:
        return months.pop()
    return _ENGLISH.get(plain[:3], 0)  # a misspelling such as febuary


def _of_two_digits(text: str, order: DateOrder, latest_year: int) -> datetime.date | None:
    """Return a date whose year has two digits: the last such year up to `latest_year`."""
    if match := _SHORT_YEAR.match(text.casefold()):
        return _plain(match[1] + str(_full_year(int(match[4]), latest_year)))
    match = _SHORT_NUMBERS.match(text)
    if match is None or order == "auto":
        return None
    numbers = [int(match[k]) for k in (1, 2, 3)]
    if order == "year_first":
        year, month, day = numbers
    else:
        day, month, year = numbers if order == "day_first" else (numbers[1], numbers[0], numbers[2])
    return _date(_full_year(year, latest_year), month, day)


def _full_year(short: int, latest_year: int) -> int:
    return latest_year - (latest_year - short) % 100


def _date(year: int, month: int, day: int) -> datetime.date | None:
    if not YEARS[0] <= year <= YEARS[1]:
        return None
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None
