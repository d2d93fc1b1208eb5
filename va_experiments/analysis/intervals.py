"""Compute means over sites with intervals that stay within the bounds of their metric.

The interval of a mean is Student's t, computed on a scale that has no ends and brought back: the logit where the metric
has two bounds (for CSMF accuracy, from -1 to 1, that is Fisher's z), the logarithm where it has one. It is centred at
the transformed mean, and its standard error follows from that of the mean by the delta method (Korn and Graubard 1998,
Survey Methodology 24:193; the logit intervals of survey software). It holds the mean, never reaches beyond a bound, and
equals the plain interval where values lie close together and far from the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from va_experiments.metrics.registry import find_metric

__all__ = ["KIND", "mean", "mean_interval", "t_interval", "within_bounds"]

KIND = "logit-t"
"""What the interval of a mean of a bounded metric is called."""


def mean(values: Sequence[float] | pd.Series) -> float:
    """Return the arithmetic mean by :func:`math.fsum`: the same bits for any order of `values`."""
    listed = [float(v) for v in values]
    return math.fsum(listed) / len(listed) if listed else math.nan


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return Student's t interval of the mean of `values`; NaN for fewer than two, or where SciPy cannot be loaded."""
    if len(values) < 2:
        return math.nan, math.nan
    try:
        from scipy.special import stdtrit  # scipy.stats takes a second to import
    except ImportError:  # a limit of address space: a mean without an interval is better than none
        return math.nan, math.nan

    centre = mean(values)
    variance = math.fsum((v - centre) ** 2 for v in values) / (len(values) - 1)
    half = float(stdtrit(len(values) - 1, 0.5 + level / 2)) * math.sqrt(variance / len(values))
    return centre - half, centre + half


def mean_interval(values: Sequence[float], metric: str, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean of a metric's `values`, within the metric's bounds; NaN for fewer than two.

    Parameters
    ----------
    values : sequence of float
        One for each site.
    metric : str
        Column of the metric; the registry says what its bounds are.
    """
    low, high = t_interval(values, level)
    return within_bounds(mean(values), (high - low) / 2, metric) if len(values) > 1 else (low, high)


def within_bounds(centre: float, half: float, metric: str) -> tuple[float, float]:
    """Return the ends of ``centre +- half`` on the scale on which a metric has no bounds, brought back.

    Parameters
    ----------
    centre : float
        The mean.
    half : float
        Half the width of the plain interval: a quantile times the standard error.
    metric : str
        A metric without bounds, or an unknown one, gets the plain interval; at a bound, or with no width, both ends
        are the mean.
    """
    info = find_metric(metric)
    least, most = info.range if info is not None else (-math.inf, math.inf)
    if not half > 0 or (math.isinf(least) and math.isinf(most)):
        return centre - half, centre + half
    if not least < centre < most:
        return centre, centre
    below, above = centre - least, most - centre
    if math.isinf(least):
        factor = math.exp(half / above)
        return most - above * factor, most - above / factor
    if math.isinf(most):
        factor = math.exp(half / below)
        return least + below / factor, least + below * factor
    step = half * (most - least) / (below * above)

    def back(shift: float) -> float:
        """Return the value whose logit lies `shift` from that of the mean."""
        odds = math.log(below / above) + shift
        share = 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0
        return least + (most - least) * share

    return back(-step), back(step)
