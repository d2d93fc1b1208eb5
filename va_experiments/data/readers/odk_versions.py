"""Read the answers of an export by the rules of version 1.4 or 1.5, or row by row where a table holds both.

In: the answers and the header of an export. Out: indicators, ages and the columns of EAVA. In a table that was joined
from two exports, a row belongs to the version whose own questions it answers; a row that answers none of them is read
if both versions say the same of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_dates import DateOrder
from va_experiments.data.readers.odk_eava import eava_columns_of
from va_experiments.data.readers.odk_header import OF_1_4, OF_1_5, version_of
from va_experiments.data.readers.odk_indicators import calculate_durations, indicators
from va_experiments.data.readers.odk_person import age_in_days
from va_experiments.data.readers.odk_unused import clear_unused_ages
from va_experiments.data.readers.odk_words import is_blank
from va_experiments.data.readers.who2016_table import Truth
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, shown_path

__all__ = ["Reading", "read_answers"]

Column = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_MOST_LINES = 5


@dataclass(frozen=True)
class Reading:
    """What the answers of an export say.

    Parameters
    ----------
    answers : OdkAnswers
        With calculated durations.
    version : str
        For the ledger.
    indicators : int8 array, shape (n_deaths, 353)
    age : float64 array, shape (n_deaths,)
        In days, NaN where not known.
    eava : dict of str to float64 array, shape (n_deaths,)
        Columns of EAVA.
    ledger : tuple of LedgerEntry
        What was calculated.
    """

    answers: OdkAnswers
    version: str
    indicators: Truth
    age: Column
    eava: dict[str, Column]
    ledger: tuple[LedgerEntry, ...]


def read_answers(
    make: Callable[[], OdkAnswers],
    source: TextSource,
    *,
    version: str = "auto",
    as_pycrossva: bool = False,
    date_order: DateOrder = "auto",
    latest_year: int | None = None,
) -> Reading:
    """Read an export by the version of its columns, or that of each row.

    Parameters
    ----------
    make : function
        Makes new answers of the export for each version.
    source : TextSource
        The file, for its header and its lines.
    version, as_pycrossva, date_order, latest_year
        Those of `va_experiments.data.readers.odk_export.OdkOptions`.

    Raises
    ------
    InputError
        If a row answers questions of both versions, or means two things.
    """

    def read(answers: OdkAnswers, of: str) -> Reading:
        ledger = () if as_pycrossva else (*calculate_durations(answers, of), *clear_unused_ages(answers))
        age = age_in_days(answers, date_order, latest_year)
        values = indicators(answers, of, None if as_pycrossva else age)
        return Reading(answers, of, values, age, eava_columns_of(answers, age), ledger)

    known = version if version != "auto" else version_of(source.header)
    if known != "both":
        return read(make(), known)
    answers = make()
    old, new = _answered(answers, OF_1_4), _answered(answers, OF_1_5)
    if not (old.any() and new.any()):
        return read(answers, "1.4" if old.any() else "1.5")
    if (both := old & new).any():
        raise InputError(_refused(source, both, "answer questions of both versions"))
    first, second = read(answers, "1.4"), read(make(), "1.5")
    unclear = ~old & ~new & (first.indicators != second.indicators).any(axis=1)
    if unclear.any():
        raise InputError(_refused(source, unclear, "answer questions of neither version alone, and mean two things"))
    second.answers.add_notes(first.answers)
    noted = LedgerEntry("noted", "*", int(old.sum()), "rows answer questions of version 1.4, and are read by its rules")
    eava = {name: np.where(old, first.eava[name], column) for name, column in second.eava.items()}
    both_read = np.where(old[:, None], first.indicators, second.indicators).astype(np.int8)
    return Reading(second.answers, "1.4 and 1.5", both_read, second.age, eava, (noted, *second.ledger))


def _answered(answers: OdkAnswers, questions: Sequence[str]) -> Mask:
    """Return the rows in which one of these questions has a cell that is not empty."""
    rows = np.zeros(answers.n_rows, dtype=bool)
    for question in questions:
        if answers.has(question):
            rows |= np.array([not is_blank(cell) for cell in answers.text(question)], dtype=bool)
    return rows


def _refused(source: TextSource, rows: Mask, what: str) -> str:
    lines = source.lines_of([int(row) + 2 for row in np.flatnonzero(rows)[:_MOST_LINES]])
    return (
        f"{shown_path(source.path)} has columns of both versions, 1.4 ({OF_1_4[0]}) and 1.5 ({OF_1_5[0]}), as in a "
        f"table that was joined from two exports, and {int(rows.sum())} of its rows (lines "
        f"{', '.join(map(str, lines))}) {what}: read each export by itself (data=union joins them afterwards), or say "
        'data.version="1.5" or data.version="1.4"'
    )
