"""Find the questions of the WHO 2016 questionnaire in the header of an ODK export.

ODK Collect and Aggregate write the groups of a form before a question (``consented-illhistory-Id10147``), Central and
Kobo may use ``/`` or ``:``, R changes all of them to points, and labelled exports have the text of the question
(``(Id10147) Did (s)he have a fever?``). A question with several choices may be divided into one column for each.
In: names of columns. Out: the columns of each question.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from va_experiments.data.readers.odk_durations import DURATIONS
from va_experiments.data.readers.who2016_table import choices, folded, rules

__all__ = ["AGES", "OTHER_QUESTIONS", "QuestionColumns", "find_questions", "version_of"]

AGES = (
    *("ageInDays", "ageInDaysNeonate", "ageInMonths", "ageInYears", "age_neonate_days", "age_neonate_hours"),
    *("age_neonate_minutes", "age_child_days", "age_child_months", "age_child_years", "age_adult"),
)
"""Columns that hold an age, each in one unit."""

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
_SUFFIX = re.compile(r"\[\d+\]|_v\d+$", re.IGNORECASE)
"""Number of a repetition, and of the version of a form."""
_PATH = re.compile(r"[-/:.]")
_OF_1_5 = ("id10184_b", "id10184_c", "id10190_a", "id10190_b", "id10209_a", "id10209_b", "id10211_a", "id10211_b")
_OF_1_4 = ("id10197b", "id10184", "id10190", "id10209", "id10211")


@dataclass
class QuestionColumns:
    """The columns of a table that belong to the questionnaire.

    Parameters
    ----------
    columns : dict of str to list of str
        Question -> columns with its answers; several where a form asks it in several groups.
    divided : dict of str to dict of str to str
        Question -> choice -> column with 1 or 0 for this choice.
    """

    columns: dict[str, list[str]] = field(default_factory=dict)
    divided: dict[str, dict[str, str]] = field(default_factory=dict)

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
    """Return the columns of each question that is read, under any group, separator, case and label."""
    exact, loose, parts = dict[str, list[str]](), dict[str, list[str]](), dict[str, dict[str, str]]()
    for column in header:
        found, choice, certain = _question(column)
        if not found:
            continue
        if choice:
            parts.setdefault(found, {}).setdefault(choice, column)
        else:
            (exact if certain else loose).setdefault(found, []).append(column)
    questions = QuestionColumns(exact | {q: c for q, c in loose.items() if q not in exact})
    questions.divided = {q: p for q, p in parts.items() if q not in questions.columns}
    return questions


def version_of(header: Sequence[str]) -> str:
    """Return the version of the questionnaire, 1.4 or 1.5, by the columns that only one of them has."""
    names = {f"id{m.group(1)}{m.group(2).casefold()}" for c in header if (m := _last_numbered(c))}
    if not names.isdisjoint(_OF_1_5):
        return "1.5"
    return "1.5" if names.isdisjoint(_OF_1_4) else "1.4"


def _last_numbered(column: str) -> re.Match[str] | None:
    last = _PATH.split(column.strip())[-1]
    return _NUMBERED.fullmatch(last.strip()) or next(iter(_NUMBERED.finditer(column)), None)


def _question(column: str) -> tuple[str, str, bool]:
    """Return the question of a column, its choice if it is divided, and whether the name leaves no doubt."""
    known, text = _known(), _SUFFIX.sub("", column).strip()
    path = [p.strip() for p in _PATH.split(text)]
    last = path[-1].casefold()
    if last in known:
        return known[last], "", True
    if len(path) > 1 and path[-2].casefold() in known:
        question = known[path[-2].casefold()]
        if choice := choices().get(question, {}).get(folded(path[-1])):
            return question, choice, True
    match = _last_numbered(text)
    if match is not None:
        name, rest = f"id{match.group(1)}", match.group(2).casefold()
        if name + rest in known:
            return known[name + rest], "", True
        if choice := choices().get(known.get(name, ""), {}).get(rest.strip("_")):
            return known[name], choice, True
        parts = rest.split("_")  # Id10184_b_v1, or the question before its text: Id10184_b_Enter_how_long
        longest = (name + "_".join(parts[:k]) for k in range(len(parts) - 1, 1, -1))
        if found := next((known[candidate] for candidate in longest if candidate in known), ""):
            return found, "", False
        label = rest.lstrip("_")
        is_label = rest.startswith("_") and len(label) > 3 and not re.match(r"(?:units?|check|nc)", label)
        return (known[name], "", False) if is_label and name in known else ("", "", False)
    ages = [a for a in AGES if re.search(rf"(?:^|[^a-z0-9]){a.casefold()}$", text.casefold())]
    if ages:
        return max(ages, key=len), "", True
    return next(((name, "", False) for pattern, name in _LABELS if pattern.search(text.casefold())), ("", "", False))
