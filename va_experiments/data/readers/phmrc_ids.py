"""Make the ids of a PHMRC table, and find deaths that occur twice in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn
from va_experiments.data.deaths import LedgerEntry
from va_experiments.data.record_ids import content_ids
from va_experiments.data.repeated_deaths import REPEATED
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, shown_path

__all__ = ["death_ids", "repeated_deaths"]

_PLACES = ("newid", "site", "country")
"""Columns in which the same death may differ."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def death_ids(
    table: Mapping[str, CodedColumn], ledger: list[LedgerEntry], repeated: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.object_]:
    """Return ``newid`` if it is present, complete and unique; else a hash of each row, numbered among equals.

    Rows that are left out as `repeated` may have the ``newid`` of another.
    """
    column = table.get("newid")
    if column is not None:
        ids = _newids(column)
        compared = (ids if repeated is None else ids[~repeated]).astype(np.str_)
        if len(np.unique(compared)) == len(compared) and (compared != "").all():
            return ids
        ledger.append(LedgerEntry("noted", "newid", len(ids), "newid is blank or repeated; ids are hashes of the rows"))
    else:
        ledger.append(LedgerEntry("noted", "newid", 0, "the file has no newid; ids are hashes of the rows"))
    return content_ids(table)


def repeated_deaths(
    table: Mapping[str, CodedColumn], source: TextSource, duplicates: str, ledger: list[LedgerEntry]
) -> npt.NDArray[np.bool_]:
    """Return the rows to leave out because they repeat an earlier one: its ``newid``, or all cells but id and site.

    Parameters
    ----------
    table : mapping of str to CodedColumn
    source : TextSource
    duplicates : {"refuse", "first", "keep"}
    ledger : list of LedgerEntry

    Raises
    ------
    InputError
        If there are any, and `duplicates` is ``refuse``.
    """
    rows = np.zeros(len(next(iter(table.values())).codes), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for name, column in table.items():
            if name not in _PLACES:
                rows = (rows ^ (column.codes.astype(np.uint64) + np.uint64(1))) * _FACTOR + (rows >> np.uint64(29))
    repeated = _later(rows)
    if "newid" in table:
        ids = _newids(table["newid"]).astype(np.str_)
        repeated |= _later(ids) & (ids != "")
    if not repeated.any() or duplicates == "keep":
        if repeated.any():
            ledger.append(LedgerEntry("noted", "*", int(repeated.sum()), "deaths occur twice; kept by data.duplicates"))
        return np.zeros_like(repeated)
    if duplicates == "first":
        ledger.append(LedgerEntry("dropped row", "*", int(repeated.sum()), REPEATED))
        return repeated
    at = np.flatnonzero(repeated)
    lines = ", ".join(map(str, source.lines_of([int(r) + 2 for r in at[:5]])))
    raise InputError(
        f"{shown_path(source.path)}: {len(at)} deaths occur twice: the same newid, or the same cells in every column "
        f"but newid and site (lines {lines}{', ...' if len(at) > 5 else ''}), so that they would be trained on and "
        "tested; say data.duplicates=first (leave the later ones out) or data.duplicates=keep"
    )


def _later(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Return the places whose value occurs before."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.ravel()] != np.arange(len(values)))


def _newids(column: CodedColumn) -> npt.NDArray[np.object_]:
    ids = np.char.strip(column.text().astype(np.str_)).astype(object)
    if all(normalised(v).isdecimal() for v in column.values):  # 12.0 for 12
        ids = np.array([normalised(v) for v in column.values], dtype=object)[column.codes]
    return ids
