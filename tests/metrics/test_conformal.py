"""Conformal intervals of cause fractions: the quantile by hand, and coverage of sites like the training sites."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.metrics.conformal import ConformalIntervals, fit_conformal


def test_the_quantile_is_that_of_the_scaled_errors():
    # estimates of 0.095 have scale sqrt(0.1); 3 sites x 10 causes, errors 1..30 hundredths of it: ceil(31 * .9) = 28th
    estimated = np.full((3, 10), 0.095)
    errors = np.arange(1, 31).reshape(3, 10) / 100
    conformal = fit_conformal(estimated, estimated + errors * np.sqrt(0.1), level=0.9)
    assert conformal.quantile == pytest.approx(0.28)
    assert conformal.n_sites == 3
    assert fit_conformal(estimated, estimated + errors * np.sqrt(0.1), level=0.99).quantile == pytest.approx(0.3)


def test_intervals_end_at_0_and_1_and_include_their_ends():
    conformal = ConformalIntervals(2.0, 5)
    low, high = conformal.interval([0.0, 0.5, 1.0])
    assert low.tolist()[0] == 0
    assert high.tolist()[2] == 1
    assert conformal.coverage(high, [0.0, 0.5, 1.0]) == 1
    assert conformal.width([0.0]) == pytest.approx(2 * np.sqrt(0.005))


def test_an_interval_of_no_width_holds_its_estimate_alone():
    conformal = ConformalIntervals(0.0, 5)
    assert conformal.coverage([0.2, 0.3, 0.5], [0.2, 0.4, 0.4]) == pytest.approx(1 / 3)
    assert conformal.width([0.2, 0.3, 0.5]) == 0


def test_new_sites_like_the_training_sites_are_covered_as_the_level_says():
    # 400 studies of 6 exchangeable sites: errors normal with the scale of the interval; the standard error of the mean
    # coverage is below .002
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(400):
        estimate = rng.dirichlet(np.ones(20), size=6)
        true = estimate + 0.1 * np.sqrt(estimate + 0.005) * rng.standard_normal((6, 20))
        conformal = fit_conformal(estimate[:5], true[:5])
        low, high = estimate[5] - conformal.quantile * np.sqrt(estimate[5] + 0.005), None
        high = 2 * estimate[5] - low
        covered.append(((low <= true[5]) & (true[5] <= high)).mean())
    assert 0.94 <= np.mean(covered) <= 0.965


def test_two_sites_do_not_say_how_far_errors_spread():
    with pytest.raises(ValueError, match="2 training sites"):
        fit_conformal(np.zeros((2, 3)), np.zeros((2, 3)))
