"""Deaths arranged for scoring, and their sums over resamples, by hand."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from va_experiments.metrics.sufficient_statistics import _fixed_point, scored_deaths, totals

P = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.0, 0.0, 0.0]])
TRUTH = [0, 0, 1, 2]


def predicted(probability: np.ndarray = P, csmf: object = (0.9, 0.1, 0.0), top_cause: object = None) -> SimpleNamespace:
    return SimpleNamespace(probability=probability, csmf=np.asarray(csmf), top_cause=top_cause)


def test_the_first_largest_probability_names_the_cause_unless_the_model_does() -> None:
    assert scored_deaths(TRUTH, predicted()).named.tolist() == [0, 1, 1, -1]
    named = np.array([2, 1, -1, 0], dtype=np.int16)
    assert scored_deaths(TRUTH, predicted(top_cause=named)).named.tolist() == [2, 1, -1, 0]


def test_deaths_are_kept_as_doubles_and_indices() -> None:
    cases = scored_deaths(
        np.array(TRUTH, dtype=np.float32), predicted(P.astype(np.float32), np.float32([0.9, 0.1, 0]), np.int16([0] * 4))
    )
    assert {a.dtype for a in (cases.truth, cases.named)} == {np.dtype(np.intp)}
    assert {a.dtype for a in (cases.probability, cases.csmf)} == {np.dtype(np.float64)}
    sums = totals(cases, np.ones((1, 4), dtype=np.int32), np.float32([[0.2, 0.3, 0.5]]))
    assert {a.dtype for a in vars(sums).values()} == {np.dtype(np.float64)}


def test_causes_outside_the_list_and_no_deaths_are_refused() -> None:
    for wrong in (3, -1):
        with pytest.raises(ValueError, match=re.escape("a true cause lies outside 0..2")):
            scored_deaths([0, 0, 1, wrong], predicted())
    with pytest.raises(ValueError, match=r"^no deaths to score$"):
        scored_deaths([], predicted(np.zeros((0, 3))))


def test_the_scale_of_exact_sums() -> None:
    """2 to the power of 52 less the bits of the greatest sum; numbers and weights below 1 count as 1."""
    values, scale = _fixed_point(np.array([0.3, 8.0]), 4.0)
    assert scale == 2.0 ** (52 - 2 - 3)
    assert values.tolist() == [np.rint(0.3 * scale), 8 * scale]
    assert _fixed_point(np.array([0.3, 0.9]), 0.5)[1] == 2.0**52
    assert _fixed_point(np.array([0.3, 1.5]), 1.0)[1] == 2.0**51
    assert _fixed_point(np.zeros(0), 1.0)[1] == 2.0**52


def test_no_resamples_have_no_sums() -> None:
    assert totals(scored_deaths(TRUTH, predicted()), np.zeros((0, 4))).true.shape == (0, 3)


def test_the_models_own_fractions_move_with_the_mean_probability_and_sum_to_at_most_1() -> None:
    """The CSMF less the mean probability (.225, .4, .125) is (.675, -.3, -.125); below 0 is cut off."""
    weights = [[4, 0, 0, 0], [0, 0, 0, 4], [0, 4, 0, 0]]
    moved = totals(scored_deaths(TRUTH, predicted()), weights).csmf_model
    np.testing.assert_allclose(moved, [[1, 0, 0], [0.675, 0, 0], np.array([0.875, 0.2, 0.175]) / 1.25])


def test_fractions_that_are_the_named_shares_move_with_these() -> None:
    moved = totals(scored_deaths(TRUTH, predicted(csmf=[0.25, 0.5, 0])), [[1, 1, 0, 2], [0, 2, 2, 0]]).csmf_model
    assert moved.tolist() == [[0.25, 0.25, 0], [0, 1, 0]]


def test_fractions_that_the_model_gives_for_each_resample_are_taken_as_they_are() -> None:
    fractions = np.array([[0.2, 0.3, 0.5], [0.5, 0.25, 0.25]])
    sums = totals(scored_deaths(TRUTH, predicted()), [[4, 0, 0, 0], [0, 0, 0, 4]], fractions)
    assert sums.csmf_model.tolist() == fractions.tolist()
