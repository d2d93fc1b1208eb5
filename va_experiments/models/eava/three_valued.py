"""Logic with a third value, "not available", as R has it: 1 true, 0 false, -1 not available.

An "and" is false as soon as one part is false, and an "or" true as soon as one part is true; otherwise a part that is
not available makes the whole not available (Kleene's strong logic, which R's ``&`` and ``|`` follow).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Truth", "at_least", "both", "either", "negated", "neither"]

Truth = npt.NDArray[np.int8]
"""int8 array, shape (n_deaths,): 1 true, 0 false, -1 not available."""


def both(*parts: Truth) -> Truth:
    """Return whether all parts are true."""
    return at_least(len(parts), *parts)


def either(*parts: Truth) -> Truth:
    """Return whether one part is true."""
    return at_least(1, *parts)


def negated(part: Truth) -> Truth:
    """Return true for false and false for true."""
    return np.where(part < 0, -1, 1 - part).astype(np.int8)


def neither(*parts: Truth) -> Truth:
    """Return whether no part is true."""
    return negated(either(*parts))


def at_least(number: int, *parts: Truth) -> Truth:
    """Return whether at least so many parts are true; -1 where the parts that are not available decide it."""
    stacked = np.stack(parts)
    true, open_ = (stacked == 1).sum(axis=0), (stacked < 0).sum(axis=0)
    return np.where(true >= number, 1, np.where(true + open_ < number, 0, -1)).astype(np.int8)
