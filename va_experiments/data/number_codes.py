"""Find numbers that probably stand for "not known" in a column of numbers: a heap of 99, 999 or -9.

In: numbers. Out: the suspicious ones. Nobody but the owner of a table knows what they mean: readers ask.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["codes_far_off", "codes_in_heaps", "written"]

_CODES = (88.0, 99.0, 888.0, 999.0, 8888.0, 9999.0, 99999.0)
_BELOW_ZERO = (-1.0, -7.0, -8.0, -9.0, -77.0, -88.0, -99.0, -777.0, -888.0, -999.0, -9999.0)
_FEWEST = 3
_FAR = 3.0
_HEAP = (5, 0.005)
"""A heap has so many deaths, and such a share of them."""
_NINES = (10, 0.02)
_NEIGHBOURS = (8.0, 11.0)  # a week and ten days are frequent themselves

Numbers = npt.NDArray[np.float64]


def codes_far_off(numbers: Numbers) -> list[float]:
    """Return the codes that stand three times or more, far above all other numbers, or below zero where no other does.

    Parameters
    ----------
    numbers : float64 array
        NaN where a cell has none.
    """
    values, counts = _counted(numbers)
    others = values[~np.isin(values, (*_CODES, *_BELOW_ZERO))]
    if not len(others):
        return []
    most = float(others.max())
    above = np.isin(values, _CODES) & (values > _FAR * most) & (most >= 0)
    below = np.isin(values, _BELOW_ZERO) & (float(others.min()) >= 0)
    return _listed(values, (above | below) & (counts >= _FEWEST))


def codes_in_heaps(numbers: Numbers, also: Sequence[float] = ()) -> list[float]:
    """Return the codes that more deaths have than durations explain: of 99 days and of 9, their neighbours have as few.

    Parameters
    ----------
    numbers : float64 array
        Counts of days or of times; NaN where a cell has none.
    also : sequence of float
        Further codes of the form.
    """
    values, counts = _counted(numbers)
    total = int(counts.sum())
    heap = np.isin(values, (*_CODES, *also)) & (counts >= max(_HEAP[0], _HEAP[1] * total))
    around = int(counts[np.isin(values, _NEIGHBOURS)].max(initial=0))
    nines = (values == 9) & (counts >= max(_NINES[0], _NINES[1] * total)) & (counts > 3 * around)
    return sorted({*_listed(values, heap | nines), *codes_far_off(numbers)})


def _counted(numbers: Numbers) -> tuple[Numbers, npt.NDArray[np.intp]]:
    values, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    return values, counts


def _listed(values: Numbers, mask: npt.NDArray[np.bool_]) -> list[float]:
    return [float(v) for v in values[mask]]


def written(codes: Sequence[float]) -> str:
    """Return codes as they are typed: ``99, 999``."""
    return ", ".join(f"{c:g}" for c in codes)
