"""Resamples of test deaths, as weights: the bootstrap, and test sets with other cause mixes than the data's own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["bootstrap_weights"]


def bootstrap_weights(n: int, n_resamples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return how often each of `n` deaths is in each resample of n deaths with replacement, shape (n_resamples, n)."""
    drawn = rng.integers(0, n, size=(n_resamples, n))
    drawn += np.arange(n_resamples)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=n_resamples * n).reshape(n_resamples, n)
