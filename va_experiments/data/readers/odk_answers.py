"""What the cells of an ODK export say: yes or no, choices, and numbers, with the questionnaire's codes for "not known".

In: the coded columns of each question. Out: arrays with one value for each death; cells that are no answer are counted,
so that the reader can refuse the file or tell of them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised, without_code
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import ABSENT, MISSING, PRESENT
from va_experiments.data.readers.odk_header import AGES, NOT_KNOWN, SEVERAL, QuestionColumns, age_with_unit
from va_experiments.data.readers.odk_words import (
    CHOSEN_WORDS,
    NO,
    NOT_CHOSEN_WORDS,
    NOT_KNOWN_CODES,
    PLAIN_WORDS,
    SMALL_NUMBERS,
    YES,
    is_blank,
    is_number_question,
    own_words,
    says_nothing,
    says_unknown,
    says_yes_or_no,
    several_choices,
    whole_number,
)
from va_experiments.data.readers.who2016_table import Condition, Truth, choices, folded, kinds
from va_experiments.errors import shown

__all__ = ["CODED_NUMBERS", "OdkAnswers"]

Numbers = npt.NDArray[np.float64]

CODED_NUMBERS = (88.0, 99.0)
"""Refused to answer, and does not know, where a number is asked that is no age."""
_UNKNOWN_AGES = (888.0, 999.0, 8888.0, 9999.0)
_NEGATIVE_CODES = (-1.0, -8.0, -9.0, -88.0, -99.0, -888.0, -999.0)
_IN_YEARS = ("ageInYears", "ageInYears2", "age_adult", "age_child_years")
_NO_SUCH_AGES = (*_IN_YEARS, "age_child_months")
"""Ages that these codes cannot be."""
_OLDEST_IN = dict.fromkeys(_IN_YEARS, 130) | {"age_child_months": 180}
_THOUSANDS = {mark: re.compile(rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+") for mark in ",."}


class OdkAnswers:
    """Answers of all deaths of an export, by question.

    Parameters
    ----------
    table : mapping of str to CodedColumn
        Columns of the file.
    questions : QuestionColumns
    value_map : mapping
        Cell -> ``yes``, ``no``, ``dk`` or a choice; or question -> such a mapping for this question alone.
    as_pycrossva : bool
        Read cells as pyCrossVA does: numbers as they are, a choice only where it is alone in its cell.
    """

    def __init__(
        self,
        table: Mapping[str, CodedColumn],
        questions: QuestionColumns,
        *,
        value_map: Mapping[Any, Any] | None = None,
        as_pycrossva: bool = False,
    ) -> None:
        self.n_rows = len(next(iter(table.values())).codes)
        self.unknown: dict[str, Counter[str]] = {}
        """Question -> cells that are no answer of the questionnaire."""
        self.misplaced: dict[str, Counter[str]] = {}
        """Question -> yes or no where the question has other answers."""
        self.coded: Counter[str] = Counter()
        """Question -> numbers 88 and 99, which stand for no answer."""
        self.filled: Counter[str] = Counter()
        """Question -> cells that are not empty."""
        self.passed_numbers: dict[str, Counter[str]] = {}
        """Question -> numbers that `value_map` says are not known in all questions, and that are not read so here."""
        self.conflicts: list[str] = []
        self._as_pycrossva = as_pycrossva
        self._own, self._own_of = own_words(value_map or {})
        self._columns = {q: self._merged(q, [table[c] for c in names], names) for q, names in questions.columns.items()}
        self._divided = {q: {c: table[n] for c, n in parts.items()} for q, parts in questions.divided.items()}
        plain = self.plain_words()
        self._two_is_no = {"1", "2"} <= plain and "0" not in plain
        """Whether yes and no are written as 1 and 2: some cell is 2, and none is 0."""
        self._none_is_blank = "none" in plain
        """Whether a program wrote None into empty cells; else it may be the choice "none of them"."""
        self._numbers: dict[tuple[str, bool], Numbers] = {}
        self._tokens: dict[str, list[frozenset[str] | None]] = {}

    def has(self, question: str) -> bool:
        """Check whether the export has a question."""
        return question in self._columns or question in self._divided

    def truth(self, question: str, condition: Condition) -> Truth:
        """Return for each death whether the answer meets a condition; -1 where it is not known."""
        if not self.has(question):
            return np.full(self.n_rows, MISSING, dtype=np.int8)
        if condition.kind == "number":
            return condition.holds(self.number(question))
        if condition.kind == "yes_no":
            return self.yes_no(question)
        return self.chosen(question, condition.choices)

    def text(self, question: str) -> list[str]:
        """Return the cells of a question; empty text where the export does not have it."""
        if question not in self._columns:
            return [""] * self.n_rows
        return [str(v) for v in self._columns[question].text()]

    def count_filled(self, question: str) -> int:
        """Return how many cells of a question are not empty."""
        return sum(not is_blank(cell) for cell in self.text(question))

    def yes_no(self, question: str) -> Truth:
        """Return 1 for yes, 0 for no, -1 where neither is known."""
        column = self._columns.get(question)
        if column is None:
            return np.full(self.n_rows, MISSING, dtype=np.int8)
        return self._look_up(column, [self._yes_or_no(question, v, n) for v, n in self._counted(question)])

    def not_known(self, question: str) -> npt.NDArray[np.bool_]:
        """Return whether the respondent does not know or refused to answer, which an empty cell does not say."""
        column = self._columns.get(question)
        if column is None:
            return np.zeros(self.n_rows, dtype=bool)
        cells = [not says_nothing(self._word(question, v)) and self.is_not_known(question, v) for v in column.values]
        return np.array(cells or [False], dtype=bool)[column.codes]

    def is_not_known(self, question: str, cell: str) -> bool:
        """Check whether a cell is one of the words or codes for "does not know" and "refused", or empty."""
        word = self._word(question, cell)
        return says_unknown(word) or word in NOT_KNOWN_CODES

    def is_answer(self, question: str, cell: str) -> bool:
        """Check whether a cell is an answer to a question, or says that none is known."""
        kind, word = kinds().get(question, "number"), self._word(question, cell)
        if self.is_not_known(question, cell):
            return True
        if kind == "choice":
            known = choices().get(question, {})
            return folded(word) in known or (question in SEVERAL and several_choices(folded(word), known) is not None)
        if kind == "yes_no":
            return word in YES | NO or (word == "2" and self._two_is_no)
        return word.replace(",", ".", 1).replace(".", "", 1).isdecimal()

    def chosen(self, question: str, sought: frozenset[str]) -> Truth:
        """Return whether one of these choices was made."""
        if not self._as_pycrossva:  # a choice may have another code in the other version of the questionnaire
            sought = frozenset(choices()[question].get(w, w) for w in sought)
        if question not in self._columns:
            return self._chosen_in_parts(question, sought)
        column = self._columns[question]
        if self._as_pycrossva:
            cells = [MISSING if says_unknown(normalised(v)) else int(v.strip() in sought) for v in column.values]
            return self._look_up(column, cells)
        if question not in self._tokens:
            self._tokens[question] = [self._choices(question, v, n) for v, n in self._counted(question)]
        cells = [MISSING if t is None else int(bool(t & sought)) for t in self._tokens[question]]
        whole = self._look_up(column, cells)
        if question not in self._divided:
            return whole
        return self._whole_or_parts(question, whole, self._chosen_in_parts(question, sought), sought)

    def _whole_or_parts(self, question: str, whole: Truth, parts: Truth, wanted: frozenset[str]) -> Truth:
        """Return what the whole answer says, or its parts where it is empty; note where both are there and differ."""
        column = self._columns[question]
        filled = np.array([not is_blank(v) for v in column.values] or [False], dtype=bool)[column.codes]
        differ = int((filled & (whole != MISSING) & (parts != MISSING) & (whole != parts)).sum())
        if differ:
            names = ", ".join(sorted(wanted))
            self.conflicts.append(
                f"question {question}: the column of the whole answer and the columns of its choices differ in "
                f"{differ} row{'s' if differ > 1 else ''} ({names}); remove the wrong ones from the file"
            )
        return np.where(filled, whole, parts).astype(np.int8)

    def _chosen_in_parts(self, question: str, wanted: frozenset[str]) -> Truth:
        """Return whether a choice was made; not known where none was, for a question that is answered has a choice."""
        parts: dict[str, Truth] = {}
        for choice, column in self._divided[question].items():
            counts = np.bincount(column.codes, minlength=len(column.values)).tolist()
            parts[choice] = self._look_up(
                column, [self._mark(question, choice, v, n) for v, n in zip(column.values, counts, strict=True)]
            )
        if question not in self._columns:
            self.filled[question] = self.n_rows * len(parts)
        made = [p for choice, p in parts.items() if choice != NOT_KNOWN]
        any_made = np.maximum.reduce(made or [np.full(self.n_rows, MISSING, dtype=np.int8)]) == PRESENT
        hit = np.maximum.reduce([p for c, p in parts.items() if c in wanted] or [np.zeros(self.n_rows, dtype=np.int8)])
        return np.where(any_made, hit == PRESENT, MISSING).astype(np.int8)

    def number(self, question: str, *, coded: bool = True) -> Numbers:
        """Return the numbers of a question, NaN where none is known.

        With `coded`, 88 and 99 stand for no answer, except in ages.
        """
        if (question, coded) in self._numbers:
            return self._numbers[question, coded]
        column = self._columns.get(question)
        if column is None:
            return np.full(self.n_rows, np.nan)
        values = [self._number(question, v, n, coded=coded) for v, n in self._counted(question)]
        self._numbers[question, coded] = np.array(values or [np.nan], dtype=np.float64)[column.codes]
        return self._numbers[question, coded]

    def is_mapped(self, question: str, cell: str) -> bool:
        """Check whether `value_map` says what a cell of a question means."""
        text = normalised(cell)
        own = self._own_of.get(question, {})
        return text in own or (text in self._own and not (is_number_question(question) and text in SMALL_NUMBERS))

    def unknown_by_row(self) -> npt.NDArray[np.intp]:
        """Return for each death how many of its cells are no answer of the questionnaire."""
        counts = np.zeros(self.n_rows, dtype=np.intp)
        for question, cells in self.unknown.items():
            if question not in self._columns:
                continue
            column = self._columns[question]
            counts += np.isin(column.codes, [k for k, v in enumerate(column.values) if v in cells])
        return counts

    def add_notes(self, other: OdkAnswers) -> None:
        """Take over what another reading of the same cells has counted, for questions that only it has read."""
        for notes, more in ((self.unknown, other.unknown), (self.misplaced, other.misplaced)):
            notes |= {question: cells for question, cells in more.items() if question not in notes}
        self.coded |= other.coded
        self.filled |= other.filled

    def put_number(self, question: str, values: Numbers) -> None:
        """Replace the numbers of a question by calculated ones."""
        self._numbers[question, True] = self._numbers[question, False] = values
        self._columns.setdefault(question, CodedColumn(np.zeros(self.n_rows, dtype=np.int32), [""]))

    def put_text(self, question: str, texts: Sequence[str]) -> None:
        """Give a question these cells."""
        self._columns[question] = _coded(texts)

    def rename(self, sources: Sequence[str], question: str) -> None:
        """Take the answers of the first of these questions that has one as those of another question."""
        names = [q for q in sources if q in self._columns]
        if names:
            self._columns[question] = self._merged(question, [self._columns[q] for q in names], names)

    def _merged(self, question: str, columns: list[CodedColumn], names: list[str]) -> CodedColumn:
        if len(columns) == 1:
            return columns[0]
        texts = np.stack([c.text() for c in columns])
        answer = np.full(self.n_rows, "", dtype=object)
        different = 0
        for text in texts:
            filled = np.array([not is_blank(v) for v in text])
            before = np.array([not is_blank(v) for v in answer])
            both = filled & before
            different += sum(normalised(a) != normalised(b) for a, b in zip(answer[both], text[both], strict=True))
            answer = np.where(before, answer, np.where(filled, text, answer))
        if different:
            self.conflicts.append(
                f"columns {' and '.join(shown(n) for n in names[:3])} both hold question {question}, and differ in "
                f"{different} row{'s' if different > 1 else ''}; remove the wrong one from the file"
            )
        return _coded(answer)

    def plain_words(self) -> set[str]:
        """Return all words and codes in the questions that are answered with yes or no."""
        columns = (c for q, c in self._columns.items() if kinds().get(q) == "yes_no")
        return {normalised(v) for column in columns for v in column.values}

    def _counted(self, question: str) -> list[tuple[str, int]]:
        column = self._columns[question]
        counts = np.bincount(column.codes, minlength=len(column.values)).tolist()
        self.filled[question] = sum(n for v, n in zip(column.values, counts, strict=True) if not is_blank(v))
        return list(zip(column.values, counts, strict=True))

    def _look_up(self, column: CodedColumn, cells: list[int]) -> Truth:
        return np.array(cells or [MISSING], dtype=np.int8)[column.codes]

    def _word(self, question: str, cell: str) -> str:
        text = normalised(cell)
        if text == "none" and self._none_is_blank:
            return ""
        if meaning := self._meaning(question, text):
            return meaning
        label = normalised(without_code(cell))  # "9. Don't know" and "Yes (1)"
        return label if label in PLAIN_WORDS else text

    def _meaning(self, question: str, text: str) -> str:
        """Return what `value_map` says of a cell; a word for all questions is no answer where a number is asked."""
        words = self._own_of.get(question, {})
        if meaning := words.get(text) or words.get(whole_number(text)):
            return meaning
        meaning = self._own.get(text, "")
        if meaning and is_number_question(question):
            return "" if not says_unknown(meaning) or text in SMALL_NUMBERS else meaning
        return meaning

    def _yes_or_no(self, question: str, cell: str, count: int) -> int:
        word = self._word(question, cell)
        if word in YES:
            return PRESENT
        if word in NO or (word == "2" and self._two_is_no):
            return ABSENT
        if not says_unknown(word) and word not in NOT_KNOWN_CODES:
            self._note(self.unknown, question, cell, count)
        return MISSING

    def _choices(self, question: str, cell: str, count: int) -> frozenset[str] | None:
        known, word = choices().get(question, {}), self._word(question, cell)
        if choice := known.get(folded(word)):
            return frozenset({choice})
        if says_unknown(word) or word in NOT_KNOWN_CODES:
            return None
        if question in SEVERAL and (several := several_choices(folded(word), known)) is not None:
            return several or None
        if word in NO and not word.isdigit() and "no" in known:
            return frozenset({"no"})
        if says_yes_or_no(word):  # none of the choices is made, as in a form where the question was put otherwise
            self._note(self.misplaced, question, cell, count)
            return frozenset()
        self._note(self.unknown, question, cell, count)
        return None

    def _number(self, question: str, cell: str, count: int, *, coded: bool) -> float:
        word = self._word(question, cell)
        if says_unknown(word):
            return math.nan
        if (
            word in SMALL_NUMBERS
            and word not in self._own_of.get(question, {})
            and says_unknown(self._own.get(word, "0"))
        ):
            self._note(self.passed_numbers, question, word, count)
        try:
            value = float(word.replace(",", ".") if word.count(",") == 1 and "." not in word else word)
        except ValueError:
            value = math.inf if self._as_pycrossva or question not in AGES else age_with_unit(question, cell)
        if not self._as_pycrossva and self._may_be_thousands(question, cell.strip()):
            value = math.inf
        if "_" in word or not math.isfinite(value):
            self._note(self.misplaced if says_yes_or_no(word) else self.unknown, question, cell, count)
            return math.nan
        if self._as_pycrossva:
            return value
        if value < 0 and question not in AGES:
            if value in _NEGATIVE_CODES:
                self.coded[question] += count
            else:
                self._note(self.unknown, question, cell, count)
            return math.nan
        if question in AGES:
            if value in _NEGATIVE_CODES or (value in _UNKNOWN_AGES and question in _NO_SUCH_AGES):
                self.coded[question] += count
                return math.nan
            if value < 0 or value > _OLDEST_IN.get(question, math.inf):
                self._note(self.unknown, question, cell, count)
                return math.nan
        elif coded and value in CODED_NUMBERS:
            self.coded[question] += count
            return math.nan
        return value

    def _may_be_thousands(self, question: str, cell: str) -> bool:
        """Check whether a number may be 1,500 or 9.125 for thousands: read as 1.5 and 9.125, it would be another."""
        if _THOUSANDS[","].fullmatch(cell):
            return True
        if question not in AGES or not _THOUSANDS["."].fullmatch(cell):
            return False
        cells = [v.strip() for v in self._columns[question].values]
        return any(v.isdecimal() or (_THOUSANDS["."].fullmatch(v) and not v.endswith(".000")) for v in cells)

    def _mark(self, question: str, choice: str, cell: str, count: int) -> int:
        """Return whether a column of one choice says that it was made, with a word, a code or the choice itself."""
        word = self._word(question, cell)
        if word in CHOSEN_WORDS or choices()[question].get(folded(word)) == choice:
            return PRESENT
        if word in NOT_CHOSEN_WORDS:
            return ABSENT
        if not says_unknown(word):
            self._note(self.unknown, question, cell, count)
        return MISSING

    def _note(self, place: dict[str, Counter[str]], question: str, cell: str, count: int) -> None:
        place.setdefault(question, Counter())[cell] = count


def _coded(texts: npt.ArrayLike) -> CodedColumn:
    values, codes = np.unique(np.asarray(texts).astype(np.str_), return_inverse=True)
    return CodedColumn(codes.ravel().astype(np.int32), [str(v) for v in values])
