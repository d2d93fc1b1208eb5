"""Read the child module of PHMRC as the indicators of InterVA-5, so that InterVA-5, InSilicoVA and EAVA can take part.

``phmrc_who2016.csv`` says which question of the WHO 2016 questionnaire asks the same as a question of PHMRC, what its
answers are called there, and which other question decides whether it is asked (``!``: must be "no"). The table was
written from the two questionnaires; no published mapping exists. In: the columns of a file. Out: what
`va_experiments.data.readers.odk_indicators` makes of these answers. Indicators that PHMRC does not ask are not known.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from importlib.resources import files

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
from va_experiments.data.readers.who2016_table import Truth

__all__ = ["as_indicators"]

_DAYS_IN_YEAR = 365.25
_YES_NO = {"yes": "yes", "no": "no"}
_NONE = "none of them"

Column = npt.NDArray[np.float64]


def as_indicators(
    table: Mapping[str, CodedColumn], age: Column, ledger: list[LedgerEntry]
) -> tuple[Truth, tuple[str, ...], dict[str, Column]]:
    """Return the 353 indicators, their names, and the columns that EAVA needs.

    Parameters
    ----------
    table : mapping of str to CodedColumn
        Columns of the file.
    age : float64 array, shape (n_deaths,)
        In years, NaN where not known.
    ledger : list of LedgerEntry
        Gets an entry for the indicators that no question of PHMRC answers.
    """
    columns: dict[str, CodedColumn] = {}
    questions = QuestionColumns()
    for row in _rows():
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
    infant = np.where(age < 1, days, np.nan)  # a child of one year has 365 days, which would be both age groups
    for name, values in (("ageInDays", infant), ("ageInYears", np.floor(age))):
        columns[name] = _coded(["" if np.isnan(v) else f"{v:.0f}" for v in values.tolist()])
        questions.columns[name] = [name]
    answers = OdkAnswers(columns, questions, as_pycrossva=True)  # durations of 88 and 99 days are durations here
    answers.put_number("Id10182", _days_of_stools(table))
    symptoms = indicators(answers, "1.5", days)
    names = read_probbase().indicators
    unasked = tuple(names[j] for j in np.flatnonzero((symptoms < 0).all(axis=0)))
    reason = "indicators of InterVA-5 are asked by no question of PHMRC; they are not known"
    ledger.append(LedgerEntry("noted", "*", len(unasked), reason, unasked[:5]))
    return symptoms, names, eava_columns_of(answers, days)


def _rows() -> list[dict[str, str]]:
    text = (files("va_experiments.data.readers") / "phmrc_who2016.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _answers(table: Mapping[str, CodedColumn], row: Mapping[str, str]) -> CodedColumn:
    """Return the answers of one question of WHO 2016: yes where one of several columns says so."""
    meaning = _YES_NO if row["answers"] == "yes_no" else _meanings(row["answers"])
    found = np.array([], dtype=object)
    for name in row["column"].split():
        if row["answers"] == "number":
            found = np.array(["" if np.isnan(v) else f"{v:g}" for v in numbers(table[name]).tolist()], dtype=object)
            continue
        words = as_words(name, table[name])
        own = np.array([_meaning(v, meaning) for v in words.values], dtype=object)[words.codes]
        found = own if not len(found) else np.where((own == "yes") | (found == ""), own, found)
    if row["asked_if"]:
        gate = as_words(row["asked_if"].lstrip("!"), table[row["asked_if"].lstrip("!")])
        wanted = "no" if row["asked_if"].startswith("!") else "yes"
        asked = np.array([normalised(v) == wanted for v in gate.values], dtype=bool)[gate.codes]
        found = np.where(asked, found, "")
    return _coded(found.tolist())


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
    asked, until_death = (_says_yes(table, c) for c in ("c4_06", "c4_09"))
    lasted = np.where(until_death, start, start - end)
    return np.where(asked & (lasted >= 0), lasted, np.nan)


def _says_yes(table: Mapping[str, CodedColumn], name: str) -> npt.NDArray[np.bool_]:
    column = as_words(name, table[name])
    return np.array([normalised(v) == "yes" for v in column.values], dtype=bool)[column.codes]


def _coded(cells: list[str]) -> CodedColumn:
    values, codes = np.unique(np.array(cells, dtype=np.str_), return_inverse=True)
    return CodedColumn(codes.ravel().astype(np.int32), [str(v) for v in values])
