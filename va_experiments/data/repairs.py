"""Suggest repairs of a table's labels and ages: spellings of one name, numbers that stand for an unknown age.

In: the coded columns. Out: values of the options ``cause_map``, ``site_map`` and ``age_missing``, and notes on names
that look alike but may be two.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Mapping

import numpy as np

from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.decorated import doubtful_names, undecorated
from va_experiments.data.missing_labels import NO_LABEL
from va_experiments.data.readers.age_text import parse_age
from va_experiments.errors import shown

__all__ = ["alike", "alike_ids", "label_map", "stand_ins", "unknown_ages"]

_STAND_INS = (888.0, 999.0, 8888.0, 9999.0)
_CODES = (88.0, 99.0, 888.0, 999.0, 8888.0, 9999.0)
_OLDEST = 130
_MOST_PAIRS = 3
_ALIKE = 0.85
"""Likeness (ratio of matching characters) from which on two names are shown side by side."""

_MOST_NAMES = 200


def label_map(column: CodedColumn) -> dict[str, str]:
    """Return each spelling of a name that differs only in case, spaces or Unicode form -> the commonest spelling.

    A name that is written in one way is left out, unless it is probably another one (a mark behind it, letters of
    another alphabet).
    """
    spellings: dict[str, dict[str, int]] = {}
    raw: dict[str, set[str]] = {}
    for value, count in _counts(column).items():
        name = unicodedata.normalize("NFC", value).strip()
        spellings.setdefault(_folded(name), {}).setdefault(name, 0)
        spellings[_folded(name)][name] += count
        raw.setdefault(_folded(name), set()).add(value)
    renamed: dict[str, str] = {}
    for key, names in spellings.items():
        if len(raw[key]) > 1 and key not in NO_LABEL:
            commonest = max(sorted(names), key=lambda n: names[n])
            renamed |= dict.fromkeys(sorted(names), commonest)
    ones = {undecorated(n) for names in spellings.values() for n in names if n not in renamed}
    return renamed | {n: other for n, (_, other) in doubtful_names(ones | {*renamed.values()}, renamed).items()}


def alike(column: CodedColumn, what: str) -> list[str]:
    """Return a note for each two names that look alike, with their deaths: they may be one name, or two."""
    counts: dict[str, int] = {}
    for value, count in _counts(column).items():
        key = _folded(value)
        counts[key] = counts.get(key, 0) + count
    names = sorted(n for n in counts if n not in NO_LABEL)
    if len(names) > _MOST_NAMES:
        return []
    notes = []
    for k, name in enumerate(names):
        for other in names[k + 1 :]:
            likeness = difflib.SequenceMatcher(None, name, other).ratio()
            if likeness >= _ALIKE and min(len(name), len(other)) > 4 and not _numbered(name, other):
                rare, common = sorted((name, other), key=lambda n: counts[n])
                notes.append(
                    f"{what} {shown(rare)} ({counts[rare]:,} deaths) and {shown(common)} ({counts[common]:,}) look "
                    f"alike; if they are one, map one to the other with {what}_map"
                )
    return notes


def alike_ids(column: CodedColumn) -> list[str]:
    """Return a note if some ids differ only in case, punctuation or zeros in front: they may be one death."""
    groups: dict[str, list[str]] = {}
    for value in sorted({v.strip() for v in column.values if v.strip()}):
        key = re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\W_]+", "", _folded(value)))
        groups.setdefault(key, []).append(value)
    twins = [ids for ids in groups.values() if len(ids) > 1]
    if not twins:
        return []
    shown_ids = "; ".join(" and ".join(map(shown, ids[:3])) for ids in twins[:_MOST_PAIRS])
    ids = "1 id looks" if len(twins) == 1 else f"{len(twins)} ids look"
    return [f"{ids} like another ({shown_ids}); they are compared as text, as different deaths"]


def stand_ins(column: CodedColumn, name: str) -> list[str]:
    """Return a note if a column of numbers holds 99, 999, 9999 or 888 far above all others: codes for "not known"."""
    values = {v: parse_age(v)[0] for v in column.values}
    counts = _counts(column)
    numbers = sorted({n for n in values.values() if not math.isnan(n)})
    codes = [n for n in numbers if n in _CODES and n > 3 * max((m for m in numbers if m not in _CODES), default=n)]
    if not codes:
        return []
    times = sum(counts.get(v, 0) for v, n in values.items() if n in codes)
    listed = ", ".join(f"{c:g}" for c in codes)
    return [
        f"column {shown(name)}: {listed} {'stands' if len(codes) == 1 else 'stand'} far above all other numbers "
        f"({times:,} times); if it means not known, empty these cells"
    ]


def unknown_ages(column: CodedColumn) -> list[float]:
    """Return the numbers of a column of ages that stand for an unknown age, such as 999."""
    ages = {parse_age(v)[0] for v in column.values}
    return sorted(a for a in ages if not math.isnan(a) and a in _STAND_INS and a > _OLDEST)


def _counts(column: CodedColumn) -> Mapping[str, int]:
    counts = np.bincount(column.codes, minlength=len(column.values)).tolist()
    return {v: n for v, n in zip(column.values, counts, strict=True) if v.strip()}


def _folded(name: str) -> str:
    visible = undecorated(name)
    return " ".join(unicodedata.normalize("NFKC", visible).casefold().split())


def _numbered(first: str, second: str) -> bool:
    """Check whether two names differ only in their numbers: Clinic 1 and Clinic 2 are two."""
    return "".join(c for c in first if not c.isdigit()) == "".join(c for c in second if not c.isdigit())
