"""Name the rows of a table that reading leaves out, each under the first reason that holds for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Excluded
from va_experiments.data.text_source import TextSource

__all__ = ["EMPTY_ROW", "excluded_rows"]

EMPTY_ROW = "every cell of the row is empty"
"""Why a row is left out."""


def excluded_rows(
    ids: npt.NDArray[np.object_],
    source: TextSource,
    reasons: Sequence[tuple[str, npt.NDArray[np.bool_] | None]],
    *,
    own_ids: bool = True,
) -> tuple[Excluded, ...]:
    """Return the rows that are left out.

    Parameters
    ----------
    ids : array of str, shape (n_rows,)
    source : TextSource
    reasons : sequence of (str, bool array or None)
        In the order in which they count; None where a reason does not apply.
    own_ids : bool
        False where ids are made from the rows: rows are then named by their line, as rows without an id are.
    """
    excluded = []
    named = np.zeros(len(ids), dtype=bool)
    for reason, rows in reasons:
        if rows is None or not (new := np.flatnonzero(rows & ~named)).size:
            continue
        named[new] = True
        unnamed = [k for k in new.tolist() if not own_ids or not str(ids[k])]
        lines = dict(zip(unnamed, source.lines_of([k + 2 for k in unnamed]), strict=True))
        excluded.append(
            Excluded(reason, tuple(f"line {lines[k]}" if k in lines else str(ids[k]) for k in new.tolist()))
        )
    return tuple(excluded)
