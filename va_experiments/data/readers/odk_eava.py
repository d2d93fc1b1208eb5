"""Make the columns that EAVA needs beside the indicators of InterVA-5 from the answers of an ODK export.

Source: the documented conversion of EAVA (WHO 2016 version 1.5.1 to its columns).
`va_experiments.data.eava_columns` says what their values mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.eava_columns import DONT_KNOW, EAVA_COLUMNS
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.who2016_table import Condition

__all__ = ["eava_columns_of"]

Column = npt.NDArray[np.float64]

_LONGER_THAN: Final = {
    "i183b": ("Id10183", 4),
    "i183c": ("Id10183", 4),
    "i184b": ("Id10184_b", 14),
    "i182d": ("Id10182", 30),
    "i182e": ("Id10182", 14),
    "i148d": ("Id10148", 30),
    "i148e": ("Id10148", 2),
    "i234c": ("Id10234", 30),
    "i234d": ("Id10234", 2),
    "i154c": ("Id10154", 14),
    "i154d": ("Id10154", 2),
    "i161b": ("Id10161", 0),
    "i167c": ("Id10167", 0),
    "i167d": ("Id10167", 2),
}
"""Column -> question, and the days (stools in i183b and i183c) that it must exceed."""

_CHOICES: Final = {
    "i173b": ("Id10173", frozenset({"grunting"})),
    "i173c": ("Id10173", frozenset({"stridor"})),
    "i173d": ("Id10173", frozenset({"stridor", "grunting", "wheezing"})),
    "i151b": ("Id10151", frozenset({"on_and_off"})),
}
_HIV_TESTS: Final = {"i126o": "Id10126", "i446o": "Id10446"}


def eava_columns_of(answers: OdkAnswers, age: Column) -> dict[str, Column]:
    """Return the columns of the deaths in an ODK export.

    Parameters
    ----------
    answers : OdkAnswers
        With calculated durations.
    age : float64 array, shape (n_deaths,)
        In days, NaN where not known.
    """
    made = {
        name: _known(answers.number(question), answers.number(question) > limit)
        for name, (question, limit) in _LONGER_THAN.items()
    }
    for name, (question, choices) in _CHOICES.items():
        made[name] = answers.truth(question, Condition("choice", choices)).astype(np.float64)
    for name, question in _HIV_TESTS.items():
        made[name] = np.where(answers.not_known(question), DONT_KNOW, answers.yes_no(question))
    illness, swelling = answers.number("Id10120"), answers.number("Id10250")
    for name, days in (("i120c", illness), ("i250b", swelling)):
        made[name] = np.where(np.isnan(days), -1, days)
    since = np.floor(age) - answers.number("Id10167")
    made["i120d"] = _known(illness, illness <= 1)
    made["fb_day0"] = np.where(since < 0, -1, _known(since, since == 0))
    made["swell_duration"] = _known(swelling + illness, swelling >= illness)
    return {"age_days": age, **{name: made[name] for name in EAVA_COLUMNS}}


def _known(of: Column, holds: npt.NDArray[np.bool_]) -> Column:
    return np.where(np.isnan(of), -1.0, holds)
