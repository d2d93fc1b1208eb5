"""Move mean probabilities towards the counts of named causes where both lean the same way from the training mix.

Mean probabilities are drawn towards the cause mix of the training deaths, counts of the most probable causes are not,
but they exaggerate what is common. Where a cause is above its training fraction by the mean, and further above by the
counts, they agree that the training mix holds the mean back, and a share of the counts corrects it. Where they lean to
different sides, the counts only exaggerate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["LARGEST_LOSS", "LARGEST_SHARE", "SHARE", "confirmed_blend"]

Floats = npt.NDArray[np.float64]

LARGEST_LOSS = 0.005
"""CSMF accuracy that no task on which the share is learned may lose, on average, against the mean probability."""

LARGEST_SHARE = 0.2
"""Bound of the share, which holds the loss on tasks that it was not learned on within `LARGEST_LOSS`."""

SHARE = 0.2
"""The share of confirmed counts learned on all tasks: ``python -m benchmarks learned_share`` prints it and what it is
where sites or one of the files are left out (docs/results/quantifiers.md)."""


def confirmed_blend(mean: Floats, counts: Floats, trained: Floats, share: npt.ArrayLike = SHARE) -> Floats:
    """Return mean probabilities with a share of those counts that confirm their distance from the training mix.

    Parameters
    ----------
    mean, counts : float array, shape (..., n_causes)
        Mean probability and shares of the most probable causes of a test set; each sums to 1.
    trained : float array, shape (n_causes,)
        Cause fractions of the training deaths.
    share : float array, broadcast against ``(..., 1)``
        In [0, 1]: how far the confirmed causes move to the counts.

    Returns
    -------
    float array, shape (..., n_causes)
        Sums to 1. No cause moves further than `share` of the way to the counts before scaling.
    """
    step = counts - mean
    confirmed = step * (mean - trained) > 0
    moved = mean + np.asarray(share) * np.where(confirmed, step, 0.0)
    scaled: Floats = moved / moved.sum(axis=-1, keepdims=True)
    return scaled
