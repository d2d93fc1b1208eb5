"""Read a file of the IMMCMC study into `Deaths`, by the rules of PHMRC's questionnaire, which that study used.

IMMCMC (Improving Methods to Measure Comparable Mortality by Cause; BMC Research Notes 2021, doi
10.1186/s13104-021-05834-y) has gold-standard causes of deaths in hospitals of Bangladesh, Papua New Guinea and the
Philippines, 2011 to 2014. The article says which questionnaire was used, but not how columns, causes and sites are
written, and the file was not at hand: what may differ is an option, and every difference is refused or in the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn, missing_columns, read_columns
from va_experiments.data.deaths import Deaths, LedgerEntry
from va_experiments.data.decorated import doubtful_names, undecorated
from va_experiments.data.excluded_rows import excluded_rows
from va_experiments.data.name_doubts import spelling_doubts
from va_experiments.data.readers.csv_columns import NO_SITE
from va_experiments.data.readers.phmrc_cells import as_published
from va_experiments.data.readers.phmrc_convert import age_in_years, convert
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
from va_experiments.data.readers.who2016_table import folded
from va_experiments.data.record_ids import canonical_order
from va_experiments.data.repeated_deaths import REPEATED
from va_experiments.data.text_source import TextSource, encoding_by_mark, open_source
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

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
    durations, drop_unlabelled, drop_empty_symptoms, max_unknown, missing_numbers, duplicates
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
    site_column = _column(header, site, _SITES, "site", where)
    cause_column = _column(header, cause, _CAUSES, "cause", where)
    needed = list(dict.fromkeys(c for rule in rules.rules for c in rule.columns))
    absent = [c for c in needed if c not in header]
    if len(absent) > _MOST_ABSENT * len(needed):
        form = recognise(source.header)
        raise InputError(
            form.sentence(where, source.path)
            if form is not None
            else f"{where}: {len(absent)} of {len(needed)} columns of the PHMRC {module} questionnaire are missing "
            f"(first: {shown(absent[0])}); is this another module's file?"
        )
    table = as_published(dict(zip(header, read_columns(source).values(), strict=True)), source.sep)
    ledger: list[LedgerEntry] = [LedgerEntry("noted", "*", 1, note) for note in source.notes]
    table, source, empty = without_empty_rows(table, source, ledger)
    table = plain_numbers(table, rules, missing_numbers, ledger)
    if absent:
        reason = "questions are not in the file; they count as not answered"
        ledger.append(LedgerEntry("noted", "*", len(absent), reason, tuple(absent[:5])))
    n = len(table[site_column].codes)
    blank = CodedColumn(np.zeros(n, dtype=np.int32), [""])
    answers = {**dict.fromkeys(absent, blank), **table, "site": table[site_column]}
    sites, place, problems = _sites(table[site_column], site_column, source)
    index, left_out, more = _causes(table[cause_column], cause_column, rules, cause_map or {}, phmrc_codes, source)
    problems += more
    unknown = (index < 0) & ~left_out
    if unknown.any() and not drop_unlabelled and not more:
        problems.append(
            f"{where}: {int(unknown.sum())} rows without a known cause in column {shown(cause_column)} "
            f"({lines_of(source, unknown)}); drop them with data.drop_unlabelled=true"
        )
    if problems:
        raise InputError(problems)
    repeated = repeated_deaths(table, source, duplicates, ledger)
    keep = (index >= 0) & ~repeated
    for mask, reason in ((unknown, "no known cause"), (left_out, "cause is left out (data.cause_map)")):
        if mask.any():
            ledger.append(LedgerEntry("dropped row", cause_column, int(mask.sum()), reason))
    ids = death_ids(table, ledger, repeated)
    recorded_age, age = age_in_years(answers, rules, False, ledger)
    covariates = {"age": age}
    words = tuple(sorted(c for c in header if c.startswith("word_")))
    symptoms, names, blocks, cuts = convert(answers, rules, words, covariates, recorded_age, False, durations, ledger)
    ledger = [e for e in ledger if e.action != "corrected" or e.column != "a4_04"]  # a fault of PHMRC's conversion
    doubtful = doubtful_numbers(table, rules) if missing_numbers is None else []
    check_answers(answers, rules, source, max_unknown, ledger, doubtful)
    order = np.flatnonzero(keep)
    order = order[canonical_order(ids[order])]
    if drop_empty_symptoms:
        columns = with_content(symptoms[order], names, rules, ledger)
        symptoms = symptoms[:, columns]
        names, blocks = (tuple(np.array(x)[columns].tolist()) for x in (names, blocks))
    ledger += doubtful_questions(answers, rules, symptoms[order], names, absent)
    note_table(header, rules, symptoms[order], names, len(order), ledger, N_DEATHS[module])
    return Deaths(
        symptoms=symptoms[order],
        symptom_names=names,
        causes=rules.causes,
        cause=index[order],
        sites=sites,
        site=place[order],
        id=ids[order].astype(np.str_),
        blocks=blocks,
        groups=rules.groups,
        covariates={k: v[order] for k, v in covariates.items()},
        learned_cuts=cuts,
        name=f"immcmc_{module}",
        ledger=tuple(ledger),
        excluded=empty
        + excluded_rows(
            ids, source, [(REPEATED, repeated), ("no known cause", unknown), ("cause is left out", left_out)]
        ),
    )


def _column(header: tuple[str, ...], named: str | None, usual: tuple[str, ...], what: str, where: str) -> str:
    """Return the column that holds the site or the cause."""
    if named is not None:
        column = named.strip().lower()
        if problems := missing_columns(header, [column], where):
            raise InputError(problems)
        return column
    found = next((c for c in usual if c in header), None)
    if found is None:
        raise InputError(
            f"{where}: no column {' or '.join(usual)}; name the column of the {what} with data.{what}=COLUMN"
        )
    return found


def _sites(
    column: CodedColumn, name: str, source: TextSource
) -> tuple[tuple[str, ...], npt.NDArray[np.int16], list[str]]:
    """Return the sites that the file has, sorted, the place of each row, and the problem of rows without one."""
    names = [" ".join(undecorated(v).split()) for v in column.values]
    names = ["" if n.casefold() in NO_SITE else n for n in names]
    counts = np.bincount(column.codes, minlength=len(names)).tolist()
    deaths = {s: sum(c for n, c in zip(names, counts, strict=True) if n == s) for s in names if s}
    sites = tuple(sorted(deaths))
    doubts = spelling_doubts(deaths) | doubtful_names(sites)
    doubts |= {b: ("differs only in case", a) for a, b in pairwise(sorted(sites, key=lambda s: (s.casefold(), s)))
               if a.casefold() == b.casefold()}  # fmt: skip
    problems = [
        f"{shown_path(source.path)}: site {shown(s)} in column {shown(name)} {why}: is it {shown(other)}? Write each "
        "site in one way"
        for s, (why, other) in doubts.items()
    ]
    place = {s: k for k, s in enumerate(sites)}
    index = np.array([place.get(s, -1) for s in names], dtype=np.int16)[column.codes]
    if (index >= 0).all():
        return sites, index, problems
    lines = lines_of(source, index < 0)
    return (
        sites,
        index,
        [*problems, f"{shown_path(source.path)}: rows without a site in column {shown(name)} ({lines})"],
    )


def _causes(
    column: CodedColumn,
    name: str,
    rules: Module,
    cause_map: Mapping[Any, str | None],
    phmrc_codes: bool,
    source: TextSource,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_], list[str]]:
    """Return the place of each row's cause (-1: none), which rows are left out, and causes that are not in the list.

    A cause is a name of PHMRC's list in any case and punctuation, what `cause_map` says, or a number (`phmrc_codes`).
    """
    where = shown_path(source.path)
    known = {folded(c): k for k, c in enumerate(rules.causes)}
    own = {folded(str(k)): v for k, v in cause_map.items()}
    problems = [
        f"data.cause_map: {shown(v)} is not in the list of causes of the PHMRC {rules.name} module"
        f"{did_you_mean(v, rules.causes)}"
        for v in own.values()
        if v is not None and folded(str(v)) not in known
    ]
    if phmrc_codes:
        known |= {str(k + 1): k for k in range(len(rules.causes))}
    index = np.full(len(column.values), -1, dtype=np.int16)
    left_out = np.zeros(len(column.values), dtype=bool)
    unknown = []
    for k, value in enumerate(column.values):
        text = folded(normalised(value))
        stem = next((cause for stem, cause in rules.stems if stem in text), None)
        if text in own:
            left_out[k] = own[text] is None
            index[k] = known.get(folded(str(own[text])), -1)
        elif text in known:
            index[k] = known[text]
        elif stem is not None:
            index[k] = rules.causes.index(stem)
        elif text:
            unknown.append(k)
    if unknown:
        listed = ", ".join(
            f"{shown(column.values[k])} ({lines_of(source, column.codes == k)}"
            f"{did_you_mean(column.values[k], rules.causes)})"
            for k in unknown[:5]
        )
        mapping = ", ".join(f'"{column.values[k].strip()}": CAUSE' for k in unknown[:5])
        numbers = all(folded(normalised(column.values[k])).isdecimal() for k in unknown)
        ways = ", or data.phmrc_codes=true if they are the numbers of PHMRC's list" if numbers else ""
        problems.append(
            f"{where}: column {shown(name)} holds {len(unknown)} causes that are not in the list of the PHMRC "
            f"{rules.name} module: {listed}; say what they are with 'data.cause_map={{{mapping}}}' (null leaves the "
            f"deaths out){ways}"
        )
    return index[column.codes], left_out[column.codes], problems
