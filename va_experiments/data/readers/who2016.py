"""Read WHO 2016 verbal autopsies in the input form of InterVA-5 (one row a death, 353 indicators y/n) into `Deaths`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import empty_rows, read_blocks
from va_experiments.data.deaths import MISSING, Deaths, LedgerEntry
from va_experiments.data.decorated import doubtful_ids, doubtful_ids_sentence
from va_experiments.data.doubtful_columns import ids_alone, mixed_codes, without_content
from va_experiments.data.eava_columns import from_table
from va_experiments.data.excluded_rows import EMPTY_ROW, excluded_rows
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.csv_columns import Collected, Labels
from va_experiments.data.readers.strata_texts import strata_problems, strata_texts
from va_experiments.data.readers.symptom_columns import Symptoms, value_codes
from va_experiments.data.readers.who2016_checks import (
    ask_about_blanks,
    find_columns,
    find_eava_columns,
    id_problems,
    note_copies,
)
from va_experiments.data.record_ids import canonical_order, normal_id
from va_experiments.data.repeated_deaths import REPEATED, RepeatedDeaths, numbered_ids, repeated_rows
from va_experiments.data.text_source import AUTO, TextSource, open_source
from va_experiments.errors import InputError, shown, shown_path

__all__ = ["WHO_VALUES", "read_who2016"]

WHO_VALUES: Mapping[Any, str] = {"y": "Y", "Y": "Y", "n": "N", "N": "N", ".": ".", "-": ".", "NA": "."}
"""Cells of InterVA-5's input and what they mean; an empty cell is missing."""


def read_who2016(
    path: str | os.PathLike[str] | None,
    *,
    id: str = "ID",
    site: str | None = None,
    cause: str | None = None,
    site_map: Mapping[Any, str | None] | None = None,
    value_map: Mapping[Any, str] = WHO_VALUES,
    max_unknown: float = 0.01,
    duplicates: str = "refuse",
    eava_columns: bool = False,
    strata_columns: Sequence[str] = (),
    sep: str = AUTO,
    encoding: str = "utf-8-sig",
    fix_encoding: bool | None = None,
    label: str = "who2016",
) -> Deaths:
    """Read the deaths of a file that InterVA-5 could read.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz`` or ``.zip`` with one file: a column of ids and the 353 indicators of InterVA-5 by code
        (``i004a`` to ``i459o``), in any order; other columns are left out.
    id : str
        Column of the id.
    site : str, optional
        Column of the site; without one all deaths belong to the site ``all``.
    cause : str, optional
        Column of a cause assigned by another method, such as physicians, in InterVA-5's names; none by default.
    site_map : mapping, optional
        Site as written -> its name; None leaves the deaths out.
    value_map : mapping
        Cell -> ``"Y"``, ``"N"`` or ``"."`` (missing). With the default, words that everybody understands (``Yes``,
        ``TRUE``, ``1``, ``DK``) are read too.
    duplicates : {"refuse", "first", "keep"}
        What to do with deaths that occur twice: the same id, or the same answers under another id. Without causes,
        the same answers under another id are only noted.
    eava_columns : bool
        Read the columns that ``model=eava`` needs beside the indicators as covariates, with ``age`` in days.
    strata_columns : sequence of str
        Columns of text beside the indicators, by which results are divided.
    sep, encoding : str
        Separator and encoding of the file.
    fix_encoding : bool, optional
        Whether UTF-8 text that was read in another encoding before gets its letters back; None: it is refused.
    label : str
        Name of the study.

    Returns
    -------
    Deaths
        Rows sorted by id; the cause list is InterVA-5's 61 causes.

    Raises
    ------
    InputError
        Listing every problem: missing columns, cells that are not in `value_map`, ids that are empty or repeated.
    """
    if not path:
        raise InputError("data=who2016 needs a file: set data.path")
    codes = value_codes(value_map)
    source = open_source(path, sep=sep, encoding=encoding, row_names=id, fix_encoding=fix_encoding)
    causes = read_probbase().causes
    id_column, indicators = find_columns(
        source, id, [c for c in (site, cause) if c is not None], read_probbase().indicators
    )
    roles = {"id": id_column, "site": site, "cause": cause}
    if problems := strata_problems(source.header, strata_columns, shown_path(source.path), roles):
        raise InputError(problems)
    added = find_eava_columns(source) if eava_columns else {}
    table = _Table(
        source=source,
        id_column=id_column,
        answers=Symptoms(indicators, codes, words=dict(value_map) == dict(WHO_VALUES), may_exclude=False),
        site=None if site is None else Labels(site, "site", None, site_map, may_declare=False),
        cause=None if cause is None else Labels(cause, "cause", causes, may_map=False, may_declare=False),
        added={name: Collected(column) for name, column in added.items()},
        texts=[Collected(column) for column in dict.fromkeys(strata_columns)],
    )
    table.read()
    ledger = [LedgerEntry("noted", "*", 1, note) for note in source.notes_for_ledger()]
    rows, problems = _find_rows(table, duplicates, ledger)
    problems += table.answers.problems(source, max_unknown, ledger)
    covariates, odd = from_table({name: column.coded() for name, column in table.added.items()})
    problems += [
        f"{shown_path(source.path)}: column {shown(added[name])}: {', '.join(map(shown, cells[:4]))} is no answer; "
        "expected y, n, dk, ref or . (a number of days in age, i120c and i250b)"
        for name, cells in odd.items()
    ]
    texts = {column.column: column.coded() for column in table.texts}
    strata, bad = strata_texts(texts, rows.kept, shown_path(source.path), ledger)
    if problems := problems + bad:
        raise InputError(problems)
    ledger += _note_columns(table, rows)
    order = rows.order
    symptoms = rows.symptoms[order]
    _check_symptoms(table, rows, symptoms, value_map, ledger)
    return Deaths(
        symptoms=symptoms,
        symptom_names=read_probbase().indicators,
        causes=causes,
        cause=None if rows.cause is None else rows.cause[order],
        sites=rows.sites,
        site=rows.site[order],
        id=rows.id[order].astype(np.str_),
        covariates={name: values[order] for name, values in covariates.items()},
        strata_columns={name: column.take(order) for name, column in strata.items()},
        name=label,
        ledger=tuple(ledger),
        excluded=excluded_rows(
            rows.id,
            source,
            [
                (EMPTY_ROW, table.blank),
                ("its site is left out (data.site_map)", rows.elsewhere),
                (REPEATED, rows.repeated),
            ],
        ),
    )


class _Table:
    """The columns of a file, collected over its blocks.

    Parameters
    ----------
    source : TextSource
    id_column : str
    answers : Symptoms
        The indicators.
    site, cause : Labels, optional
    added : mapping of str to Collected
        Columns of EAVA.
    texts : sequence of Collected
        Columns by which results are divided.
    """

    def __init__(
        self,
        *,
        source: TextSource,
        id_column: str,
        answers: Symptoms,
        site: Labels | None,
        cause: Labels | None,
        added: Mapping[str, Collected],
        texts: Sequence[Collected],
    ) -> None:
        self.source, self.id_column, self.answers = source, id_column, answers
        self.site, self.cause, self.added, self.texts = site, cause, added, texts
        self.compared = RepeatedDeaths(answers.columns)
        self.id: npt.NDArray[np.object_] = np.empty(0, dtype=object)
        self.blank: npt.NDArray[np.bool_] = np.empty(0, dtype=bool)

    @property
    def columns(self) -> list[str]:
        """Return the columns of which deaths are made."""
        labels = [c.column for c in (self.site, self.cause) if c is not None]
        return [self.id_column, *labels, *self.answers.columns, *(c.column for c in self.added.values())]

    def read(self) -> None:
        """Read every block of the file."""
        ids, blank, answer_columns = [], [], list(dict.fromkeys(self.columns))
        for block in read_blocks(self.source, list(dict.fromkeys([*answer_columns, *(c.column for c in self.texts)]))):
            for column in (self.answers, self.site, self.cause, self.compared, *self.added.values(), *self.texts):
                if column is not None:
                    column.add(block)
            coded = block.columns[self.id_column]
            ids.append(np.array([normal_id(v) for v in coded.values], dtype=object)[coded.codes])
            blank.append(empty_rows({c: block.columns[c] for c in answer_columns}))
        self.id, self.blank = np.concatenate(ids), np.concatenate(blank)


@dataclass(frozen=True)
class _Rows:
    """What each row of a table is; `cause` is None where no column of it is named."""

    id: npt.NDArray[np.object_]
    symptoms: npt.NDArray[np.int8]
    sites: tuple[str, ...]
    site: npt.NDArray[np.int16]
    cause: npt.NDArray[np.int16] | None
    blank: npt.NDArray[np.bool_]
    repeated: npt.NDArray[np.bool_]

    @property
    def elsewhere(self) -> npt.NDArray[np.bool_]:
        """Return the rows whose site is left out."""
        return (self.site < 0) & ~self.blank

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Return the rows that become deaths."""
        return ~self.blank & ~self.repeated & ~self.elsewhere

    @property
    def order(self) -> npt.NDArray[np.intp]:
        """Return the rows that become deaths, sorted by id."""
        rows = np.flatnonzero(self.kept)
        return rows[canonical_order(self.id[rows])]


def _find_rows(table: _Table, duplicates: str, ledger: list[LedgerEntry]) -> tuple[_Rows, list[str]]:
    """Return the ids, sites and causes of the rows, those that repeat a death, and the problems."""
    source, where, ids, blank = table.source, shown_path(table.source.path), table.id, table.blank
    if blank.any():
        ledger.append(LedgerEntry("dropped row", "*", int(blank.sum()), EMPTY_ROW))
    sites: tuple[str, ...] = ("all",)
    site, cause = np.zeros(len(ids), dtype=np.int16), None
    symptoms = table.answers.matrix()
    repeated, problems = repeated_rows(
        ids, ~blank, table.compared, source, table.id_column, duplicates, ledger,
        labelled=table.cause is not None, answers=symptoms, symptoms=table.answers.columns,
    )  # fmt: skip
    if duplicates == "keep":
        ids = numbered_ids(ids)
    problems += id_problems(ids[~blank & ~repeated], where, table.id_column)
    if marked := doubtful_ids(ids[~blank].astype(np.str_).tolist()):
        problems.append(doubtful_ids_sentence(marked, where))
    for labels in (table.site, table.cause):
        if labels is not None:
            labels.leave_out(blank)
    if table.site is not None:
        sites, site, bad = table.site.finish(source, ledger)
        problems += bad
    if table.cause is not None:
        _, cause, bad = table.cause.finish(source, ledger)
        problems += bad
    return _Rows(ids, symptoms, sites, site, cause, blank, repeated), problems


def _note_columns(table: _Table, rows: _Rows) -> list[LedgerEntry]:
    """Return entries for columns that are not read, words that are read, and columns that copy another."""
    source, indicators, entries = table.source, table.answers.columns, []
    if extra := sorted(set(source.header) - {*table.columns, *(c.column for c in table.texts)}):
        reason = "columns are not indicators of InterVA-5"
        entries.append(LedgerEntry("left out", "*", len(extra), reason, tuple(extra[:5])))
    for meaning, answer in (("Y", "present"), ("N", "absent"), (".", "missing")):
        if cells := tuple(c for c, m in sorted(table.answers.by_words.items()) if m == meaning):
            entries.append(LedgerEntry("noted", "*", len(cells), f"cells are read as {answer}", cells[:5]))
    read = ~rows.blank & ~rows.repeated
    return [
        *entries,
        *note_copies(source, indicators),
        *ids_alone(table.answers.empty_cells(), len(indicators), read, source),
    ]


def _check_symptoms(
    table: _Table,
    rows: _Rows,
    symptoms: npt.NDArray[np.int8],
    value_map: Mapping[Any, str],
    ledger: list[LedgerEntry],
) -> None:
    """Refuse empty cells that can mean two things; note doubtful answers, and deaths without any."""
    answers = table.answers
    if "" not in {str(c).strip() for c in value_map}:
        ask_about_blanks(symptoms, answers, dict(value_map) | answers.by_words, shown_path(table.source.path))
    if dict(value_map) == dict(WHO_VALUES):
        ledger += mixed_codes(answers.said)
    ledger += without_content(answers.columns, symptoms, answers.filled, answers.unsaid, one_answer=False)
    if (silent := (symptoms == MISSING).all(axis=1)).any():
        ids = tuple(map(str, rows.id[rows.order][silent][:5]))
        reason = "deaths have no answer at all; they stay in the data"
        ledger.append(LedgerEntry("noted", "*", int(silent.sum()), reason, ids))
