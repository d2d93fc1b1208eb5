"""Step-down max-T: a single comparison, definitions by brute force, and the family-wise error rate in simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from va_experiments.metrics.comparison import sign_flip
from va_experiments.metrics.max_t import max_t

D = np.random.default_rng(3).normal(0.5, 1, size=(6, 4))


def test_one_comparison_is_the_sign_flip_test_and_scipys_permutation_test():
    for column in D.T:
        p = max_t(column[:, None])[0]
        assert p == pytest.approx(sign_flip(column).p)
        exact = stats.permutation_test((column,), np.mean, permutation_type="samples", n_resamples=np.inf)
        assert p == pytest.approx(exact.pvalue)


def test_by_the_definition():
    def t(x):
        return np.abs(stats.ttest_1samp(x, 0).statistic)

    arrangements = [np.array(s)[:, None] for s in itertools.product((1, -1), repeat=6)]
    observed = t(D)
    order = np.argsort(-observed)
    expected, before = np.zeros(4), 0.0
    for k, j in enumerate(order):
        reach = [t(s * D)[order[k:]].max() >= observed[j] - 1e-9 for s in arrangements]
        before = expected[j] = max(before, np.mean(reach))
    np.testing.assert_allclose(max_t(D), expected)


def test_the_least_p_does_not_grow_with_the_comparisons():
    same_sign = np.abs(D) + 1
    assert max_t(same_sign).max() == pytest.approx(2 / 64)
    np.testing.assert_allclose(max_t(np.repeat(D[:, :1], 20, axis=1)), max_t(D[:, :1])[0])
    assert max_t(np.zeros((6, 2))).tolist() == [1, 1]
    assert max_t(np.array([[1.0, -2.0]])).tolist() == [1, 1]
    assert max_t(np.ones((16, 1))).tolist() == [2 / 65_536]
    for differences in (np.full((6, 2), np.nan), np.ones(3), np.ones((17, 1)), np.ones((0, 1))):
        with pytest.raises(ValueError, match="expected 1 to 16 units by comparisons, all finite"):
            max_t(differences)


def test_family_wise_error_rate():
    """Ten correlated comparisons over 8 units, none of them different: an error in 5% of the families at most."""
    rng = np.random.default_rng(1)
    shared, single = rng.normal(size=(800, 8, 1)), rng.normal(size=(800, 8, 10))
    rate = np.mean([max_t(d).min() <= 0.05 for d in shared + single])
    print(f"family-wise error rate {rate:.3f} at .05")
    assert 0.02 < rate < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 800)
