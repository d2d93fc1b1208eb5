"""Divide deaths into strata: by site, sex, age group, or any column with few values.

In: a data set and the name of a column. Out: the label of each stratum and the stratum of each death.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.data.text_columns import MOST_TEXTS, NOT_KNOWN
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["AGE_GROUPS", "Strata", "strata_of"]

AGE_GROUPS: Sequence[tuple[str, float]] = (
    ("neonate", 28 / 365.25),
    ("28 days to 4 years", 5),
    ("5 to 14 years", 15),
    ("15 to 49 years", 50),
    ("50 to 64 years", 65),
    ("65 years and over", np.inf),
)
"""Label of each group, and the age in years below which it ends."""

MOST_VALUES = 12
UNKNOWN = "unknown"
_SEX = ("i019a", "i019b")
"""InterVA-5's indicators of a man and of a woman."""
_AGES = ("i022g", "i022f", "i022e", "i022d", "i022c", "i022b", "i022a")
_AGE_LABELS = (
    *("neonate", "1 to 11 months", "1 to 4 years", "5 to 14 years", "15 to 49 years", "50 to 64 years"),
    "65 years and over",
)
"""InterVA-5's indicators of the age, and what they say."""


@dataclass(frozen=True, eq=False)
class Strata:
    """The strata of a data set by one column.

    Parameters
    ----------
    name : str
    labels : tuple of str
    code : int array, shape (n_deaths,)
        Index into `labels`.
    """

    name: str
    labels: tuple[str, ...]
    code: npt.NDArray[np.int16]

    def masks(self, rows: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[np.bool_]]:
        """Return which of these rows are in each stratum that has any, by ``name=label``."""
        codes = self.code[rows]
        return {f"{self.name}={self.labels[k]}": codes == k for k in np.unique(codes).tolist()}


def strata_of(deaths: Deaths, name: str) -> Strata:
    """Return the strata by a column: ``site``, ``sex``, ``age_group``, a symptom, numbers with few values, or a text.

    A column of `Deaths.strata_columns` goes before another of the same name.

    Raises
    ------
    InputError
        If the data do not have the column, or it has too many values.
    """
    if name == "site":
        return Strata(name, deaths.sites, deaths.site.astype(np.int16))
    if name in deaths.strata_columns:
        return _text(deaths, name)
    lower = {s.lower(): k for k, s in enumerate(deaths.symptom_names)}
    if name == "sex":
        stratum = _sex(deaths, lower)
    elif name == "age_group":
        stratum = _age_group(deaths, lower)
    elif name in deaths.covariates:
        stratum = _few_values(deaths, name)
    elif name in deaths.symptom_names:
        answers = deaths.symptoms[:, deaths.symptom_names.index(name)]
        stratum = Strata(name, ("no", "yes", UNKNOWN), np.where(answers < 0, 2, answers).astype(np.int16))
    else:
        known = ["site", "sex", "age_group", *deaths.strata_columns, *deaths.covariates, *deaths.symptom_names]
        raise InputError(
            f"strata: data '{deaths.name}' have no column {shown(name)}; known: site, sex, age_group, columns "
            f"of data.strata_columns ({', '.join(deaths.strata_columns) or 'none'}), numbers "
            f"({', '.join(deaths.covariates) or 'none'}) and symptoms{did_you_mean(name, known)}"
        )
    if stratum is None:
        way = "data.sex" if name == "sex" else "data.age"
        raise InputError(f"strata: data '{deaths.name}' do not say the {name}; name its column with {way}=COLUMN")
    return stratum


def _sex(deaths: Deaths, lower: dict[str, int]) -> Strata | None:
    labels = ("male", "female", UNKNOWN)
    for column in ("female", "sex"):
        if column in deaths.covariates:
            value = deaths.covariates[column]
            return Strata("sex", labels, np.where(np.isnan(value), 2, value == 1).astype(np.int16))
    if all(c in lower for c in _SEX):
        man, woman = (deaths.symptoms[:, lower[c]] == 1 for c in _SEX)
        return Strata("sex", labels, np.where(man, 0, np.where(woman, 1, 2)).astype(np.int16))
    return None


def _age_group(deaths: Deaths, lower: dict[str, int]) -> Strata | None:
    if "age" in deaths.covariates:
        age = deaths.covariates["age"]
        ends = np.array([end for _, end in AGE_GROUPS[:-1]])
        code = np.where(np.isnan(age), len(AGE_GROUPS), np.searchsorted(ends, age, side="right"))
        return Strata("age_group", (*(label for label, _ in AGE_GROUPS), UNKNOWN), code.astype(np.int16))
    if all(c in lower for c in _AGES):
        answered = deaths.symptoms[:, [lower[c] for c in _AGES]] == 1
        code = np.where(answered.any(axis=1), answered.argmax(axis=1), len(_AGES))
        return Strata("age_group", (*_AGE_LABELS, UNKNOWN), code.astype(np.int16))
    return None


def _text(deaths: Deaths, name: str) -> Strata:
    column = deaths.strata_columns[name]
    if len(column.values) > MOST_TEXTS:
        raise InputError(
            f"strata: column {shown(name)} of data '{deaths.name}' has {len(column.values)} values; expected at most "
            f"{MOST_TEXTS}"
        )
    code = np.where(column.code < 0, len(column.values), column.code)
    return Strata(name, (*column.values, NOT_KNOWN), code.astype(np.int16))


def _few_values(deaths: Deaths, name: str) -> Strata:
    value = deaths.covariates[name]
    distinct = np.unique(value[~np.isnan(value)])
    if len(distinct) > MOST_VALUES:
        hint = "; choose age_group" if name == "age" else ""
        raise InputError(
            f"strata: '{name}' of data '{deaths.name}' has {len(distinct)} values; expected at most {MOST_VALUES}{hint}"
        )
    code = np.where(np.isnan(value), len(distinct), np.searchsorted(distinct, value))
    return Strata(name, (*(f"{v:g}" for v in distinct.tolist()), UNKNOWN), code.astype(np.int16))
