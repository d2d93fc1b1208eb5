"""Empirical conditional probabilities and the conversion to levels, checked by hand-computed numbers."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.models.empirical import (
    INTERVA_FREQUENCY,
    INTERVA_VALUES,
    LETTERS,
    empirical_probabilities,
    quantile7,
    to_levels,
)
from va_experiments.models.symptom_counts import count_symptoms


def test_counts_equal_a_loop(small_deaths):
    counts = count_symptoms(small_deaths.symptoms, small_deaths.cause, 5)
    for s in (0, 7):
        for c in range(5):
            column = small_deaths.symptoms[small_deaths.cause == c, s]
            assert counts.present[s, c] == (column == 1).sum()
            assert counts.missing[s, c] == (column == -1).sum()
    assert counts.deaths.tolist() == [*np.bincount(small_deaths.cause), 0]


def test_probability_skips_missing_and_imputes_the_overall_share():
    # Cause 0: present, absent, missing -> 1/2. Cause 1: all missing -> overall share 1 present of 5 deaths.
    symptoms = np.array([[1], [0], [-1], [-1], [-1]], dtype=np.int8)
    cause = np.array([0, 0, 0, 1, 1], dtype=np.int16)
    raw = empirical_probabilities(symptoms, cause, 3, impute=False)
    assert raw.probability[0, 0] == 0.5
    assert np.isnan(raw.probability[0, 1])
    assert raw.causes.tolist() == [0, 1]
    assert raw.deaths.tolist() == [3, 2]
    assert empirical_probabilities(symptoms, cause, 3).probability.tolist() == [[0.5, 0.2]]


def test_a_symptom_missing_too_often_is_dropped():
    symptoms = np.full((100, 2), 1, dtype=np.int8)
    symptoms[:95, 0] = -1  # exactly the threshold stays
    symptoms[:96, 1] = -1  # above it goes
    cause = np.zeros(100, dtype=np.int16)
    assert empirical_probabilities(symptoms, cause, 1).keep.tolist() == [True, False]


def test_noise_moves_only_exact_bounds_and_follows_the_seed():
    symptoms = np.array([[1, 0, 1], [1, 0, 0]], dtype=np.int8)
    cause = np.zeros(2, dtype=np.int16)
    p = empirical_probabilities(symptoms, cause, 1, rng=np.random.default_rng(3)).probability[:, 0]
    assert 1 - 2e-6 <= p[0] <= 1 - 1e-6
    assert 1e-6 <= p[1] <= 2e-6
    assert p[2] == 0.5
    again = empirical_probabilities(symptoms, cause, 1, rng=np.random.default_rng(3)).probability[:, 0]
    assert p.tolist() == again.tolist()


def test_compat_orders_causes_by_first_appearance_and_misreads_single_deaths():
    symptoms = np.array([[-1, -1], [1, 0], [1, 0]], dtype=np.int8)
    cause = np.array([2, 0, 0], dtype=np.int16)
    reference_compat = empirical_probabilities(symptoms, cause, 3, impute=False, reference_compat=True)
    assert reference_compat.causes.tolist() == [2, 0]
    assert np.isnan(reference_compat.probability[0, 0])  # first column: noticed
    assert reference_compat.probability[1, 0] == 0.0  # second column: taken for absent
    sane = empirical_probabilities(symptoms, cause, 3, impute=False)
    assert sane.causes.tolist() == [0, 2]
    assert np.isnan(sane.probability[:, 1]).all()


def test_quantile7_agrees_with_numpy():
    rng = np.random.default_rng(0)
    values = np.sort(rng.random(101))
    p = rng.random(20)
    np.testing.assert_allclose(quantile7(values, p), np.quantile(values, p), rtol=0, atol=1e-15)


def test_fixed_levels_are_the_nearest_value_with_closed_upper_ends():
    cells = np.array([[1.0, 0.9, 0.65, 0.66, 0.035, 5e-6, 5.1e-6, 0.0]])
    letters = [LETTERS[k] for k in to_levels(cells, "fixed").index[0]]
    assert letters == ["I", "A+", "A", "A+", "B-", "N", "E", "N"]
    assert to_levels(INTERVA_VALUES[None, :], "fixed").index[0].tolist() == list(range(15))


@pytest.mark.parametrize("mirror_level_frequencies", [True, False])
def test_quantile_levels_have_the_frequencies_of_the_probbase(mirror_level_frequencies):
    cells = (np.arange(14700) + 0.5).reshape(245, 60) / 14700
    levels = to_levels(cells, "quantile", mirror_level_frequencies=mirror_level_frequencies)
    counts = np.bincount(levels.index.ravel().astype(int), minlength=15)
    expected = INTERVA_FREQUENCY[::-1] if mirror_level_frequencies else INTERVA_FREQUENCY
    assert np.abs(counts - expected).max() <= 1
    assert (np.diff(levels.value) < 0).all()
    assert np.abs(levels.probability - cells).max() < 0.15
