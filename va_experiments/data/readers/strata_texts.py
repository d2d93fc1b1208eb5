"""Read the columns of text by which results are divided: ``data.strata_columns`` of a reader.

In: coded columns of a table, and which rows are deaths. Out: `TextColumn`, entries of the ledger, and problems. These
columns are read beside all others: what is a symptom, a number or an id does not depend on them.
"""

from __future__ import annotations

import json
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import CodedColumn, missing_columns
from va_experiments.data.deaths import DOUBTFUL, Deaths, LedgerEntry
from va_experiments.data.decorated import undecorated
from va_experiments.data.missing_labels import NO_LABEL, NO_LABEL_CODES
from va_experiments.data.readers.csv_columns import NORMALISED
from va_experiments.data.text_columns import MOST_TEXTS, NOT_KNOWN, TextColumn, sorted_values
from va_experiments.data.text_source import AUTO, TextSource, open_source
from va_experiments.errors import InputError, shown, shown_path

__all__ = [
    "checked_strata",
    "checked_texts",
    "columns_not_in_all",
    "header_of",
    "strata_option",
    "strata_problems",
    "strata_texts",
    "with_columns_of_each",
]

_ENOUGH = 10
"""Filled cells from which on a value of its own in each of them is no chance."""


def strata_problems(
    header: Sequence[str], columns: Sequence[str], where: str, roles: Mapping[str, str | None]
) -> list[str]:
    """List columns of ``data.strata_columns`` that the table does not have, or that cannot be used.

    Parameters
    ----------
    header : sequence of str
    columns : sequence of str
    where : str
        The file, as messages name it.
    roles : mapping of str to (str or None)
        ``id``, ``site``, ``cause`` and ``narrative`` -> column.
    """
    absent = missing_columns(header, list(dict.fromkeys(columns)), where)
    problems = [f"{p} (data.strata_columns)" for p in absent]
    why = {
        "id": "is the id of each death: no stratum would have more than one",
        "site": "is the site: say strata=[site], and leave it out of data.strata_columns",
        "cause": "is the cause: metrics by stratum would be those of one cause each; leave it out of "
        "data.strata_columns",
        "narrative": "is a free text; leave it out of data.strata_columns",
    }
    used = {column: role for role, column in roles.items() if column is not None}
    for column in dict.fromkeys(columns):
        if column in used:
            problems.append(f"{where}: column {shown(column)} {why[used[column]]}")
        elif column == "site":
            problems.append(
                f"{where}: column 'site' cannot be in data.strata_columns, because strata=[site] shows the sites of "
                "the data; say data.site=site, or rename the column"
            )
    return problems


def strata_texts(
    table: Mapping[str, CodedColumn], rows: npt.NDArray[np.bool_], where: str, ledger: list[LedgerEntry]
) -> tuple[dict[str, TextColumn], list[str]]:
    """Return the texts of each column for all rows of the table, and the problems.

    Cells are written in one form, as sites are; empty ones and words such as "unknown" are not known.

    Parameters
    ----------
    table : mapping of str to CodedColumn
    rows : bool array, shape (n_rows,)
        Rows that are deaths; values that only other rows have are left out.
    where : str
    ledger : list of LedgerEntry
        Gets an entry for cells that are normalised, that are not known, and that differ only in case.
    """
    columns, problems = {}, []
    for name, column in table.items():
        counts = np.bincount(column.codes[rows], minlength=len(column.values))
        clean = [" ".join(undecorated(unicodedata.normalize("NFC", v)).split()) for v in column.values]
        unknown = _not_known([c for c, n in zip(clean, counts, strict=True) if n])
        texts = ["" if c in unknown else c for c in clean]
        values = sorted_values({t for t, n in zip(texts, counts, strict=True) if n and t})
        filled = int(sum(n for t, n in zip(texts, counts, strict=True) if t))
        if problem := _too_many(name, values, filled, where):
            problems.append(problem)
            continue
        place = {v: k for k, v in enumerate(values)}
        code = np.array([place.get(t, -1) for t in texts] or [-1], dtype=np.int16)[column.codes]
        columns[name] = TextColumn(values, code)
        ledger += _noted(name, column.values, clean, texts, counts)
        ledger += _differ_in_case(name, values)
    return columns, problems


def checked_strata(
    header: Sequence[str], columns: Sequence[str], source: TextSource, *, site: str, cause: str
) -> list[str]:
    """Return the columns of strata of a PHMRC or IMMCMC file, whose names are in small letters.

    Raises
    ------
    InputError
        If one of them is not there, or cannot be used.
    """
    names = list(dict.fromkeys(c.strip().lower() for c in columns))
    roles = {"id": "newid", "site": site, "cause": cause}
    if problems := strata_problems(header, names, shown_path(source.path), roles):
        raise InputError(problems)
    return names


def checked_texts(
    table: Mapping[str, CodedColumn], rows: npt.NDArray[np.bool_], source: TextSource, ledger: list[LedgerEntry]
) -> dict[str, TextColumn]:
    """Return what `strata_texts` gives.

    Raises
    ------
    InputError
        With its problems, if there are any.
    """
    texts, problems = strata_texts(table, rows, shown_path(source.path), ledger)
    if problems:
        raise InputError(problems)
    return texts


def _not_known(cells: Sequence[str]) -> frozenset[str]:
    """Return the cells that stand for "not known"; a number such as 99 does, unless it is one among others."""
    numbers = {c for c in cells if c.isdecimal()}
    words = {
        c
        for c in cells
        if c not in numbers and (c.casefold() in NO_LABEL or not any(k.isalnum() or not k.isascii() for k in c))
    }
    codes = {c for c in numbers if c in NO_LABEL}
    far = {c for c in numbers if c in NO_LABEL | NO_LABEL_CODES}
    others = set(cells) - words - far
    if others and others <= numbers:
        most = max(map(int, others))
        codes = {c for c in far if int(c) > 2 * most}
    return frozenset(words | codes)


def _too_many(name: str, values: Sequence[str], filled: int, where: str) -> str:
    """Return why a column has too many values; empty text if it has not."""
    example = ", ".join(map(shown, values[:3]))
    if filled >= _ENOUGH and len(values) == filled:
        return (
            f"{where}: column {shown(name)} has another value for each of {filled:,} deaths: it tells persons apart "
            "and is no stratum; leave it out of data.strata_columns"
        )
    if len(values) > MOST_TEXTS:
        return (
            f"{where}: column {shown(name)} has {len(values):,} values ({example}, ...); expected at most {MOST_TEXTS} "
            "for data.strata_columns: put values together in a column of classes, and name that one"
        )
    return ""


def _noted(
    name: str, written: Sequence[str], clean: Sequence[str], texts: Sequence[str], counts: npt.NDArray[np.intp]
) -> list[LedgerEntry]:
    """Return the entries on cells that are normalised, and on cells that are not known."""
    entries = []
    changed = [k for k, t in enumerate(texts) if t and t != written[k] and counts[k]]
    if changed:
        examples = tuple(shown(written[k]) for k in changed[:5])  # in quotes: the blank that was cut is seen
        entries.append(LedgerEntry("normalised", name, int(counts[changed].sum()), NORMALISED, examples))
    unknown = [k for k, t in enumerate(texts) if not t and counts[k]]
    if unknown:
        words = tuple(dict.fromkeys(clean[k] for k in unknown if clean[k]))[:5]
        reason = f"cells are empty or say that it is not known; the stratum is '{NOT_KNOWN}'"
        entries.append(LedgerEntry("noted", name, int(counts[unknown].sum()), reason, words))
    return entries


def _differ_in_case(name: str, values: Sequence[str]) -> list[LedgerEntry]:
    folded: dict[str, list[str]] = {}
    for value in values:
        folded.setdefault(unicodedata.normalize("NFKC", value).casefold(), []).append(value)
    several = [v for same in folded.values() if len(same) > 1 for v in same]
    if not several:
        return []
    reason = "values differ only in capital letters and are strata of their own; write them in one way"
    return [LedgerEntry(DOUBTFUL, name, len(several), reason, tuple(several[:5]))]


def columns_not_in_all(parts: Sequence[Deaths], names: Sequence[str]) -> list[LedgerEntry]:
    """Return an entry for each column of text that a joined data set does not have."""
    columns = dict.fromkeys(c for d in parts for c in d.strata_columns)
    return [
        LedgerEntry("noted", c, len(d), f"{name} has no such column of strata; the stratum is '{NOT_KNOWN}'")
        for c in columns
        for d, name in zip(parts, names, strict=True)
        if c not in d.strata_columns
    ]


def strata_option(columns: Sequence[str], *, key: str = "data.strata_columns=", end: str = "") -> str:
    """Return the option that declares columns of strata, as it is typed."""
    plain = all(c.replace("_", "").isalnum() and c.isascii() for c in columns)
    listed = ", ".join(columns if plain else [json.dumps(c, ensure_ascii=False) for c in columns])
    option = f"{key}[{listed}]{end}"
    return shlex.quote(option) if "=" in key else option


def header_of(options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the columns of a table, by the options of its reader; None if it cannot be opened."""
    if not options.get("path"):
        return None
    try:
        return open_source(
            options["path"], sep=options.get("sep", AUTO), encoding=options.get("encoding", "utf-8-sig")
        ).header
    except InputError:  # the reader says it
        return None


def with_columns_of_each(tables: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the options of tables that are joined, each with those columns of strata that it has.

    A column that no table has stays in all of them, so that reading says so.
    """
    columns_of = [v if isinstance(v := t.get("strata_columns"), list | tuple) else () for t in tables]
    if not any(columns_of):
        return [dict(t) for t in tables]
    headers = [header_of(t) for t in tables]
    somewhere = {c for header in headers if header is not None for c in header}
    return [
        {**t, "strata_columns": [c for c in columns if header is None or c in header or c not in somewhere]}
        if columns
        else dict(t)
        for t, columns, header in zip(tables, columns_of, headers, strict=True)
    ]
