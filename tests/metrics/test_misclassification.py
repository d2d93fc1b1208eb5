"""Counts, precisions and shapes of misclassification equal those computed by hand, and by SciPy's distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from va_experiments.metrics.misclassification import confusion_counts, group_level, site_precision, site_shapes

LARGEST = 1e5
"""The end of the grid of precisions."""


def test_deaths_are_counted_by_site_and_undetermined_ones_left_out() -> None:
    named, truth, site = np.array([0, 2, -1, 1, 1]), np.array([0, 0, 1, 2, 2]), np.array([5, 5, 5, 9, 9])
    counts = confusion_counts(named, truth, site, 3)
    assert counts.tolist() == [[[1, 0, 1], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0], [0, 2, 0]]]
    assert counts.dtype == np.int64
    assert confusion_counts(named[:2], truth[:2], site[:2], 3).shape == (1, 3, 3)
    nothing = np.zeros(0, dtype=np.int64)
    assert confusion_counts(nothing, nothing, nothing, 2).tolist() == [[[0, 0], [0, 0]]]


def test_a_precision_needs_two_sites_with_deaths() -> None:
    even = np.array([0.5, 0.5])
    assert site_precision(np.array([[10, 0], [0, 0]]), even) == pytest.approx(LARGEST, rel=1e-12)
    assert site_precision(np.array([[10, 0], [1, 0]]), even) == pytest.approx(0.5, rel=1e-12)


def test_the_precision_is_the_most_likely_of_the_grid() -> None:
    counts, mean = np.array([[8, 2], [2, 8], [6, 4]]), np.array([0.55, 0.45])
    grid = np.geomspace(0.5, LARGEST, 120)
    heights = [sum(stats.dirichlet_multinomial(a * mean, row.sum()).logpmf(row) for row in counts) for a in grid]
    assert site_precision(counts, mean) == pytest.approx(grid[int(np.argmax(heights))], rel=1e-12)


def test_shapes_of_a_row_are_its_smoothed_shares_times_the_precision() -> None:
    shapes = site_shapes(np.array([[[8, 2, 0], [1, 4, 0], [0, 0, 0]]]))
    overall = np.array([9.1, 6.1, 0.1]) / 15.3
    first = (np.array([8, 2, 0]) + overall) / 11 / (1 / LARGEST + 1 / 11)
    second = (np.array([1, 4, 0]) + overall) / 6 / (1 / LARGEST + 1 / 6)
    np.testing.assert_allclose(shapes, [first, second, np.zeros(3)], rtol=1e-9)


def test_fractions_are_added_up_by_group() -> None:
    fractions = np.array([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])
    np.testing.assert_allclose(group_level(fractions, np.array([0, 1, 0]), 2), [[0.8, 0.2], [0.4, 0.6]])
