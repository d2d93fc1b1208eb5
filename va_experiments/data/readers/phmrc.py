"""Read a raw PHMRC file into `Deaths`: find it, check its shape, apply the rules of the questionnaire, keep a ledger.

The three public files (adult, child, neonate) of the Population Health Metrics Research Consortium hold gold-standard
causes beside the answers of the interview. Rows are sorted by ``newid``: no result depends on the order of the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import CodedColumn, missing_columns, read_columns
from va_experiments.data.deaths import Deaths, LedgerEntry
from va_experiments.data.excluded_rows import excluded_rows
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
from va_experiments.data.readers.phmrc_labels import SITES, cause_column, find_causes, find_long_list, find_sites
from va_experiments.data.readers.phmrc_modules import module_of
from va_experiments.data.readers.phmrc_numbers import doubtful_numbers, plain_numbers
from va_experiments.data.readers.phmrc_rules import Module
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.strata_texts import checked_strata, checked_texts
from va_experiments.data.record_ids import canonical_order
from va_experiments.data.repeated_deaths import REPEATED
from va_experiments.data.text_source import TextSource, encoding_by_mark, open_source
from va_experiments.errors import InputError, shown, shown_path

__all__ = ["RECORD", "find_phmrc", "read_phmrc"]

RECORD = (
    "https://ghdx.healthdata.org/record/ihme-data/"
    "population-health-metrics-research-consortium-gold-standard-verbal-autopsy-data-2005-2011"
)
"""Where the files are to be had; an account (free) is needed."""

_MANY = 3
"""With more missing columns than this, one sentence lists them."""

_QUESTION = re.compile(r"[acg]\d_\d\d[a-h]?[dmy]?(_\d+)?[a-h]?[dmy]?")
"""The forms of a question's name in the published files."""


def find_phmrc(module: str, path: str | os.PathLike[str] | None = None) -> Path:
    """Find the file of one module: `path`, or the file in the folder `path` or ``VA_PHMRC_DIR``.

    Raises
    ------
    InputError
        With instructions where to get the file and where to put it.
    """
    known = [f"{module}.csv", f"{module}.csv.gz", f"{module}.zip", f"{module}.csv.zip"]
    official = f"IHME_PHMRC_VA_DATA_{module.upper()}_Y2013M09D11_0"
    known += [official + ending for ending in (".csv", ".csv.gz", ".zip", ".csv.zip")]
    place = os.fspath(path) if path else os.environ.get("VA_PHMRC_DIR", "")
    advice = (
        f"get the PHMRC {module} file from {RECORD} (a free GHDx account is needed), then set data.path=FILE, or put "
        f"it as {known[0]}, {known[1]} or {official}.csv into a folder and set VA_PHMRC_DIR to that folder"
    )
    if not place:
        raise InputError(f"the PHMRC {module} file is not given; {advice}")
    return file_at(place, known, advice)


def read_phmrc(
    module: str,
    path: str | os.PathLike[str] | None = None,
    *,
    features: str = "hce",
    compat: bool = False,
    durations: bool = False,
    drop_unlabelled: bool = False,
    drop_empty_symptoms: bool = False,
    cause_list: int = 34,
    max_unknown: float = 0.01,
    missing_numbers: Sequence[float] | None = None,
    indicators: bool = False,
    duplicates: str = "refuse",
    strata_columns: Sequence[str] = (),
) -> Deaths:
    """Read the deaths of one PHMRC module.

    Parameters
    ----------
    module : {"adult", "child", "neonate"}
    path : path, optional
        A ``.csv``, ``.csv.gz`` or ``.zip`` file, or a folder that holds one; else the folder ``VA_PHMRC_DIR``.
    features : {"no_hce", "hce", "hce_words"}
        ``hce`` gives the 168 symptoms of the adult file; ``hce_words`` adds every ``word_*`` stem of the narrative.
    compat : bool
        Reproduce the published conversion with its faults: `a4_04` computed from `a4_03`, answers that are not on the
        list taken as "no", ages of children in months not used.
    durations : bool
        Keep the numbers behind the cut-offs as covariates (``a2_03_days``, ...) in addition to ``age``.
    drop_unlabelled : bool
        Drop rows without a known cause; otherwise such rows are an error.
    drop_empty_symptoms : bool
        Leave out symptoms without content: boxes that only say "refused" or "don't know", and symptoms that are the
        same for every death. The public adult file has none.
    cause_list : {34, 46, 55}
    max_unknown : float
        Largest share of a question's filled cells that may be no answer of the questionnaire.
    missing_numbers : sequence of float, optional
        Numbers that stand for an answer that is not known, where a number is asked; None: a heap of 99, 999 or 9 is
        refused.
    duplicates : {"refuse", "first", "keep"}
        What to do with deaths that occur twice. The public files have none.
    indicators : bool
        InterVA-5's 353 indicators in place of the questionnaire's own symptoms, and for children and neonates the
        columns of EAVA as covariates (`va_experiments.data.readers.phmrc_indicators`).
    strata_columns : sequence of str
        Columns by whose texts results are divided; a question among them is a symptom as well.

    Returns
    -------
    Deaths
        Covariate ``age`` in years: g1_07, as in the published conversion, or g5_04 (answer of the respondent) if that
        is blank; NaN where neither is known. Rows sorted by id: ``newid``, else a hash of the row's content.

    Raises
    ------
    InputError
    """
    rules = module_of(module)
    file = find_phmrc(module, path)
    source = open_source(file, encoding=encoding_by_mark(file, "latin-1"))
    header = table_header(source)
    _check_header(source, header, rules, cause_list, _columns_of_indicators(module) if indicators else ())
    label = cause_column(rules) if cause_list == 34 else f"va{cause_list}"
    strata_names = checked_strata(header, strata_columns, source, site="site", cause=label)
    table = as_published(dict(zip(header, read_columns(source).values(), strict=True)), source.sep)
    ledger: list[LedgerEntry] = [LedgerEntry("noted", "*", 1, note) for note in source.notes]
    table, source, empty = without_empty_rows(table, source, ledger)
    texts = {c: table[c] for c in strata_names}
    if not compat:
        table = plain_numbers(table, rules, missing_numbers, ledger)
    _check_module(table, rules, source, ledger)
    site = find_sites(table["site"], source)
    if cause_list == 34:
        causes, groups = rules.causes, rules.groups
        cause, keep = find_causes(table, rules, source, drop_unlabelled, ledger)
    else:
        causes, cause = find_long_list(table, cause_list, source)
        groups, keep = ("all",) * len(causes), np.ones(len(cause), dtype=bool)
    repeated = repeated_deaths(table, source, duplicates, ledger)
    keep &= ~repeated
    strata = checked_texts(texts, keep, source, ledger)
    ids = death_ids(table, ledger, repeated)
    recorded_age, age = age_in_years(table, rules, compat, ledger)
    words = tuple(sorted(c for c in header if c.startswith("word_")))
    rows = convert(table, rules, words, age, recorded_age, compat, durations, ledger)
    if not compat:
        doubtful = doubtful_numbers(table, rules) if missing_numbers is None else []
        check_answers(table, rules, source, max_unknown, ledger, doubtful)
    if indicators:
        rows = _with_indicators(rows, module, table, age, ledger)
    order = np.flatnonzero(keep)
    order = order[canonical_order(ids[order])]
    deaths = rows.of_rows(order)
    if drop_empty_symptoms:
        deaths = deaths.of_columns(with_content(deaths.symptoms, deaths.names, rules, ledger))
    ledger += doubtful_questions(table, rules, deaths.symptoms, deaths.names)
    note_table(header, rules, deaths.symptoms, deaths.names, len(order), ledger, rules.n_deaths)
    return Deaths(
        symptoms=deaths.symptoms,
        symptom_names=deaths.names,
        causes=causes,
        cause=cause[order],
        sites=SITES,
        site=site[order],
        id=ids[order].astype(np.str_),
        blocks=deaths.blocks,
        groups=groups,
        covariates=deaths.covariates,
        learned_cuts=deaths.cuts,
        name=f"phmrc_{module}" + ("_compat" if compat else ""),
        ledger=tuple(ledger),
        excluded=empty + excluded_rows(ids, source, [(REPEATED, repeated), ("no known cause", ~keep)]),
        strata_columns={name: column.take(order) for name, column in strata.items()},
    ).with_features(features)


def _columns_of_indicators(module: str) -> tuple[str, ...]:
    """Return the columns that InterVA-5's indicators are made of; imported only if they are needed."""
    from va_experiments.data.readers.phmrc_indicators import columns_of

    return columns_of(module)


def _with_indicators(
    rows: SymptomTable,
    module: str,
    table: Mapping[str, CodedColumn],
    age: npt.NDArray[np.float64],
    ledger: list[LedgerEntry],
) -> SymptomTable:
    """Return InterVA-5's indicators and the columns of EAVA in place of the questionnaire's symptoms."""
    from va_experiments.data.readers.phmrc_indicators import as_indicators

    symptoms, names, added = as_indicators(module, table, age, ledger)
    return SymptomTable(symptoms, names, ("core",) * len(names), (), {**rows.covariates, **added})


def _check_header(
    source: TextSource, header: tuple[str, ...], rules: Module, cause_list: int, more: Sequence[str]
) -> None:
    label = ("site", "module", "gs_text34") if rules.stems else ("site", "va34")
    if cause_list != 34:
        label = (*label, f"va{cause_list}", f"gs_text{cause_list}")
    needed = dict.fromkeys(
        [*label, *(c for r in rules.rules for c in r.columns), *(c for c, _ in rules.age[:1]), *more]
    )
    questions = [c for c in header if _QUESTION.fullmatch(c)]  # one question is no misspelling of another
    problems = missing_columns(header, list(needed), shown_path(source.path), used={*needed, *questions})
    if problems:
        absent = [c for c in needed if c not in header]
        form = recognise(header)
        if form is not None and form.reader != f"phmrc_{rules.name}":
            raise InputError(form.sentence(shown_path(source.path), source.path))
        if otherwise := _written_otherwise(absent, header):
            example = ", ".join(f"{shown(column)} for {shown(c)}" for c, column in list(otherwise.items())[:3])
            raise InputError(
                f"{shown_path(source.path)}: {len(otherwise)} columns of the PHMRC {rules.name} questionnaire are "
                f"named otherwise ({example}); name them as the codebook does"
            )
        if len(absent) > len(needed) // 3:
            raise InputError(
                f"{shown_path(source.path)}: {len(absent)} of {len(needed)} columns of the PHMRC {rules.name} "
                f"questionnaire are missing (first: {shown(absent[0])}); is this another module's file?"
            )
        if len(absent) > _MANY:
            raise InputError(
                f"{shown_path(source.path)}: {len(absent)} columns of the {rules.name} questionnaire are missing: "
                f"{', '.join(map(shown, absent[:20]))}{', ...' if len(absent) > 20 else ''}; give the file with all "
                "columns, or read what there is as a table of your own with data=csv"
            )
        raise InputError(
            [
                f"{p}; if it was not asked, add it with empty cells" if _QUESTION.fullmatch(c) and "?" not in p else p
                for c, p in zip(absent, problems, strict=True)
            ]
        )


def _written_otherwise(absent: Sequence[str], header: Sequence[str]) -> dict[str, str]:
    """Return most of the absent columns -> their names in the file, if these differ only in signs or a beginning."""
    plain = {re.sub(r"[\W_]", "", c): c for c in header}
    ending = {re.sub(r"[\W_]", "", re.split(r"[.:/-]", c)[-1]): c for c in header}
    candidates = {c: plain.get(re.sub(r"[\W_]", "", c)) or ending.get(re.sub(r"[\W_]", "", c)) for c in absent}
    known = {c: name for c, name in candidates.items() if name is not None}
    return known if len(known) > max(_MANY, 0.8 * len(absent)) else {}


def _check_module(
    table: Mapping[str, CodedColumn], rules: Module, source: TextSource, ledger: list[LedgerEntry]
) -> None:
    """Refuse the file of another module; note a file that does not name its module."""
    if "module" not in table:
        reason = f"the file has no such column; its questions are those of {rules.name}s"
        ledger.append(LedgerEntry("noted", "module", 1, reason))
        return
    column = table["module"]
    other = [k for k, v in enumerate(column.values) if v.strip().casefold() != rules.name]
    if other:
        names = ", ".join(sorted(shown(column.values[k].strip()) for k in other)[:5])
        rows = np.isin(column.codes, other)
        few = "" if rows.all() else ": remove these rows (empty rows, totals or notes?), or the other module's"
        raise InputError(
            f"{shown_path(source.path)}: column 'module' holds {names} ({lines_of(source, rows)}); expected "
            f"'{rules.name.title()}'{few}"
        )
