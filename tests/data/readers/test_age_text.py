"""Ages as people write them."""

from __future__ import annotations

import math

import pytest

from va_experiments.data.readers.age_text import parse_age


@pytest.mark.parametrize(
    ("cell", "number", "unit"),
    [
        *(("43", 43, None), ("43.5", 43.5, None), ("1,5", 1.5, None), ("43 years", 43, "years"), ("10d", 10, "days")),
        *(("3 yrs", 3, "years"), ("2 mo", 2, "months"), ("10 d.", 10, "days"), ("45yo", 45, "years")),
        *(("45 y.o.", 45, "years"), ("6 months old", 6, "months"), ("aged 45", 45, None)),
        *(("45y 3m", 45.25, "years"), ("45Y03M", 45.25, "years"), ("3 años y 6 meses", 3.5, "years")),
        *(("1 year and 6 months", 1.5, "years"), ("P1Y6M", 1.5, "years"), ("0y 3m", 0.25, "years")),
        *(("1 1/2 years", 1.5, "years"), ("1½", 1.5, None), ("½ year", 0.5, "years"), ("45 3/12", 45.25, None)),
    ],
)
def test_a_number_with_its_unit(cell: str, number: float, unit: str | None) -> None:
    assert parse_age(cell) == (pytest.approx(number), unit)


@pytest.mark.parametrize(
    "cell",
    ["", "old", "15-49", "<1", "80+", "1,825 days", "1/2", "12/03/17", "2m 1y", "1y 18m", "1.5y 3m", "45y 3", "y 3",
     "45, 3", "1/13 years", "3 m and", "1e3", "45 moons", "43 44"],
)  # fmt: skip
def test_what_is_no_age_or_may_be_two(cell: str) -> None:
    number, unit = parse_age(cell)
    assert math.isnan(number)
    assert unit is None


@pytest.mark.parametrize("cell", ["\u0664\u0663", "\uff14\uff13", "4.3e+01", "4.30E+01"])
def test_other_digits_and_the_notation_of_programs_are_read(cell: str) -> None:
    assert parse_age(cell) == (43.0, None)
