"""Say which cells of an ODK export are no answers of the questionnaire, and with which options they can be read."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence

import numpy as np

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_header import AGES, QuestionColumns, unread_columns
from va_experiments.data.readers.odk_words import is_blank
from va_experiments.data.readers.who2016_table import choices, kinds
from va_experiments.errors import shown

__all__ = [
    "advice",
    "advice_on_dates",
    "answers_elsewhere",
    "few_questions",
    "misnamed",
    "refusal",
    "refused_dates",
]

_MOST_NAMED = 10
"""Questions from which on a message does not list them."""

_AGE = re.compile(r"(?:^|[^a-z])age(?:$|[^a-z]?(?:in)?[^a-z]?(?:days|months|years|yrs|at|of)|$)")
_SEX = re.compile(r"(?:^|[^a-z])(?:sex|gender)(?:$|[^a-z])")
"""Names that a study may give to the age and the sex of the deceased."""

_PART = 60
"""Questions from which on a table without age and sex may be a part of an export."""

_NUMBER_ALONE = re.compile(r"(?<!\d)10\d{3}(?!\d)")


def refusal(where: str, questions: QuestionColumns, question: str, cells: str) -> str:
    """Return the problem of a question whose cells are no answers: the column, the cells, what was expected."""
    kind = kinds().get(question, "number")
    expected = {"yes_no": "yes, no, dk or ref", "number": "a number, dk or ref"}.get(kind, "")
    expected = expected or ", ".join(dict.fromkeys(choices()[question].values())) + ", dk or ref"
    column = next(iter(questions.columns.get(question, [question])))
    return f"{where}: column {shown(column)}: {cells} are no answer to question {question}; expected {expected}"


def advice(refused: Sequence[str], answers: OdkAnswers) -> str:
    """Return the options with which the cells that are no answer can be read."""
    if not refused:
        return ""
    numbers = [q for q in refused if kinds().get(q, "number") == "number"]
    opening = (
        f"in {', '.join(numbers[:3])}{' and more' * (len(numbers) > 3)}, write the number alone, in the unit that the "
        "question asks for, without a sign between thousands; "
        if numbers
        else ""
    )
    cells = sorted({c.strip() for q in refused for c in answers.unknown[q]})[:6]
    mapping = ", ".join(f"{json.dumps(c, ensure_ascii=False)}: dk" for c in cells)
    option = shlex.quote(f"data.value_map={{{mapping}}}")
    for_one = "" if len(refused) > _MOST_NAMED else f"; for one question alone: {{{refused[0]}: {{{mapping}}}}}"
    text = f"{opening}to read it, say what the cells mean with {option} (yes, no or a choice in place of dk{for_one})"
    if len(refused) > _MOST_NAMED:
        return text
    return f"{text}, or leave the questions out with 'data.exclude=[{', '.join(refused)}]'"


def answers_elsewhere(
    where: str, questions: QuestionColumns, columns: Mapping[str, CodedColumn], answers: OdkAnswers
) -> list[str]:
    """Return the problem of columns that name a question less clearly than the one that is read, and answer it.

    They count where the column that is read is empty, if all of their cells there are answers to the question.
    """
    question_of: dict[str, tuple[str, int]] = {}
    for question, names in questions.passed_over.items():
        empty = np.array([is_blank(cell) for cell in answers.text(question)])
        for name in names if columns else ():
            cells = [str(cell) for cell in columns[name].text()[empty] if not is_blank(str(cell))]
            if cells and all(answers.is_answer(question, cell) for cell in set(cells)):
                question_of[name] = (question, len(cells))
    if not question_of:
        return []
    name, (question, count) = next(iter(question_of.items()))
    rows = f"{count:,} row{'s' if count > 1 else ''}"
    more = f" (and {len(question_of) - 1} more columns of this kind)" if len(question_of) > 1 else ""
    return [
        f"{where}: column {shown(name)} answers question {question} in {rows} in which "
        f"{shown(questions.columns[question][0])} is empty{more}; rename it to again-{question}, so that both are read "
        "as one, or remove it"
    ]


def refused_dates(where: str, questions: QuestionColumns, question: str, forms: Mapping[str, int], filled: int) -> str:
    """Return the problem of a date that is in no form that is read, or that may be two dates."""
    column = next(iter(questions.columns.get(question, [question])))
    common = ", ".join(f"{n:,} of the form {shown(form)}" for form, n in sorted(forms.items(), key=lambda f: -f[1])[:3])
    return (
        f"{where}: column {shown(column)}: {sum(forms.values()):,} of {filled:,} dates are not understood ({common}), "
        "and the ages of these deaths follow from nothing else; expected 2018-06-12, 12 June 2018, or numbers in an "
        "order that is known and a year of four digits"
    )


def advice_on_dates(questions: Sequence[str]) -> str:
    """Return the options with which dates can be read."""
    if not questions:
        return ""
    return (
        "a number such as 43263 is a date of a spreadsheet: format these cells as dates there and save the file again; "
        "for 3/4/2018, say which number is the day with data.date_order=day_first or data.date_order=month_first (or "
        "year_first); for years of two digits, which may be 1918 or 2018, say the latest year of the file too, such as "
        "data.latest_year=2018; or leave the dates out with "
        f"'data.exclude=[{', '.join(questions)}]'"
    )


def few_questions(where: str, header: Sequence[str], count: int) -> str:
    """Return the problem of a table that is no export, or whose questions are named in another way."""
    numbered = [c for c in header if _NUMBER_ALONE.search(c)]
    step = "a table of a study's own is read with data=csv"
    if len(numbered) >= count and len(numbered) > _MOST_NAMED:
        step = f"write Id before the numbers of {len(numbered)} columns such as {shown(numbered[0])}"
    return (
        f"{where}: only {count} questions of the WHO 2016 questionnaire are in the header; "
        f"expected columns such as Id10019, consented-Id10147 or (Id10147) Did (s)he have a fever?; {step}"
    )


def misnamed(where: str, header: Sequence[str], questions: QuestionColumns) -> list[str]:
    """Return the problems of columns that hold questions, ages or the sex under names that are not read.

    Ages and the sex are asked for only where no column of them is read: without them no death gets a cause.
    """
    problems = []
    if len(unread := unread_columns(header, questions)) > _MOST_NAMED:
        problems.append(
            f"{where}: {len(unread)} columns such as {shown(unread[0])} have the number of a question, and a name that "
            "the questionnaire does not have; expected Id10019 or consented-Id10019, for example: rename them"
        )
    ages = [c for c in header if _AGE.search(c.casefold())]
    if ages and questions.columns.keys().isdisjoint((*AGES, "Id10021")):
        problems.append(
            f"{where}: no age is read, and column {shown(ages[0])} may be one; rename it to ageInDays (in days), "
            "age_child_months (in months) or ageInYears (in years)"
        )
    if (
        len(questions.columns) >= _PART
        and not ages
        and questions.columns.keys().isdisjoint((*AGES, "Id10021", "Id10019"))
    ):
        problems.append(
            f"{where}: {len(questions.columns)} questions, but neither an age nor the sex: is it a part of an export "
            "that was divided into several files? Join the parts by the id (KEY, instanceID, _uuid) first; if age and "
            "sex are not known, add empty columns ageInDays and Id10019"
        )
    sexes = [c for c in header if _SEX.search(c.casefold())]
    if sexes and not questions.columns.keys() & {"Id10019"} and "Id10019" not in questions.divided:
        problems.append(f"{where}: no sex is read, and column {shown(sexes[0])} may be it; rename it to Id10019")
    return problems
