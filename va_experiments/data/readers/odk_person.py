"""Age, sex and stillbirth of the deaths in an ODK export of the WHO 2016 questionnaire.

The questionnaire calculates the age from the dates of birth and death, or asks for it in one of three units: days for
neonates, days, months or years for children, years for adults. In: answers. Out: age in days and sex of each death.
"""

from __future__ import annotations

import datetime
import re
from typing import Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.who2016_table import Truth

__all__ = ["AGE_GROUPS", "age_in_days", "is_female", "is_stillbirth"]

Days = npt.NDArray[np.float64]

_YEAR, _MONTH = 365.25, 30.4
_UNITS = (
    *(("ageInDays", 1.0), ("ageInDaysNeonate", 1.0), ("age_neonate_days", 1.0), ("age_neonate_hours", 1 / 24)),
    *(("age_neonate_minutes", 1 / 1440), ("age_child_days", 1.0), ("age_child_months", _MONTH)),
    *(("age_child_years", _YEAR), ("age_adult", _YEAR), ("ageInYears", _YEAR), ("ageInMonths", _MONTH)),
)
"""Columns in the order in which they are asked, and days in their unit."""

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

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_NAMED = re.compile(r"([a-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})", re.IGNORECASE)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {m: k for k, m in enumerate(_NAMES, start=1)}


def age_in_days(answers: OdkAnswers) -> Days:
    """Return the age at death in days, NaN where neither an age nor both dates are known."""
    age = np.full(answers.n_rows, np.nan)
    for question, days in _UNITS:
        age = np.where(np.isnan(age), answers.number(question) * days, age)
    unknown = np.flatnonzero(np.isnan(age))
    if len(unknown):
        born, died = answers.text("Id10021"), answers.text("Id10023")
        others = [answers.text("Id10023_a"), answers.text("Id10023_b")]
        for k in unknown.tolist():
            first = _date(born[k])
            last = next((d for d in (_date(t) for t in (died[k], others[0][k], others[1][k])) if d is not None), None)
            if first is not None and last is not None and last >= first:
                age[k] = (last - first).days
    return age


def is_female(answers: OdkAnswers) -> npt.NDArray[np.float64]:
    """Return 1 for female, 0 for male, NaN where the sex is not known."""
    female = np.full(answers.n_rows, np.nan)
    if answers.has("Id10019"):
        female[answers.chosen("Id10019", frozenset({"female"})) == 1] = 1
        female[answers.chosen("Id10019", frozenset({"male"})) == 1] = 0
    return female


def is_stillbirth(answers: OdkAnswers) -> npt.NDArray[np.bool_]:
    """Return the stillbirths: born dead, or a baby that never cried, never moved and never breathed."""
    no_sign = np.ones(answers.n_rows, dtype=bool)
    for question in ("Id10104", "Id10109", "Id10110"):
        no_sign &= answers.yes_no(question) == 0
    born_dead: Truth = answers.yes_no("Id10114")
    breathed = answers.yes_no("Id10110") == 1
    return no_sign | ((born_dead == 1) & (answers.yes_no("Id10104") == 0) & ~breathed)


def _date(text: str) -> datetime.date | None:
    """Return a date written as 2018-06-12 or Jun 12, 2018, with or without a time; None for any other text."""
    try:
        if match := _ISO.match(text.strip()):
            return datetime.date(int(match[1]), int(match[2]), int(match[3]))
        if (match := _NAMED.match(text.strip())) and match[1].casefold() in _MONTHS:
            return datetime.date(int(match[3]), _MONTHS[match[1].casefold()], int(match[2]))
    except ValueError:
        return None
    return None
