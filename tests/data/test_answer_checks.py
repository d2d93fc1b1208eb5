"""Columns that give the cause away, also those of rare causes."""

from __future__ import annotations

import numpy as np

from va_experiments.data.answer_checks import leaks

CAUSES = ("AIDS", "Drowning", "Falls", "Stroke")
CAUSE = np.array([0] * 2 + [1] * 3 + [2] * 15 + [3] * 20, dtype=np.int16)


def dummies(*names: str) -> tuple[np.ndarray, list[str]]:
    return (CAUSE[:, None] == np.arange(4)).astype(np.int8), list(names)


def test_columns_made_from_the_causes_are_found_for_rare_causes_too() -> None:
    assert list(leaks(*dummies("AIDS", "is_drowning", "x_falls", "stroke"), CAUSES, CAUSE)) == [
        *("AIDS", "is_drowning", "x_falls", "stroke"),
    ]
    assert sorted(leaks(*dummies("d_1", "d_2", "d_3", "d_4"), CAUSES, CAUSE)) == ["d_1", "d_2", "d_3", "d_4"]


def test_a_sign_of_a_rare_cause_is_no_leak() -> None:
    """Three deaths by drowning, all found in water, and nobody else: a sign, not a column made from the causes."""
    matrix, _ = dummies()
    assert leaks(matrix[:, 1:2], ["found_in_water"], CAUSES, CAUSE) == {}
