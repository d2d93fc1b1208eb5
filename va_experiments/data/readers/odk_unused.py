"""Find cells that a program filled in where nothing was asked, and ages in another unit than that of their column.

In: the answers of an ODK export. Out: ages of unused units are set to not known, with a ledger; questions to the user
where a number may be an answer or none.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_header import AGES
from va_experiments.data.readers.odk_person import DAYS_OF_AGES
from va_experiments.data.readers.who2016_table import kinds, rules

__all__ = ["ask_about_ages", "ask_about_map", "ask_about_zeros", "clear_unused_ages"]

Column = npt.NDArray[np.float64]

_FEWEST = 5
"""Deaths from which on a number in an age column may be one that a program writes everywhere."""

_FILLERS = (88.0, 99.0)
_MANY_ZEROS = 10
_DAYS_OF_NEONATES = 28.0
_CALCULATED = ("ageInDays", "ageInDaysNeonate")
_LIKE_YEARS = (20, 130.0)
"""So many deaths, none of them older than this number of days: their ages may be in years."""


def clear_unused_ages(answers: OdkAnswers) -> list[LedgerEntry]:
    """Set ages to not known that a program wrote into the columns of the units in which the age was not given.

    Such a number contradicts the age in another column: 0 days of a child of 3 years, 99 months of an adult of 60
    years, 0 years of a child where the death is that of a neonate. It is one where most deaths with an age in another
    column have it.
    """
    ledger = []
    ages = {q: answers.number(q) for q in DAYS_OF_AGES if answers.has(q)}
    for question, age in ages.items():
        size = DAYS_OF_AGES[question]
        longer = [v >= 1 for q, v in ages.items() if DAYS_OF_AGES[q] > max(size, 1)]
        changed = np.zeros(answers.n_rows, dtype=bool)
        if longer and size < max(DAYS_OF_AGES.values()):
            changed |= _if_most((age == 0) & np.any(longer, axis=0), np.any(longer, axis=0) & ~np.isnan(age))
        if question == "age_child_years":
            young = [(v < _DAYS_OF_NEONATES) & (v * DAYS_OF_AGES[q] < _DAYS_OF_NEONATES)
                     for q, v in ages.items() if DAYS_OF_AGES[q] == 1]  # fmt: skip
            young = young or [np.zeros(answers.n_rows, dtype=bool)]
            changed |= _if_most((age == 0) & np.any(young, axis=0), np.any(young, axis=0) & ~np.isnan(age))
        positive = [(v > 0) & ~np.isin(v, _FILLERS) for q, v in ages.items() if q != question]
        for code in _FILLERS if positive else ():
            is_code, other = age == code, np.any(positive, axis=0)
            differ = [~_alike(code, size, v, DAYS_OF_AGES[q]) for q, v in ages.items() if q != question]
            wrong = is_code & np.any([t & d for t, d in zip(positive, differ, strict=True)], axis=0)
            changed |= is_code & other & _if_most(wrong, other).any()
        if changed.any():
            answers.put_number(question, np.where(changed, np.nan, age))
            numbers = tuple(sorted({f"{v:g}" for v in age[changed]}))
            ledger.append(LedgerEntry("set missing", question, int(changed.sum()), _UNUSED, numbers))
    return ledger


_UNUSED = "numbers in a unit in which the age was not given; another column has the age"


def ask_about_ages(answers: OdkAnswers, where: str) -> list[str]:
    """Return the problem of ages in days that are probably years."""
    if not answers.has("ageInDays"):
        return []
    days = answers.number("ageInDays")
    most = float(np.nanmax(days, initial=0.0)) if np.isfinite(days).any() else 0.0
    if answers.is_mapped("ageInDays", f"{most:g}"):
        return []
    rest = (
        f": are they years? If so, rename the column to ageInYears, or leave it out with 'data.exclude=[ageInDays]' "
        f"where another column has the age; if they are days, say data.value_map={{ageInDays: "
        f'{{"{most:g}": "{most:g}"}}}}'
    )
    for question in ("ageInYears", "ageInYears2", "age_adult", "age_child_years"):
        years = answers.number(question)
        both = (years >= 1) & ~np.isnan(days)
        same = both & (years == np.floor(days))
        if int(same.sum()) >= _FEWEST and 2 * int(same.sum()) > int(both.sum()):
            return [f"{where}: ageInDays equals {question} in {int(same.sum()):,} rows{rest}"]
    known = days[~np.isnan(days)]
    elsewhere = [np.isfinite(answers.number(q)) for q in DAYS_OF_AGES if q not in _CALCULATED and answers.has(q)]
    alone = int(np.isnan(np.where(np.any(elsewhere, axis=0), 0.0, np.nan)).sum()) if elsewhere else answers.n_rows
    older = int((known >= _DAYS_OF_NEONATES).sum())
    if len(known) < _LIKE_YEARS[0] or most > _LIKE_YEARS[1] or 2 * older <= len(known) or 2 * alone <= answers.n_rows:
        return []
    return [
        f"{where}: no ageInDays of {len(known):,} deaths is above {most:g}, and {older:,} are 28 or more, as ages in "
        f"years would be{rest}"
    ]


def ask_about_zeros(answers: OdkAnswers, where: str, version: str) -> list[str]:
    """Return the problem of 0 in place of an empty cell: where a question was not asked, 0 is no answer."""
    questions = {rule.indicator: rule.question for rule in rules(version) if kinds().get(rule.question) == "yes_no"}
    zeros = skipped = 0
    prerequisites = {rule.question: questions[rule.prerequisite] for rule in rules(version)
             if rule.prerequisite in questions and kinds().get(rule.question) == "number"}  # fmt: skip
    for question, first in prerequisites.items():
        if answers.has(question) and answers.has(first):
            no, numbers = answers.yes_no(first) == 0, answers.number(question, coded=False)
            skipped += int(no.sum())
            zeros += int((no & (numbers == 0)).sum())
    if zeros < _MANY_ZEROS or 2 * zeros <= skipped:
        return []
    unclear = {}
    for question, kind in kinds().items():
        asks = kind == "number" and question not in AGES and answers.has(question)
        if asks and (answers.number(question) == 0).any() and not answers.is_mapped(question, "0"):
            unclear[question] = {"0": "dk"}
    if not unclear:
        return []
    option = shlex.quote(f"data.value_map={json.dumps(unclear)}")
    return [
        f"{where}: {zeros:,} of {skipped:,} cells hold 0 where the question was not asked (such as days of fever after "
        f'"no fever"): do the zeros of this export mean that the cell is empty? Say {option}, or "0" in place of dk '
        "for each question in which 0 is a number"
    ]


def ask_about_map(answers: OdkAnswers, where: str) -> list[str]:
    """Return the problem of numbers that `value_map` says are not known in all questions, and that may be days."""
    maps: dict[str, Mapping[str, str]] = {}
    total = 0
    for question, cells in answers.passed_numbers.items():
        maps[question] = dict.fromkeys(sorted(cells), "dk")
        total += cells.total()
    if not maps:
        return []
    option = shlex.quote(f"data.value_map={json.dumps(maps)}")
    return [
        f"{where}: data.value_map gives a number for all questions that also stands {total:,} times in questions that "
        f"are answered with a number ({', '.join(list(maps)[:5])}): does it mean there that the answer is not known? "
        f"Add {option}, or the number itself in place of dk if it is a number"
    ]


def _if_most(some: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    enough = int(some.sum()) >= _FEWEST and 2 * int(some.sum()) > int(of.sum())
    return some if enough else np.zeros(len(some), dtype=bool)


def _alike(code: float, size: float, other: Column, other_size: float) -> npt.NDArray[np.bool_]:
    """Check whether two numbers in units of so many days are the same age, to one unit of the coarser."""
    return np.abs(code * size - other * other_size) <= max(size, other_size)
