"""Read an ODK export of the WHO 2016 questionnaire (versions 1.4.1, 1.5.1, 1.5.3) into `Deaths`, or convert it.

In: an export as ODK Collect, Aggregate, Central or Kobo writes it, under any group, separator, case and label. Out: the
353 indicators of InterVA-5, with age and sex as covariates. What is changed or not understood is in the ledger; what
cannot be understood is refused.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import Block, CodedColumn, empty_rows, missing_columns, read_columns
from va_experiments.data.deaths import MISSING, NOT_UNDERSTOOD, Deaths, Excluded, LedgerEntry
from va_experiments.data.decorated import doubtful_ids, doubtful_ids_sentence
from va_experiments.data.excluded_rows import excluded_rows
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.csv_columns import Labels
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_dates import DateOrder
from va_experiments.data.readers.odk_doubts import ask_about_order_of_dates, ask_about_yes_and_no, differing_ages
from va_experiments.data.readers.odk_header import QuestionColumns, find_questions
from va_experiments.data.readers.odk_indicators import (
    ask_about_blanks,
    ask_about_codes,
    not_understood,
    note_answers,
    rows_of_labels,
)
from va_experiments.data.readers.odk_messages import (
    advice,
    advice_on_dates,
    answers_elsewhere,
    few_questions,
    misnamed,
    refusal,
    refused_dates,
)
from va_experiments.data.readers.odk_person import is_female, is_stillbirth, unread_dates
from va_experiments.data.readers.odk_unused import ask_about_ages, ask_about_map, ask_about_zeros
from va_experiments.data.readers.odk_versions import read_answers
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.who2016_table import Truth
from va_experiments.data.record_ids import canonical_order, content_ids, normal_id
from va_experiments.data.repeated_deaths import REPEATED, RepeatedDeaths, numbered_ids, repeated_rows
from va_experiments.data.text_source import AUTO, TextSource, open_source
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["Converted", "OdkOptions", "convert_who2016_odk", "read_who2016_odk"]

_IDS = ("instanceid", "key", "_uuid", "uuid", "id", "_id", "_submission_id")
"""Columns that may be the id, without their groups, the most reliable first."""

_DAYS_IN_YEAR = 365.25


@dataclass(frozen=True, kw_only=True)
class OdkOptions:
    """How an export is read.

    Parameters
    ----------
    id, site, cause : str, optional
        Columns. Without `id`, the instance id of the submission is used, or a hash of the row; without `site`, all
        deaths are of one place; `cause` holds causes by another method, in InterVA-5's names.
    site_map : mapping, optional
        Site as written -> its name; None leaves the deaths out.
    version : {"auto", "1.4", "1.5"}
        Version of the questionnaire; ``auto``: by its columns, or the answers of each row if they are of both.
    value_map : mapping, optional
        Cell -> yes, no, dk or a choice; or question -> such a mapping.
    date_order : {"auto", "day_first", "month_first", "year_first"}
        Which number of 3/4/2018 is the day; ``auto``: what the dates of the columns say.
    latest_year : int, optional
        Years of two digits are the last ones up to this one; None: they are not read.
    exclude : sequence of str
        Questions to leave out.
    max_unknown : float
        Largest share of a question's filled cells that may be no answer.
    duplicates : {"refuse", "first", "keep"}
        What to do with deaths that occur twice.
    as_pycrossva : bool
        Give exactly the cells that pyCrossVA gives, also where it reads less than the export says.
    eava_columns : bool
        Keep the columns that ``model=eava`` needs as covariates.
    sep, encoding : str
        Separator and encoding of the file.
    fix_encoding : bool, optional
        Whether UTF-8 text that was read in another encoding before gets its letters back; None: it is refused.
    """

    id: str | None = None
    site: str | None = None
    cause: str | None = None
    site_map: Mapping[Any, str | None] | None = None
    version: str = "auto"
    value_map: Mapping[Any, Any] | None = None
    date_order: DateOrder = "auto"
    latest_year: int | None = None
    exclude: Sequence[str] = ()
    max_unknown: float = 0.01
    duplicates: str = "refuse"
    as_pycrossva: bool = False
    eava_columns: bool = True
    sep: str = AUTO
    encoding: str = "utf-8-sig"
    fix_encoding: bool | None = None


@dataclass(frozen=True)
class Converted:
    """An export as indicators, in the order of its rows.

    Parameters
    ----------
    id : array of str, shape (n_deaths,)
    indicators : int8 array, shape (n_deaths, 353)
        1 yes, 0 no, -1 not known.
    covariates : mapping of str to float64 array, shape (n_deaths,)
        ``age`` in years, ``female`` 1 or 0, NaN where not known; the columns of `va_experiments.data.eava_columns`.
    sites, causes : tuple of str
    site, cause : int16 array, shape (n_deaths,)
        Index into `sites` and `causes`; `cause` is None where no column of it is named.
    ledger : tuple of LedgerEntry
    excluded : tuple of Excluded
        Rows that are left out.
    """

    id: npt.NDArray[np.str_]
    indicators: Truth
    covariates: Mapping[str, npt.NDArray[np.float64]]
    sites: tuple[str, ...]
    site: npt.NDArray[np.int16]
    causes: tuple[str, ...]
    cause: npt.NDArray[np.int16] | None
    ledger: tuple[LedgerEntry, ...]
    excluded: tuple[Excluded, ...]


def read_who2016_odk(path: str | os.PathLike[str] | None, *, label: str = "who2016_odk", **options: Any) -> Deaths:
    """Read the deaths of an ODK export of the WHO 2016 questionnaire.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz``, ``.zip``, ``.xlsx``, ``.dta``, ``.sav`` or ``.parquet``.
    label : str
        Name of the study.
    **options
        Those of `OdkOptions`.

    Returns
    -------
    Deaths
        Rows sorted by id; the cause list is InterVA-5's 61 causes.

    Raises
    ------
    InputError
        Listing every problem: another form, cells that are no answer, columns that contradict each other, ids that
        occur twice.
    """
    found = convert_who2016_odk(path, **options)
    order = canonical_order(found.id.astype(object))
    return Deaths(
        symptoms=found.indicators[order],
        symptom_names=read_probbase().indicators,
        causes=found.causes,
        cause=None if found.cause is None else found.cause[order],
        sites=found.sites,
        site=found.site[order],
        id=found.id[order],
        covariates={name: values[order] for name, values in found.covariates.items()},
        name=label,
        ledger=found.ledger,
        excluded=found.excluded,
    )


def convert_who2016_odk(path: str | os.PathLike[str] | None, **options: Any) -> Converted:
    """Convert an ODK export to the 353 indicators of InterVA-5, in the order of its rows.

    Options, those of `OdkOptions`, and errors are those of `read_who2016_odk`.
    """
    chosen = OdkOptions(**options)
    id, site, cause = chosen.id, chosen.site, chosen.cause
    if not path:
        raise InputError("data=who2016_odk needs a file: set data.path")
    source = open_source(path, sep=chosen.sep, encoding=chosen.encoding, fix_encoding=chosen.fix_encoding)
    where = shown_path(source.path)
    form = recognise(source.header)
    if form is not None and form.reader != "who2016_odk":
        raise InputError(form.sentence(where, source.path))
    all_questions = find_questions(source.header)
    questions = _without(all_questions, chosen.exclude)
    special = [c for c in (id, site, cause) if c is not None]
    problems = missing_columns(source.header, special, where)
    if form is None and not problems:
        raise InputError(few_questions(where, source.header, len(questions.columns)))
    problems += misnamed(where, source.header, all_questions)
    if problems:
        raise InputError(problems)
    own_id = id or _id_column(source)
    read = [*questions.used, *special, *([own_id] if own_id else [])]
    others = [] if chosen.as_pycrossva else [c for names in questions.passed_over.values() for c in names]
    table = read_columns(source, list(dict.fromkeys([*read, *others])))
    passed_over = {c: table[c] for c in others}
    table = {c: column for c, column in table.items() if c in {*read}}
    reading = read_answers(
        functools.partial(OdkAnswers, table, questions, value_map=chosen.value_map, as_pycrossva=chosen.as_pycrossva),
        source,
        version=chosen.version,
        as_pycrossva=chosen.as_pycrossva,
        date_order=chosen.date_order,
        latest_year=chosen.latest_year,
    )
    answers, symptoms, age = reading.answers, reading.indicators, reading.age
    ledger = [LedgerEntry("noted", "*", 1, note) for note in source.notes_for_ledger()]
    noted = f"columns are questions of WHO 2016, version {reading.version}"
    ledger += [LedgerEntry("noted", "*", len(questions.used), noted), *reading.ledger]
    refused, entries = not_understood(answers, chosen.max_unknown)
    problems = [f"{where}: {c}" for c in answers.conflicts]
    problems += answers_elsewhere(where, questions, passed_over, answers)
    if not chosen.as_pycrossva:
        if "" not in {str(cell).strip() for cell in chosen.value_map or {}}:
            problems += ask_about_blanks(answers, where)
        problems += ask_about_codes(answers, where) + ask_about_yes_and_no(answers, where)
        problems += ask_about_ages(answers, where) + ask_about_map(answers, where)
        problems += ask_about_zeros(answers, where, reading.version[-3:])
    labels = rows_of_labels(answers)
    for line in source.lines_of([int(row) + 2 for row in labels]):
        problems.append(f"{where}: line {line} holds no answers: a row of labels or totals, not a death; remove it")
    refused = [(q, c) for q, c in refused if answers.unknown[q].total() > len(labels)]
    problems += [refusal(where, questions, question, cells) for question, cells in refused]
    ledger += entries
    dates = {} if chosen.as_pycrossva else unread_dates(answers, age, chosen.date_order, chosen.latest_year)
    dates_refused = [
        q for q, forms in dates.items() if forms.total() - len(labels) > chosen.max_unknown * answers.count_filled(q)
    ]
    problems += [refused_dates(where, questions, q, dates[q], answers.count_filled(q)) for q in dates_refused]
    if not chosen.as_pycrossva:
        ledger += differing_ages(answers)
        problems += ask_about_order_of_dates(
            answers, where, chosen.date_order, chosen.latest_year, chosen.max_unknown, ledger
        )
    empty = empty_rows(table) & (not chosen.as_pycrossva)
    sites, site_index, bad = _labels(site, "site", chosen.site_map, None, table, source, empty, ledger)
    problems += bad
    causes = read_probbase().causes
    _, cause_index, bad = _labels(cause, "cause", None, causes, table, source, empty, ledger)
    problems += bad
    keep = (site_index >= 0) & ~empty
    if cause is not None:
        keep &= cause_index >= 0
    answered = (symptoms != MISSING).any(axis=1)
    ids, repeated, bad = _ids(table, questions, source, own_id, keep & answered, chosen.duplicates, ledger)
    problems += bad
    if problems:
        hints = (advice([q for q, _ in refused], answers), advice_on_dates(dates_refused))
        raise InputError(problems, hint="; ".join(filter(None, hints)))
    keep &= ~repeated
    excluded = excluded_rows(
        ids,
        source,
        [
            ("the row is empty", empty),
            ("its site is left out (data.site_map)", site_index < 0),
            ("no known cause", None if cause is None else cause_index < 0),
            (REPEATED, repeated),
        ],
        own_ids=own_id is not None,
    )
    if empty.any():
        ledger.append(LedgerEntry("dropped row", "*", int(empty.sum()), "rows are empty"))
    covariates = {"age": age / _DAYS_IN_YEAR, "female": is_female(answers)}
    if chosen.eava_columns:
        covariates |= reading.eava
    for question, forms in dates.items():  # no examples: a date of birth may name a person
        ledger.append(LedgerEntry("set missing", question, forms.total(), NOT_UNDERSTOOD[0]))
    still = is_stillbirth(answers, age)
    if still.any():
        reason = "deaths are stillbirths (no cry, no movement, no breath, or born dead)"
        ledger.append(LedgerEntry("noted", "*", int((still & keep).sum()), reason))
    if extra := len(source.header) - len(table):
        ledger.append(LedgerEntry("left out", "*", extra, "columns are not needed for the indicators"))
    return Converted(
        id=ids[keep].astype(np.str_),
        indicators=symptoms[keep],
        covariates={name: values[keep] for name, values in covariates.items()},
        sites=sites,
        site=site_index[keep],
        causes=causes,
        cause=None if cause is None else cause_index[keep],
        ledger=(*ledger, *note_answers(answers, symptoms[keep])),
        excluded=excluded,
    )


def _without(questions: QuestionColumns, exclude: Sequence[str]) -> QuestionColumns:
    known = {q.casefold(): q for q in (*questions.columns, *questions.divided)}
    if unknown := [q for q in exclude if q.casefold() not in known]:
        raise InputError(
            f"data.exclude: {shown(unknown[0])} is no question of the export{did_you_mean(unknown[0], known.values())}"
        )
    left_out = {known[q.casefold()] for q in exclude}
    return QuestionColumns(
        {q: c for q, c in questions.columns.items() if q not in left_out},
        {q: c for q, c in questions.divided.items() if q not in left_out},
        {q: c for q, c in questions.passed_over.items() if q not in left_out},
    )


def _id_column(source: TextSource) -> str | None:
    """Return the column of the submission's id, under any group."""
    last = {re.split(r"[-:/.]", c.partition("::")[0])[-1].strip().casefold(): c for c in reversed(source.header)}
    return next((last[name] for name in _IDS if name in last), None)


def _labels(
    column: str | None,
    what: str,
    rename: Mapping[Any, str | None] | None,
    declared: Sequence[str] | None,
    table: Mapping[str, CodedColumn],
    source: TextSource,
    empty: npt.NDArray[np.bool_],
    ledger: list[LedgerEntry],
) -> tuple[tuple[str, ...], npt.NDArray[np.int16], list[str]]:
    n = len(next(iter(table.values())).codes)
    if column is None:
        return ("all",), np.zeros(n, dtype=np.int16), []
    labels = Labels(column, what, declared, rename, may_map=what == "site", may_declare=False)
    labels.leave_out(empty)
    labels.add(Block(0, n, {column: table[column]}))
    return labels.finish(source, ledger)


def _ids(
    table: Mapping[str, CodedColumn],
    questions: QuestionColumns,
    source: TextSource,
    column: str | None,
    keep: npt.NDArray[np.bool_],
    duplicates: str,
    ledger: list[LedgerEntry],
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_], list[str]]:
    """Return the ids, the rows to leave out because they repeat a death, and the problems."""
    n, where = len(keep), shown_path(source.path)
    compared = RepeatedDeaths(questions.used)
    compared.add(Block(0, n, {c: table[c] for c in questions.used}))
    if column is None:
        ids = content_ids({c: table[c] for c in questions.used})
        ledger.append(
            LedgerEntry("noted", "*", n, "ids are made from the rows: the export has no column of instance ids")
        )
    else:
        ids = np.array([normal_id(v) for v in table[column].text()], dtype=object)
        empty = np.flatnonzero((ids == "") & keep)
        if len(empty):
            ids[empty] = content_ids({c: table[c] for c in questions.used})[empty]
            ledger.append(LedgerEntry("corrected", column, len(empty), "ids are empty; made from the rows"))
    repeated, problems = repeated_rows(
        ids, keep, compared, source, None if column is None else column, duplicates, ledger
    )
    if column is not None and (marked := doubtful_ids(ids[keep].astype(np.str_).tolist())):
        problems.append(doubtful_ids_sentence(marked, where))
    if duplicates != "refuse":
        return numbered_ids(ids), repeated, problems
    values, counts = np.unique(ids[keep].astype(np.str_), return_counts=True)
    for value in values[counts > 1][:20] if column is not None else ():
        lines = source.lines_of([int(r) + 2 for r in np.flatnonzero(ids == value)[:5]])
        problems.append(
            f"{where}: {counts[values == value][0]} rows share id {shown(str(value))} of column {shown(column)} (lines "
            f"{', '.join(map(str, lines))}): say data.duplicates=first (leave the later rows out) or "
            "data.duplicates=keep, or name another column with data.id=COLUMN"
        )
    return ids if column is not None else numbered_ids(ids), repeated, problems
