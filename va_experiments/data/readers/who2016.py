"""Read WHO 2016 verbal autopsies in the input form of InterVA-5 (one row a death, 353 indicators y/n) into `Deaths`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.data.csv_blocks import empty_rows, missing_columns, read_blocks
from va_experiments.data.deaths import ABSENT, DOUBTFUL, MISSING, PRESENT, Deaths, LedgerEntry
from va_experiments.data.decorated import doubtful_ids, doubtful_ids_sentence
from va_experiments.data.doubtful_columns import columns_and, ids_alone, mixed_codes, original_name, without_content
from va_experiments.data.eava_columns import EAVA_COLUMNS, from_table
from va_experiments.data.excluded_rows import EMPTY_ROW, excluded_rows
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.csv_columns import Collected, Labels
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.symptom_columns import Symptoms, value_codes
from va_experiments.data.record_ids import canonical_order, normal_id
from va_experiments.data.repeated_deaths import REPEATED, RepeatedDeaths, numbered_ids, repeated_rows
from va_experiments.data.text_source import AUTO, TextSource, open_source
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["WHO_VALUES", "read_who2016"]

WHO_VALUES: Mapping[Any, str] = {"y": "Y", "Y": "Y", "n": "N", "N": "N", ".": ".", "-": ".", "NA": "."}
"""Cells of InterVA-5's input and what they mean; an empty cell is missing."""

_MOST_FILLED, _MOST_YES = 0.8, 0.65
_ENOUGH = 20
"""Deaths from which on an answer that never occurs says more than chance."""


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
    probbase = read_probbase()
    codes = value_codes(value_map)
    source = open_source(path, sep=sep, encoding=encoding, row_names=id, fix_encoding=fix_encoding)
    where = shown_path(source.path)
    id, indicators = _columns(source, id, [c for c in (site, cause) if c is not None], probbase.indicators)
    special = [c for c in (id, site, cause) if c is not None]
    more = {c.casefold(): c for c in source.header if c.casefold() in ("age", *EAVA_COLUMNS)} if eava_columns else {}
    if eava_columns and len(more) < 2:
        raise InputError(
            f"{where}: data.eava_columns=true, but the file has none of the columns that EAVA adds to the indicators, "
            f"such as age, {', '.join(EAVA_COLUMNS[:4])}; read an ODK export with data=who2016_odk, which makes them"
        )
    added = {name: Collected(c) for name, c in more.items()}
    answers = Symptoms(indicators, codes, words=dict(value_map) == dict(WHO_VALUES), may_exclude=False)
    places = None if site is None else Labels(site, "site", None, site_map, may_declare=False)
    labels = None if cause is None else Labels(cause, "cause", probbase.causes, may_map=False, may_declare=False)
    compared = RepeatedDeaths(indicators)
    id_parts, blank_parts = [], []
    for block in read_blocks(source, list(dict.fromkeys([*special, *indicators, *more.values()]))):
        for column in (answers, places, labels, compared, *added.values()):
            if column is not None:
                column.add(block)
        coded = block.columns[id]
        id_parts.append(np.array([normal_id(v) for v in coded.values], dtype=object)[coded.codes])
        blank_parts.append(empty_rows(block.columns))
    ids, blank = np.concatenate(id_parts), np.concatenate(blank_parts)
    ledger = [LedgerEntry("noted", "*", 1, note) for note in source.notes_for_ledger()]
    if blank.any():
        ledger.append(LedgerEntry("dropped row", "*", int(blank.sum()), EMPTY_ROW))
    sites: tuple[str, ...] = ("all",)
    at, causes_at = np.zeros(len(ids), dtype=np.int16), None
    whole = answers.matrix()
    repeated, problems = repeated_rows(
        ids, ~blank, compared, source, id, duplicates, ledger, labelled=cause is not None, answers=whole,
        symptoms=answers.columns,
    )  # fmt: skip
    if duplicates == "keep":
        ids = numbered_ids(ids)
    problems += _id_problems(ids[~blank & ~repeated], where, id)
    if marked := doubtful_ids(ids[~blank].astype(np.str_).tolist()):
        problems.append(doubtful_ids_sentence(marked, where))
    for labelled in (places, labels):
        if labelled is not None:
            labelled.leave_out(blank)
    if places is not None:
        sites, at, bad = places.finish(source, ledger)
        problems += bad
    if labels is not None:
        _, causes_at, bad = labels.finish(source, ledger)
        problems += bad
    problems += answers.problems(source, max_unknown, ledger)
    covariates, odd = from_table({name: column.coded() for name, column in added.items()})
    problems += [
        f"{where}: column {shown(more[name])}: {', '.join(map(shown, cells[:4]))} is no answer; expected y, n, dk, "
        "ref or . (a number of days in age, i120c and i250b)"
        for name, cells in odd.items()
    ]
    if problems:
        raise InputError(problems)
    if extra := sorted(set(source.header) - {*special, *indicators, *more.values()}):
        ledger.append(
            LedgerEntry("left out", "*", len(extra), "columns are not indicators of InterVA-5", tuple(extra[:5]))
        )
    for meaning, answer in (("Y", "present"), ("N", "absent"), (".", "missing")):
        if cells := tuple(c for c, m in sorted(answers.by_words.items()) if m == meaning):
            ledger.append(LedgerEntry("noted", "*", len(cells), f"cells are read as {answer}", cells[:5]))
    ledger += [
        *_copies(source, indicators),
        *ids_alone(answers.empty_cells(), len(indicators), ~blank & ~repeated, source),
    ]
    elsewhere = (at < 0) & ~blank
    rows = np.flatnonzero(~blank & ~repeated & ~elsewhere)
    order = rows[canonical_order(ids[rows])]
    symptoms = whole[order]
    if "" not in {str(c).strip() for c in value_map}:
        _ask_about_blanks(symptoms, answers, dict(value_map) | answers.by_words, where)
    found = mixed_codes(answers.said) if dict(value_map) == dict(WHO_VALUES) else []
    ledger += [*found, *without_content(answers.columns, symptoms, answers.filled, answers.unsaid, one_answer=False)]
    if (silent := (symptoms == MISSING).all(axis=1)).any():
        which = tuple(map(str, ids[order][silent][:5]))
        reason = "deaths have no answer at all; they stay in the data"
        ledger.append(LedgerEntry("noted", "*", int(silent.sum()), reason, which))
    return Deaths(
        symptoms=symptoms,
        symptom_names=probbase.indicators,
        causes=probbase.causes,
        cause=None if causes_at is None else causes_at[order],
        sites=sites,
        site=at[order],
        id=ids[order].astype(np.str_),
        covariates={name: values[order] for name, values in covariates.items()},
        name=label,
        ledger=tuple(ledger),
        excluded=excluded_rows(
            ids, source, [(EMPTY_ROW, blank), ("its site is left out (data.site_map)", elsewhere), (REPEATED, repeated)]
        ),
    )


def _columns(source: TextSource, id: str, special: Sequence[str], indicators: Sequence[str]) -> tuple[str, list[str]]:
    """Return the column of the ids and those of the indicators, whose names may be written in any case."""
    where = shown_path(source.path)
    by_name = {c.strip().casefold(): c for c in reversed(source.header)}
    id_column = id if id in source.header else by_name.get(id.casefold(), "" if "" in source.header else id)
    columns = [c if c in source.header else by_name.get(c.casefold(), c) for c in indicators]
    if problems := missing_columns(source.header, [*special, *columns], where, taken={*columns}):
        form = recognise(source.header)
        if form is not None and form.reader != "who2016":
            raise InputError(form.sentence(where, source.path))
        if form is None and len(problems) > len(columns) // 3:
            raise InputError(
                f"{where}: {len(problems)} of {len(columns)} columns of InterVA-5's input are missing, so this is "
                "another form; a table of a study's own is read with data=csv, an ODK export of the WHO 2016 "
                "questionnaire with data=who2016_odk"
            )
        raise InputError(problems)
    if id_column not in source.header:
        others = [c for c in source.header if c not in columns]
        example = "; the file has no column beside the indicators: add one"
        if others:
            example = f"; other columns of the file: {', '.join(map(shown, others[:5]))}"
        raise InputError(
            f"{where}: missing column {shown(id)}, the id of each death{did_you_mean(id, others)}; name it with "
            f"data.id=COLUMN{example}"
        )
    return id_column, columns


def _copies(source: TextSource, indicators: Sequence[str]) -> list[LedgerEntry]:
    """Return an entry for columns with the name of a copy of an indicator.

    Raises
    ------
    InputError
        If an indicator is there twice, in another case.
    """
    used, others = {*indicators}, [c for c in source.header if c not in indicators]
    by_name = {c.strip().casefold(): c for c in indicators}
    if twins := {c: by_name[c.strip().casefold()] for c in others if c.strip().casefold() in by_name}:
        column, other = next(iter(twins.items()))
        raise InputError(
            f"{shown_path(source.path)}: columns {shown(other)} and {shown(column)} are one indicator, written in two "
            "cases; remove or rename one of them"
        )
    if copies := [c for c in others if original_name(c.casefold(), {u.casefold() for u in used}) is not None]:
        reason = f"{columns_and(copies, 'has', 'have')} the name of a copy of an indicator; it is not read"
        return [LedgerEntry(DOUBTFUL, copies[0], len(copies), reason)]
    return []


def _ask_about_blanks(symptoms: np.ndarray, answers: Symptoms, cells: Mapping[Any, str], where: str) -> None:
    """Refuse a table that says yes and nothing else: an empty cell may mean no, or that nothing is known."""
    if len(symptoms) < _ENOUGH or not (symptoms == PRESENT).any():
        return
    if (symptoms == ABSENT).any():
        _ask_about_single_columns(symptoms, answers, cells, where)
        return
    what = "an empty cell" if answers.absent_cells() == [""] else ", ".join(map(shown, answers.absent_cells()))
    absent, unknown = (_typed({**cells, **more}) for more in (dict.fromkeys(answers.absent_cells(), "N"), {"": "."}))
    raise InputError(
        f"{where}: no cell of the indicators says no, and {(symptoms == MISSING).mean():.0%} are empty or missing: "
        f"does {what} mean that the sign was absent, or that nothing is known? Say 'data.value_map={absent}' "
        f"(absent) or 'data.value_map={unknown}' (nothing is known)"
    )


def _ask_about_single_columns(symptoms: np.ndarray, answers: Symptoms, cells: Mapping[Any, str], where: str) -> None:
    """Refuse indicators that say yes or nothing beside others that say no, and numbers that nearly always say yes."""
    yes, no = (symptoms == PRESENT).sum(axis=0), (symptoms == ABSENT).sum(axis=0)
    blank = (yes >= _ENOUGH) & (no == 0) & (answers.unsaid > (1 - _MOST_FILLED) * len(symptoms))
    if blank.any():
        some = [answers.columns[j] for j in np.flatnonzero(blank).tolist()]
        listed = ", ".join(map(shown, some[:5])) + (", ..." if len(some) > 5 else "")
        empty = (answers.filled[blank] < _MOST_FILLED * len(symptoms)).all()
        cell = "an empty cell" if empty else "the cell 'none'"
        raise InputError(
            f"{where}: {len(some)} indicators ({listed}) say yes or nothing, others say no: does {cell} mean "
            "that the sign was absent? Then write n in it; if nothing is known, say "
            f"'data.value_map={_typed({**cells, '': '.'})}'"
        )
    numbers = {c: m for c, m in answers.by_words.items() if c in ("0", "1", "2") and m in "YN"}
    if len(numbers) == 2 and yes.sum() > _MOST_YES * (yes.sum() + no.sum()):
        other = {c: {"Y": "N", "N": "Y"}[m] for c, m in numbers.items()}
        read = " and ".join(f"{shown(c)} for {m}" for c, m in sorted(numbers.items()))
        raise InputError(
            f"{where}: {yes.sum() / (yes.sum() + no.sum()):.0%} of the answers say yes, with {read}: do the numbers "
            f"stand the other way round? Say 'data.value_map={_typed({**cells, **other})}', or "
            f"'data.value_map={_typed(cells)}' if not"
        )


def _typed(cells: Mapping[Any, str]) -> str:
    """Return a mapping of cells as it is typed within quotes."""
    return "{" + ", ".join(f"{json.dumps(str(c), ensure_ascii=False)}: {json.dumps(m)}" for c, m in cells.items()) + "}"


def _id_problems(ids: np.ndarray, where: str, column: str) -> list[str]:
    values, counts = np.unique(ids.astype(np.str_), return_counts=True)
    problems = [
        f"{where}: {n} rows share id {shown(str(v))}; expected each id once: give each death its own id, or say "
        "data.duplicates=first (leave the later rows out) or data.duplicates=keep"
        for v, n in zip(values[(counts > 1) & (values != "")], counts[(counts > 1) & (values != "")], strict=True)
    ]
    if "" in values:
        problems.append(f"{where}: column {shown(column)}: {counts[values == ''][0]} rows have no id")
    return problems
