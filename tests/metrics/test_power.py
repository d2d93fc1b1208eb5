"""Power and variance components against published tables, hand calculation and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from va_experiments.metrics.power import detectable_difference, sites_needed, t_test_power, variance_components


def test_cohens_table() -> None:
    """One-sample t-test, two-sided .05, power .80: d of .2, .5, .8 need 199, 34, 15 units."""
    assert [sites_needed(d, 1.0) for d in (0.2, 0.5, 0.8)] == [199, 34, 15]
    assert t_test_power(0.5, 1.0, 34) == pytest.approx(0.8078, abs=5e-4)


def test_power_is_the_rate_of_significant_tests() -> None:
    rng = np.random.default_rng(5)
    difference = detectable_difference(0.07, 6)
    drawn = rng.normal(difference, 0.07, size=(20_000, 6))
    rate = (stats.ttest_1samp(drawn, 0.0, axis=1).pvalue <= 0.05).mean()
    print(f"power {rate:.3f} at .80")
    assert rate == pytest.approx(0.80, abs=0.01)


def test_sites_needed_is_the_first_number_with_the_power() -> None:
    n = sites_needed(0.02, 0.073)
    assert n is not None
    assert t_test_power(0.02, 0.073, n) >= 0.8 > t_test_power(0.02, 0.073, n - 1)
    assert detectable_difference(0.073, n) <= 0.02 < detectable_difference(0.073, n - 1)
    assert sites_needed(1e-6, 1.0) is None
    assert sites_needed(0.02, 0.0) == 2


def test_too_few_units_and_no_variance() -> None:
    assert math.isnan(detectable_difference(0.1, 1))
    assert detectable_difference(0.0, 5) == 0.0
    assert t_test_power(0.0, 1.0, 8) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="at least 2"):
        variance_components([0.1, 0.2], ["a", "a"])


def test_variance_components_by_hand() -> None:
    """Sites 1, 3 and 5, 7: means 2 and 6; within 2; between ((2*4 + 2*4) / 1 - 2) / 2 = 7."""
    components = variance_components([1.0, 3.0, 5.0, 7.0], ["a", "a", "b", "b"])
    assert (components.within, components.between, components.n_sites) == (2.0, 7.0, 2)
    assert components.of_mean_at_site(2) == 8.0
    assert components.of_mean_at_site(2, deaths=4) == 7.25
    alone = variance_components([1.0, 3.0], ["a", "b"])
    assert (alone.between, math.isnan(alone.within), alone.n_sites) == (2.0, True, 2)
    assert alone.of_mean_at_site(2) == 2.0


def test_variance_components_of_sites_with_different_numbers_of_splits_by_hand() -> None:
    """Sites .1, .3, .2 and .8: within .02 / 2; (3 * .15^2 + .45^2 - .01) / (4 - 10 / 4) = .26 / 1.5 between."""
    components = variance_components([0.1, 0.3, 0.2, 0.8], ["a", "a", "a", "b"])
    assert components.within == pytest.approx(0.01)
    assert components.between == pytest.approx(0.26 / 1.5)


def test_the_level_and_the_limit_are_those_that_are_asked_for() -> None:
    difference = detectable_difference(1.0, 5, level=0.01)
    assert t_test_power(difference, 1.0, 5, level=0.01) == pytest.approx(0.8, abs=1e-6)
    assert t_test_power(detectable_difference(1.0, 2), 1.0, 2) == pytest.approx(0.8, abs=1e-6)
    assert t_test_power(8.0, 1.0, 2) == pytest.approx(float(stats.nct.sf(stats.t.ppf(0.975, 1), 1, 8 * math.sqrt(2))))
    n = sites_needed(0.5, 1.0, level=0.01)
    assert n is not None
    assert t_test_power(0.5, 1.0, n, level=0.01) >= 0.8 > t_test_power(0.5, 1.0, n - 1, level=0.01)
    assert sites_needed(0.5, 1.0, level=0.01, most=n - 1) is None
    assert [t_test_power(d, 0.0, 4) for d in (0.1, 0.0)] == [1.0, 0.05]


def test_variance_components_are_unbiased() -> None:
    rng = np.random.default_rng(2)
    site = np.repeat(np.arange(12), np.arange(12) % 4 + 2)
    between, within = [], []
    for _ in range(400):
        d = rng.normal(0, 2.0, 12)[site] + rng.normal(0, 1.0, len(site))
        components = variance_components(d, site)
        between.append(components.between)
        within.append(components.within)
    assert np.mean(within) == pytest.approx(1.0, abs=0.05)
    assert np.mean(between) == pytest.approx(4.0, abs=0.3)
