"""Find deaths that several data sets have: the same answers, numbers and cause, under whatever id and site.

In: data sets with the same questions. Out: the deaths of each that an earlier one has. Two tests, each with what chance
explains: equal in everything; or of the same id, with the same cause and numbers, and with nearly the same answers, as
after a correction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths

__all__ = ["shared_deaths"]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_TIMES_CHANCE = 20
_SMALL_SHARE = 0.01
"""Columns are not independent: such a share of the smaller data set may agree beside what their product gives."""
_NEARLY = 0.95
"""Share of equal answers from which on two deaths with one id are taken for one."""

Rows = npt.NDArray[np.bool_]


def shared_deaths(parts: Sequence[Deaths]) -> list[tuple[Rows, int]]:
    """Return for each data set which of its deaths an earlier one has, and the place of the one that has most of them.

    Parameters
    ----------
    parts : sequence of Deaths
        With the same symptoms and covariates in the same order; at least one of them.
    """
    columns = [_columns(d, parts) for d in parts]
    hashes = [_hashes(c) for c in columns]
    pairs: list[tuple[Rows, int]] = []
    for k, deaths in enumerate(parts):
        repeated, most, first = np.zeros(len(deaths), dtype=bool), 0, 0
        for j in range(k):
            rows = _equal(hashes[j], hashes[k], columns[j], columns[k]) | _corrected(parts[j], deaths, columns, j, k)
            if (count := int(rows.sum())) > most:
                most, first = count, j
            repeated |= rows
        pairs.append((repeated, first))
    return pairs


def _columns(deaths: Deaths, parts: Sequence[Deaths]) -> list[npt.NDArray[np.int64]]:
    """Return every property of the deaths as whole numbers that are comparable between the data sets."""
    causes = {c: k for k, c in enumerate(dict.fromkeys(c for d in parts for c in d.causes))}
    columns = [column.astype(np.int64) for column in deaths.symptoms.T]
    columns += [
        np.nan_to_num(np.round(deaths.covariates[c], 6), nan=-1e15).view(np.int64)
        for c in parts[0].covariates
        if all(c in d.covariates for d in parts)
    ]
    if deaths.cause is not None:
        columns.append(np.array([*(causes[c] for c in deaths.causes), -1], dtype=np.int64)[deaths.cause])
    return columns


def _hashes(columns: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.uint64]:
    rows = np.zeros(len(columns[0]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            rows = (rows ^ (column.view(np.uint64) + np.uint64(7))) * _FACTOR + (rows >> np.uint64(29))
    return rows


def _equal(
    first: npt.NDArray[np.uint64],
    second: npt.NDArray[np.uint64],
    columns: Sequence[npt.NDArray[np.int64]],
    others: Sequence[npt.NDArray[np.int64]],
) -> Rows:
    """Return the deaths of the second data set that are equal to one of the first, if chance does not explain them."""
    rows = np.isin(second, first)
    if not rows.any():
        return rows
    agree = 1.0
    for column, other in zip(columns, others, strict=True):
        values, counts = np.unique(column, return_counts=True)
        others_values, others_counts = np.unique(other, return_counts=True)
        _, at, others_at = np.intersect1d(values, others_values, return_indices=True)
        agree *= float(counts[at] @ others_counts[others_at]) / (len(column) * len(other))
    expected = agree * len(first) * len(second)
    enough = _TIMES_CHANCE * expected + _SMALL_SHARE * min(len(first), len(second))
    return rows if rows.sum() > enough else np.zeros_like(rows)


def _corrected(
    first: Deaths, second: Deaths, columns: Sequence[Sequence[npt.NDArray[np.int64]]], j: int, k: int
) -> Rows:
    """Return the deaths of the second data set that are nearly equal to the one of the first with the same id."""
    rows = np.zeros(len(second), dtype=bool)
    _, at, rows_of_second = np.intersect1d(first.id, second.id, return_indices=True)
    if not len(rows_of_second):
        return rows
    n_symptoms = first.n_symptoms

    def nearly(shift: int) -> Rows:
        theirs = np.roll(at, shift)
        same = np.ones(len(rows_of_second), dtype=bool)
        for column, other in zip(columns[j][n_symptoms:], columns[k][n_symptoms:], strict=True):
            same &= column[theirs] == other[rows_of_second]
        return same & ((first.symptoms[theirs] == second.symptoms[rows_of_second]).mean(axis=1) >= _NEARLY)

    pairs = nearly(0)
    by_chance = int(nearly(1).sum()) if len(rows_of_second) > 1 else 0
    if pairs.sum() > _TIMES_CHANCE * by_chance + _SMALL_SHARE * len(rows_of_second):
        rows[rows_of_second[pairs]] = True
    return rows
