"""Kleene's logic, as R's `&` and `|`."""

from __future__ import annotations

import itertools

import numpy as np

from va_experiments.models.eava.three_valued import at_least, both, either, negated, neither

VALUES = np.array(list(itertools.product((1, 0, -1), repeat=2)), dtype=np.int8)
A, B = VALUES.T


def test_truth_tables() -> None:
    assert both(A, B).tolist() == [1, 0, -1, 0, 0, 0, -1, 0, -1]
    assert either(A, B).tolist() == [1, 1, 1, 1, 0, -1, 1, -1, -1]
    assert negated(np.array([1, 0, -1], dtype=np.int8)).tolist() == [0, 1, -1]
    assert neither(A, B).tolist() == [0, 0, 0, 0, 1, -1, 0, -1, -1]


def test_at_least_two_of_three_is_open_only_where_the_unknown_decides() -> None:
    rows = np.array([[1, 1, -1], [1, 0, -1], [0, 0, -1], [1, -1, -1], [0, 0, 1]], dtype=np.int8)
    assert at_least(2, *rows.T).tolist() == [1, -1, 0, -1, 0]
