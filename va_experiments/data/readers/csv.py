"""Read a study's own table into `Deaths`: columns of sites, causes and symptoms, under any names and codes.

In: a path and the meaning of columns and cells. Out: `Deaths`. Cells are text until the mapping gives them a meaning.
All problems of a file are reported together, with line and column. The table is read in blocks, so that a million
deaths take one byte of memory for each symptom.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import CodedColumn, missing_columns, read_blocks
from va_experiments.data.deaths import MISSING, PRESENT, Deaths, LedgerEntry
from va_experiments.data.readers.csv_columns import DEFAULT_VALUES, Labels, Numbers, Symptoms, value_codes
from va_experiments.data.record_ids import canonical_order, content_ids
from va_experiments.data.text_source import TextSource, open_source
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["read_csv_deaths"]


def read_csv_deaths(
    path: str | os.PathLike[str] | None,
    *,
    id: str | None = None,
    site: str = "site",
    cause: str | None = "cause",
    symptoms: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    value_map: Mapping[Any, str] = DEFAULT_VALUES,
    covariates: Mapping[str, Sequence[float] | None] | None = None,
    causes: Sequence[str] | None = None,
    sites: Sequence[str] | None = None,
    groups: Mapping[str, str] | None = None,
    hce: Sequence[str] = (),
    words: Sequence[str] = (),
    drop_unlabelled: bool = False,
    sep: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8-sig",
    label: str = "csv",
) -> Deaths:
    """Read a table with one row for each death.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz`` or ``.zip`` with one file.
    id : str, optional
        Column of the id; by default ids are hashes of the rows.
    site, cause : str
        Columns; `cause` None where no cause is known.
    symptoms : sequence of str, optional
        Columns; by default all that are not named elsewhere.
    exclude : sequence of str
        Columns to leave out by default.
    value_map : mapping, optional
        Cell -> ``"Y"`` (present), ``"N"`` (absent) or ``"."`` (missing). An empty cell is missing unless it is mapped.
        Default: Y, N and . themselves.
    covariates : mapping of str to (low, high) or None, optional
        Numeric columns with the range that their values must lie in.
    causes, sites : sequence of str, optional
        Declared names in order; by default the names in the table, sorted.
    groups : mapping of str to str, optional
        Group of each cause; ``other`` for the rest.
    hce, words : sequence of str
        Symptom columns that come from health workers, or are words of the narrative.
    drop_unlabelled : bool
        Drop rows without a cause; otherwise such rows are an error.
    sep, decimal, encoding : str
        Separator, decimal mark and encoding of the table.
    label : str
        Name of the study.

    Returns
    -------
    Deaths
        Rows sorted by id.

    Raises
    ------
    InputError
        Listing every problem.
    """
    if not path:
        raise InputError("data=csv needs a file: set data.path")
    if decimal not in (".", ","):
        raise InputError(f"decimal: {shown(decimal)} must be '.' or ','")
    codes = value_codes(value_map)
    source = open_source(path, sep=sep, encoding=encoding)
    where = shown(str(source.path))
    numbers = dict(covariates or {})
    special = [c for c in (id, site, cause) if c is not None]
    symptom_columns = _symptom_columns(source, where, symptoms, special, list(numbers), exclude)
    problems = _roles(source, where, special, list(numbers), symptom_columns, [*hce, *words])
    if problems:
        raise InputError(problems)

    answers = Symptoms(symptom_columns, codes)
    place_of = Labels(site, "site", sites)
    labels = None if cause is None else Labels(cause, "cause", causes)
    measured = [Numbers(c, numbers[c], decimal) for c in numbers]
    ids: list[npt.NDArray[np.object_]] = []
    needed = list(dict.fromkeys([*special, *numbers, *symptom_columns]))
    for block in read_blocks(source, needed):
        answers.add(block)
        place_of.add(block)
        if labels is not None:
            labels.add(block)
        for column in measured:
            column.add(block)
        ids.append(_ids(block.columns, id))
    ledger: list[LedgerEntry] = []
    site_names, site_index, bad = place_of.finish(source, ledger)
    problems += bad
    keep = np.ones(len(site_index), dtype=bool)
    cause_names: tuple[str, ...] = tuple(causes or ())
    cause_index = None
    if labels is not None:
        cause_names, cause_index, bad = labels.finish(source, ledger, drop_missing=drop_unlabelled)
        problems += bad
        keep = cause_index >= 0
    for column in measured:
        problems += column.problems(source)
    problems += answers.problems(source)
    names = np.concatenate(ids) if id is not None else _numbered(np.concatenate(ids))
    if id is not None:
        problems += _id_problems(names, source, id, ledger)
    if unknown := [c for c in (groups or {}) if cause_names and c not in cause_names]:
        problems.append(f"groups: unknown cause {shown(unknown[0])}{did_you_mean(unknown[0], cause_names)}")
    if problems:
        raise InputError(problems)
    if not keep.any():
        raise InputError(f"{where}: no row is left after dropping rows without a cause; nothing to train on")
    order = np.flatnonzero(keep)
    order = order[canonical_order(names[order])]
    matrix = answers.matrix()[order]
    _note(matrix, tuple(symptom_columns), cause_names, None if cause_index is None else cause_index[order], ledger)
    return Deaths(
        symptoms=matrix,
        symptom_names=tuple(symptom_columns),
        causes=cause_names,
        cause=None if cause_index is None else cause_index[order],
        sites=site_names,
        site=site_index[order],
        id=names[order].astype(np.str_),
        blocks=tuple("hce" if c in set(hce) else "word" if c in set(words) else "core" for c in symptom_columns),
        groups=tuple((groups or {}).get(c, "other") for c in cause_names) if groups else (),
        covariates={c.column: c.values()[order] for c in measured},
        name=label,
        ledger=tuple(ledger),
    )


def _symptom_columns(
    source: TextSource,
    where: str,
    symptoms: Sequence[str] | None,
    special: Sequence[str],
    numbers: Sequence[str],
    exclude: Sequence[str],
) -> list[str]:
    if symptoms is not None:
        return list(symptoms)
    if unknown := [c for c in exclude if c not in source.header]:
        raise InputError(f"{where}: exclude: no column {shown(unknown[0])}{did_you_mean(unknown[0], source.header)}")
    other_columns = {*special, *numbers, *exclude}
    return [c for c in source.header if c not in other_columns]


def _roles(
    source: TextSource,
    where: str,
    special: Sequence[str],
    numbers: Sequence[str],
    symptom_columns: Sequence[str],
    blocks: Sequence[str],
) -> list[str]:
    """Check that every named column exists and has one role."""
    problems = missing_columns(source.header, list(dict.fromkeys([*special, *numbers, *symptom_columns])), where)
    roles: dict[str, str] = {}
    for role, columns in (("id, site or cause", special), ("covariate", numbers), ("symptom", symptom_columns)):
        for column in columns:
            if column in roles:
                problems.append(
                    f"{where}: column {shown(column)} is named as {roles[column]}; it cannot be a {role} too"
                )
            roles[column] = role
    if not symptom_columns:
        problems.append(f"{where}: no column is left for symptoms")
    for column in blocks:
        if column not in symptom_columns:
            problems.append(
                f"{where}: hce/words: {shown(column)} is not a symptom column{did_you_mean(column, symptom_columns)}"
            )
    return problems


def _ids(columns: Mapping[str, CodedColumn], id: str | None) -> npt.NDArray[np.object_]:
    if id is None:
        return content_ids(columns)
    column = columns[id]
    return np.array([v.strip() for v in column.values], dtype=object)[column.codes]


def _numbered(hashes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Add numbers to equal hashes, over all blocks."""
    seen: dict[str, int] = {}
    made = []
    for value in hashes:
        key = value.split(".")[0]
        seen[key] = seen.get(key, 0) + 1
        made.append(key if seen[key] == 1 else f"{key}.{seen[key]}")
    return np.array(made, dtype=object)


def _id_problems(ids: npt.NDArray[np.object_], source: TextSource, column: str, ledger: list[LedgerEntry]) -> list[str]:
    where, problems = shown(str(source.path)), []
    blank = np.flatnonzero(ids == "")
    if len(blank):
        lines = source.lines_of([int(r) + 2 for r in blank[:5]])
        problems.append(
            f"{where}: column {shown(column)}: {len(blank)} rows have no id (lines {_list(lines)}); "
            "fill them in, or leave `id` out"
        )
    text = ids.astype(np.str_)
    values, counts = np.unique(text, return_counts=True)
    for value in values[(counts > 1) & (values != "")][:50]:
        rows = np.flatnonzero(text == value)
        lines = source.lines_of([int(r) + 2 for r in rows[:5]])
        problems.append(
            f"{where}: {len(rows)} rows share id {shown(str(value))} (lines {_list(lines)}); ids are compared as text: "
            "give each death its own id"
        )
    as_number: dict[str, int] = {}
    for value in values.tolist():
        try:
            key = repr(float(value))
        except ValueError:
            continue
        as_number[key] = as_number.get(key, 0) + 1
    if n_equal := sum(n for n in as_number.values() if n > 1):
        ledger.append(LedgerEntry("noted", column, n_equal, "ids are equal as numbers (001 and 1) but differ as text"))
    return problems


def _note(
    matrix: npt.NDArray[np.int8],
    names: tuple[str, ...],
    causes: tuple[str, ...],
    cause: npt.NDArray[np.int16] | None,
    ledger: list[LedgerEntry],
) -> None:
    present, absent = (matrix == PRESENT).any(axis=0), (matrix == 0).any(axis=0)
    for mask, reason in (
        (~present & ~absent, "symptoms have no answer at any death"),
        (present ^ absent, "symptoms have the same answer at every death that has one"),
    ):
        if mask.any():
            which = tuple(names[j] for j in np.flatnonzero(mask))
            ledger.append(LedgerEntry("noted", "*", len(which), reason, which[:5]))
    silent = int((matrix == MISSING).all(axis=1).sum())
    if silent:
        ledger.append(LedgerEntry("noted", "*", silent, "deaths have no answer at all; they stay in the data"))
    if cause is not None:
        count = np.bincount(cause, minlength=len(causes))
        single = tuple(causes[k] for k in np.flatnonzero(count == 1))
        if single:
            ledger.append(LedgerEntry("noted", "cause", len(single), "causes have only one death", single[:5]))


def _list(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines))
