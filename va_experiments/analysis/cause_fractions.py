"""Estimate the fraction of deaths by cause, with intervals, for all deaths of a cell and for strata of them.

In: an `AssignedCell` and masks of its deaths. Out: rows of ``fractions.csv``. A stratum is estimated by the rule that
gives the model's own CSMF for all deaths: the mean probability, the shares of the named causes, or InterVA's rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.analysis.assigned_causes import AssignedCell
from va_experiments.models.interva.interva import cause_fractions

__all__ = ["FRACTION_COLUMNS", "LEAST_DEATHS", "TOO_SMALL", "UNDETERMINED", "Sums", "fraction_rows", "wilson"]

FRACTION_COLUMNS = ("model", "stratum", "cause", "fraction", "low", "high", "deaths", "note", "data")
"""Columns of ``fractions.csv``."""

UNDETERMINED = "undetermined"
LEAST_DEATHS = 10
"""A stratum with fewer deaths gets no interval."""

TOO_SMALL = "n too small"
_SAME = 1e-6
_OTHERWISE = "mean probability of assessed deaths"
"""Rule for strata where the model's own CSMF follows from none of the rules, such as the mean of draws."""
_Z = NormalDist().inv_cdf(0.975)

Floats = npt.NDArray[np.float64]


@dataclass
class Sums:
    """Sums over the deaths of a stratum, from which its fractions follow."""

    n: int = 0
    """Deaths."""
    assessed: int = 0
    """Deaths that the model looked at."""
    probability: Floats | float = 0.0
    squares: Floats | float = 0.0
    named: Floats | float = 0.0
    counted: Floats | float = 0.0
    """Sum of what InterVA's rule counts for each cause."""

    def add(self, probability: Floats, top: npt.NDArray[np.int16], assessed: npt.NDArray[np.bool_]) -> None:
        """Add the deaths of a block: the model's prediction for them, and which of them it assesses."""
        known = probability[assessed]
        self.n += len(top)
        self.assessed += len(known)
        self.probability = self.probability + probability.sum(axis=0)
        self.squares = self.squares + (probability * probability).sum(axis=0)
        self.named = self.named + np.bincount(top[top >= 0], minlength=probability.shape[1]).astype(np.float64)
        counted = cause_fractions(known)[0] * len(known) if len(known) else np.zeros(probability.shape[1])
        self.counted = self.counted + counted

    def estimates(self) -> dict[str, tuple[Floats, Floats, int]]:
        """Return by rule: fractions, the mean of their squares by death, and the deaths that they are fractions of."""
        p, s, named, counted = (np.atleast_1d(v) for v in (self.probability, self.squares, self.named, self.counted))
        n, assessed = max(self.n, 1), max(self.assessed, 1)
        return {
            "mean probability": (p / n, s / n, self.n),
            "named causes": (named / n, named / n, self.n),
            "mean probability of assessed deaths": (p / assessed, s / assessed, self.assessed),
            "InterVA's rule": (counted / assessed, counted / assessed, self.assessed),
        }


def fraction_rows(
    cell: AssignedCell, whole: Sums, strata: Mapping[str, Sums], *, name: str = "all"
) -> list[dict[str, Any]]:
    """Return the rows of a cell: for all its deaths, then for each stratum.

    Intervals are 95%. For all deaths of a model with posterior draws of the CSMF they are percentiles of these, and so
    are fractions and intervals of strata that the model samples as subpopulations. Else they are Wilson's score
    interval: for probabilities with the number of deaths that gives a share the same variance.

    Parameters
    ----------
    cell : AssignedCell
    whole : Sums
        Over all its deaths.
    strata : mapping of str to Sums
    name : str
        What the stratum of all deaths is called.
    """
    estimates = whole.estimates()
    rule = next((r for r, (f, _, _) in estimates.items() if np.abs(f - cell.csmf).max(initial=0) < _SAME), None)
    fraction, square, n = estimates[rule or _OTHERWISE]
    ends = None
    if cell.draws is not None and len(cell.draws) > 1:
        ends = np.percentile(cell.draws, [2.5, 97.5], axis=0)
    if ends is not None or rule is None:
        fraction, square, n = cell.csmf, cell.csmf, whole.assessed
    rows = _rows(cell, name, fraction, square, n, ends)
    for stratum, sums in strata.items():
        if (sampled := cell.sampled.get(stratum)) is not None:
            mean, low, high = sampled.T
            rows += _rows(cell, stratum, mean, mean, sums.assessed, np.stack([low, high]))
        else:
            rows += _rows(cell, stratum, *sums.estimates()[rule or _OTHERWISE], None)
    return rows


def _rows(
    cell: AssignedCell, stratum: str, fraction: Floats, square: Floats, n: int, ends: Floats | None
) -> list[dict[str, Any]]:
    rest = max(0.0, 1 - float(fraction.sum())) if n else 1.0
    values = [*fraction.tolist(), rest]
    squares = [*square.tolist(), rest]
    limits = [wilson(f, s, n) for f, s in zip(values, squares, strict=True)]
    if ends is not None:  # draws that are all the same know a fraction by rule: only the choice of deaths varies it
        drawn = zip(*ends.tolist(), strict=True)
        limits[: len(cell.causes)] = [d if d[0] < d[1] else w for d, w in zip(drawn, limits, strict=False)]
    few = n < LEAST_DEATHS
    return [
        {
            "model": cell.model,
            "stratum": stratum,
            "cause": cause,
            "fraction": value,
            "low": math.nan if few else low,
            "high": math.nan if few else high,
            "deaths": n,
            "note": TOO_SMALL if few else "",
            "data": cell.deaths.name,
        }
        for cause, value, (low, high) in zip((*cell.causes, UNDETERMINED), values, limits, strict=True)
        if cause != UNDETERMINED or value > _SAME
    ]


def wilson(mean: float, square: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95% score interval of a mean of values in 0 to 1 (Wilson 1927, JASA 22:209).

    Parameters
    ----------
    mean, square : float
        Means of the values and of their squares; equal for shares.
    n : int
        Values. The interval takes the number of yes-or-no values whose share would vary as much as this mean.
    """
    if n == 0:
        return math.nan, math.nan
    mean = min(max(mean, 0.0), 1.0)
    spread, binomial = max(square - mean * mean, 0.0), mean * (1 - mean)
    effective = n * binomial / spread if spread > binomial * 1e-6 else float(n) * (1e6 if binomial > 0 else 1)
    z = _Z * _Z / effective
    middle = (mean + z / 2) / (1 + z)
    half = _Z / (1 + z) * math.sqrt(binomial / effective + z / (4 * effective))
    return max(0.0, middle - half), min(1.0, middle + half)
