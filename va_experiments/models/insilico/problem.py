"""Prepare the arrays that the compiled sampler of InSilicoVA works on, from symptoms, levels and rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from va_experiments.models.insilico.arrays import Arrays
from va_experiments.models.insilico.sums import plan_sums

__all__ = ["LEVEL_BOUNDS", "PRIOR_VALUES", "Problem", "build_problem"]

PRIOR_VALUES: Final = np.array([1, 0.8, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 1e-4, 1e-5, 1e-6])
"""Prior location of the 15 levels: InterVA's values, with a small number in place of 0."""

LEVEL_BOUNDS: Final = (1e-4, 0.9999)
"""Every level's probability stays between these."""

_WIDTH: Final = 8  # causes in one vector instruction; checked against the kernel's by a test


@dataclass(frozen=True, eq=False)
class Problem:
    """One test set, ready to be sampled.

    Parameters
    ----------
    arrays : Arrays
        What the kernel reads.
    cell : int64 array, shape (n_deaths,)
        Cell of each death.
    value : float64 array, shape (n_levels,)
        Start of the level probabilities.
    likelihood : float64 array, shape (n_profiles, n_padded), or None
        Fixed likelihoods where the levels are not updated.
    n_causes : int
        Causes before padding.
    levels : int array, shape (n_levels,)
        Which of the 15 levels occur.
    """

    arrays: Arrays
    cell: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    likelihood: npt.NDArray[np.float64] | None
    n_causes: int
    levels: npt.NDArray[np.int64]


def build_problem(
    symptoms: npt.NDArray[np.int8],
    *,
    level: npt.NDArray[np.integer] | None = None,
    probability: npt.NDArray[np.float64] | None = None,
    start: npt.NDArray[np.float64] | None = None,
    group: npt.NDArray[np.integer] | None = None,
    possible: npt.NDArray[np.bool_] | None = None,
    levels_strength: float = 1.0,
) -> Problem:
    """Return the arrays for one test set.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_symptoms)
        1 present, 0 absent, -1 missing.
    level : int array, shape (n_symptoms, n_causes), optional
        Level of each cell, 0 (highest) to 14. With it the levels are sampled.
    probability : float64 array, shape (n_symptoms, n_causes), optional
        Fixed conditional probabilities, without `level`.
    start : float64 array, shape (15,), optional
        Start value of each level; InterVA's values by default.
    group : int array, shape (n_deaths,), optional
        Subpopulation of each death, from 0.
    possible : bool array, shape (n_deaths, n_causes), optional
        Causes that each death may have.
    levels_strength : float
        Weight of the prior of the levels.
    """
    n = len(symptoms)
    table = level if level is not None else probability
    assert table is not None
    n_causes = table.shape[1]
    n_padded = -(-n_causes // _WIDTH) * _WIDTH
    known = np.atleast_1d((symptoms >= 0).any(axis=0))
    known[:1] |= not known.any()  # a column that says nothing, so that there is one
    symptoms, table = np.ascontiguousarray(symptoms[:, known]), table[known]
    groups = np.zeros(n, dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    n_groups = int(groups.max(initial=0)) + 1

    key = symptoms if possible is None else np.concatenate([symptoms, possible.astype(np.int8)], axis=1)
    profile_first, profile = _distinct(key)
    cell_first, cell = _distinct(np.stack([profile, groups], axis=1))
    profiles = symptoms[profile_first]
    plan = plan_sums(profiles)

    allowed = np.zeros((1 if possible is None else len(profiles), n_padded))
    allowed[:, :n_causes] = 1.0 if possible is None else possible[profile_first]
    active, n_active = _active_causes(groups, n_groups, n_causes, possible)

    levels = np.unique(level[known]) if level is not None else np.zeros(0, dtype=np.int64)
    padded = np.zeros((len(table), n_padded), dtype=np.uint8)
    sizes = np.zeros((max(len(levels), 1), n_padded))
    prior_a, prior_b, value = np.zeros(len(levels)), 0.0, np.zeros(len(levels))
    if level is not None:
        padded[:, :n_causes] = np.searchsorted(levels, table)
        for h in range(len(levels)):
            sizes[h, :n_causes] = (table == levels[h]).sum(axis=0)
        prior_a, prior_b = _level_prior(levels, sizes, n, levels_strength)
        value = _start_values(PRIOR_VALUES[levels] if start is None else start[levels])
    arrays = Arrays(
        symptoms=np.ascontiguousarray(profiles),
        allowed=allowed,
        profile=profile[cell_first],
        group=groups[cell_first],
        copies=np.bincount(cell, minlength=len(cell_first)),
        active=active,
        n_active=n_active,
        level=padded,
        cells=sizes,
        prior_a=prior_a,
        prior_b=float(prior_b),
        leaf_symptom=plan.leaf_symptom,
        leaf_present=plan.leaf_present,
        left=plan.left,
        right=plan.right,
        row=plan.row,
    )
    fixed = None
    if level is None:
        fixed = np.zeros((len(profiles), n_padded))
        fixed[:, :n_causes] = _fixed_likelihood(profiles, np.asarray(table, dtype=np.float64)) * allowed[:, :n_causes]
    return Problem(arrays, cell, value, fixed, n_causes, levels)


def _active_causes(
    groups: npt.NDArray[np.int64], n_groups: int, n_causes: int, possible: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the causes that each subpopulation may have, first in each row, and their number; all if it has none."""
    active = np.zeros((n_groups, n_causes), dtype=np.int64)
    n_active = np.full(n_groups, n_causes, dtype=np.int64)
    for g in range(n_groups):
        occurs = np.ones(n_causes, bool) if possible is None else possible[groups == g].any(axis=0)
        occurs = occurs if occurs.any() else np.ones(n_causes, bool)
        n_active[g] = occurs.sum()
        active[g, : n_active[g]] = np.flatnonzero(occurs)
    return active, n_active


def _level_prior(
    levels: npt.NDArray[np.int64], sizes: npt.NDArray[np.float64], n_deaths: int, strength: float
) -> tuple[npt.NDArray[np.float64], float]:
    """Return both parameters of the levels' prior: it weighs as many deaths as a typical level has cells."""
    median = float(np.median(sizes.sum(axis=1)))
    # At least 1: a few deaths with a weak prior would leave no prior at all.
    prior_b = max(math.trunc(math.trunc(1.5 * n_deaths) * median * strength), 1)
    return 0.99 * prior_b * PRIOR_VALUES[levels], prior_b


def _distinct(rows: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first row of each distinct pattern and the pattern of each row, patterns in lexical order."""
    rows = np.ascontiguousarray(rows)
    packed = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).reshape(-1)
    _, first, which = np.unique(packed, return_index=True, return_inverse=True)
    return first.astype(np.int64), which.reshape(-1).astype(np.int64)


def _start_values(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the values strictly decreasing within the bounds, as near as can be to those given."""
    low, high = LEVEL_BOUNDS
    value = np.minimum.accumulate(np.clip(value, low, high))
    # Equal neighbours would leave no room to move: separate them by a small amount.
    spread = np.linspace(1e-6, 0, len(value)) if len(value) > 1 else np.zeros(len(value))
    return np.clip(value * (1 - 1e-6) + spread * low, low, high)


def _fixed_likelihood(profiles: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return each profile's likelihood under each cause, its largest scaled to 1; all zero where none is possible."""
    present, absent = (profiles == 1).astype(np.float64), (profiles == 0).astype(np.float64)
    with np.errstate(divide="ignore"):
        yes, no = np.log(probability), np.log1p(-probability)
    ruled_out = present @ np.isneginf(yes) + absent @ np.isneginf(no)
    score = present @ np.where(np.isneginf(yes), 0, yes) + absent @ np.where(np.isneginf(no), 0, no)
    score[ruled_out > 0] = -np.inf
    best = score.max(axis=1, keepdims=True)
    return np.exp(score - np.where(np.isfinite(best), best, 0))
