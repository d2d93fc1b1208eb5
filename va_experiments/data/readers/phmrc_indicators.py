"""Read a PHMRC file as the indicators of InterVA-5, so that InterVA-5, InSilicoVA and EAVA can take part.

``phmrc_who2016_adult.csv``, ``_child.csv`` and ``_neonate.csv`` say which question of the WHO 2016 questionnaire asks
the same as a question of PHMRC, what its answers are called there, and which other answers decide whether it is asked.
The tables were written from the two questionnaires; no published mapping exists. In: the columns of a file. Out: what
`va_experiments.data.readers.odk_indicators` makes of these answers. Indicators that PHMRC does not ask are not known.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_eava import eava_columns_of
from va_experiments.data.readers.odk_header import QuestionColumns
from va_experiments.data.readers.odk_indicators import indicators
from va_experiments.data.readers.phmrc_codes import as_words
from va_experiments.data.readers.phmrc_rules import UNKNOWN, numbers
from va_experiments.data.readers.who2016_table import Truth, rules

__all__ = ["AMOUNTS", "as_indicators", "columns_of", "known_indicators", "mapping"]

_DAYS_IN_YEAR = 365.25
_YES_NO = {"yes": "yes", "no": "no"}
_NONE = "none of them"
_VERSION = "1.5"

AMOUNTS: Final = {
    "positive": (1.0, 4),
    "months": (1 / 30, 0),
    "weeks": (1 / 7, 1),
    "hours": (24.0, 2),
    "minutes": (1440.0, 2),
}
"""Kind of a number -> what one unit of the file, days where it is a time, is in that unit, and decimals to keep."""

_NO_AMOUNT = (0.0, 88.0, 98.0, 99.0)
"""Numbers that stand for no answer: 0 where a sign was present, and codes of refused and not known."""

_CALCULATED: Final = {
    "adult": ("ageInYears",),
    "child": ("ageInDays", "ageInYears", "Id10182"),
    "neonate": ("ageInDays", "ageInDaysNeonate"),
}
"""Questions of each module that are calculated from several columns."""

Column = npt.NDArray[np.float64]


def mapping(module: str) -> list[dict[str, str]]:
    """Return the table of a module: ``question`` of WHO 2016, ``column`` of PHMRC, ``answers``, ``asked_if``."""
    text = (files("va_experiments.data.readers") / f"phmrc_who2016_{module}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def columns_of(module: str) -> tuple[str, ...]:
    """Return the columns of PHMRC that the table of a module reads."""
    columns = dict.fromkeys(c for row in mapping(module) for c in row["column"].split())
    conditions = (c for row in mapping(module) for c in row["asked_if"].replace("|", " ").split())
    columns |= dict.fromkeys(re.split("=|<=", c.lstrip("!"))[0] for c in conditions)
    return (*columns, "c4_10") if module == "child" else tuple(columns)


def known_indicators(module: str) -> set[str]:
    """Return the indicators that a module can answer: from a question, or no because what they depend on is no."""
    mapped = {row["question"].partition("/")[0] for row in mapping(module)} | set(_CALCULATED[module])
    known = set[str]()
    for rule in rules(_VERSION):
        if rule.question in mapped or rule.prerequisite in known:
            known.add(rule.indicator)
    return known


def as_indicators(
    module: str, table: Mapping[str, CodedColumn], age: Column, ledger: list[LedgerEntry]
) -> tuple[Truth, tuple[str, ...], dict[str, Column]]:
    """Return the 353 indicators, their names, and the columns that EAVA needs (none for adults).

    Parameters
    ----------
    module : {"adult", "child", "neonate"}
    table : mapping of str to CodedColumn
        Columns of the file.
    age : float64 array, shape (n_deaths,)
        In years, NaN where not known.
    ledger : list of LedgerEntry
        Gets an entry for the indicators that no question of PHMRC answers.
    """
    columns: dict[str, CodedColumn] = {}
    questions = QuestionColumns()
    for row in mapping(module):
        question, _, choice = row["question"].partition("/")
        columns[row["question"]] = _answers(table, row)
        if choice:
            questions.divided.setdefault(question, {})[choice] = row["question"]
        else:
            questions.columns[question] = [row["question"]]
    for question, parts in questions.divided.items():  # questions of their own there: "no" to all of them is an answer
        name = f"{question}/{_NONE}"
        columns[name] = _none_of([columns[part] for part in parts.values()])
        parts[_NONE] = name
    days = np.round(age * _DAYS_IN_YEAR)
    if module == "neonate" and "c1_26" in table:
        stillborn = _says(table, "c1_26", "stillbirth") | _says(table, "c1_26", "no")  # its code is 0
        days = np.where(np.isnan(days) & stillborn, 0.0, days)
    infant = np.where(age < 1, days, np.nan)  # a child of one year has 365 days, which would be both age groups
    ages = {"ageInDays": days if module == "neonate" else infant, "ageInDaysNeonate": days, "ageInYears": np.floor(age)}
    for name in [q for q in _CALCULATED[module] if q in ages]:
        values = ages[name]
        columns[name] = _coded(["" if np.isnan(v) else f"{v:.0f}" for v in values.tolist()])
        questions.columns[name] = [name]
    answers = OdkAnswers(columns, questions, as_pycrossva=True)  # durations of 88 and 99 days are durations here
    if module == "child":
        answers.put_number("Id10182", _days_of_stools(table))
    symptoms = indicators(answers, _VERSION, days)
    names = read_probbase().indicators
    unasked = tuple(names[j] for j in np.flatnonzero((symptoms < 0).all(axis=0)))
    reason = "indicators of InterVA-5 are asked by no question of PHMRC; they are not known"
    ledger.append(LedgerEntry("noted", "*", len(unasked), reason, unasked[:5]))
    return symptoms, names, {} if module == "adult" else eava_columns_of(answers, days)


def _answers(table: Mapping[str, CodedColumn], row: Mapping[str, str]) -> CodedColumn:
    """Return the answers of one question of WHO 2016: yes where one of several columns says so."""
    kind = row["answers"]
    meaning = _YES_NO if kind == "yes_no" else _meanings(kind)
    answers = np.array([], dtype=object)
    for name in row["column"].split():
        if kind == "number" or kind in AMOUNTS:
            amount = numbers(table[name]) if kind == "number" else _amount(numbers(table[name]), kind)
            answers = np.array(["" if np.isnan(v) else f"{v:g}" for v in amount.tolist()], dtype=object)
            continue
        if kind == "a day or more":
            amount = _amount(numbers(table[name]), "positive")
            answers = np.where(np.isnan(amount), "", np.where(amount >= 1, "yes", "no")).astype(object)
            continue
        words = as_words(name, table[name])
        answered = np.array([_meaning(v, meaning) for v in words.values], dtype=object)[words.codes]
        answers = answered if not len(answers) else np.where((answered == "yes") | (answers == ""), answered, answers)
    for condition in row["asked_if"].split():
        answers = np.where(_holds(table, condition), answers, "")
    return _coded(answers.tolist())


def _amount(value: Column, kind: str) -> Column:
    """Return numbers in the unit of `kind`, NaN where they stand for no answer."""
    size, decimals = AMOUNTS[kind]
    return np.where(np.isin(value, _NO_AMOUNT), np.nan, np.round(value * size, decimals))


def _holds(table: Mapping[str, CodedColumn], condition: str) -> npt.NDArray[np.bool_]:
    """Return where a condition holds: ``q`` or one of ``q|r`` is yes, ``!q`` is no, ``q=Word``, or ``q<=30``."""
    if "<=" in condition:
        name, _, most = condition.partition("<=")
        return numbers(table[name]) <= float(most)
    if condition.startswith("!"):
        return _says(table, condition[1:], "no")
    names, _, word = condition.partition("=")
    return np.logical_or.reduce([_says(table, name, normalised(word) or "yes") for name in names.split("|")])


def _meanings(text: str) -> dict[str, str]:
    pairs = (pair.rpartition("=") for pair in text.split(" | "))
    return {normalised(answer): meaning for answer, _, meaning in pairs}


def _meaning(cell: str, meaning: Mapping[str, str]) -> str:
    """Return what a cell is called in WHO 2016: "dk" where the respondent does not know, empty for anything else."""
    word = normalised(cell)
    return meaning.get(word, "dk" if word and word in UNKNOWN else "")


def _none_of(parts: Sequence[CodedColumn]) -> CodedColumn:
    """Return yes where one part is answered with no, and none with yes."""
    cells = [np.array(part.values, dtype=object)[part.codes] for part in parts]
    some_yes, some_no = (np.logical_or.reduce([c == word for c in cells]) for word in ("yes", "no"))
    return _coded(np.where(some_no & ~some_yes, "yes", "").tolist())


def _days_of_stools(table: Mapping[str, CodedColumn]) -> Column:
    """Return for how many days there were loose stools: from their start to their end, or to the death."""
    start, end = (numbers(table[c]) for c in ("c4_08", "c4_10"))
    had_stools, until_death = (_says(table, c, "yes") for c in ("c4_06", "c4_09"))
    lasted = np.where(until_death, start, start - end)
    return np.where(had_stools & (lasted >= 0), lasted, np.nan)


def _says(table: Mapping[str, CodedColumn], name: str, word: str) -> npt.NDArray[np.bool_]:
    column = as_words(name, table[name])
    return np.array([normalised(v) == word for v in column.values], dtype=bool)[column.codes]


def _coded(cells: list[str]) -> CodedColumn:
    values, codes = np.unique(np.array(cells, dtype=np.str_), return_inverse=True)
    return CodedColumn(codes.ravel().astype(np.int32), [str(v) for v in values])
