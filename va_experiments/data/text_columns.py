"""Hold a column of text beside the deaths: by which results are divided, and which no model sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_TEXTS", "NOT_KNOWN", "TextColumn", "joined_columns", "sorted_values"]

NOT_KNOWN = "not known"
"""The stratum of deaths whose cell is empty, or that come from a table without the column."""

MOST_TEXTS = 60
"""Values that a column may have."""


@dataclass(frozen=True, eq=False)
class TextColumn:
    """A column of text as codes into its distinct values.

    Parameters
    ----------
    values : tuple of str
    code : int16 array, shape (n_deaths,)
        Index into `values`; -1 where the text is not known.
    """

    values: tuple[str, ...]
    code: npt.NDArray[np.int16]

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", np.ascontiguousarray(self.code, dtype=np.int16))

    def take(self, rows: npt.NDArray[np.generic]) -> TextColumn:
        """Return the column of these rows, given by their places or by a mask."""
        return TextColumn(self.values, self.code[rows])

    def problem(self, n_deaths: int) -> str:
        """Return what does not fit to a number of deaths; empty text if all does."""
        if self.code.shape != (n_deaths,):
            return f"has shape {self.code.shape}, expected ({n_deaths},)"
        if n_deaths and (self.code.min() < -1 or self.code.max() >= len(self.values)):
            return f"has an index outside -1..{len(self.values) - 1}"
        return ""


def joined_columns(parts: Sequence[tuple[TextColumn | None, int]]) -> TextColumn:
    """Return the columns of several tables as one; in a table without the column, no text is known.

    Parameters
    ----------
    parts : sequence of (TextColumn or None, int)
        The column of each table, and its number of deaths.
    """
    values = sorted_values({v for column, _ in parts if column is not None for v in column.values})
    place = {v: k for k, v in enumerate(values)}
    codes = []
    for column, n_deaths in parts:
        if column is None:
            codes.append(np.full(n_deaths, -1, dtype=np.int16))
        else:
            codes.append(np.array([*(place[v] for v in column.values), -1], dtype=np.int16)[column.code])
    return TextColumn(values, np.concatenate(codes))


def sorted_values(values: Iterable[str]) -> tuple[str, ...]:
    """Return texts in order: as numbers if all are numbers, else by their letters."""
    listed = list(values)
    try:
        return tuple(sorted(listed, key=lambda v: (float(v), v)))
    except ValueError:
        return tuple(sorted(listed))
