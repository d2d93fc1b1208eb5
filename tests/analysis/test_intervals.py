"""Intervals of means stay within the bounds of their metric, by their method."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from va_experiments.analysis.intervals import mean_interval, t_interval, within_bounds

FRACTIONS = "csmf_accuracy_top"


@pytest.mark.parametrize("values", [[0.99, 0.97, 0.72], [0.93, 0.999, 0.75]])
def test_three_sites_near_the_bound(values):
    low, high = mean_interval(values, FRACTIONS)
    assert t_interval(values)[1] > 1  # the plain interval leaves the metric's range
    assert -1 < low < np.mean(values) < high < 1
    # Fisher's z: symmetric on the inverse hyperbolic tangent, as wide as the delta method says.
    z = np.arctanh([low, np.mean(values), high])
    half = stats.t.ppf(0.975, 2) * stats.sem(values) / (1 - np.mean(values) ** 2)
    assert np.diff(z) == pytest.approx([half, half])


def test_two_sites_and_one():
    low, high = mean_interval([0.2, 0.4], "top1")
    assert 0 < low < 0.3 < high < 1
    odds = np.log([low / (1 - low), high / (1 - high)])
    half = stats.t.ppf(0.975, 1) * stats.sem([0.2, 0.4]) / (0.3 * 0.7)
    assert np.diff(odds) / 2 == pytest.approx([half])
    assert all(math.isnan(v) for v in mean_interval([0.4], "top1"))


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_equal_values_have_no_width(value):
    assert mean_interval([value] * 3, "top1") == pytest.approx((value, value), abs=1e-15)


def test_far_from_the_bounds_it_is_the_plain_interval():
    values = [0.500, 0.502, 0.498, 0.501]
    assert mean_interval(values, "top1") == pytest.approx(t_interval(values), abs=1e-6)


def test_one_bound_takes_the_logarithm_and_none_the_plain_interval():
    low, high = within_bounds(0.5, 0.4, "cccsmf_empirical_top")  # from minus infinity to 1
    assert (1 - low) * (1 - high) == pytest.approx(0.5**2)
    assert high < 1
    assert within_bounds(2.0, 1.0, "no such metric") == (1.0, 3.0)


def test_it_covers_as_it_says():
    """Means of six sites whose scores follow a skewed distribution near the bound."""
    rng = np.random.default_rng(5)
    samples = rng.beta(8, 2, size=(4000, 6))
    inside = [low <= 0.8 <= high for low, high in (mean_interval(s, "top1") for s in samples.tolist())]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
