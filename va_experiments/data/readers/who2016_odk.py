"""Read an ODK export of the WHO 2016 questionnaire (versions 1.4.1, 1.5.1, 1.5.3) into `Deaths`, or convert it.

In: an export as ODK Collect, Aggregate, Central or Kobo writes it, under any group, separator, case and label. Out: the
353 indicators of InterVA-5, with age and sex as covariates. What is changed or not understood is in the ledger; what
cannot be understood is refused.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import MISSING, NOT_UNDERSTOOD, Deaths, Excluded, LedgerEntry
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.odk_answers import OdkAnswers
from va_experiments.data.readers.odk_checks import AnswerChecks, check_answers
from va_experiments.data.readers.odk_export import OdkExport, OdkOptions, open_export
from va_experiments.data.readers.odk_indicators import note_answers
from va_experiments.data.readers.odk_person import is_female, is_stillbirth
from va_experiments.data.readers.odk_rows import Rows, find_rows
from va_experiments.data.readers.odk_versions import Reading, read_answers
from va_experiments.data.readers.strata_texts import strata_texts
from va_experiments.data.readers.who2016_table import Truth
from va_experiments.data.record_ids import canonical_order
from va_experiments.data.text_columns import TextColumn
from va_experiments.errors import InputError

__all__ = ["Converted", "convert_who2016_odk", "read_who2016_odk"]

_DAYS_IN_YEAR = 365.25


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
    strata_columns : mapping of str to TextColumn
        Columns by which results are divided.
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
    strata_columns: Mapping[str, TextColumn]


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
    export = convert_who2016_odk(path, **options)
    order = canonical_order(export.id.astype(object))
    return Deaths(
        symptoms=export.indicators[order],
        symptom_names=read_probbase().indicators,
        causes=export.causes,
        cause=None if export.cause is None else export.cause[order],
        sites=export.sites,
        site=export.site[order],
        id=export.id[order],
        covariates={name: values[order] for name, values in export.covariates.items()},
        name=label,
        ledger=export.ledger,
        excluded=export.excluded,
        strata_columns={name: column.take(order) for name, column in export.strata_columns.items()},
    )


def convert_who2016_odk(path: str | os.PathLike[str] | None, **options: Any) -> Converted:
    """Convert an ODK export to the 353 indicators of InterVA-5, in the order of its rows.

    Options, those of `OdkOptions`, and errors are those of `read_who2016_odk`.
    """
    chosen = OdkOptions(**options)
    export = open_export(path, chosen)
    reading = _read_answers(export, chosen)
    ledger = [LedgerEntry("noted", "*", 1, note) for note in export.source.notes_for_ledger()]
    noted = f"columns are questions of WHO 2016, version {reading.version}"
    ledger += [LedgerEntry("noted", "*", len(export.questions.used), noted), *reading.ledger]
    checks = check_answers(export, reading, chosen, ledger)
    rows = find_rows(export, chosen, (reading.indicators != MISSING).any(axis=1), ledger)
    strata, bad = strata_texts(export.texts, rows.kept, export.where, ledger)
    if problems := [*checks.problems, *rows.problems, *bad]:
        raise InputError(problems, hint=checks.hint(reading.answers))
    kept = rows.kept
    _note_rows(export, reading, checks, rows, ledger)
    covariates = {"age": reading.age / _DAYS_IN_YEAR, "female": is_female(reading.answers)}
    if chosen.eava_columns:
        covariates |= reading.eava
    return Converted(
        id=rows.id[kept].astype(np.str_),
        indicators=reading.indicators[kept],
        covariates={name: values[kept] for name, values in covariates.items()},
        sites=rows.sites,
        site=rows.site[kept],
        causes=rows.causes,
        cause=None if rows.cause is None else rows.cause[kept],
        ledger=(*ledger, *note_answers(reading.answers, reading.indicators[kept])),
        excluded=rows.excluded(export),
        strata_columns={name: column.take(kept) for name, column in strata.items()},
    )


def _read_answers(export: OdkExport, options: OdkOptions) -> Reading:
    """Read the answers by the rules of the questionnaire's version."""
    make = functools.partial(
        OdkAnswers, export.table, export.questions, value_map=options.value_map, as_pycrossva=options.as_pycrossva
    )
    return read_answers(
        make,
        export.source,
        version=options.version,
        as_pycrossva=options.as_pycrossva,
        date_order=options.date_order,
        latest_year=options.latest_year,
    )


def _note_rows(
    export: OdkExport, reading: Reading, checks: AnswerChecks, rows: Rows, ledger: list[LedgerEntry]
) -> None:
    """Note empty rows, dates that are not read, stillbirths and columns that are not needed."""
    if rows.empty.any():
        ledger.append(LedgerEntry("dropped row", "*", int(rows.empty.sum()), "rows are empty"))
    for question, forms in checks.unread_dates.items():  # no examples: a date of birth may name a person
        ledger.append(LedgerEntry("set missing", question, forms.total(), NOT_UNDERSTOOD[0]))
    still = is_stillbirth(reading.answers, reading.age)
    if still.any():
        reason = "deaths are stillbirths (no cry, no movement, no breath, or born dead)"
        ledger.append(LedgerEntry("noted", "*", int((still & rows.kept).sum()), reason))
    if extra := len(export.source.header) - len({*export.table, *export.texts}):
        ledger.append(LedgerEntry("left out", "*", extra, "columns are not needed for the indicators"))
