"""Read a file of the IMMCMC study into `Deaths`, by the rules of PHMRC's questionnaire, which that study used.

IMMCMC (Improving Methods to Measure Comparable Mortality by Cause; BMC Research Notes 2021, doi
10.1186/s13104-021-05834-y) has gold-standard causes of deaths in hospitals of Bangladesh, Papua New Guinea and the
Philippines, 2011 to 2014. The article says which questionnaire was used, but not how columns, causes and sites are
written, and the file was not at hand: what may differ is an option, and every difference is refused or in the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from va_experiments.data.csv_blocks import CodedColumn, read_columns
from va_experiments.data.deaths import Deaths, LedgerEntry
from va_experiments.data.excluded_rows import excluded_rows
from va_experiments.data.readers.immcmc_labels import find_causes, find_sites, label_column
from va_experiments.data.readers.phmrc_cells import as_published
from va_experiments.data.readers.phmrc_convert import SymptomTable, age_in_years, convert
from va_experiments.data.readers.phmrc_doubtful import doubtful_questions
from va_experiments.data.readers.phmrc_file import (
    check_answers,
    file_at,
    lines_of,
    note_table,
    table_header,
    with_content,
    without_empty_rows,
)
from va_experiments.data.readers.phmrc_ids import death_ids, repeated_deaths
from va_experiments.data.readers.phmrc_modules import module_of
from va_experiments.data.readers.phmrc_numbers import doubtful_numbers, plain_numbers
from va_experiments.data.readers.phmrc_rules import Module
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.strata_texts import checked_strata, checked_texts
from va_experiments.data.record_ids import canonical_order
from va_experiments.data.repeated_deaths import REPEATED
from va_experiments.data.text_source import TextSource, encoding_by_mark, open_source
from va_experiments.errors import InputError, shown, shown_path

__all__ = ["N_DEATHS", "find_immcmc", "read_immcmc"]

ARTICLE: Final = "https://doi.org/10.1186/s13104-021-05834-y"

N_DEATHS: Final = {"adult": 2491, "child": 320, "neonate": 702}
"""Deaths of each module, as the article gives them (3,512 in all, one less than their sum)."""

_SITES: Final = ("site", "country")
_CAUSES: Final = ("gs_text34", "gs_diagnosis", "cause", "va34")
_MOST_ABSENT: Final = 1 / 3
"""Share of the questionnaire's columns that may be absent: as for PHMRC's own files."""


def find_immcmc(module: str, path: str | os.PathLike[str] | None = None) -> Path:
    """Find the file of one module: `path`, or the file in the folder `path` or ``VA_IMMCMC_DIR``.

    Raises
    ------
    InputError
        With instructions where to get the file and where to put it.
    """
    known = [f"{stem}{end}" for stem in (module, f"immcmc_{module}") for end in (".csv", ".csv.gz", ".zip", ".xlsx")]
    place = os.fspath(path) if path else os.environ.get("VA_IMMCMC_DIR", "")
    advice = (
        f"the article says where the data are ({ARTICLE}); set data.path=FILE, or put the file as {known[0]} into a "
        "folder and set VA_IMMCMC_DIR to that folder"
    )
    if not place:
        raise InputError(f"the IMMCMC {module} file is not given; {advice}")
    return file_at(place, known, advice)


def read_immcmc(
    module: str,
    path: str | os.PathLike[str] | None = None,
    *,
    site: str | None = None,
    cause: str | None = None,
    cause_map: Mapping[Any, str | None] | None = None,
    phmrc_codes: bool = False,
    durations: bool = False,
    drop_unlabelled: bool = False,
    drop_empty_symptoms: bool = False,
    max_unknown: float = 0.01,
    missing_numbers: Sequence[float] | None = None,
    duplicates: str = "refuse",
    strata_columns: Sequence[str] = (),
) -> Deaths:
    """Read the deaths of one module of the IMMCMC study.

    Parameters
    ----------
    module : {"adult", "child", "neonate"}
    path : path, optional
        The file, or a folder that holds it; else the folder ``VA_IMMCMC_DIR``.
    site, cause : str, optional
        Columns; by default the first of ``site`` and ``country``, and of ``gs_text34``, ``gs_diagnosis``, ``cause``
        and ``va34``.
    cause_map : mapping, optional
        Cause as written -> its name in PHMRC's list; None leaves the deaths out.
    phmrc_codes : bool
        Read numbers as the codes of PHMRC's list; the article does not say whose numbers the file has.
    durations, drop_unlabelled, drop_empty_symptoms, max_unknown, missing_numbers, duplicates, strata_columns
        As in `va_experiments.data.readers.phmrc.read_phmrc`.

    Returns
    -------
    Deaths
        With PHMRC's symptoms and causes, and the file's own sites. A question that the file lacks is not answered.

    Raises
    ------
    InputError
        If more than a third of the questionnaire is absent, a cause is not in PHMRC's list, or a row has no site.
    """
    rules = module_of(module)
    file = find_immcmc(module, path)
    source = open_source(file, encoding=encoding_by_mark(file, "latin-1"))
    header = table_header(source)
    where = shown_path(source.path)
    site_column = label_column(header, site, _SITES, "site", where)
    cause_column = label_column(header, cause, _CAUSES, "cause", where)
    absent = _absent_columns(header, rules, source)
    strata_names = checked_strata(header, strata_columns, source, site=site_column, cause=cause_column)
    table = as_published(dict(zip(header, read_columns(source).values(), strict=True)), source.sep)
    ledger: list[LedgerEntry] = [LedgerEntry("noted", "*", 1, note) for note in source.notes]
    table, source, empty = without_empty_rows(table, source, ledger)
    texts = {c: table[c] for c in strata_names}
    table = plain_numbers(table, rules, missing_numbers, ledger)
    if absent:
        reason = "questions are not in the file; they count as not answered"
        ledger.append(LedgerEntry("noted", "*", len(absent), reason, tuple(absent[:5])))
    sites, site_of_row, problems = find_sites(table[site_column], site_column, source)
    causes, more = find_causes(table[cause_column], cause_column, rules, cause_map or {}, phmrc_codes, source)
    problems += more
    if causes.unknown.any() and not drop_unlabelled and not more:
        problems.append(
            f"{where}: {int(causes.unknown.sum())} rows without a known cause in column {shown(cause_column)} "
            f"({lines_of(source, causes.unknown)}); drop them with data.drop_unlabelled=true"
        )
    if problems:
        raise InputError(problems)
    repeated = repeated_deaths(table, source, duplicates, ledger)
    left_out = [("no known cause", causes.unknown), ("cause is left out (data.cause_map)", causes.left_out)]
    for reason, mask in left_out:
        if mask.any():
            ledger.append(LedgerEntry("dropped row", cause_column, int(mask.sum()), reason))
    keep = (causes.index >= 0) & ~repeated
    strata = checked_texts(texts, keep, source, ledger)
    ids = death_ids(table, ledger, repeated)
    blank = CodedColumn(np.zeros(len(ids), dtype=np.int32), [""])
    answers = {**dict.fromkeys(absent, blank), **table, "site": table[site_column]}
    converted = _convert(answers, header, rules, durations, ledger)
    doubtful = doubtful_numbers(table, rules) if missing_numbers is None else []
    check_answers(answers, rules, source, max_unknown, ledger, doubtful)
    order = np.flatnonzero(keep)
    order = order[canonical_order(ids[order])]
    deaths = converted.of_rows(order)
    if drop_empty_symptoms:
        deaths = deaths.of_columns(with_content(deaths.symptoms, deaths.names, rules, ledger))
    ledger += doubtful_questions(answers, rules, deaths.symptoms, deaths.names, absent)
    note_table(header, rules, deaths.symptoms, deaths.names, len(order), ledger, N_DEATHS[module])
    reasons = [(REPEATED, repeated), ("no known cause", causes.unknown), ("cause is left out", causes.left_out)]
    return Deaths(
        symptoms=deaths.symptoms,
        symptom_names=deaths.names,
        causes=rules.causes,
        cause=causes.index[order],
        sites=sites,
        site=site_of_row[order],
        id=ids[order].astype(np.str_),
        blocks=deaths.blocks,
        groups=rules.groups,
        covariates=deaths.covariates,
        learned_cuts=deaths.cuts,
        name=f"immcmc_{module}",
        ledger=tuple(ledger),
        excluded=empty + excluded_rows(ids, source, reasons),
        strata_columns={name: column.take(order) for name, column in strata.items()},
    )


def _absent_columns(header: Sequence[str], rules: Module, source: TextSource) -> list[str]:
    """Return the columns of the questionnaire that the file lacks, or refuse a file that lacks too many."""
    needed = list(dict.fromkeys(c for rule in rules.rules for c in rule.columns))
    absent = [c for c in needed if c not in header]
    if len(absent) <= _MOST_ABSENT * len(needed):
        return absent
    where, form = shown_path(source.path), recognise(source.header)
    raise InputError(
        form.sentence(where, source.path)
        if form is not None
        else f"{where}: {len(absent)} of {len(needed)} columns of the PHMRC {rules.name} questionnaire are missing "
        f"(first: {shown(absent[0])}); is this another module's file?"
    )


def _convert(
    answers: Mapping[str, CodedColumn],
    header: Sequence[str],
    rules: Module,
    durations: bool,
    ledger: list[LedgerEntry],
) -> SymptomTable:
    """Convert the answers by PHMRC's rules, without a note on a fault of PHMRC's own conversion."""
    recorded_age, age = age_in_years(answers, rules, False, ledger)
    words = tuple(sorted(c for c in header if c.startswith("word_")))
    converted = convert(answers, rules, words, age, recorded_age, False, durations, ledger)
    ledger[:] = [e for e in ledger if e.action != "corrected" or e.column != "a4_04"]
    return converted
