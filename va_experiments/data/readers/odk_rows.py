"""Find the site, cause and id of each row of an ODK export, and the rows that are no deaths of their own.

In: an `OdkExport` and which of its rows have answers. Out: `Rows`, with the problems and entries of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import Block, empty_rows
from va_experiments.data.deaths import Excluded, LedgerEntry
from va_experiments.data.decorated import doubtful_ids, doubtful_ids_sentence
from va_experiments.data.excluded_rows import excluded_rows
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.csv_columns import Labels
from va_experiments.data.readers.odk_export import OdkExport, OdkOptions
from va_experiments.data.record_ids import content_ids, normal_id
from va_experiments.data.repeated_deaths import REPEATED, RepeatedDeaths, numbered_ids, repeated_rows
from va_experiments.errors import shown

__all__ = ["Rows", "find_rows"]


@dataclass(frozen=True)
class Rows:
    """The rows of an export.

    Parameters
    ----------
    id : array of str, shape (n_rows,)
    sites, causes : tuple of str
    site : int16 array, shape (n_rows,)
        Index into `sites`; -1: left out.
    cause : int16 array, shape (n_rows,), optional
        Index into `causes`; -1: not known. None where the export names no column of causes.
    empty, repeated : bool array, shape (n_rows,)
        Rows without a cell, and rows that repeat a death.
    problems : list of str
    """

    id: npt.NDArray[np.object_]
    sites: tuple[str, ...]
    site: npt.NDArray[np.int16]
    causes: tuple[str, ...]
    cause: npt.NDArray[np.int16] | None
    empty: npt.NDArray[np.bool_]
    repeated: npt.NDArray[np.bool_]
    problems: list[str]

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Return the rows that become deaths."""
        rows = (self.site >= 0) & ~self.empty & ~self.repeated
        return rows if self.cause is None else rows & (self.cause >= 0)

    def excluded(self, export: OdkExport) -> tuple[Excluded, ...]:
        """Return the rows that are left out, with the reasons."""
        return excluded_rows(
            self.id,
            export.source,
            [
                ("the row is empty", self.empty),
                ("its site is left out (data.site_map)", self.site < 0),
                ("no known cause", None if self.cause is None else self.cause < 0),
                (REPEATED, self.repeated),
            ],
            own_ids=export.id_column is not None,
        )


def find_rows(
    export: OdkExport, options: OdkOptions, answered: npt.NDArray[np.bool_], ledger: list[LedgerEntry]
) -> Rows:
    """Find the labels and ids of the rows.

    Parameters
    ----------
    export : OdkExport
    options : OdkOptions
    answered : bool array, shape (n_rows,)
        Rows in which an indicator is known.
    ledger : list of LedgerEntry
        Takes what is corrected and dropped.
    """
    empty = empty_rows(export.table) & (not options.as_pycrossva)
    sites, site, problems = _labels(export, options.site, "site", options.site_map, None, empty, ledger)
    causes = read_probbase().causes
    _, cause, bad = _labels(export, options.cause, "cause", None, causes, empty, ledger)
    problems = [*problems, *bad]
    compared = (site >= 0) & ~empty & answered
    if options.cause is not None:
        compared &= cause >= 0
    ids, repeated, bad = _ids(export, compared, options.duplicates, ledger)
    return Rows(
        id=ids,
        sites=sites,
        site=site,
        causes=causes,
        cause=None if options.cause is None else cause,
        empty=empty,
        repeated=repeated,
        problems=[*problems, *bad],
    )


def _labels(
    export: OdkExport,
    column: str | None,
    what: str,
    rename: Mapping[Any, str | None] | None,
    declared: Sequence[str] | None,
    empty: npt.NDArray[np.bool_],
    ledger: list[LedgerEntry],
) -> tuple[tuple[str, ...], npt.NDArray[np.int16], list[str]]:
    """Return the names of the sites or causes, the index of each row, and the problems."""
    if column is None:
        return ("all",), np.zeros(export.n_rows, dtype=np.int16), []
    labels = Labels(column, what, declared, rename, may_map=what == "site", may_declare=False)
    labels.leave_out(empty)
    labels.add(Block(0, export.n_rows, {column: export.table[column]}))
    return labels.finish(export.source, ledger)


def _ids(
    export: OdkExport, rows: npt.NDArray[np.bool_], duplicates: str, ledger: list[LedgerEntry]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_], list[str]]:
    """Return the ids, the rows to leave out because they repeat a death, and the problems, comparing `rows` alone."""
    column, source = export.id_column, export.source
    answers = {c: export.table[c] for c in export.questions.used}
    compared = RepeatedDeaths(export.questions.used)
    compared.add(Block(0, len(rows), answers))
    ids = _ids_from_content(export, ledger) if column is None else _ids_of_column(export, column, rows, ledger)
    repeated, problems = repeated_rows(ids, rows, compared, source, column, duplicates, ledger)
    if column is not None and (marked := doubtful_ids(ids[rows].astype(np.str_).tolist())):
        problems.append(doubtful_ids_sentence(marked, export.where))
    if duplicates != "refuse" or column is None:
        return numbered_ids(ids), repeated, problems
    return ids, repeated, problems + _shared_ids(export, column, ids, rows)


def _ids_from_content(export: OdkExport, ledger: list[LedgerEntry]) -> npt.NDArray[np.object_]:
    """Return ids that are hashes of the answers."""
    reason = "ids are made from the rows: the export has no column of instance ids"
    ledger.append(LedgerEntry("noted", "*", export.n_rows, reason))
    return content_ids({c: export.table[c] for c in export.questions.used})


def _ids_of_column(
    export: OdkExport, column: str, rows: npt.NDArray[np.bool_], ledger: list[LedgerEntry]
) -> npt.NDArray[np.object_]:
    """Return the ids of a column, with hashes of the answers where it is empty."""
    ids = np.array([normal_id(v) for v in export.table[column].text()], dtype=object)
    empty = np.flatnonzero((ids == "") & rows)
    if len(empty):
        ids[empty] = content_ids({c: export.table[c] for c in export.questions.used})[empty]
        ledger.append(LedgerEntry("corrected", column, len(empty), "ids are empty; made from the rows"))
    return ids


def _shared_ids(export: OdkExport, column: str, ids: npt.NDArray[np.object_], rows: npt.NDArray[np.bool_]) -> list[str]:
    """List the ids that several rows share."""
    values, counts = np.unique(ids[rows].astype(np.str_), return_counts=True)
    problems = []
    for value in values[counts > 1][:20]:
        lines = export.source.lines_of([int(r) + 2 for r in np.flatnonzero(ids == value)[:5]])
        problems.append(
            f"{export.where}: {counts[values == value][0]} rows share id {shown(str(value))} of column "
            f"{shown(column)} (lines {', '.join(map(str, lines))}): say data.duplicates=first (leave the later rows "
            "out) or data.duplicates=keep, or name another column with data.id=COLUMN"
        )
    return problems
