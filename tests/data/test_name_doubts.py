"""Names of sites and causes that are another one, written in another way: which are asked about, and which are not."""

from __future__ import annotations

import pytest

from va_experiments.data.name_doubts import numbers_among_words, spelling_doubts


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("P\u00e9mba", "Pemba"),
        ("Bo-hol", "Bohol"),
        ("Bo hol", "Bohol"),
        ("3.0", "3"),
        ("Diarrhea & Dysentery", "Diarrhea/Dysentery"),
        ("I64 - Stroke", "Stroke"),
        ("I64: Stroke", "Stroke"),
        ("12. Stroke", "Stroke"),
        ("Stroke (I64)", "Stroke"),
        ("Stroke - I64.1", "Stroke"),
        ("Strokes", "Stroke"),
        ("Stoke", "Stroke"),
        ("Stroke; Falls", "Stroke"),
        ("Stroke + Falls", "Stroke"),
    ],
)
def test_another_spelling_is_doubted(name: str, other: str) -> None:
    counts = {other: 40, "Falls": 30, name: 1}
    assert {n: o for n, (_, o) in spelling_doubts(counts).items()} == {name: other}
    assert spelling_doubts(counts, accepted=[name], apart=[name]) == {}


@pytest.mark.parametrize(
    "names",
    [
        ("Clinic 1", "Clinic 2"),
        ("I64.1", "I641"),
        ("1.1", "11"),
        ("Type 1 diabetes", "Type 2 diabetes"),
        ("North", "South"),
        ("Diarrhea/Dysentery", "Diarrhea"),
        ("\u0915\u093f", "\u0915\u0941"),
        ("\u0939\u093f\u0902\u0926\u0940", "\u0939\u093f\u0902\u0926\u0941"),
        ("I64 - Stroke", "I63 - Infarct"),
    ],
)
def test_other_names_are_not(names: tuple[str, ...]) -> None:
    assert spelling_doubts(dict.fromkeys(names, 30)) == {}


def test_a_frequent_name_is_no_typing_error() -> None:
    assert spelling_doubts({"Stroke": 100, "Strokes": 40}) == {}


def test_numbers_among_words() -> None:
    assert numbers_among_words(["1", "Dar", "Pemba"]) == ["1"]
    assert numbers_among_words(["1", "2", "Pemba"]) == []
    assert numbers_among_words(["1", "Dar", "Pemba"], ["1"]) == []
