"""Mean probabilities moved to the counts where both lean the same way from the training mix."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.metrics.confirmed_counts import LARGEST_SHARE, SHARE, confirmed_blend
from va_experiments.metrics.quantification import OutOfFoldPredictions, estimate_csmf

TRAINED = np.array([0.4, 0.3, 0.2, 0.1])


def test_confirmed_causes_alone_move_by_hand() -> None:
    """Cause 0 falls by the mean and further by the counts; 1 rises, then falls; 2 falls, then rises; 3 rises twice.

    Causes 0 and 3 move half of the way, to .2 and .4; 1 and 2 stay; the sum is 1.1.
    """
    mean, counts = np.array([0.3, 0.35, 0.15, 0.2]), np.array([0.1, 0.1, 0.2, 0.6])
    moved = np.array([0.2, 0.35, 0.15, 0.4])
    np.testing.assert_allclose(confirmed_blend(mean, counts, TRAINED, 0.5), moved / 1.1, atol=1e-12)
    np.testing.assert_allclose(confirmed_blend(mean, counts, TRAINED, 0.0), mean)


def test_it_is_the_mean_at_the_training_mix_and_where_counts_and_mean_agree() -> None:
    counts = np.array([0.7, 0.1, 0.1, 0.1])
    np.testing.assert_allclose(confirmed_blend(TRAINED, counts, TRAINED, 0.5), TRAINED)
    np.testing.assert_allclose(confirmed_blend(counts, counts, TRAINED, 0.5), counts)


def test_the_estimate_is_within_the_share_of_the_distance_to_the_counts() -> None:
    """The bound: scaling moves no more than the step itself, so the distance is at most twice the share's part."""
    rng = np.random.default_rng(3)
    mean, counts = rng.dirichlet(np.ones(8), size=200), rng.dirichlet(np.full(8, 0.3), size=200)
    trained = rng.dirichlet(np.ones(8))
    blended = confirmed_blend(mean, counts, trained, SHARE)
    np.testing.assert_allclose(blended.sum(axis=1), 1)
    assert (blended >= 0).all()
    moved = np.abs(blended - mean).sum(axis=1)
    assert (moved <= 2 * SHARE * np.abs(counts - mean).sum(axis=1) + 1e-12).all()
    assert SHARE <= LARGEST_SHARE


def test_each_set_may_have_a_share_of_its_own() -> None:
    rng = np.random.default_rng(4)
    mean, counts = rng.dirichlet(np.ones(4), size=3), rng.dirichlet(np.ones(4), size=3)
    shares = np.array([[0.0], [0.1], [0.4]])
    blended = confirmed_blend(mean, counts, TRAINED, shares)
    for k in range(3):
        np.testing.assert_allclose(blended[k], confirmed_blend(mean[k], counts[k], TRAINED, float(shares[k, 0])))


def test_the_estimator_takes_only_the_fractions_of_the_training_deaths() -> None:
    """Training mix (.5, .25, .25). Four deaths with mean (.3, .3, .4) and counts (0, .5, .5): all three causes move.

    Half of the way, (.15, .4, .45) sums to 1. An undetermined death is left out.
    """
    truth = np.array([0, 0, 1, 2])
    test = np.array([[0.3, 0.4, 0.3], [0.3, 0.4, 0.3], [0.3, 0.2, 0.5], [0.3, 0.2, 0.5], [0.0, 0.0, 0.0]])
    for probability in (np.zeros((4, 3)), np.eye(3)[truth]):
        estimate = estimate_csmf("confirmed_counts", test, OutOfFoldPredictions(probability, truth), share=0.5)
        np.testing.assert_allclose(estimate.csmf, [0.15, 0.4, 0.45], atol=1e-12)
    none = estimate_csmf("confirmed_counts", np.zeros((2, 3)), OutOfFoldPredictions(np.zeros((4, 3)), truth))
    assert none.csmf is None
    assert none.abstained == "every test death is undetermined"
    with pytest.raises(ValueError, match="'confirmed_counts' learns from"):
        estimate_csmf("confirmed_counts", test)
