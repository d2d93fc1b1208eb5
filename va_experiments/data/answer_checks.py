"""Find what is not plausible in a table: columns without answers, answers that never vary, leaks of the cause."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import ABSENT, MISSING, PRESENT

__all__ = ["leaks", "names_a_cause", "one_sided", "silent_columns"]

LEAK = 0.95
"""Matthews correlation of a symptom with a cause from which on it is taken for the cause itself.

The strongest true sign of the PHMRC adult file, drowning, reaches .80.
"""

NAMED_LEAK = 0.8
"""The same for a column whose name says that it holds a cause."""

_CAUSE_NAMES = (
    "cod",
    "cause",
    "icd",
    "diagnos",
    "certificate",
    "va_result",
    "gold",
    "gs_",
    "interva",
    "insilico",
    "tariff",
)
_LEAST = 10
_EQUAL = 0.999


def silent_columns(matrix: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
    """Return the columns without an answer at any death."""
    return np.flatnonzero((matrix == MISSING).all(axis=0)) if len(matrix) else np.zeros(0, dtype=np.intp)


def one_sided(matrix: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
    """Return the columns in which every answer that is there is the same."""
    return np.flatnonzero((matrix == PRESENT).any(axis=0) ^ (matrix == ABSENT).any(axis=0))


def leaks(
    matrix: npt.NDArray[np.int8], names: Sequence[str], causes: Sequence[str], cause: npt.NDArray[np.int16]
) -> dict[str, tuple[str, float]]:
    """Return the columns that equal or almost determine a cause, with that cause and the correlation.

    Parameters
    ----------
    matrix : int8 array, shape (n_deaths, n_symptoms)
    names : sequence of str
    causes : sequence of str
    cause : int16 array, shape (n_deaths,)

    Returns
    -------
    dict
        Column -> (cause, Matthews correlation coefficient of "present" with this cause).
    """
    n, leaking = len(cause), {}
    counts = np.bincount(cause, minlength=len(causes)).astype(float)
    if n == 0 or (counts > 0).sum() < 2:
        return {}
    present = np.zeros((len(causes), len(names)))
    for c in range(len(causes)):
        present[c] = (matrix[cause == c] == PRESENT).sum(axis=0)
    total = present.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = present * n - counts[:, None] * total
        scale = np.sqrt(counts[:, None] * (n - counts[:, None]) * total * (n - total))
        correlation = np.where(scale > 0, covariance / scale, 0.0)
    correlation = np.where(
        correlation < -LEAK, -correlation - 1e-9, correlation
    )  # "no" at one cause alone reveals it too
    called = [_folded(c) for c in causes]
    for j, name in enumerate(names):
        best = int(np.where(counts < _LEAST, 0.0, correlation[:, j]).argmax())
        named = names_a_cause(name)
        if counts[best] >= _LEAST and correlation[best, j] >= (NAMED_LEAK if named else LEAK):
            leaking[name] = (causes[best], float(correlation[best, j]))
            continue
        best = int(correlation[:, j].argmax())  # a column for each cause: those of rare causes by their names
        if correlation[best, j] >= NAMED_LEAK and len(called[best]) > 2 and called[best] in _folded(name):
            leaking[name] = (causes[best], float(correlation[best, j]))
    families = Counter(_family(name) for name in leaking)
    for j, name in enumerate(names):  # ... and by the columns beside them, as cod_1, cod_2, ...
        best = int(correlation[:, j].argmax())
        if name not in leaking and families[_family(name)] > 1 and correlation[best, j] > _EQUAL:
            leaking[name] = (causes[best], float(correlation[best, j]))
    return leaking


def names_a_cause(column: str) -> bool:
    """Check whether the name of a column says that it holds a cause."""
    return any(part in column.casefold() for part in _CAUSE_NAMES)


def _folded(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _family(name: str) -> str:
    """Return the beginning of a name that columns made from one share: ``cod_`` of ``cod_12``."""
    return re.split(r"[\W_]", name, maxsplit=1)[0].rstrip("0123456789").casefold() or name
