"""Cells are read by what they say: labels beside codes, decimal commas, codes for missing."""

from __future__ import annotations

import pytest

from va_experiments.data.answer_words import guess_value_map, meaning_of, normalised, without_code


@pytest.mark.parametrize(
    "cell", ["1. Yes", "1=Yes", "1 = Yes", "(1) Yes", "[1] Yes", "1) Yes", "1 - Yes", "1: Yes", "Yes (1)"]
)
def test_a_label_beside_its_code(cell: str) -> None:
    assert without_code(cell) == "Yes"
    assert meaning_of(cell) == "Y"


@pytest.mark.parametrize(
    "cell", ["0.5-24 hours", "6-23 hours", "< 1 day", "5 or More", "Within 6-30 min.", "15-49", "12"]
)
def test_a_number_that_is_no_code_stays(cell: str) -> None:
    assert without_code(cell) == cell


def test_decimal_commas_and_codes_for_missing() -> None:
    assert normalised("1,0") == normalised("1.0") == "1"
    assert normalised("1,000") == "1,000"
    assert [meaning_of(c) for c in ("2 No", "-99", "<NA>", "9. Don't Know", "-88")] == ["N", ".", ".", ".", "."]


def test_a_2_without_a_1_is_asked_about() -> None:
    assert guess_value_map(["1", "2"]) == ({"1": "Y", "2": "N"}, [])
    assert guess_value_map(["yes", "no", "2"]) == ({"yes": "Y", "no": "N"}, ["2"])
