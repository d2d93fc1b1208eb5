"""Handle what the readers of files with PHMRC's questionnaire share: checks of answers, and notes in the ledger.

In: coded columns, the rules of a module, and the symptoms made by them. Out: problems, entries of the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from va_experiments.data.answer_words import normalised
from va_experiments.data.csv_blocks import CodedColumn, empty_rows
from va_experiments.data.deaths import MISSING, PRESENT, Excluded, LedgerEntry
from va_experiments.data.excluded_rows import EMPTY_ROW, excluded_rows
from va_experiments.data.readers.phmrc_codes import as_words
from va_experiments.data.readers.phmrc_rules import NEGATIVE, NOT_LISTED, Module, is_label_equivalent, numbers
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, shown, shown_path

_UNKNOWN_AGES = (99.0, 888.0, 999.0, 8888.0, 9999.0)
_MOST_BLANK, _MOST_YES, _ENOUGH = 0.2, 0.65, 10
"""Shares of empty cells and of yes from which on answers are probably not what they say, and the fewest of yes."""
_INJURY = re.compile(r"a5_01_\d[a-z]?")
"""Columns of one question, each with a kind of injury: at some sites the published files leave No empty in them."""
_MOST_OUTSIDE = 0.05
"""Share of ages outside the range of the module up to which they are typing errors."""

__all__ = ["check_answers", "file_at", "lines_of", "note_table", "table_header", "with_content", "without_empty_rows"]


def file_at(place: str, known: Sequence[str], advice: str) -> Path:
    """Return the file at a place, or the first of these names in the folder at it.

    Raises
    ------
    InputError
        With `advice`, if there is none.
    """
    if "://" in place:
        raise InputError(f"{shown(place)} is an address, not a file; {advice}")
    file = Path(place).expanduser()
    if not file.is_dir():
        if "\x00" not in place and not file.exists():
            raise InputError(f"{shown(place)}: no such file; {advice}")
        return file
    for name in known:
        if (file / name).exists():
            return file / name
    tables = [name for name in known if name.endswith((".csv", ".csv.gz"))]
    raise InputError(f"{shown(place)} holds none of {', '.join(tables)}; {advice}")


def table_header(source: TextSource) -> tuple[str, ...]:
    """Return the names of the columns as the codebook writes them, in lower case."""
    header = tuple(c.strip().lower() for c in source.header)
    if twice := sorted({c for c in header if header.count(c) > 1}):
        raise InputError(
            f"{shown_path(source.path)}: columns {', '.join(map(shown, twice[:5]))} occur twice, in other case"
        )
    return header


def without_empty_rows(
    table: dict[str, CodedColumn], source: TextSource, ledger: list[LedgerEntry]
) -> tuple[dict[str, CodedColumn], TextSource, tuple[Excluded, ...]]:
    """Return the table without rows in which every cell is empty, as spreadsheets leave them.

    Returns
    -------
    table : dict of str to CodedColumn
    source : TextSource
        Which still finds the lines of the rows that are left.
    excluded : tuple of Excluded
        The rows that are left out.
    """
    filled = ~empty_rows(table)
    if filled.all():
        return table, source, ()
    if not filled.any():
        raise InputError(f"{shown_path(source.path)}: has a header but no rows")
    ledger.append(LedgerEntry("dropped row", "*", int((~filled).sum()), EMPTY_ROW))
    excluded = excluded_rows(np.full(len(filled), "", dtype=object), source, [(EMPTY_ROW, ~filled)])
    filled_rows = np.flatnonzero(filled).tolist()
    table = {name: CodedColumn(column.codes[filled], column.values) for name, column in table.items()}
    return {name: _used(column) for name, column in table.items()}, replace(source, kept=filled_rows), excluded


def _used(column: CodedColumn) -> CodedColumn:
    """Return a column without the values that no row has."""
    values, codes = np.unique(column.codes, return_inverse=True)
    return CodedColumn(codes.ravel().astype(np.int32), [column.values[k] for k in values.tolist()])


def check_answers(
    table: Mapping[str, CodedColumn],
    rules: Module,
    source: TextSource,
    max_unknown: float,
    ledger: list[LedgerEntry],
    doubtful: Sequence[str] = (),
) -> None:
    """Refuse a file in which too many answers to a question are not on the questionnaire's list, or are `doubtful`."""
    columns = {c: c for c, _ in rules.age} | {c: c for rule in rules.rules for c in rule.columns[1:]}
    columns |= {rule.symptom: rule.columns[0] for rule in rules.rules}
    problems = []
    for entry in ledger:
        if entry.reason not in (NOT_LISTED, NEGATIVE) or entry.column not in columns:
            continue
        column = table[columns[entry.column]]
        blank = [k for k, v in enumerate(column.values) if not v.strip()]
        filled = len(column.codes) - int(np.isin(column.codes, blank).sum())
        if entry.count > max_unknown * filled:
            problems.append(
                f"{shown_path(source.path)}: question {columns[entry.column]}: {entry.count / filled:.0%} of its "
                f"answers are not those of the questionnaire: {', '.join(map(shown, entry.examples))}; write them as "
                "the codebook does, in words or by its numbers, or allow more with data.max_unknown"
            )
    problems += [f"{shown_path(source.path)}: {problem}" for problem in doubtful]
    problems += _yes_and_no(table, rules, source, max_unknown)
    for name, _ in rules.age:
        problems += _ages_outside(name, table, rules, source, max_unknown) if name in table else []
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def _yes_and_no(table: Mapping[str, CodedColumn], rules: Module, source: TextSource, max_unknown: float) -> list[str]:
    """List questions that say only yes or nothing, and a file in which yes is far more frequent than no."""
    counts: dict[str, tuple[int, int, int]] = {}
    for rule in rules.rules:
        column = table.get(rule.columns[0])
        if rule.cut is not None or rule.learned or rule.recorded or column is None:
            continue
        if _INJURY.fullmatch(rule.columns[0]):
            continue
        times = np.bincount(column.codes, minlength=len(column.values))
        words = [normalised(v) for v in as_words(rule.columns[0], column).values]
        yes, no = ({normalised(a) for a in answers} for answers in (rule.yes, rule.no))
        counts[rule.columns[0]] = tuple(  # type: ignore[assignment]
            int(times[[k for k, w in enumerate(words) if w in cells]].sum()) for cells in (yes, no, {""})
        )
    n = len(table["site"].codes)
    least = max(_MOST_BLANK, max_unknown)
    some = [c for c, (yes, no, blank) in counts.items() if yes >= _ENOUGH and not no and blank > least * n]
    problems = []
    if some:
        problems.append(
            f"{shown_path(source.path)}: {len(some)} question{'s' if len(some) > 1 else ''} "
            f"({', '.join(map(shown, some[:5]))}{', ...' if len(some) > 5 else ''}) hold yes or nothing, and never no: "
            "were the cells that say no left empty? Write No in them, or allow such cells with data.max_unknown=1"
        )
    all_yes, all_no = (sum(c[k] for c in counts.values()) for k in (0, 1))
    if not some and all_yes > max(_MOST_YES, max_unknown) * (all_yes + all_no) and all_yes >= _ENOUGH * len(counts):
        problems.append(
            f"{shown_path(source.path)}: {all_yes / (all_yes + all_no):.0%} of the answers say yes, in the published "
            "files 16% to 19%: do the codes for yes and no stand the other way round? The codebook's 1 is yes, its 0 "
            "is no; write the answers so, or in words, or allow it with data.max_unknown=1"
        )
    return problems


def _ages_outside(
    column: str, table: Mapping[str, CodedColumn], rules: Module, source: TextSource, max_unknown: float
) -> list[str]:
    """Return the problem of a column in which many ages cannot be, such as months in place of years."""
    value, years = numbers(table[column]), dict(rules.age)[column]
    known = np.isfinite(value) & ~np.isin(value, _UNKNOWN_AGES)
    outside = known & ((value * years < rules.age_range[0]) | (value * years > rules.age_range[1]))
    if outside.sum() <= max(1, max(max_unknown, _MOST_OUTSIDE) * known.sum()):
        return []
    cells = ", ".join(f"{v:g}" for v in np.unique(value[outside])[:5])
    unit = "years" if years == 1 else "months" if years > 1 / 20 else "days"
    share = outside.sum() / known.sum()
    return [
        f"{shown_path(source.path)}: question {column}: {share:.0%} of the ages in {unit} are outside "
        f"{rules.age_range[0]:g} to {rules.age_range[1]:g} years ({cells}): is it in another unit? Write it in {unit}, "
        "empty the cells that stand for an unknown age, or allow more with data.max_unknown"
    ]


def _constant(symptoms: npt.NDArray[np.int8], names: tuple[str, ...], rules: Module) -> npt.NDArray[np.bool_]:
    """Return which symptoms have one known answer, or none, in all deaths; not those whose cut-off is learned."""
    largest = symptoms.max(axis=0, initial=MISSING)
    smallest = np.where(symptoms < 0, PRESENT, symptoms).min(axis=0, initial=PRESENT)
    learned = {r.symptom for r in rules.rules if r.learned}
    return ((largest == smallest) | (largest == MISSING)) & ~np.isin(names, sorted(learned))


def with_content(
    symptoms: npt.NDArray[np.int8], names: tuple[str, ...], rules: Module, ledger: list[LedgerEntry]
) -> npt.NDArray[np.intp]:
    """Return the columns of symptoms that can say something, and note which are left out and why."""
    silent = np.isin(names, rules.no_answer)
    constant = _constant(symptoms, names, rules) & ~silent
    for mask, reason in (
        (silent, "symptoms: say only that the answer was refused or not known"),
        (constant, "symptoms: the same for every death"),
    ):
        if left_out := tuple(names[j] for j in np.flatnonzero(mask)):
            ledger.append(LedgerEntry("left out", "*", len(left_out), reason, left_out[:5]))
    return np.flatnonzero(~(silent | constant))


def note_table(
    header: tuple[str, ...],
    rules: Module,
    symptoms: npt.NDArray[np.int8],
    names: tuple[str, ...],
    n: int,
    ledger: list[LedgerEntry],
    published: int,
) -> None:
    """Note which columns are not read, and what is remarkable in the deaths; `published` is their published number."""
    refused = [c for c in header if is_label_equivalent(c)]
    used = {c for r in rules.rules for c in r.columns} | {c for c, _ in rules.age}
    unused = [c for c in header if c not in used and c not in refused and not c.startswith("word_")]
    ledger.append(LedgerEntry("not read", "*", len(refused), "columns: tell the cause, the site or the interview"))
    ledger.append(LedgerEntry("not read", "*", len(unused), "columns: no symptom is derived from them"))
    if n != published:
        ledger.append(LedgerEntry("noted", "*", n, f"the published file has {published:,} deaths"))
    constant = tuple(names[j] for j in np.flatnonzero(_constant(symptoms, names, rules)))
    if constant:
        ledger.append(LedgerEntry("noted", "*", len(constant), "symptoms are the same for every death", constant[:5]))
    silent = int((symptoms == MISSING).all(axis=1).sum())
    if silent:
        ledger.append(LedgerEntry("noted", "*", silent, "deaths have no answer at all"))
    repeated = n - len(np.unique(symptoms[:, : len(rules.rules)], axis=0)) if n else 0
    if repeated:
        ledger.append(LedgerEntry("noted", "*", repeated, "deaths repeat the answers of another"))


def lines_of(source: TextSource, mask: npt.NDArray[np.bool_]) -> str:
    """Return the lines of the file on which these rows stand, in words."""
    rows = np.flatnonzero(mask)
    lines = source.lines_of([int(r) + 2 for r in rows[:5]])
    more = f", ... {len(rows)} in all" if len(rows) > len(lines) else ""
    return f"line{'s' if len(rows) > 1 else ''} {', '.join(map(str, lines))}{more}"
