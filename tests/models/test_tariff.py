"""Tariff by hand: the score, its significance, ranks and cut-offs; and the options' meaning."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.errors import InputError
from va_experiments.models.tariff import (
    Tariff,
    _drop_smallest,
    endorsement,
    keep_largest,
    ranks,
    resample_evenly,
    significant,
    tariffs,
)
from va_experiments.models.tariff2 import Tariff2


def test_endorsement_counts_missing_as_absent_by_construction():
    present = np.array([[True, False], [False, False], [True, True]])
    assert endorsement(present, np.array([0, 0, 1])).tolist() == [[0.5, 0], [1, 1]]


def test_tariff_by_hand():
    # One symptom, five causes: median 0.3, quartiles 0.2 and 0.4, IQR 0.2.
    share = np.array([[0.1], [0.2], [0.3], [0.4], [0.85]])
    np.testing.assert_allclose(tariffs(share)[:, 0], [-1, -0.5, 0, 0.5, 3.0])  # 2.75 rounds to 3.0: half to even
    # IQR 0: the range takes its place; range 0: 0.05.
    np.testing.assert_allclose(tariffs(np.array([[0], [0], [0], [0], [0.5]]))[:, 0], [0, 0, 0, 0, 1])
    assert not tariffs(np.full((5, 1), 0.3)).any()


def test_significance_keeps_a_clear_tariff_and_drops_noise():
    rng = np.random.default_rng(1)
    cause = np.repeat(np.arange(5), 60)
    present = rng.random((300, 2)) < 0.3
    present[:, 0] = np.where(cause == 0, rng.random(300) < 0.95, rng.random(300) < np.linspace(0.1, 0.2, 300))
    is_significant = significant(present, cause, 300, np.random.default_rng(2), touching=False)
    assert is_significant[0, 0]
    assert not is_significant[:, 1].all()


def test_significance_equals_a_plain_bootstrap():
    rng = np.random.default_rng(3)
    cause = rng.integers(0, 4, size=80)
    present = rng.random((80, 6)) < rng.random((4, 6))[cause]
    n_bootstrap = 40
    is_significant = significant(present, cause, n_bootstrap, np.random.default_rng(9), touching=True)
    again, sample = np.random.default_rng(9), []
    for _ in range(n_bootstrap):
        rows = again.integers(0, 80, size=80)
        share = np.array([present[rows][cause[rows] == c].mean(axis=0) for c in range(4)])
        sample.append(tariffs(share.astype(float)))
    low, high = np.quantile(np.array(sample), [0.025, 0.975], axis=0)
    assert np.array_equal(is_significant, low * high >= 0)


def test_top_keeps_the_largest_and_compat_drops_the_smallest():
    tariff = np.array([[3.0, -2.0, 1.0, -0.5]])
    assert keep_largest(tariff, 2).tolist() == [[3, -2, 0, 0]]
    assert _drop_smallest(tariff, 1).tolist() == [[3, -2, 1, 0]]


def test_ranks_count_ties_half():
    baseline = np.array([[1.0, 2.0, 2.0, 3.0]])
    place = ranks(np.array([[4.0], [3.0], [2.0], [0.0]]), baseline)
    assert place[:, 0].tolist() == [1, 1.5, 3, 5]


def test_even_resampling():
    cause = np.array([0] * 50 + [1] * 3)
    rows = resample_evenly(cause, 20, np.random.default_rng(0))
    assert np.bincount(cause[rows]).tolist() == [20, 20]


def test_tariff_names_the_cause_of_the_best_rank(small_deaths):
    model = Tariff(n_bootstrap=50).fit(small_deaths, seed=1)
    prediction = model.predict(small_deaths)
    assert (prediction.top_cause == small_deaths.cause).mean() > 0.5
    best = prediction.probability.max(axis=1)
    chosen = prediction.probability[np.arange(len(best)), prediction.top_cause]
    np.testing.assert_allclose(chosen, best)
    np.testing.assert_allclose(prediction.csmf, np.bincount(prediction.top_cause, minlength=4) / 300)


def test_tariff2_leaves_deaths_undetermined(small_deaths):
    symptoms = small_deaths.symptoms.copy()
    symptoms[0] = 0  # nothing endorsed: every score is 0, below the least score that counts
    silent = dataclasses.replace(small_deaths, symptoms=symptoms)
    model = Tariff2(n_bootstrap=50).fit(small_deaths, seed=1)
    prediction = model.predict(silent)
    assert prediction.top_cause[0] == -1
    assert prediction.probability[0].sum() == 0
    assert prediction.csmf.sum() == pytest.approx(1 - prediction.undetermined.mean())
    assert prediction.diagnostics["undetermined"] == pytest.approx(prediction.undetermined.mean())
    free = Tariff2(n_bootstrap=50, cause_cutoff=1, overall_cutoff=1, minimum_score=-1e9).fit(small_deaths, seed=1)
    assert free.predict(silent).undetermined.mean() < prediction.undetermined.mean()


def test_tariff2_chooses_before_rounding(small_deaths):
    model = Tariff2(n_bootstrap=0, top=3).fit(small_deaths)
    assert ((model.tariff_ != 0).sum(axis=1) <= 3).all()
    assert np.array_equal(model.tariff_ * 2, np.rint(model.tariff_ * 2))


@pytest.mark.parametrize(
    "model", [Tariff(n_bootstrap=-1), Tariff(top=0), Tariff(n_resample=-1), Tariff2(top=0), Tariff2(cause_cutoff=1.5)]
)
def test_parameters(model):
    with pytest.raises(InputError, match="expected"):
        model.check_parameters()
