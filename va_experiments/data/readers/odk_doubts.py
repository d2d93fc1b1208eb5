"""Find what an ODK export says in two ways: codes of yes and no that may be swapped, ages that differ between columns.

In: the answers of an export. Out: questions to the user where a wrong reading would change most answers; entries of the
ledger, of which a run warns, where single deaths are concerned.
"""

from __future__ import annotations

import numpy as np

from va_experiments.data.deaths import ABSENT, DOUBTS, PRESENT, LedgerEntry
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_dates import DateOrder
from va_experiments.data.readers.odk_person import DAYS_OF_AGES, died_before_birth
from va_experiments.data.readers.odk_words import NO, YES
from va_experiments.data.readers.who2016_table import kinds

__all__ = ["ask_about_order_of_dates", "ask_about_yes_and_no", "differing_ages"]

_ENOUGH_ANSWERS = 200
_MOST_YES = 0.5
"""Share of yes among the answers above which numbers for yes and no may stand the other way round."""

_OWN_UNIT = "ageInMonths"
"""In version 1.5, the months beyond the years: it is no age by itself."""


def ask_about_yes_and_no(answers: OdkAnswers, where: str) -> list[str]:
    """Return the problem of numbers for yes and no with which most answers say yes."""
    words = answers.plain_words()
    no = "2" if {"1", "2"} <= words and "0" not in words else "0"
    if not {"1", no} <= words or any(w in YES | NO and not w.isdigit() for w in words):
        return []
    questions = [q for q, kind in kinds().items() if kind == "yes_no" and answers.has(q)]
    if any(answers.is_mapped(q, "1") or answers.is_mapped(q, no) for q in questions):
        return []
    read = [answers.yes_no(q) for q in questions]
    yes, both = (sum(int(np.isin(r, kinds_).sum()) for r in read) for kinds_ in ([PRESENT], [PRESENT, ABSENT]))
    if both < _ENOUGH_ANSWERS or yes <= _MOST_YES * both:
        return []
    return [
        f'{where}: {yes / both:.0%} of the answers say yes, with "1" for yes and "{no}" for no: do the numbers stand '
        f'the other way round? Say \'data.value_map={{"1": no, "{no}": yes}}\' if they do, or '
        f'\'data.value_map={{"1": yes, "{no}": no}}\' if not'
    ]


def differing_ages(answers: OdkAnswers) -> list[LedgerEntry]:
    """Return the entry of deaths whose ages in several columns differ by more than a unit of the coarser one."""
    ages = {q: answers.number(q) for q in DAYS_OF_AGES if answers.has(q) and q != _OWN_UNIT}
    differ = np.zeros(answers.n_rows, dtype=bool)
    first, size = np.full(answers.n_rows, np.nan), np.ones(answers.n_rows)
    names: set[str] = set()
    for question, age in ages.items():
        days = DAYS_OF_AGES[question]
        apart = np.abs(age * days - first) > np.maximum(size, days)
        if apart.any():
            names.add(question)
        differ |= apart
        new = np.isnan(first) & ~np.isnan(age) & ~((age == 0) & (days > 1))
        first, size = np.where(new, age * days, first), np.where(new, days, size)
    if not differ.any():
        return []
    return [LedgerEntry("noted", "*", int(differ.sum()), DOUBTS[0], tuple(sorted(names)))]


def ask_about_order_of_dates(
    answers: OdkAnswers,
    where: str,
    order: DateOrder,
    latest_year: int | None,
    max_unknown: float,
    ledger: list[LedgerEntry],
) -> list[str]:
    """Return the problem of many deaths before birth; a few are counted in the ledger, and their age is not known."""
    wrong, both = died_before_birth(answers, order, latest_year)
    if not wrong:
        return []
    if wrong > max_unknown * both:
        return [
            f"{where}: {wrong:,} of {both:,} deaths whose age follows from the dates alone were before the birth "
            "(Id10021; Id10023): correct the dates, or say in which order they have day and month (data.date_order), "
            "or leave the date of birth out with 'data.exclude=[Id10021]'"
        ]
    ledger.append(LedgerEntry("set missing", "Id10021", wrong, DOUBTS[1]))
    return []
