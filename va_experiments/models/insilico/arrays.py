"""Define the plain arrays that the compiled sampler of InSilicoVA reads and writes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Arrays", "Scheme", "State"]


class Arrays(NamedTuple):
    """Arrays that do not change during a chain; all chains share them.

    A *profile* is a distinct pattern of symptoms and impossible causes; a *cell* is a profile in a subpopulation.
    Causes are padded to ``n_padded``, a multiple of 8.
    """

    symptoms: npt.NDArray[np.int8]
    """(n_profiles, n_symptoms): 1 present, 0 absent, -1 missing."""
    allowed: npt.NDArray[np.float64]
    """(n_profiles, n_padded), or (1, n_padded) where one rule serves all: 0 for impossible causes and for padding."""
    profile: npt.NDArray[np.int64]
    """(n_cells,): profile of each cell."""
    group: npt.NDArray[np.int64]
    """(n_cells,): subpopulation of each cell."""
    copies: npt.NDArray[np.int64]
    """(n_cells,): deaths in each cell."""
    active: npt.NDArray[np.int64]
    """(n_groups, n_causes): the causes that are possible in the subpopulation, then unused."""
    n_active: npt.NDArray[np.int64]
    """(n_groups,): how many."""
    level: npt.NDArray[np.uint8]
    """(n_symptoms, n_padded): level of each symptom given each cause; 0 is the highest."""
    cells: npt.NDArray[np.float64]
    """(n_levels, n_padded): symptoms of each cause at each level."""
    prior_a: npt.NDArray[np.float64]
    """(n_levels,): first parameter of each level's Beta prior."""
    prior_b: float
    """Sum of both parameters."""
    leaf_symptom: npt.NDArray[np.int32]
    leaf_present: npt.NDArray[np.bool_]
    left: npt.NDArray[np.uint32]
    right: npt.NDArray[np.uint32]
    row: npt.NDArray[np.uint32]
    """The plan of additions (`insilico_sums`)."""


class State(NamedTuple):
    """Arrays that one chain changes, in place."""

    theta: npt.NDArray[np.float64]
    """(n_groups, n_causes): log-odds of the active causes."""
    sd: npt.NDArray[np.float64]
    """(n_groups,): prior standard deviation of the log-odds."""
    value: npt.NDArray[np.float64]
    """(n_levels,): probability of each level, from high to low."""
    share: npt.NDArray[np.float64]
    """(n_groups, n_padded): the CSMF."""
    likelihood: npt.NDArray[np.float64]
    """(n_profiles, n_padded), scaled so that each row's largest is 1."""
    probability: npt.NDArray[np.float64]
    """(n_cells, n_padded): sum of the cause probabilities over the saved iterations."""
    csmf_draws: npt.NDArray[np.float64]
    """(n_saved, n_groups, n_padded)."""
    level_draws: npt.NDArray[np.float64]
    """(n_saved, n_levels)."""
    accepted: npt.NDArray[np.int64]
    """(n_groups,): accepted proposals."""


class Scheme(NamedTuple):
    """The kinds of steps that a chain takes."""

    burn_in: int
    thin: int
    update: bool
    """Draw the levels; otherwise the likelihoods are taken as given."""
    original: bool
    """The original's block Metropolis step for the CSMF instead of slice sampling."""
    jump: float
    """Standard deviation of the block step."""
    sd_max: float
    """Upper limit of the prior standard deviation of the log-odds."""
    sweeps: int
    """Sweeps of slice sampling."""
    smallest: float
    largest: float
    """Bounds of the levels."""
    reference_compat: bool
    """The original's rules for numbers that its arithmetic cannot handle."""
