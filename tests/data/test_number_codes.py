"""Numbers that stand for "not known" are told from numbers."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data.number_codes import codes_far_off, codes_in_heaps, written

DAYS = np.repeat([1.0, 2, 3, 7, 8, 9, 10, 14, 30, 90], [90, 80, 70, 90, 20, 10, 50, 60, 80, 10])


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([1, 2, 30, 999, 999, 999], [999]),
        ([1, 2, 30, 999, 999], []),  # twice is no heap
        ([1, 2, 400, 999, 999, 999], []),  # not far above
        ([1, 2, 30, -9, -9, -9], [-9]),
        ([-3, 2, 30, -9, -9, -9], []),  # other numbers are below zero too
        ([99, 99, 99], []),  # nothing to compare with
        ([np.nan, 1, 2, 99, 99, 99, 9999, 9999, 9999], [99, 9999]),
    ],
)
def test_codes_far_from_all_other_numbers(values: list[float], codes: list[float]) -> None:
    assert codes_far_off(np.array(values, dtype=float)) == codes


@pytest.mark.parametrize(
    ("more", "codes"), [([], []), ([99] * 4, []), ([99] * 6, [99]), ([9] * 40, []), ([9] * 60, [9]), ([999] * 3, [999])]
)
def test_heaps_among_days(more: list[float], codes: list[float]) -> None:
    assert codes_in_heaps(np.concatenate([DAYS, more])) == codes


def test_codes_are_written_as_they_are_typed() -> None:
    assert written([-9.0, 99.0, 99999.0]) == "-9, 99, 99999"
