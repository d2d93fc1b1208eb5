"""List the present and the missing symptoms of each distinct death, as the compiled sampler of LCVA reads them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Answers", "distinct_answers"]


class Answers(NamedTuple):
    """Distinct patterns of answers, in lexical order; a symptom that is neither listed here is absent."""

    present_from: npt.NDArray[np.int64]
    """(n_patterns + 1,): where the present symptoms of each pattern begin in `present`."""
    present: npt.NDArray[np.int64]
    missing_from: npt.NDArray[np.int64]
    """(n_patterns + 1,): where the missing symptoms of each pattern begin in `missing`."""
    missing: npt.NDArray[np.int64]


def distinct_answers(symptoms: npt.NDArray[np.int8]) -> tuple[Answers, npt.NDArray[np.int64]]:
    """Return the distinct patterns and the pattern of each death: nothing depends on the order of the deaths.

    Parameters
    ----------
    symptoms : int8 array, shape (n_deaths, n_symptoms)
        1 present, 0 absent, -1 missing.

    Returns
    -------
    Answers
    int64 array, shape (n_deaths,)
    """
    rows = np.ascontiguousarray(symptoms)
    if not len(rows) or not rows.shape[1]:
        empty = np.zeros(0, dtype=np.int64)
        one = np.zeros(2, dtype=np.int64)
        return Answers(one, empty, one, empty), np.zeros(len(rows), dtype=np.int64)
    packed = rows.view(np.dtype((np.void, rows.shape[1]))).reshape(-1)
    _, first, which = np.unique(packed, return_index=True, return_inverse=True)
    patterns = rows[first]
    parts = []
    for value in (1, -1):
        place = np.nonzero(patterns == value)
        counts = np.bincount(place[0], minlength=len(patterns))
        parts += [np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), place[1].astype(np.int64)]
    return Answers(*parts), which.reshape(-1).astype(np.int64)
