"""Compute a confidence interval for CSMF accuracy over deaths by test inversion (Carpenter 1999).

In: cause fractions of a sample and of its bootstrap resamples. Out: the ends of the interval.

CSMF accuracy is a sum of absolute errors, one for each cause, and chance increases each of them. The sum is therefore
too large in a sample, and even larger in its resamples, by about its own standard error if 34 causes share 300 deaths.
The value of the population is not in the middle of the bootstrap distribution, and no interval that is read off that
distribution (percentile, basic, bias-corrected) has its nominal coverage.

Test inversion asks instead which populations could have produced the sample (Carpenter 1999, Journal of the Royal
Statistical Society B 61:159-172; Carpenter and Bithell 2000, Statistics in Medicine 19:1141-1164). The candidate
populations form a line: from a population without error, through the errors observed in the sample, to populations
with more than twice these errors. Samples of a candidate are its errors plus the deviations of the bootstrap, which
have the same bias as the sample itself. The interval reaches from the candidate in which so good a sample is rare to
the candidate in which so bad a sample is rare.

An observed error of several standard errors is real; one of less than a standard error is mostly chance. Along the
line, an error ``|d|`` is therefore reduced in proportion to ``|d|^(1/4) s^(3/4)``, where s is its standard error: small
errors reach zero first. In proportion to s alone, coverage on real deaths goes up to .977; with ``sqrt(|d| s)`` it
falls to .92 if a model has large errors (``python -m benchmarks coverage``).

A sample may be better than chance allows even for a population without error, for example that of `prior` if the test
deaths were drawn with the training cause mix. Then the interval reaches from the observed value to that of the
population without error. In other cases the interval may lie above the observed value, because that value is biased.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from va_experiments.metrics.resampling import quantile_of_sorted

__all__ = ["accuracy_interval"]

Floats = npt.NDArray[np.float64]

HALVINGS = 20
"""Steps of the search along the line of candidates: to within 32 / 2^20 standard errors of an error."""

FURTHEST = 16.0
"""Largest step away from the observed errors, in multiples of ``|d|^(1/4) s^(3/4)``."""


def accuracy_interval(true: npt.ArrayLike, estimated: npt.ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Compute the intervals of CSMF accuracies from the cause fractions of a sample and of its resamples.

    Coverage by simulation is printed by ``tests/metrics/test_intervals.py``.

    Parameters
    ----------
    true : float array, shape (1 + n_resamples, n_causes)
        True cause fractions; the first row is the sample itself, the others are bootstrap resamples of its deaths.
    estimated : float array, shape (n_estimates, 1 + n_resamples, n_causes)
        Estimated fractions, several estimates of the same sample at once. Their difference from 1 is the
        undetermined share, an error (see `va_experiments.metrics.csmf.csmf_accuracy`) that all candidates share.
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
    observed, noise = error[:, 0], error[:, 1:] - error[:, :1]
    spread = noise.std(axis=1)
    step = np.sqrt(np.sqrt(np.abs(observed) * spread) * spread)  # roots: exactly rounded, so the same on every machine
    accuracy = 1 - (np.abs(observed).sum(axis=-1) + undetermined[:, 0]) / worst[0]

    def candidate_errors(t: Floats) -> Floats:
        """Compute the errors of the candidate populations at `t`, shape (n_estimates, 2, n_causes)."""
        return np.sign(observed)[:, None] * np.maximum(np.abs(observed)[:, None] - t[..., None] * step[:, None], 0)

    tail = (1 - level) / 2
    tails = np.array([1 - tail, tail])
    # Accuracies of samples rise with t. Lower end: the t at which the upper tail of the samples is where the sample is.
    left, right = np.full((len(q), 2), -FURTHEST), np.full((len(q), 2), FURTHEST)
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        sums = np.abs(candidate_errors(middle)[:, :, None] + noise[:, None]).sum(axis=-1) + undetermined[:, None, 1:]
        samples = np.sort(1 - sums / worst[1:], axis=-1)
        reached = np.stack([quantile_of_sorted(samples[:, k], tails[k]) for k in (0, 1)], axis=1)
        below = reached < accuracy[:, None]
        left, right = np.where(below, middle, left), np.where(below, right, middle)
    total_error = np.abs(candidate_errors((left + right) / 2)).sum(axis=-1) + undetermined[:, :1]
    ends = 1 - total_error / worst[0]
    better_than_no_error = total_error[:, 0] <= undetermined[:, 0]
    return np.where(better_than_no_error, np.minimum(ends[:, 0], accuracy), ends[:, 0]), ends[:, 1]
