"""Words and codes in the cells of an ODK export: yes, no, not known, choices; and what the user says that cells mean.

In: a cell, or its normalised text. Out: what it says. Codes count where a question has no numbers as answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from va_experiments.data.answer_words import MISSING_WORDS, NO_WORDS, YES_WORDS, normalised
from va_experiments.data.readers.odk_durations import DURATIONS
from va_experiments.data.readers.odk_header import AGES, OTHER_QUESTIONS
from va_experiments.data.readers.who2016_table import kinds
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = [
    "CHOSEN_WORDS",
    "NO",
    "NOT_CHOSEN_WORDS",
    "NOT_KNOWN_CODES",
    "PLAIN_WORDS",
    "SMALL_NUMBERS",
    "YES",
    "is_blank",
    "is_number_question",
    "own_words",
    "says_nothing",
    "says_unknown",
    "says_yes_or_no",
    "several_choices",
    "whole_number",
]

_NOT_KNOWN = frozenset(w for w in MISSING_WORDS if not w.lstrip("-").isdigit()) | {"does_not_know", "refused to answer"}
NOT_KNOWN_CODES = frozenset({"8", "9", "88", "99", "888", "999", "-1", "-8", "-9", "-88", "-99", "-888", "-999"})
YES = frozenset(w for w in YES_WORDS if len(w) > 1) | {"y", "1"}
NO = frozenset(w for w in NO_WORDS if len(w) > 1) | {"n", "0"}
CHOSEN_WORDS = YES | {"x", "checked", "selected", "\u2713", "\u2714"}
NOT_CHOSEN_WORDS = NO | {"unchecked", "not checked", "not selected"}
PLAIN_WORDS = frozenset(w for w in YES | NO | _NOT_KNOWN if not w.lstrip("-").isdigit())
_WRITTEN_FOR_BLANK = frozenset(
    {"missing", "no data", "not applicable", "not asked", "no answer", "?", "-1", "system missing", "skipped"}
)
_PARTS = frozenset(q for d in DURATIONS.values() for q in (*d.parts, d.neonate) if q)
SMALL_NUMBERS = frozenset(str(k) for k in range(77))
"""Numbers that are codes in some questions, and days or times in others."""
_MEANING = {"y": "yes", "n": "no", ".": "dk"}


def is_blank(cell: str) -> bool:
    """Check whether a cell holds nothing, in any of the ways programs write that."""
    return normalised(cell) in ("", "nan", "na", "n/a", "none", "null", "#n/a", "<na>", ".", "-", "--", "---")


def says_nothing(word: str) -> bool:
    """Check for a word or code that programs write into empty cells, and that no respondent says."""
    return is_blank(word) or word.replace("_", " ") in _WRITTEN_FOR_BLANK


def is_number_question(question: str) -> bool:
    """Check whether a question is answered with a number."""
    return kinds().get(question) == "number" or question in AGES or question in _PARTS


def whole_number(text: str) -> str:
    """Return 9 for the text 9.0, and every other text as it is."""
    return re.sub(r"(?<=\d)\.0+$", "", text)


def says_unknown(word: str) -> bool:
    """Check for a word or code such as "dk", "refused" and "dont_know"."""
    return word in _NOT_KNOWN or word.replace("_", " ") in _NOT_KNOWN


def says_yes_or_no(word: str) -> bool:
    """Check for a word, not a code, that says yes or no in any language that is known."""
    return word in YES | NO and not word.isdigit()


def several_choices(text: str, known: Mapping[str, str]) -> frozenset[str] | None:
    """Return the choices that a folded text is made of, one after the other; None where other words are in it."""
    if not text:
        return frozenset()
    for name in sorted((*known, "dk", "ref", "and"), key=len, reverse=True):
        if text == name or text.startswith(f"{name}_"):
            rest = several_choices(text[len(name) + 1 :], known)
            if rest is not None:
                return rest | {known[name]} if name in known else rest
    return None


def own_words(value_map: Mapping[Any, Any]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Divide a mapping into the one for all questions and those for one question each."""
    general: dict[str, str] = {}
    of_question: dict[str, dict[str, str]] = {}
    known = {q.casefold(): q for q in (*kinds(), *AGES, *OTHER_QUESTIONS, *_PARTS)}
    for key, meaning in value_map.items():
        if isinstance(meaning, Mapping):
            question = known.get(str(key).casefold())
            if question is None:
                raise InputError(
                    f"data.value_map: {shown(str(key))} is no question of the table{did_you_mean(str(key), kinds())}"
                )
            of_question[question] = {normalised(str(k)): _meaning(v) for k, v in meaning.items()}
        else:
            general[normalised(str(key))] = _meaning(meaning)
    return general, of_question


def _meaning(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = normalised(str(value))
    return _MEANING.get(text, text)
