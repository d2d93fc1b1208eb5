"""Read a study's own table into `Deaths`: columns of sites, causes and symptoms, under any names and codes.

In: a path and the meaning of columns and cells. Out: `Deaths`. Cells are text until the mapping gives them a meaning.
All problems of a file are reported together, with line and column. The table is read in blocks, so that a million
deaths take one byte of memory for each symptom.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import empty_rows, missing_columns, read_blocks
from va_experiments.data.deaths import ABSENT, Deaths, LedgerEntry
from va_experiments.data.decorated import doubtful_ids
from va_experiments.data.doubtful_columns import copied_columns, mixed_codes, without_content
from va_experiments.data.excluded_rows import EMPTY_ROW, excluded_rows
from va_experiments.data.readers.age_columns import Ages, check_ages
from va_experiments.data.readers.age_text import AGE_UNITS
from va_experiments.data.readers.csv_checks import advice_for, coded_sex, implausible, note_symptoms
from va_experiments.data.readers.csv_columns import NORMALISED, Labels, names_of_columns
from va_experiments.data.readers.csv_ids import id_problems, ids_of, numbered_hashes
from va_experiments.data.readers.narrative import Narrative
from va_experiments.data.readers.number_columns import Numbers
from va_experiments.data.readers.person_columns import Sexes
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.symptom_columns import DEFAULT_VALUES, Symptoms, value_codes
from va_experiments.data.record_ids import canonical_order
from va_experiments.data.repeated_deaths import REPEATED, RepeatedDeaths, numbered_ids, repeated_rows
from va_experiments.data.text_source import AUTO, TextSource, open_source
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["read_csv_deaths"]


def read_csv_deaths(
    path: str | os.PathLike[str] | None,
    *,
    id: str | None = None,
    site: str | None = "site",
    cause: str | None = "cause",
    symptoms: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    value_map: Mapping[Any, str] = DEFAULT_VALUES,
    blank: str | None = None,
    max_unknown: float = 0.01,
    sex: str | None = None,
    sex_codes: Sequence[str] = (),
    age: str | None = None,
    age_unit: str | None = None,
    age_parts: Mapping[str, str] | None = None,
    age_unit_codes: Mapping[Any, str] | None = None,
    age_missing: Sequence[float] | None = None,
    covariates: Mapping[str, Sequence[float] | None] | None = None,
    missing_numbers: Sequence[float] | None = None,
    causes: Sequence[str] | None = None,
    sites: Sequence[str] | None = None,
    cause_map: Mapping[Any, str | None] | None = None,
    site_map: Mapping[Any, str | None] | None = None,
    groups: Mapping[str, str] | None = None,
    hce: Sequence[str] = (),
    words: Sequence[str] = (),
    narrative: str | None = None,
    drop_unlabelled: bool = False,
    duplicates: str = "refuse",
    allow_leaks: Sequence[str] = (),
    sep: str = AUTO,
    decimal: str = ".",
    encoding: str = "utf-8-sig",
    fix_encoding: bool | None = None,
    label: str = "csv",
) -> Deaths:
    """Read a table with one row for each death.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz`` or ``.zip`` with one file.
    id : str, optional
        Column of the id; by default ids are hashes of the rows.
    site, cause : str or None
        Columns; `site` None where all deaths are of one place, `cause` None where no cause is known.
    symptoms : sequence of str, optional
        Columns; by default all that are not named elsewhere.
    exclude : sequence of str
        Columns to leave out by default.
    value_map : mapping, optional
        Cell -> ``"Y"`` (present), ``"N"`` (absent) or ``"."`` (missing). An empty cell is missing unless it is mapped.
        Default: Y, N and . themselves.
    covariates : mapping of str to (low, high) or None, optional
        Numeric columns with the range that their values must lie in.
    missing_numbers : sequence of float, optional
        Numbers of covariates that stand for "not known"; None: a code that stands far from all others is refused.
    causes, sites : sequence of str, optional
        Declared names in order; by default the names in the table, sorted.
    cause_map, site_map : mapping, optional
        Name as written -> name; None leaves the rows out.
    groups : mapping of str to str, optional
        Group of each cause; ``other`` for the rest.
    hce, words : sequence of str
        Symptom columns that come from health workers, or are words of the narrative.
    narrative : str, optional
        Column of free text, whose words become symptom columns ``word_...``; see
        `va_experiments.data.readers.narrative.Narrative`.
    drop_unlabelled : bool
        Drop rows without a cause; otherwise such rows are an error.
    duplicates : {"refuse", "first", "keep"}
        What to do with deaths that occur twice: the same id, or the same cells under another id.
    allow_leaks : sequence of str
        Symptom columns that may equal a cause.
    sep, decimal, encoding : str
        Separator, decimal mark and encoding of the table.
    fix_encoding : bool, optional
        Whether UTF-8 text that was read in another encoding before (``CÃ³rdoba``) gets its letters back; None: it is
        refused.
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
    blank_is_mapped = any(not str(cell).strip() for cell in value_map)
    if blank == "absent":
        codes[""] = ABSENT
    source = open_source(path, sep=sep, encoding=encoding, fix_encoding=fix_encoding)
    where = shown_path(source.path)
    numbers = dict(covariates or {})
    person = [sex, age]
    parts = dict(age_parts or {})
    if age is not None:
        age_unit = check_ages(age, age_unit, parts, age_unit_codes or {}, source.header)
        person += [None if age_unit in AGE_UNITS else age_unit, *parts]
    special = [c for c in (id, site, cause, narrative, *person) if c is not None]
    wanted = _symptom_columns(source, where, symptoms, special, list(numbers), exclude)
    problems = _roles(source, where, special, list(numbers), wanted, [*hce, *words])
    problems += _excluded_roles(where, exclude if symptoms is None else (), person, numbers)
    names_read, bad = names_of_columns(wanted, where)
    problems += bad
    if problems:
        if not {*special, *numbers, *wanted} <= set(source.header) and (form := recognise(source.header)):
            raise InputError(form.sentence(where, source.path))
        raise InputError(problems)

    answers = Symptoms(wanted, codes)
    place_of = None if site is None else Labels(site, "site", sites, site_map)
    labels = None if cause is None else Labels(cause, "cause", causes, cause_map)
    measured = [Numbers(c, numbers[c], decimal, missing_numbers) for c in numbers]
    sexes = None if sex is None else Sexes(sex, tuple(sex_codes))
    told = None if narrative is None else Narrative(narrative)
    ages = None
    if age is not None and age_unit is not None:
        missing = None if age_missing is None else tuple(age_missing)
        ages = Ages(age, age_unit, missing, parts, age_unit_codes)
    ids: list[npt.NDArray[np.object_]] = []
    empty: list[npt.NDArray[np.bool_]] = []
    compared = RepeatedDeaths([c for c in dict.fromkeys([*special, *numbers, *wanted]) if c != id], site)
    needed = list(dict.fromkeys([*special, *numbers, *wanted]))
    for block in read_blocks(source, needed):
        for column in (answers, place_of, labels, sexes, ages, told, *measured, compared):
            if column is not None:
                column.add(block)
        ids.append(ids_of(block.columns, id))
        empty.append(empty_rows(block.columns))
    ledger: list[LedgerEntry] = [LedgerEntry("noted", "*", 1, note) for note in source.notes_for_ledger()]
    if renamed := tuple(c for c, name in zip(wanted, names_read, strict=True) if c != name):
        ledger.append(LedgerEntry("normalised", "*", len(renamed), "names of columns: " + NORMALISED, renamed[:5]))
    blank_rows = np.concatenate(empty)
    if blank_rows.any():
        ledger.append(LedgerEntry("dropped row", "*", int(blank_rows.sum()), EMPTY_ROW))
        for column in (place_of, labels):
            if column is not None:
                column.leave_out(blank_rows)
    site_names: tuple[str, ...] = ("all",)
    site_index = np.zeros(len(blank_rows), dtype=np.int16)
    if place_of is not None:
        site_names, site_index, bad = place_of.finish(source, ledger)
        problems += bad
    keep = (site_index >= 0) & ~blank_rows
    cause_names: tuple[str, ...] = tuple(causes or ())
    cause_index = None
    if labels is not None:
        cause_names, cause_index, bad = labels.finish(source, ledger, drop_missing=drop_unlabelled)
        problems += bad
        keep &= cause_index >= 0
    for number in (*measured, sexes, ages):
        if number is not None:
            problems += number.problems(source)
    if ages is not None:
        ages.note(ledger)
    bad = answers.problems(source, max_unknown, ledger)
    if bad and (form := recognise(source.header)) and form.reader not in ("", "who2016"):
        raise InputError(form.sentence(where, source.path))
    problems += bad
    if symptoms is None:
        problems += coded_sex(wanted, compared, where)
    hint = advice_for(answers, codes, value_map, compared, age) if problems else ""
    names = np.concatenate(ids) if id is not None else numbered_hashes(np.concatenate(ids))
    if id is not None and (marked := doubtful_ids(names[~blank_rows].tolist())):
        problems.append(
            f"{where}: {len(marked)} ids end with a mark or have letters of another alphabet, the others do not (such "
            f"as {shown(marked[0])}): are they deaths of their own? Write them like the others, or "
            "make ids of the content of the rows: data.id=null "
            f"{shlex.quote(f'data.exclude={json.dumps([*exclude, id])}')}"
        )
    whole = answers.matrix()
    repeated, bad = repeated_rows(
        names, keep, compared, source, id, duplicates, ledger, answers=whole, symptoms=answers.columns
    )
    problems += bad
    keep &= ~repeated
    excluded = excluded_rows(
        names,
        source,
        [
            (EMPTY_ROW, blank_rows),
            ("its site is left out (data.site_map)", site_index < 0),
            ("its cause is left out (data.cause_map)", None if labels is None else labels.mapped_out),
            ("no known cause", None if cause_index is None else cause_index < 0),
            (REPEATED, repeated),
        ],
        own_ids=id is not None,
    )
    if id is not None and duplicates != "refuse":
        names = numbered_ids(names)
    if id is not None:
        problems += id_problems(
            np.where(blank_rows | repeated, [f"\0{k}" for k in range(len(names))], names), source, id, ledger
        )
    if unknown := [c for c in (groups or {}) if cause_names and c not in cause_names]:
        problems.append(f"groups: unknown cause {shown(unknown[0])}{did_you_mean(unknown[0], cause_names)}")
    if problems:
        raise InputError(problems, hint=hint)
    if not keep.any():
        raise InputError(f"{where}: no row is left after dropping rows without a cause; nothing to train on")
    order = np.flatnonzero(keep)
    order = order[canonical_order(names[order])]
    matrix = whole[order]
    kept_cause = None if cause_index is None else cause_index[order]
    no = {c: "N" for c in answers.absent_cells() if c}
    problems += copied_columns(wanted, matrix, where, exclude, ledger)
    problems += implausible(
        matrix, wanted, answers.filled, answers.unsaid, where, cause_names, kept_cause, tuple(allow_leaks),
        ask_blank=(blank is None and not blank_is_mapped) or (blank == "absent" and bool(no)),
        blank_is_set=blank is not None, no={c: m for c, m in value_map.items() if m == "Y"} | no if no else {},
    )  # fmt: skip
    if problems:
        raise InputError(problems)
    note_symptoms(matrix, tuple(wanted), cause_names, kept_cause, ledger)
    ledger += [*mixed_codes(answers.said), *without_content(wanted, matrix, answers.filled, answers.unsaid)]
    more = {"female": sexes, "age": ages}
    word_names: tuple[str, ...] = ()
    if told is not None:
        word_names, said = told.finish(order, set(wanted))
        matrix = np.hstack([matrix, said])
    return Deaths(
        symptoms=matrix,
        symptom_names=(*names_read, *word_names),
        causes=cause_names,
        cause=kept_cause,
        sites=site_names,
        site=site_index[order],
        id=names[order].astype(np.str_),
        blocks=tuple("hce" if c in set(hce) else "word" if c in set(words) else "core" for c in wanted)
        + ("word",) * len(word_names),
        groups=tuple((groups or {}).get(c, "other") for c in cause_names) if groups else (),
        covariates={c.column: c.values()[order] for c in measured}
        | {name: column.values()[order] for name, column in more.items() if column is not None},
        name=label,
        ledger=tuple(ledger),
        excluded=excluded,
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


def _excluded_roles(
    where: str, exclude: Sequence[str], person: Sequence[str | None], numbers: Mapping[str, object]
) -> list[str]:
    """List columns that are left out, but are named as the age, the sex or a number too."""
    return [
        f"{where}: column {shown(c)} is in data.exclude, but named as the age, the sex or a covariate too; leave "
        "it out of one of them"
        for c in exclude
        if c in person or c in numbers
    ]


_ONE_PLACE = "; data.site=COLUMN names it, data.site=null says that all deaths are of one place"
_NO_CAUSE = "; data.cause=COLUMN names it, data.cause=null says that no cause is known"


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
    if "site" in special and "site" not in source.header:
        problems = [p + _ONE_PLACE if "missing column 'site'" in p else p for p in problems]
    if "cause" in special and "cause" not in source.header:
        problems = [p + _NO_CAUSE if "missing column 'cause'" in p else p for p in problems]
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
