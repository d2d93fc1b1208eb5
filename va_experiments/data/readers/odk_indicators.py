"""From the answers of an ODK export to the 353 indicators of InterVA-5, with a ledger of what reading changed.

In: answers by question. Out: one byte for each death and indicator (1 yes, 0 no, -1 not known).
"""

from __future__ import annotations

import json
import shlex

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import ABSENT, DOUBTS, MISSING, NOT_ASKED, NOT_UNDERSTOOD, PRESENT, LedgerEntry
from va_experiments.data.number_codes import codes_in_heaps
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.odk_answers import CODED_NUMBERS, OdkAnswers
from va_experiments.data.readers.odk_durations import DURATIONS, Duration
from va_experiments.data.readers.odk_header import AGES
from va_experiments.data.readers.odk_person import AGE_GROUPS, AGE_SUBGROUPS
from va_experiments.data.readers.who2016_table import Truth, all_of, any_of, choices, kinds, rules

__all__ = [
    "ask_about_blanks",
    "ask_about_codes",
    "calculate_durations",
    "indicators",
    "not_understood",
    "note_answers",
    "rows_of_labels",
]

_DAYS_IN_MONTH = 30

_CODES = (77.0, 97.0, 98.0, 777.0, 997.0, 998.0)
"""Further numbers that forms use for "not known", "refused" and "not applicable"."""

_ENOUGH = 20
"""Deaths, and questions, from which on a table in which nobody says no is asked about."""


def calculate_durations(answers: OdkAnswers, version: str) -> list[LedgerEntry]:
    """Fill in the calculated questions that an export lacks, and bring those in months back to days.

    Version 1.4 calculates none of them: the table has its questions with days, months and years one by one.
    """
    ledger = []
    made: list[str] = []
    for question, duration in DURATIONS.items():
        parts = [q for q in duration.parts if answers.has(q)]
        if answers.has(question):
            changed = _corrected(answers, question, duration, version) if parts else 0
            if changed:
                ledger.append(
                    LedgerEntry("corrected", question, changed, "the export holds months; the indicator counts days")
                )
        elif version == "1.5" and (parts or (duration.neonate and answers.has(duration.neonate))):
            answers.put_number(question, _calculated(answers, duration))
            made.append(question)
    if not answers.has("Id10173") and (sounds := [q for q in ("Id10173_nc", "Id10173_a") if answers.has(q)]):
        made.append("Id10173")
        for question in sounds:
            join_choices(answers, question)
        answers.rename(sounds, "Id10173")
    if not answers.has("ageInDaysNeonate"):
        days, neonate_days = answers.number("ageInDays"), answers.number("age_neonate_days")
        answers.put_number("ageInDaysNeonate", np.where(np.isnan(days), neonate_days, days))
    if made:
        reason = "questions are calculated from their parts, because the export lacks them"
        ledger.append(LedgerEntry("corrected", "*", len(made), reason, tuple(made[:5])))
    return ledger


def indicators(answers: OdkAnswers, version: str, age: npt.NDArray[np.float64] | None) -> Truth:
    """Return the indicators, int8 of shape (n_deaths, 353).

    Parameters
    ----------
    answers : OdkAnswers
    version : {"1.4", "1.5"}
        Version of the questionnaire.
    age : float64 array, shape (n_deaths,), or None
        Age in days: a death without any age group gets the one of its age. None: no such deaths are looked for.
    """
    names = read_probbase().indicators
    truths: dict[str, Truth] = {}
    for rule in rules(version):
        truth = answers.truth(rule.question, rule.condition)
        if rule.prerequisite:
            truth = all_of(truth, truths[rule.prerequisite])
        before = truths.get(rule.indicator)
        truths[rule.indicator] = truth if before is None else any_of(before, truth)
    if age is not None:
        none = ~np.isnan(age) & (np.maximum.reduce([truths[i] for i in AGE_GROUPS]) < 1)
        for name, (low, high) in AGE_GROUPS.items():
            truths[name] = np.where(none, (age >= low) & (age < high), truths[name]).astype(np.int8)
        for name, (low, high, prerequisite) in AGE_SUBGROUPS.items():
            truth = ((age >= low) & (age < high)).astype(np.int8)
            truth = all_of(truth, truths[prerequisite]) if prerequisite else truth
            truths[name] = np.where(none, truth, truths[name]).astype(np.int8)
    return np.stack([truths[name] for name in names], axis=1)


def not_understood(answers: OdkAnswers, max_unknown: float) -> tuple[list[tuple[str, str]], list[LedgerEntry]]:
    """Return the questions with too many cells that are no answer, with what they hold; and entries for the others."""
    refused, ledger = [], []
    for question, cells in answers.unknown.items():
        count, filled = cells.total(), max(1, answers.filled[question])
        common = ", ".join(f"'{c[:30]}' {n:,} times" for c, n in cells.most_common(3))
        if count > max_unknown * filled:
            refused.append((question, f"{count:,} of {filled:,} cells ({common})"))
        else:
            examples = tuple(c[:30] for c, _ in cells.most_common(5))
            ledger.append(LedgerEntry("set missing", question, count, NOT_UNDERSTOOD[0], examples))
    for question, cells in answers.misplaced.items():
        number = kinds().get(question, "number") == "number"
        action, reason = ("set missing", NOT_UNDERSTOOD[1]) if number else ("noted", NOT_UNDERSTOOD[2])
        ledger.append(LedgerEntry(action, question, cells.total(), reason, tuple(sorted(cells)[:5])))
    return refused, ledger


def ask_about_blanks(answers: OdkAnswers, where: str) -> list[str]:
    """Return a problem if many questions are answered with yes and none with no: an empty cell may mean no."""
    if answers.n_rows < _ENOUGH:
        return []
    answered = [answers.yes_no(q) for q, kind in kinds().items() if kind == "yes_no" and answers.has(q)]
    if sum(bool((s == PRESENT).any()) for s in answered) < _ENOUGH or any((s == ABSENT).any() for s in answered):
        return []
    return [
        f"{where}: no cell says no to any of {len(answered)} questions of yes and no: does an empty cell mean no, or "
        "that nothing is known? Say 'data.value_map={\"\": no}' or 'data.value_map={\"\": dk}'"
    ]


def ask_about_codes(answers: OdkAnswers, where: str) -> list[str]:
    """Return the problem of numbers that probably mean "not known", such as a heap of 999 days, beside 88 and 99."""
    codes_of = {}
    for question, kind in kinds().items():
        if kind == "number" and question.startswith("Id") and question not in AGES and answers.has(question):
            heaps = codes_in_heaps(answers.number(question), _CODES)
            codes = [c for c in heaps if not answers.is_mapped(question, f"{c:g}")]
            if codes:
                codes_of[question] = codes
    if not codes_of:
        return []
    listed, mapped = [], {}
    for question, codes in codes_of.items():
        numbers = answers.number(question)
        listed.append(f"{question}: " + ", ".join(f"{c:g} ({int((numbers == c).sum()):,} times)" for c in codes))
        mapped[question] = {f"{c:g}": "dk" for c in codes}
    option = shlex.quote(f"data.value_map={json.dumps(mapped)}")
    return [
        f"{where}: numbers that are far more frequent than a number of days or times can be, or far above all others: "
        f"{'; '.join(listed)}: do they mean that the answer is not known? Say {option}, or give each number itself in "
        "place of dk if these are numbers"
    ]


def rows_of_labels(answers: OdkAnswers) -> npt.NDArray[np.intp]:
    """Return the rows, one or two, of which a third of the questions hold no answer: labels or totals, not deaths."""
    unknown = answers.unknown_by_row()
    rows = np.flatnonzero(unknown >= max(3, len(answers.filled) / 3))
    return rows if len(rows) <= 2 < len(unknown) else rows[:0]


def note_answers(answers: OdkAnswers, symptoms: Truth) -> list[LedgerEntry]:
    """Return entries for coded numbers, questions that are not there, and ages and sexes that do not fit."""
    ledger = []
    if answers.coded:
        names = tuple(q for q, _ in answers.coded.most_common(5))
        reason = "88 and 99 (in ages: 888 and 999) stand for no answer where a number is asked"
        ledger.append(LedgerEntry("set missing", "*", answers.coded.total(), reason, names))
    if absent := [q for q in kinds() if q.startswith("Id") and not answers.has(q)]:
        ledger.append(LedgerEntry("noted", "*", len(absent), NOT_ASKED, tuple(absent[:5])))
    place = {name: j for j, name in enumerate(read_probbase().indicators)}
    groups = symptoms[:, [place[g] for g in AGE_GROUPS]] == 1
    sexes = symptoms[:, [place["i019a"], place["i019b"]]] == 1
    for mask, reason in (
        (groups.sum(axis=1) > 1, DOUBTS[2]),
        (~groups.any(axis=1), "deaths have no known age; InterVA-5 does not assess them"),
        (~sexes.any(axis=1), "deaths have no known sex; InterVA-5 does not assess them"),
        ((symptoms == MISSING).all(axis=1), "deaths have no answer at all; they stay in the data"),
    ):
        if mask.any():
            ledger.append(LedgerEntry("noted", "*", int(mask.sum()), reason))
    return ledger


def join_choices(answers: OdkAnswers, question: str) -> None:
    """Write the choices of a question that has a column for each into one cell a death, where no column has them."""
    if any(answers.text(question)):
        return
    names = sorted(set(choices()[question].values()))
    made = np.stack([answers.chosen(question, frozenset({name})) == PRESENT for name in names], axis=1)
    answers.put_text(question, [" ".join(n for n, m in zip(names, row, strict=True) if m) for row in made.tolist()])


def _unit_is(unit: list[str], word: str) -> npt.NDArray[np.bool_]:
    return np.array([u.strip().casefold().startswith(word) for u in unit])


def _calculated(answers: OdkAnswers, duration: Duration) -> npt.NDArray[np.float64]:
    """Return a duration from its number and unit; where no unit is asked, from the only number that is there."""
    total = np.full(answers.n_rows, np.nan)
    unit = answers.text(duration.unit)
    named = np.array([bool(u.strip()) for u in unit])
    for question, (word, size) in duration.parts.items():
        value = answers.number(question) * size
        total = np.where(np.isnan(total) & (_unit_is(unit, word) | ~named), value, total)
    return np.where(np.isnan(total), answers.number(duration.neonate), total) if duration.neonate else total


def _corrected(answers: OdkAnswers, question: str, duration: Duration, version: str) -> int:
    """Correct a calculated column in place; return how many cells are changed."""
    reported = answers.number(question)
    unit = answers.text(duration.unit)
    values = reported.copy()
    for part, (word, size) in duration.parts.items():
        in_unit = _unit_is(unit, word)
        raw = answers.number(part, coded=False)
        coded = in_unit & np.isin(raw, CODED_NUMBERS) & ~np.isnan(values)
        if coded.any():
            answers.coded[question] += int(coded.sum())
            values[coded] = np.nan
        if duration.in_months and version == "1.5":
            in_months = np.isclose(reported, raw * size / _DAYS_IN_MONTH, rtol=1e-3, atol=1e-9)
            values = np.where(in_unit & in_months & ~np.isnan(values), raw * size, values)
    if not np.array_equal(values, reported, equal_nan=True):
        answers.put_number(question, values)
    return int(((values != reported) & ~np.isnan(values)).sum())
