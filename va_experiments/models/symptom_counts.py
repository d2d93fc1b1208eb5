"""Count the deaths of each cause with each symptom present or missing, the statistic that most algorithms learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SymptomCounts", "count_symptoms"]

_BLOCK = 1 << 16  # rows turned into floats at a time: bounds the memory whatever the number of deaths


@dataclass(frozen=True, eq=False)
class SymptomCounts:
    """Deaths by symptom and cause.

    Parameters
    ----------
    present, missing : float64 array, shape (n_symptoms, n_causes)
        Deaths of the cause on which the symptom is present, is missing.
    deaths : float64 array, shape (n_causes,)
    """

    present: npt.NDArray[np.float64]
    missing: npt.NDArray[np.float64]
    deaths: npt.NDArray[np.float64]


def count_symptoms(
    symptoms: npt.NDArray[np.int8], cause: npt.NDArray[np.int16], n_causes: int, *, count_missing: bool = True
) -> SymptomCounts:
    """Return the counts of present and missing symptoms for each cause, exact whole numbers.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_symptoms)
        1 present, 0 absent, -1 missing.
    cause : int array, shape (n_deaths,)
        In 0..n_causes-1.
    n_causes : int
    count_missing : bool
        False leaves `missing` at 0, for half the work.
    """
    n, n_symptoms = symptoms.shape
    present = np.zeros((n_symptoms, n_causes))
    missing = np.zeros((n_symptoms, n_causes))
    for start in range(0, n, _BLOCK):
        block = symptoms[start : start + _BLOCK]
        # Products of 0/1 matrices are exact in float32 up to 2**24 terms; a block is far shorter.
        member = np.zeros((len(block), n_causes), dtype=np.float32)
        member[np.arange(len(block)), cause[start : start + _BLOCK]] = 1
        present += (block > 0).astype(np.float32).T @ member
        if count_missing:
            missing += (block < 0).astype(np.float32).T @ member
    return SymptomCounts(present, missing, np.bincount(cause, minlength=n_causes).astype(np.float64))
