"""Apply the table that leads from the WHO 2016 questionnaire to the indicators of InterVA-5.

``who2016_questions.csv`` has one row for each question that an indicator follows from: the indicator, the question, the
condition on its answer, the indicator that must be present (the prerequisite), and the version of the questionnaire if
only one has the question (1.4 or 1.5). ``who2016_choices.csv`` lists the choices of the questions that have any, with
labels that exports may hold in place of the codes.

Truth has three values, 1, 0 and -1 (not known). A row gives condition *and* prerequisite: 0 if either is 0, 1 if both
are 1, else -1. Several rows of an indicator are alternatives: 1 if one is 1, else 0 if one is 0, else -1.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Condition", "Rule", "all_of", "any_of", "choices", "folded", "kinds", "rules"]

Kind = Literal["yes_no", "choice", "number"]
Truth = npt.NDArray[np.int8]

_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_COMPARED = re.compile(r"(<|>|>=|=) (\d+)")


@dataclass(frozen=True)
class Condition:
    """What the answer to a question must be: one of some choices, or a number in a range.

    Parameters
    ----------
    kind : {"yes_no", "choice", "number"}
    choices : frozenset of str
        Choices of which one is needed; empty for numbers and for yes.
    low, high : float
        Ends of the range.
    with_low, with_high : bool
        Whether the ends belong to it.
    """

    kind: Kind
    choices: frozenset[str] = frozenset()
    low: float = -np.inf
    high: float = np.inf
    with_low: bool = True
    with_high: bool = True

    def holds(self, number: npt.NDArray[np.float64]) -> Truth:
        """Return for each number whether it lies in the range; -1 for NaN."""
        above = number >= self.low if self.with_low else number > self.low
        below = number <= self.high if self.with_high else number < self.high
        return np.where(np.isnan(number), -1, above & below).astype(np.int8)


@dataclass(frozen=True)
class Rule:
    """One row of the table."""

    indicator: str
    question: str
    condition: Condition
    prerequisite: str
    version: str


@functools.lru_cache(maxsize=1)
def _table() -> tuple[Rule, ...]:
    rows = csv.DictReader(_text("who2016_questions.csv").splitlines())
    return tuple(
        Rule(r["indicator"], r["question"], _condition(r["condition"]), r["prerequisite"], r["version"]) for r in rows
    )


def rules(version: str | None = None) -> tuple[Rule, ...]:
    """Return the rows of the table, in its order; those of one version of the questionnaire if it is given."""
    return _table() if version is None else tuple(r for r in _table() if r.version in ("", version))


@functools.lru_cache(maxsize=1)
def kinds() -> Mapping[str, Kind]:
    """Return what kind of answer each question of the table has."""
    return {r.question: r.condition.kind for r in _table()}


@functools.lru_cache(maxsize=1)
def choices() -> Mapping[str, Mapping[str, str]]:
    """Return for each question with choices: code or label, folded -> code."""
    texts: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(_text("who2016_choices.csv").splitlines()):
        labels = [row["choice"], *filter(None, row["labels"].split(" | "))]
        texts.setdefault(row["question"], {}).update({folded(text): row["choice"] for text in labels})
    return texts


def folded(text: str) -> str:
    """Return a code or label in small letters, with one underscore for whatever is no letter and no digit."""
    return re.sub(r"[\W_]+", "_", text.casefold()).strip("_")


def all_of(first: Truth, second: Truth) -> Truth:
    """Return whether both hold: 0 if either is 0, else -1 if either is not known, else 1."""
    return np.where((first == 0) | (second == 0), 0, np.minimum(first, second)).astype(np.int8)


def any_of(first: Truth, second: Truth) -> Truth:
    """Return whether one holds: 1 if either is 1, else 0 if either is 0, else -1."""
    return np.maximum(first, second)


def _condition(text: str) -> Condition:
    if text == "yes":
        return Condition("yes_no")
    if match := _RANGE.fullmatch(text):
        return Condition("number", low=float(match[1]), high=float(match[2]))
    if match := _COMPARED.fullmatch(text):
        value = float(match[2])
        return {
            "<": Condition("number", high=value, with_high=False),
            ">": Condition("number", low=value, with_low=False),
            ">=": Condition("number", low=value),
            "=": Condition("number", low=value, high=value),
        }[match[1]]
    return Condition("choice", frozenset(text.split(" | ")))


def _text(name: str) -> str:
    return (files("va_experiments.data.readers") / name).read_text(encoding="utf-8")
