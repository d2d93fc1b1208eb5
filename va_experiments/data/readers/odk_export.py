"""Open an ODK export of the WHO 2016 questionnaire, and read the columns that its conversion needs.

In: a file and `OdkOptions`. Out: `OdkExport`, or an error about another form, missing columns and questions of other
names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from va_experiments.data.csv_blocks import CodedColumn, missing_columns, read_columns
from va_experiments.data.readers.odk_dates import DateOrder
from va_experiments.data.readers.odk_header import QuestionColumns, find_questions
from va_experiments.data.readers.odk_messages import few_questions, misnamed
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.strata_texts import strata_problems
from va_experiments.data.text_source import AUTO, TextSource, open_source
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["OdkExport", "OdkOptions", "open_export"]

_IDS = ("instanceid", "key", "_uuid", "uuid", "id", "_id", "_submission_id")
"""Columns that may be the id, without their groups, the most reliable first."""


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
    strata_columns : sequence of str
        Columns by whose texts results are divided; a question among them is read as a question too.
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
    strata_columns: Sequence[str] = ()
    sep: str = AUTO
    encoding: str = "utf-8-sig"
    fix_encoding: bool | None = None


@dataclass(frozen=True)
class OdkExport:
    """The columns of an export.

    Parameters
    ----------
    source : TextSource
    questions : QuestionColumns
        Without those that `OdkOptions.exclude` names.
    id_column : str, optional
        Column of the ids; None: ids are made from the rows.
    table : mapping of str to CodedColumn
        Columns that are converted: questions, ids, sites and causes.
    passed_over : mapping of str to CodedColumn
        Columns of questions that another column has already.
    texts : mapping of str to CodedColumn
        Columns by which results are divided.
    """

    source: TextSource
    questions: QuestionColumns
    id_column: str | None
    table: Mapping[str, CodedColumn]
    passed_over: Mapping[str, CodedColumn]
    texts: Mapping[str, CodedColumn]

    @property
    def where(self) -> str:
        """Return the file's name for messages."""
        return shown_path(self.source.path)

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.table.values())).codes)


def open_export(path: str | os.PathLike[str] | None, options: OdkOptions) -> OdkExport:
    """Open an export, and read its columns.

    Raises
    ------
    InputError
        Without a file; of another form; with a column that is missing or has a question's name with a fault.
    """
    if not path:
        raise InputError("data=who2016_odk needs a file: set data.path")
    source = open_source(path, sep=options.sep, encoding=options.encoding, fix_encoding=options.fix_encoding)
    special = [c for c in (options.id, options.site, options.cause) if c is not None]
    questions = _questions(source, special, options.exclude)
    roles = {"id": options.id, "site": options.site, "cause": options.cause}
    if problems := strata_problems(source.header, options.strata_columns, shown_path(source.path), roles):
        raise InputError(problems)
    id_column = options.id or _find_id_column(source)
    converted = [*questions.used, *special, *([id_column] if id_column else [])]
    others = [] if options.as_pycrossva else [c for names in questions.passed_over.values() for c in names]
    columns = read_columns(source, list(dict.fromkeys([*converted, *others, *options.strata_columns])))
    return OdkExport(
        source=source,
        questions=questions,
        id_column=id_column,
        table={c: column for c, column in columns.items() if c in {*converted}},
        passed_over={c: columns[c] for c in others},
        texts={c: columns[c] for c in options.strata_columns},
    )


def _questions(source: TextSource, special: Sequence[str], exclude: Sequence[str]) -> QuestionColumns:
    """Return the questions that the header has, or refuse it."""
    where = shown_path(source.path)
    form = recognise(source.header)
    if form is not None and form.reader != "who2016_odk":
        raise InputError(form.sentence(where, source.path))
    all_questions = find_questions(source.header)
    questions = _without(all_questions, exclude)
    problems = missing_columns(source.header, special, where)
    if form is None and not problems:
        raise InputError(few_questions(where, source.header, len(questions.columns)))
    problems += misnamed(where, source.header, all_questions)
    if problems:
        raise InputError(problems)
    return questions


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


def _find_id_column(source: TextSource) -> str | None:
    """Return the column of the submission's id, under any group."""
    last = {re.split(r"[-:/.]", c.partition("::")[0])[-1].strip().casefold(): c for c in reversed(source.header)}
    return next((last[name] for name in _IDS if name in last), None)
