"""Map the numbers of the PHMRC codebook to its words, for files that hold numbers instead of words.

Source: the codebook that is published with the data. Yes/No questions have 0 and 1; 8 is refused, 9 is don't know.
"""

from __future__ import annotations

from collections.abc import Mapping

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn

__all__ = ["as_words", "has_choices"]

_YES_NO = {"0": "No", "1": "Yes", "8": "Refused to Answer", "9": "Don't Know"}
_PLACES = ("Hospital", "Other Health Facility", "On Route to Health Facility", "Home", "Other")
_RASH = ("Face", "Trunk", "Extremities", "Everywhere", "Other")
_SEVERITY = ("Mild", "Moderate", "Severe")
_PATTERN = ("Continuous", "On and Off", "Only at Night")
_SPEED = ("Rapidly/Fast", "Slow(ly)")
_ONSET = ("Suddenly", "Slowly")
_BELLY = ("Upper belly", "Lower belly")
_POSITION = ("Lying", "Sitting", "Walking/Exertion", "Didn't matter")
_DAY = ("< 1 day", "One day or more")

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "g1_05": ("Male", "Female"),
    **dict.fromkeys(("a2_04", "c4_04"), _SEVERITY),
    **dict.fromkeys(("a2_05", "c4_05"), _PATTERN),
    **dict.fromkeys(("a2_09_1a", "a2_09_2a", "c4_31_1", "c4_31_2", "c4_32"), _RASH),
    "a2_19": ("Slight", "Moderate", "Large"),
    "a2_38": ("Continuous", "On and Off"),
    **dict.fromkeys(("a2_39_1", "a2_39_2"), _POSITION),
    "a2_44": ("<30 minutes", "0.5-24 hours", ">24 hr"),
    "a2_46a": ("Upper/middle chest", "Lower chest", "Left Arm", "Other"),
    "a2_59": ("Solids", "Liquids", "Both"),
    **dict.fromkeys(("a2_63_1", "a2_63_2"), _BELLY),
    **dict.fromkeys(("a2_66", "a2_71"), _SPEED),
    **dict.fromkeys(("a2_75", "a2_80"), _ONSET),
    "a4_06": ("Low", "Moderate", "High"),
    "c1_01": ("Singleton", "Multiple"),
    "c1_02": ("First", "Second", "Third or More"),
    "c1_04": ("During", "After"),
    **dict.fromkeys(("c1_06a", "c1_22a", "c2_13a"), _PLACES),
    "c1_07": ("Very small", "smaller than usual", "About average", "larger than usual"),
    "c1_11": ("Alive", "Dead"),
    "c4_27": ("<6 hours", "6-23 hours", "24 hours or more"),
    "c2_03": ("Early", "On Time", "Late"),
    "c2_06": ("Before", "During"),
    **dict.fromkeys(("c2_07", "c3_10", "c3_15"), _DAY),
    "c2_08a": ("Green or brown", "Clear (normal)", "Other"),
    "c2_12": ("One", "Two", "Three", "Four", "5 or More"),
    "c2_15a": ("Doctor", "Nurse/midwife", "relative", "Self/mother", "Traditional birth attendant", "Other"),
    "c2_17": ("Vaginal with Forceps", "Vaginal without Forceps", "Vaginal Don't Know", "C-Section"),
    "c3_08": ("Within 5 minutes", "Within 6-30 min.", "More than 30 minutes", "Never"),
}
"""Question -> its answers, in the order of their numbers 1, 2, ..."""


def has_choices(question: str) -> bool:
    """Check whether a question has choices of its own, and not yes and no."""
    return question in _CHOICES


def as_words(question: str, column: CodedColumn) -> CodedColumn:
    """Return the column with words in place of the numbers of the codebook."""
    choices = _CHOICES.get(question)
    words = (
        _YES_NO
        if choices is None
        else {"8": _YES_NO["8"], "9": _YES_NO["9"]} | {str(k): answer for k, answer in enumerate(choices, start=1)}
    )
    return CodedColumn(column.codes, [words.get(normalised(v), v) for v in column.values])
