"""Collect the tables that come from stored cells: results by cause, confusion between causes, reliability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.metrics.individual import confusion

__all__ = ["by_cause", "individual_tables"]

MOST_CELLS_BY_CAUSE = 3000
"""Above this many cells the tables by cause are left out: every cell's file would have to be read again."""

MOST_CELLS_BY_DEATH = 300
"""Above this many cells the tables that need every death's probabilities are left out."""

BINS = 10


def _done(cells: pd.DataFrame, most: int) -> list[str]:
    keys = cells.loc[cells["status"] == "done", "cell_key"].tolist()
    return keys if len(keys) <= most else []


def by_cause(store: Store, cells: pd.DataFrame, groups: Mapping[str, str]) -> pd.DataFrame | None:
    """Return one row a cell and cause (``sensitivity``, ``csmf_true``, ...), or None if there are no such results.

    Parameters
    ----------
    store : Store
    cells : DataFrame
        ``cell_key`` and ``status``.
    groups : mapping of str to str
        Group of each cause.
    """
    columns: dict[str, list[Any]] = {"cell_key": [], "cause": [], "group": []}
    rows = 0
    for key in _done(cells, MOST_CELLS_BY_CAUSE):
        try:
            stored = store.load(key, check=False)
        except CorruptCell:
            continue
        if stored is None or not stored.metrics["per_cause"]:
            continue
        causes = stored.manifest["facts"]["causes"]
        columns["cell_key"] += [key] * len(causes)
        columns["cause"] += causes
        columns["group"] += [groups.get(c, "all") for c in causes]
        for name, values in stored.metrics["per_cause"].items():
            columns.setdefault(name, [None] * rows).extend(values)
        rows += len(causes)
        for column in columns.values():  # what this cell does not have
            column += [None] * (rows - len(column))
    if not rows:
        return None
    texts = ("cell_key", "cause", "group")
    return pd.DataFrame({k: v if k in texts else pd.array(v, dtype="Float64") for k, v in columns.items()})


def individual_tables(
    store: Store, cells: pd.DataFrame
) -> tuple[pd.DataFrame | None, pd.DataFrame | None, pd.DataFrame | None]:
    """Return confusion counts, the reliability of the top cause and that of every cause, by cell.

    Reliability: deaths in ten bins of equal width by the probability of their most probable cause; mean confidence,
    share in which that cause is right, number of deaths. By cause: by the probability of this cause, and the share
    that died of it. Undetermined deaths are left out of both.
    """
    counts, tops, classes = (
        _Columns("true_cause", "top_cause", "count"),
        _Columns(*RELIABILITY),
        _Columns("cause", *RELIABILITY),
    )
    for key in _done(cells, MOST_CELLS_BY_DEATH):
        try:
            stored = store.load(key)
        except CorruptCell:
            continue
        if stored is None:
            continue
        _, truth, prediction = decode_prediction(stored.predictions())
        if (truth < 0).any() or not len(truth):
            continue
        causes = np.array(stored.manifest["facts"]["causes"], dtype=object)
        assert prediction.top_cause is not None
        named = np.asarray(prediction.top_cause)
        matrix = confusion(truth[named >= 0], named[named >= 0], len(causes))
        true, top = np.nonzero(matrix)
        counts.add(key, causes[true], causes[top], matrix[true, top])
        known = prediction.probability.any(axis=1)
        probability, cause = prediction.probability[known], truth[known]
        right = probability.argmax(axis=1) == cause
        _, *columns = _binned(probability.max(axis=1), right, np.zeros(len(cause), int), 1)
        tops.add(key, *columns)
        is_true = cause[:, None] == np.arange(len(causes))
        group = np.broadcast_to(np.arange(len(causes)), is_true.shape)
        of_cause, *columns = _binned(probability.ravel(), is_true.ravel(), group.ravel(), len(causes))
        classes.add(key, causes[of_cause], *columns)
    return counts.table(), tops.table(), classes.table()


RELIABILITY = ("bin", "confidence", "accuracy", "count")


class _Columns:
    """Columns of a table that grows by the rows of one cell at a time."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._keys: list[str] = []
        self._parts: list[tuple[npt.NDArray[Any], ...]] = []

    def add(self, key: str, *columns: npt.NDArray[Any]) -> None:
        """Add the rows of a cell."""
        self._keys += [key] * len(columns[0])
        self._parts.append(columns)

    def table(self) -> pd.DataFrame | None:
        """Return the table, None where no cell has been added."""
        if not self._parts:
            return None
        joined = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        return pd.DataFrame({"cell_key": self._keys, **dict(zip(self._names, joined, strict=True))})


def _binned(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], group: npt.NDArray[np.intp], n_groups: int
) -> tuple[npt.NDArray[Any], ...]:
    """Return group, bin, mean confidence, share of right ones and number of values, in bins of equal width."""
    place = group * BINS + np.minimum((confidence * BINS).astype(int), BINS - 1)
    n = n_groups * BINS
    deaths = np.bincount(place, minlength=n)
    used = np.flatnonzero(deaths)
    sums = (np.bincount(place, values, n)[used] / deaths[used] for values in (confidence, right))
    return used // BINS, used % BINS, *sums, deaths[used]
