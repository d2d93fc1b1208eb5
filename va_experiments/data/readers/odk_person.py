"""Age, sex and stillbirth of the deaths in an ODK export of the WHO 2016 questionnaire.

The questionnaire calculates the age from the dates of birth and death, or asks for it in one of three units: days for
neonates, days, months or years for children, years for adults. In: answers. Out: age in days and sex of each death.
"""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_dates import DateOrder, order_of, read_dates, shape_of
from va_experiments.data.readers.odk_words import is_blank
from va_experiments.data.readers.who2016_table import Truth

__all__ = [
    "AGE_GROUPS",
    "AGE_SUBGROUPS",
    "DATES",
    "DAYS_OF_AGES",
    "age_in_days",
    "died_before_birth",
    "is_female",
    "is_stillbirth",
    "unread_dates",
]

Days = npt.NDArray[np.float64]

_YEAR = 365.25
_MONTH = _YEAR / 12
_NEONATE = 28.0
_UNITS = (
    *(("ageInDays", 1.0), ("ageInDaysNeonate", 1.0), ("age_neonate_days", 1.0), ("age_neonate_hours", 1 / 24)),
    *(("age_neonate_minutes", 1 / 1440), ("age_child_days", 1.0), ("age_child_months", _MONTH)),
    *(("age_child_years", _YEAR), ("age_adult", _YEAR), ("ageInYears", _YEAR), ("ageInMonths", _MONTH)),
    ("ageInYears2", _YEAR),
)
"""Columns in the order in which they are asked, and days in their unit."""

DAYS_OF_AGES: Final = dict(_UNITS)
"""Column of an age -> days in its unit."""

DATES: Final = ("Id10021", "Id10023", "Id10023_a", "Id10023_b")
"""Date of birth, and of death as three questions."""

AGE_GROUPS: Final = {
    "i022a": (65 * _YEAR, np.inf),
    "i022b": (50 * _YEAR, 65 * _YEAR),
    "i022c": (15 * _YEAR, 50 * _YEAR),
    "i022d": (5 * _YEAR, 15 * _YEAR),
    "i022e": (_YEAR, 5 * _YEAR),
    "i022f": (28.0, _YEAR),
    "i022g": (0.0, 28.0),
}
"""Indicator of an age group -> days from which, and below which, it holds."""

AGE_SUBGROUPS: Final = {
    "i022h": (0.0, 1.0, ""),
    "i022i": (1.0, 2.0, ""),
    "i022j": (2.0, 7.0, ""),
    "i022k": (7.0, 28.0, ""),
    "i022l": (12 * _YEAR, 20 * _YEAR, "i019b"),
    "i022m": (20 * _YEAR, 35 * _YEAR, "i019b"),
    "i022n": (35 * _YEAR, 50 * _YEAR, "i019b"),
}
"""The same for parts of age groups, with the indicator that must be present: days of neonates, ages of women."""


def age_in_days(answers: OdkAnswers, order: DateOrder = "auto", latest_year: int | None = None) -> Days:
    """Return the age at death in days, NaN where neither an age nor both dates are known.

    Zero in years or months is no age in days: the death may be of a neonate or of an infant.
    """
    age = np.full(answers.n_rows, np.nan)
    for question, days in _UNITS:
        number = answers.number(question)
        number = np.where((number == 0) & (days > 1), np.nan, number)
        age = np.where(np.isnan(age), number * days, age)
    unknown = np.flatnonzero(np.isnan(age))
    if len(unknown):
        born, *deaths = _dates(answers, order, latest_year).values()
        for k in unknown.tolist():
            first, last = born[k], next((dates[k] for dates in deaths if dates[k] is not None), None)
            if first is not None and last is not None and last >= first:
                age[k] = (last - first).days
    return age


def unread_dates(
    answers: OdkAnswers, age: Days, order: DateOrder = "auto", latest_year: int | None = None
) -> dict[str, Counter[str]]:
    """Return the forms of cells that are no dates, by question, among deaths whose age would follow from them.

    A form is a cell without its content (`shape_of`), because a date of birth may name a person.
    """
    texts, dates = {q: answers.text(q) for q in DATES}, _dates(answers, order, latest_year)
    unread = {q: Counter[str]() for q in DATES}
    for k in np.flatnonzero(np.isnan(age)).tolist():
        filled = {q for q in DATES if not (is_blank(texts[q][k]) or answers.is_not_known(q, texts[q][k]))}
        if DATES[0] in filled and len(filled) > 1:
            unread_here = {q for q in filled if dates[q][k] is None}
            if any(dates[q][k] is not None for q in DATES[1:]):
                unread_here &= {DATES[0]}
            for question in unread_here:
                unread[question][shape_of(texts[question][k])] += 1
    return {question: cells for question, cells in unread.items() if cells}


def died_before_birth(
    answers: OdkAnswers, order: DateOrder = "auto", latest_year: int | None = None
) -> tuple[int, int]:
    """Return how many deaths were before the birth, and how many have both dates, among those without another age."""
    unknown = np.ones(answers.n_rows, dtype=bool)
    for question, days in _UNITS:
        number = answers.number(question)
        unknown &= np.isnan(number) | ((number == 0) & (days > 1))
    born, *deaths = _dates(answers, order, latest_year).values()
    wrong = both = 0
    for k in np.flatnonzero(unknown).tolist():
        first, last = born[k], next((dates[k] for dates in deaths if dates[k] is not None), None)
        if first is not None and last is not None:
            wrong, both = wrong + (last < first), both + 1
    return wrong, both


def _dates(answers: OdkAnswers, order: DateOrder, latest_year: int | None) -> dict[str, list[datetime.date | None]]:
    """Return the dates by question; a column that does not say its order has that of the others, if they agree."""
    texts = {question: answers.text(question) for question in DATES}
    orders = {question: order if order != "auto" else order_of(cells) for question, cells in texts.items()}
    known = {o for o in orders.values() if o != "auto"}
    shared = known.pop() if len(known) == 1 else "auto"
    orders = {q: shared if known_order == "auto" else known_order for q, known_order in orders.items()}
    return {question: read_dates(cells, orders[question], latest_year) for question, cells in texts.items()}


def is_female(answers: OdkAnswers) -> npt.NDArray[np.float64]:
    """Return 1 for female, 0 for male, NaN where the sex is not known."""
    female = np.full(answers.n_rows, np.nan)
    if answers.has("Id10019"):
        female[answers.chosen("Id10019", frozenset({"female"})) == 1] = 1
        female[answers.chosen("Id10019", frozenset({"male"})) == 1] = 0
    return female


def is_stillbirth(answers: OdkAnswers, age: Days) -> npt.NDArray[np.bool_]:
    """Return the stillbirths: born dead, or a baby that never cried, never moved and never breathed.

    A death at an `age` of 28 days or more is none.
    """
    no_sign = np.ones(answers.n_rows, dtype=bool)
    for question in ("Id10104", "Id10109", "Id10110"):
        no_sign &= answers.yes_no(question) == 0
    born_dead: Truth = answers.yes_no("Id10114")
    breathed = answers.yes_no("Id10110") == 1
    return (no_sign | ((born_dead == 1) & (answers.yes_no("Id10104") == 0) & ~breathed)) & ~(age >= _NEONATE)
