"""The answers that EAVA needs: indicators of InterVA-5 and columns added to them, with the age in days.

In: `Deaths` in which the indicators are symptoms, and the added columns symptoms or covariates. Out: tests on answers,
three-valued where the original's treatment of missing cells is asked for.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.data.eava_columns import DONT_KNOW, EAVA_COLUMNS
from va_experiments.errors import InputError, did_you_mean
from va_experiments.models.eava.three_valued import Truth

__all__ = ["ADDED_LATER", "INDICATORS", "NOT_ASSESSED_BY_EAVA", "Answers", "check_columns"]

INDICATORS: Final = (
    *("i077o", "i104o", "i105o", "i106a", "i107o", "i109o", "i110o", "i111o", "i112o", "i113o", "i115o", "i127o"),
    *("i147o", "i149o", "i150a", "i153o", "i156o", "i158o", "i159o", "i166o", "i172o", "i181o", "i186o", "i188o"),
    *("i200o", "i208o", "i215o", "i218o", "i219o", "i233o", "i235a", "i235b", "i235d", "i239o", "i240o", "i241o"),
    *("i244o", "i245o", "i249o", "i256o", "i265o", "i268o", "i271o", "i273o", "i275o", "i276o", "i278o", "i281o"),
    *("i282o", "i283o", "i284o", "i286o", "i287o", "i288o", "i289o", "i290o", "i367b", "i367c", "i370o", "i371o"),
    *("i372o", "i373o", "i161a"),
)
"""Indicators of InterVA-5 that some rule asks for."""

ADDED_LATER: Final = ("i173d", "i184b", "swell_duration")
"""Columns that version 1.1.0 added: files made for 1.0.0 lack them, and they then count as not known."""

NOT_ASSESSED_BY_EAVA: Final = ("stillbirth", "another age", "age not known")
"""Reasons for which EAVA does not assess a death."""

_FIRST_VERSION = ("i183c", "i182e", "i120d", "i250b", "i120c")
"""Columns that only version 1.0.0 needs."""

_AGE_GROUPS: Final = {"i022h": 0, "i022i": 1, "i022j": 4, "i022k": 14, "i022f": 180, "i022e": 1000}
"""Indicator of an age group -> an age in days within it, where the age itself is not known."""

_DAYS_IN_YEAR = 365.25


def check_columns(deaths: Deaths, version: str) -> list[str]:
    """Return the reasons why EAVA cannot be used on these data."""
    known = {c.casefold() for c in (*deaths.symptom_names, *deaths.covariates)}
    optional = (*ADDED_LATER, *(() if version == "1.0.0" else _FIRST_VERSION))
    problems = []
    if absent := [c for c in INDICATORS if c not in known]:
        problems.append(
            f"EAVA: data '{deaths.name}' lacks {len(absent)} of the {len(INDICATORS)} indicators of InterVA-5 that it "
            f"needs ({', '.join(absent[:5])}, ...); expected data=who2016_odk, data=who2016 data.eava_columns=true, "
            f"or a table with these columns{did_you_mean(absent[0], deaths.symptom_names)}"
        )
    elif absent := [c for c in EAVA_COLUMNS if c not in known and c not in optional]:
        problems.append(
            f"EAVA: data '{deaths.name}' lacks {len(absent)} of the columns that EAVA adds to the indicators "
            f"({', '.join(absent[:5])}, ...); read an ODK export with data=who2016_odk, which makes them, or a table "
            "that has them with data=who2016 data.eava_columns=true"
        )
    return problems


class Answers:
    """Tests on the answers of some deaths.

    Parameters
    ----------
    deaths : Deaths
    poisoned : bool
        A cell that is empty makes every test on it "not available", as in R; else it is neither yes nor no.
    """

    def __init__(self, deaths: Deaths, *, poisoned: bool) -> None:
        self._symptoms = {name.casefold(): j for j, name in enumerate(deaths.symptom_names)}
        self._covariates = {name.casefold(): values for name, values in deaths.covariates.items()}
        self._deaths, self._poisoned = deaths, poisoned
        self.age = self._age()
        """Age in days, NaN where it is not known."""

    def yes(self, *names: str) -> Truth:
        """Return whether one of these answers is yes; names are codes such as ``147`` or columns."""
        return self._any(names, 1)

    def no(self, *names: str) -> Truth:
        """Return whether one of these answers is no."""
        return self._any(names, 0)

    def unsure(self, name: str) -> Truth:
        """Return whether the answer is "does not know" or "refused"."""
        return (self.value(name) == DONT_KNOW).astype(np.int8)

    def known(self, name: str) -> Truth:
        """Return whether the answer is yes or no."""
        return np.isin(self.value(name), (0, 1)).astype(np.int8)

    def value(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column as it is stored: 1 yes, 0 no, -1 not known, NaN for an empty cell."""
        if name in self._symptoms:
            return self._deaths.symptoms[:, self._symptoms[name]].astype(np.float64)
        if name in self._covariates:
            return self._covariates[name]
        return np.full(len(self._deaths), -1.0)

    def aged(self, low: float, high: float) -> Truth:
        """Return whether the age is at least `low` and below `high` days."""
        return ((self.age >= low) & (self.age < high)).astype(np.int8)

    def _any(self, names: tuple[str, ...], answer: int) -> Truth:
        truth = np.zeros(len(self._deaths), dtype=np.int8)
        for name in names:
            value = self.value(self._column(name))
            truth[value == answer] = 1
            if self._poisoned:
                truth[np.isnan(value) & (truth == 0)] = -1
        return truth

    def _column(self, name: str) -> str:
        """Return the column of a code: 147 is i147o, 183b is i183b; other names are columns themselves."""
        if not name[:1].isdigit():
            return name
        column = f"i{name}" if name[-1].isalpha() else f"i{name}o"
        return column.casefold()

    def _age(self) -> npt.NDArray[np.float64]:
        age = np.full(len(self._deaths), np.nan)
        if "age_days" in self._covariates:
            age = self._covariates["age_days"].copy()
        elif "age" in self._covariates:
            days = self._covariates["age"] * _DAYS_IN_YEAR
            whole = np.rint(days)
            age = np.where(np.abs(days - whole) < 1e-6, whole, days)
        for name, days_of_group in _AGE_GROUPS.items():
            age[np.isnan(age) & (self.value(name) == 1)] = days_of_group
        return age


def refuse(problems: list[str]) -> None:
    """Raise `InputError` with all problems, if there are any."""
    if problems:
        raise InputError(problems)
