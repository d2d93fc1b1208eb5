"""Compute all intermediate results of InterVA-5, before causes are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["REJECTIONS", "WholeProbability"]

REJECTIONS: Final = ("", "no age", "no sex", "no symptoms")
"""Why a death is not assessed, by the codes in `WholeProbability.rejected`."""


@dataclass(frozen=True, eq=False)
class WholeProbability:
    """All intermediate results of InterVA-5 for some deaths.

    Parameters
    ----------
    probability : float64 array, shape (n_deaths, 70)
        Each of the three blocks of outputs sums to 1, or to 0.
    reproductive : bool array, shape (n_deaths,)
        Whether pregnancy is to be reported on.
    rejected : int8 array, shape (n_deaths,)
        0, or the place in `REJECTIONS` of the reason for which a death is not assessed.
    """

    probability: npt.NDArray[np.float64]
    reproductive: npt.NDArray[np.bool_]
    rejected: npt.NDArray[np.int8]
