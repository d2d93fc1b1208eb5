"""Estimate the probability of each symptom given each cause from training deaths, and InterVA's 15 levels from it.

Shared by InterVA and InSilicoVA in train mode. Method: McCormick et al. 2016, JASA 111:1036, section 4.1, and the
behaviour of the openVA packages, whose two oddities are kept apart behind `reference_compat` and
`mirror_level_frequencies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.probbase import LETTERS, LEVEL_VALUES
from va_experiments.models.symptom_counts import count_symptoms

__all__ = [
    "CONVERSIONS",
    "INTERVA_FREQUENCY",
    "INTERVA_VALUES",
    "LETTERS",
    "Conditional",
    "Levels",
    "empirical_probabilities",
    "quantile7",
    "to_levels",
]

INTERVA_VALUES: Final = LEVEL_VALUES
"""InterVA's probability of each level, from high to low."""

INTERVA_FREQUENCY: Final = np.array([92, 197, 521, 287, 225, 1472, 199, 257, 2882, 449, 42, 4214, 101, 1262, 2500])
"""Cells of each level in the InterVA-4 probbase (245 symptoms, 60 causes)."""

CONVERSIONS: Final = ("quantile", "fixed", "empirical")

_FIXED_CUTS: Final = np.array(
    [5e-6, 5.5e-5, 3e-4, 7.5e-4, 1.5e-3, 3.5e-3, 7.5e-3, 0.015, 0.035, 0.075, 0.15, 0.35, 0.65, 0.9]
)
"""Upper (closed) end of each level but the highest, from N upwards: half way between neighbouring values."""

_NOISE: Final = (1e-6, 2e-6)


@dataclass(frozen=True, eq=False)
class Conditional:
    """Conditional probabilities learned from training deaths.

    Parameters
    ----------
    probability : float64 array, shape (n_kept, n_present)
        P(symptom present | cause) for the kept symptoms and the causes that occur in training. Without imputation a
        cell that too few deaths inform is NaN.
    keep : bool array, shape (n_symptoms,)
        Symptoms that are not missing too often; the rows of `probability` are ``np.flatnonzero(keep)``.
    causes : int16 array, shape (n_present,)
        Index of each column in the declared cause list.
    deaths : int64 array, shape (n_present,)
        Training deaths of each column's cause.
    """

    probability: npt.NDArray[np.float64]
    keep: npt.NDArray[np.bool_]
    causes: npt.NDArray[np.int16]
    deaths: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Levels:
    """Conditional probabilities as ordered levels.

    Parameters
    ----------
    index : int8 array, shape (n_symptoms, n_causes)
        0 is the highest level (``LETTERS[0]``), 14 the lowest.
    value : float64 array, shape (15,)
        Probability of each level, from high to low.
    """

    index: npt.NDArray[np.int8]
    value: npt.NDArray[np.float64]

    @property
    def probability(self) -> npt.NDArray[np.float64]:
        """The level values in place of the levels, shape (n_symptoms, n_causes)."""
        return self.value[self.index]


def empirical_probabilities(
    symptoms: npt.NDArray[np.int8],
    cause: npt.NDArray[np.int16],
    n_causes: int,
    *,
    missing_threshold: float = 0.95,
    impute: bool = True,
    rng: np.random.Generator | None = None,
    reference_compat: bool = False,
) -> Conditional:
    """Return the share of deaths with the symptom among those of the cause on which it is known.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_symptoms)
        1 present, 0 absent, -1 missing.
    cause : int array, shape (n_deaths,)
        Index into the declared list.
    n_causes : int
        Length of the declared list. Causes without a death get no column.
    missing_threshold : float
        A symptom with a larger share missing over all deaths is dropped; a cell with at least this share missing
        among its cause's deaths is not estimated.
    impute : bool
        Put the share over all deaths (those where it is missing counted too) where a cell is not estimated.
    rng : Generator, optional
        Draws the noise that moves cells of exactly 0 (to 1e-6..2e-6) and exactly 1 (to 1 less that), zeros first, each
        cause by cause. None leaves them at 0 and 1.
    reference_compat : bool
        As the R package does: columns in order of first appearance in the training rows instead of declared order (it
        decides ties), and for a cause with one death a missing symptom is noticed only in odd-numbered columns and
        counts as absent in the others.
    """
    counts = count_symptoms(symptoms, cause, n_causes)
    n = len(cause)
    keep = ~(counts.missing.sum(axis=1) / n > missing_threshold)
    occurring = np.flatnonzero(counts.deaths > 0)
    if reference_compat:
        values, first = np.unique(cause, return_index=True)
        occurring = values[np.argsort(first, kind="stable")].astype(np.intp)
    present = counts.present[np.ix_(keep, occurring)]
    deaths = counts.deaths[occurring]
    known = deaths - counts.missing[np.ix_(keep, occurring)]
    informed = ~(known < deaths * (1 - missing_threshold)) & (known > 0)
    probability = np.where(informed, present / np.maximum(known, 1), np.nan)
    if reference_compat and (single := deaths == 1).any():
        unnoticed = ((np.arange(len(keep)) % 2 == 1)[keep])[:, None] & single[None, :] & ~informed
        probability[unnoticed] = 0.0
    if impute:
        overall = counts.present[keep].sum(axis=1) / n
        probability = np.where(np.isnan(probability), overall[:, None], probability)
    if rng is not None:
        _move_off_bounds(probability, rng)
    return Conditional(probability, keep, occurring.astype(np.int16), deaths.astype(np.int64))


def _move_off_bounds(probability: npt.NDArray[np.float64], rng: np.random.Generator) -> None:
    """Replace exact 0 and 1 in place by random numbers next to them, in column-major order."""
    by_cause = probability.T  # a view: boolean assignment below walks it cause by cause
    zero, one = by_cause == 0, by_cause == 1
    by_cause[zero] = rng.uniform(*_NOISE, size=int(zero.sum()))
    by_cause[one] = 1 - rng.uniform(*_NOISE, size=int(one.sum()))


def quantile7(sorted_values: npt.NDArray[np.float64], p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the type 7 quantiles (Hyndman and Fan 1996) of values sorted along the first axis.

    Written out because the last bit decides on which side of a cut a cell falls.
    """
    h = (len(sorted_values) - 1) * np.asarray(p, dtype=np.float64)
    low = np.floor(h + 4 * np.finfo(float).eps).astype(np.intp)
    high = np.minimum(low + 1, len(sorted_values) - 1)
    weight = np.clip(h - low, 0, 1).reshape(h.shape + (1,) * (sorted_values.ndim - 1))
    return (1 - weight) * sorted_values[low] + weight * sorted_values[high]


def to_levels(
    probability: npt.NDArray[np.float64], conversion: str, *, mirror_level_frequencies: bool = True
) -> Levels:
    """Return the 15 InterVA levels that a table of probabilities is turned into.

    Parameters
    ----------
    probability : float64 array, shape (n_symptoms, n_causes)
        No NaN.
    conversion : {"quantile", "fixed"}
        ``fixed``: the level whose InterVA value is nearest. ``quantile``: levels as frequent as in the InterVA-4
        probbase, each with the median of its cells as value.
    mirror_level_frequencies : bool
        For ``quantile``: give each level the frequency of its mirror image (the lowest level that of the highest), as
        the R packages do; False gives each level its own frequency.
    """
    if conversion == "fixed":
        ascending = np.searchsorted(_FIXED_CUTS, probability, side="left")
        return Levels((14 - ascending).astype(np.int8), INTERVA_VALUES.copy())
    if conversion != "quantile":
        raise ValueError(f"conversion is {conversion!r}; expected 'quantile' or 'fixed'")
    if probability.size == 0:  # every symptom was missing too often
        return Levels(np.zeros(probability.shape, dtype=np.int8), INTERVA_VALUES.copy())
    counts = INTERVA_FREQUENCY if mirror_level_frequencies else INTERVA_FREQUENCY[::-1]
    upper = np.cumsum(counts) / counts.sum()
    middle = (upper + np.concatenate([[0.0], upper[:-1]])) / 2
    cells = np.sort(probability, axis=None)
    cut = quantile7(cells, upper)
    cut[-1] = cells[-1]  # so that no cell lies above the highest level through rounding
    ascending = np.searchsorted(cut, probability, side="left")
    return Levels((14 - ascending).astype(np.int8), quantile7(cells, middle)[::-1].copy())
