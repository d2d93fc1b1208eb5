"""Find the questions of the WHO 2016 questionnaire in the header of an ODK export.

ODK Collect and Aggregate write the groups of a form before a question (``consented-illhistory-Id10147``), Central and
Kobo may use ``/`` or ``:``, R changes all of them to points, and labelled exports have the text of the question
(``(Id10147) Did (s)he have a fever?``). A question with several choices may be divided into one column for each.
In: names of columns. Out: the columns of each question.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from va_experiments.data.answer_words import MISSING_WORDS
from va_experiments.data.readers.age_text import AGE_UNITS, parse_age
from va_experiments.data.readers.odk_durations import DURATIONS
from va_experiments.data.readers.who2016_table import choices, folded, rules

__all__ = [
    "AGES",
    "NOT_KNOWN",
    "OF_1_4",
    "OF_1_5",
    "OTHER_QUESTIONS",
    "SEVERAL",
    "QuestionColumns",
    "age_with_unit",
    "find_questions",
    "unread_columns",
    "version_of",
]

AGES = (
    *("ageInDays", "ageInDaysNeonate", "ageInMonths", "ageInYears", "age_neonate_days", "age_neonate_hours"),
    *("age_neonate_minutes", "age_child_days", "age_child_months", "age_child_years", "age_adult"),
    "ageInYears2",
)
"""Columns that hold an age, each in one unit; the last one is calculated in version 1.5 from the others."""


def unit_of_age(question: str) -> str:
    """Return the unit of a column of `AGES` that `AGE_UNITS` has, "" for minutes."""
    name = question.casefold()
    return next((unit for unit in AGE_UNITS if unit in name), "years" if name == "age_adult" else "")


def age_with_unit(question: str, cell: str) -> float:
    """Return an age that names its unit (``45y 3m``), in the unit of its column; infinite where it is none."""
    number, unit = parse_age(cell)
    question_unit = unit_of_age(question)
    return number * AGE_UNITS[unit] / AGE_UNITS[question_unit] if unit and question_unit else math.inf


OTHER_QUESTIONS = (
    *("Id10021", "Id10023", "Id10023_a", "Id10023_b", "Id10173_a", "Id10173_nc", "isNeonatal", "isNeonatal1"),
    *("isNeonatal2", "Id10126", "Id10446", "Id10184_b"),
)
"""Questions that are read besides those of the table: dates of birth and death, which module was asked, and more."""

_LABELS = (
    (re.compile(r"adult.{0,12}age in years|age.{0,12}adult.{0,12}years"), "age_adult"),
    (re.compile(r"child.{0,12}age in years"), "age_child_years"),
    (re.compile(r"child.{0,12}age in months"), "age_child_months"),
    (re.compile(r"child.{0,12}age in days"), "age_child_days"),
    (re.compile(r"(?:baby|neonate|newborn).{0,12}age in days"), "age_neonate_days"),
)
_NUMBERED = re.compile(r"(?:^|[^a-z0-9])id[_ ]?(10\d{3})([a-z0-9_]*)", re.IGNORECASE)
_FIRST = re.compile(r"[^a-z0-9]*?id[_ ]?(10\d{3})([a-z0-9_]*)", re.IGNORECASE)
_SUFFIX = re.compile(r"\[\d+\]|_v\d+$", re.IGNORECASE)
"""Number of a repetition, and of the version of a form."""
_REPEATED = re.compile(r"_(?:\d{1,3}|[xy]|r\d+)$", re.IGNORECASE)
"""What programs write behind a name that is there already: Id10147_001, Id10147_x."""
_PATH = re.compile(r"[-/:.]")
_GROUPS = re.compile(r"[/:]|-(?! )")
_UNKNOWN_WORDS = frozenset(folded(w) for w in MISSING_WORDS if any(c.isalpha() for c in w))
OF_1_5 = ("Id10184_b", "Id10184_c", "Id10190_a", "Id10190_b", "Id10209_a", "Id10209_b", "Id10211_a", "Id10211_b")
"""Questions that only version 1.5 has."""

OF_1_4 = ("Id10184", "Id10190", "Id10197b")
"""Questions that only version 1.4 has."""

_MORE_OF_1_4 = ("Id10209", "Id10211")
"""Questions of 1.4 that an export of 1.5 may have too, beside its own."""

EXACT, NAMED, LABELLED = range(3)
"""How much the name of a column says that it holds the answer: it is the question, contains it, or labels it."""

_PARTS = 3
"""Columns of one choice from which on they are read beside a column of the whole answer; fewer may be remarks."""

NOT_KNOWN = "dk"
"""In place of a choice: the column of "does not know" or "refused to answer"."""

SEVERAL = frozenset({"Id10173", "Id10235", "Id10260", "Id10414"})
"""Questions that may have several choices."""


@dataclass
class QuestionColumns:
    """The columns of a table that belong to the questionnaire.

    Parameters
    ----------
    columns : dict of str to list of str
        Question -> columns with its answers; several where a form asks it in several groups.
    divided : dict of str to dict of str to str
        Question -> choice, or `NOT_KNOWN` -> column with 1 or 0 for it. A question may be in `columns` too.
    passed_over : dict of str to list of str
        Question of `columns` -> further columns that may hold answers to it, under a name that says it less clearly.
    """

    columns: dict[str, list[str]] = field(default_factory=dict)
    divided: dict[str, dict[str, str]] = field(default_factory=dict)
    passed_over: dict[str, list[str]] = field(default_factory=dict)

    @property
    def used(self) -> list[str]:
        """Names of all columns of the table that are read."""
        whole = [c for names in self.columns.values() for c in names]
        return list(dict.fromkeys([*whole, *(c for parts in self.divided.values() for c in parts.values())]))


@functools.lru_cache(maxsize=1)
def _known() -> Mapping[str, str]:
    raw = [name for d in DURATIONS.values() for name in (d.unit, d.neonate, *d.parts) if name]
    names = [*(r.question for r in rules()), *raw, *AGES, *OTHER_QUESTIONS]
    return {name.casefold(): name for name in names}


def find_questions(header: Sequence[str]) -> QuestionColumns:
    """Return the columns of each question that is read, under any group, separator, case and label.

    A column whose last part is the question itself (``consented-Id10147``) comes before one that has other words around
    it (``note_Id10147``, a label), which is read only where no such column is there.
    """
    ranked: dict[int, dict[str, list[str]]] = {EXACT: {}, NAMED: {}, LABELLED: {}}
    parts, repeated = dict[str, dict[str, str]](), dict[str, list[str]]()
    for column in header:
        name, choice, rank = _question(column)
        if not name:
            if (again := _REPEATED.search(column)) and (of := _question(column[: again.start()]))[0] and not of[1]:
                repeated.setdefault(of[0], []).append(column)
            continue
        if choice:
            parts.setdefault(name, {}).setdefault(choice, column)
        else:
            ranked[rank].setdefault(name, []).append(column)
    questions = QuestionColumns(ranked[LABELLED] | ranked[NAMED] | ranked[EXACT])
    questions.divided = {
        q: p for q, p in parts.items() if q not in questions.columns or (q in SEVERAL and len(p) >= _PARTS)
    }
    for question, read in questions.columns.items():
        named = [c for of_rank in (*ranked.values(), repeated) for c in of_rank.get(question, ())]
        if others := [c for c in named if c not in read]:
            questions.passed_over[question] = others
    return questions


def unread_columns(header: Sequence[str], questions: QuestionColumns) -> list[str]:
    """Return the columns with the number of a question of which no column is read, such as Id10147_1."""
    known = {m.group(1) for q in _known() if (m := _FIRST.match(q))}
    read = {m.group(1) for q in (*questions.columns, *questions.divided) if (m := _FIRST.match(q))}
    missing = {q for q in known - read if not re.fullmatch("|".join(n[2:7] for n in (*OF_1_4, *_MORE_OF_1_4)), q)}
    return [c for c in header if (m := _last_numbered(c)) and m.group(1) in missing]


def version_of(header: Sequence[str]) -> str:
    """Return the version of the questionnaire, 1.4 or 1.5, by the columns that only one of them has.

    ``both`` where the header has columns of each, as in a table that was joined from two exports.
    """
    names = {f"id{m.group(1)}{m.group(2)}".casefold() for c in header if (m := _last_numbered(c))}
    old, more, new = (names & {q.casefold() for q in questions} for questions in (OF_1_4, _MORE_OF_1_4, OF_1_5))
    if new:
        return "both" if old else "1.5"
    return "1.4" if old or more else "1.5"


def _last_numbered(column: str) -> re.Match[str] | None:
    """Return the number of a question: that which the last part of a path begins with, else the first one."""
    last = next((m for p in reversed(_GROUPS.split(column)) if (m := _FIRST.match(p.strip()))), None)
    return last or next(iter(_NUMBERED.finditer(column)), None)


def _question(column: str) -> tuple[str, str, int]:
    """Return the question of a column, its choice if it is divided, and how much the name says that it is the answer.

    The choice is `NOT_KNOWN` for "does not know" and "refused". The question is empty where the column has none.
    """
    known, (before, mark, language) = _known(), column.rpartition("::")
    if mark and language.strip().casefold() not in known and not re.search(r"\d", language):
        column = before
    text = _SUFFIX.sub("", column).strip().strip("\"'*")
    path = [p.strip() for p in _PATH.split(text)]
    if path[-1].casefold() in known:
        return known[path[-1].casefold()], "", EXACT
    if len(path) > 1 and path[-2].casefold() in known:
        question = known[path[-2].casefold()]
        if choice := _choice(question, path[-1]):
            return question, choice, EXACT
        if path[-1].isdigit() and question not in SEVERAL:  # Id10147.1: a program numbers names that occur twice
            return question, "", EXACT
    last_part = _GROUPS.split(text)[-1]
    match = _last_numbered(text)
    if match is not None and (_NUMBERED.search(last_part) or not _age(last_part)):
        return _numbered(match, path[-1])
    if age := _age(text):
        return age, "", NAMED
    return next(((name, "", LABELLED) for pattern, name in _LABELS if pattern.search(text.casefold())), ("", "", NAMED))


def _numbered(match: re.Match[str], last: str) -> tuple[str, str, int]:
    """Return the question, choice and rank of a column with a number; `last` is the last part of its path."""
    known = _known()
    name, rest, after = f"id{match.group(1)}", match.group(2).casefold(), match.string[match.end() :]
    question = known.get(name + rest, "")
    if question:
        if choice := _choice(question, after) or (question in SEVERAL and _choice(question, last)):
            return question, choice, NAMED
        return question, "", NAMED if not after.strip("\"'*)] ") or _PATH.match(after) else LABELLED
    if choice := _choice(known.get(name, ""), rest):
        return known[name], choice, NAMED
    parts = rest.split("_")  # Id10184_b_v1, or the question before its text: Id10184_b_Enter_how_long
    for k in range(len(parts) - 1, 1, -1):
        if question_name := known.get(name + "_".join(parts[:k]), ""):
            choice = _choice(question_name, "_".join(parts[k:]))  # Id10173_nc___stridor
            return question_name, choice, NAMED if choice else LABELLED
    label = rest.lstrip("_")
    if known.get(name) in SEVERAL and label.isdigit():  # Id10235___2: a column of a choice that has a number
        return known[name], "", LABELLED
    is_label = (
        rest.startswith("_")
        and len(label) > 3
        and not re.match(r"(?:units?|check|nc|note|comment|[a-z]{1,2}(?:_\d+)+$)", label)
    )
    return (known[name], "", LABELLED) if is_label and name in known else ("", "", NAMED)


def _age(text: str) -> str:
    """Return the age whose name is a word of a text; empty where none is."""
    names = sorted(AGES, key=len, reverse=True)
    return next((a for a in names if re.search(rf"(?:^|[^a-z0-9]){a}(?![a-z0-9_])", text, re.IGNORECASE)), "")


def _choice(question: str, text: str) -> str:
    """Return the choice of a question that a text is, or `NOT_KNOWN`; empty where it is none."""
    known, word = choices().get(question, {}), folded(text)
    return known.get(word) or (NOT_KNOWN if known and word in _UNKNOWN_WORDS else "")
