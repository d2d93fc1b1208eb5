"""Find deaths that occur twice in a table: rows with the same cells in every column but the id.

Rows are kept as one hash each, so that a million deaths take 8 MB.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import Block

__all__ = ["RepeatedDeaths"]

_MOST_DISTINCT = 20_000
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class RepeatedDeaths:
    """Hashes of the rows of a table, block by block.

    Parameters
    ----------
    columns : sequence of str
        Every column but the id.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._counts: dict[str, Counter[str]] = {c: Counter() for c in columns}
        self._parts: list[npt.NDArray[np.uint64]] = []

    def add(self, block: Block) -> None:
        """Add one block."""
        rows = np.zeros(block.n_rows, dtype=np.uint64)
        with np.errstate(over="ignore"):
            for name, counts in self._counts.items():
                column = block.columns[name]
                hashes = np.array([_hash(v.strip()) for v in column.values] or [0], dtype=np.uint64)
                rows = (rows ^ hashes[column.codes]) * _FACTOR + (rows >> np.uint64(29))
                if len(counts) < _MOST_DISTINCT:
                    found = np.bincount(column.codes, minlength=len(column.values)).tolist()
                    counts.update(dict(zip((v.strip() for v in column.values), found, strict=False)))
        self._parts.append(rows)

    def values(self, column: str) -> list[str]:
        """Return the distinct cells of a column that are not empty."""
        return [v for v in self._counts[column] if v]

    def later(self, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Return the rows that repeat an earlier one, if there are many more of them than chance explains.

        Parameters
        ----------
        keep : bool array, shape (n_rows,)
            Rows to look at.
        """
        rows = np.flatnonzero(keep)
        hashes = np.concatenate(self._parts)[rows]
        _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        later = rows[first[inverse.ravel()] != np.arange(len(rows))]
        n = len(rows)
        if not len(later):
            return later
        # Two deaths agree in a column with the sum of its squared shares. Columns are not independent: many more
        # repeats than their product gives are allowed.
        agree = 1.0
        for counts in self._counts.values():
            total = sum(counts.values())
            agree *= sum(c * c for c in counts.values()) / (total * total) if total else 1.0
        expected = n * (n - 1) / 2 * agree
        return later if len(later) > 20 * expected + 0.01 * n else later[:0]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
