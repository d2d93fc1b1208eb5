"""The interval of a CSMF accuracy over deaths: a bootstrap that is centred anew in worlds of smaller and larger error.

CSMF accuracy is a sum of absolute errors, one for each cause. Chance adds to every one of them: the sum comes out too
large in a sample, and larger still in its resamples, by as much as its own standard error where 34 causes share 300
deaths. So the value of the population lies beside the middle of the bootstrap distribution, and no interval that is
read off that distribution (percentile, basic, bias-corrected) covers as it says.

What does hold is to ask of which populations the sample may come (a test inverted: Carpenter 1999, Journal of the
Royal Statistical Society B 61:159-172; Carpenter and Bithell 2000, Statistics in Medicine 19:1141-1164). A line of
worlds runs through the errors that were seen, from worlds without any error to worlds with twice as much and more. In
each, samples are the world's errors plus the deviations of the bootstrap, which biases them as much as the sample
itself was. The interval reaches from the world in which so good a sample is rare to the one in which so bad a sample
is.

A seen error of several standard errors is real, a seen error of less than one mostly chance. The line therefore takes
from each error ``|d|`` in proportion to ``|d|^(1/4) s^(3/4)``, s being its standard error: small errors shrink to
nothing first. In proportion to s alone it covers up to .977 on real deaths, to ``sqrt(|d| s)`` as little as .92 where
a model errs grossly (``python -m benchmarks coverage``).

A sample may be better than chance lets even a world without error be: the prior's, say, where the test deaths were
drawn with the cause mix of the training deaths. Then no world is good enough, and the interval reaches from the value
that was seen to that of the best world. Short of that an interval may lie above the value seen: that is the bias.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from va_experiments.metrics.resampling import quantile_of_sorted

__all__ = ["accuracy_interval"]

Floats = npt.NDArray[np.float64]

HALVINGS = 20
"""Steps of the search along the line of worlds: to within 32 / 2^20 standard errors of an error."""

FURTHEST = 16.0
"""Largest step away from the errors that were seen, in multiples of ``|d|^(1/4) s^(3/4)``."""


def accuracy_interval(true: npt.ArrayLike, estimated: npt.ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the ends of the intervals of CSMF accuracies from the cause fractions of a sample and of its resamples.

    Coverage by simulation is printed by ``tests/metrics/test_intervals.py``.

    Parameters
    ----------
    true : float array, shape (1 + n_resamples, n_causes)
        True cause fractions; the first row is the sample itself, the others are bootstrap resamples of its deaths.
    estimated : float array, shape (n_estimates, 1 + n_resamples, n_causes)
        Estimated fractions, several estimates of the same sample at once. What they lack to 1 is the undetermined
        share, which is an error (see `va_experiments.metrics.csmf.csmf_accuracy`); it is the same in every world.
    level : float

    Returns
    -------
    low, high : float64 arrays, shape (n_estimates,)
        On the scale of CSMF accuracy, at most 1; NaN for a list of one cause.
    """
    p, q = np.asarray(true, dtype=np.float64), np.asarray(estimated, dtype=np.float64)
    if p.shape[1] < 2:
        return np.full(len(q), np.nan), np.full(len(q), np.nan)
    error = p - q
    undetermined = np.maximum(1 - q.sum(axis=-1), 0)
    worst = 2 * (1 - p.min(axis=-1))
    seen, noise = error[:, 0], error[:, 1:] - error[:, :1]
    spread = noise.std(axis=1)
    step = np.sqrt(np.sqrt(np.abs(seen) * spread) * spread)  # roots: exactly rounded, so the same on every machine
    accuracy = 1 - (np.abs(seen).sum(axis=-1) + undetermined[:, 0]) / worst[0]

    def world(t: Floats) -> Floats:
        """Return the errors of the worlds at `t`, shape (n_estimates, 2, n_causes)."""
        return np.sign(seen)[:, None] * np.maximum(np.abs(seen)[:, None] - t[..., None] * step[:, None], 0)

    tail = (1 - level) / 2
    tails = np.array([1 - tail, tail])
    # Accuracies of samples rise with t. Lower end: the t at which the upper tail of the samples is where the sample is.
    left, right = np.full((len(q), 2), -FURTHEST), np.full((len(q), 2), FURTHEST)
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        sums = np.abs(world(middle)[:, :, None] + noise[:, None]).sum(axis=-1) + undetermined[:, None, 1:]
        samples = np.sort(1 - sums / worst[1:], axis=-1)
        reached = np.stack([quantile_of_sorted(samples[:, k], tails[k]) for k in (0, 1)], axis=1)
        below = reached < accuracy[:, None]
        left, right = np.where(below, middle, left), np.where(below, right, middle)
    least = np.abs(world((left + right) / 2)).sum(axis=-1) + undetermined[:, :1]
    ends = 1 - least / worst[0]
    none_is_good_enough = least[:, 0] <= undetermined[:, 0]
    return np.where(none_is_good_enough, np.minimum(ends[:, 0], accuracy), ends[:, 0]), ends[:, 1]
