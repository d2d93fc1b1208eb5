"""Check the columns, ids and answers of a table in the input form of InterVA-5.

In: the header of a file, or its answers after they were read. Out: the columns to read, entries of the ledger and
lists of problems; an `InputError` where a table is another form, or its empty cells can mean two things.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.data.csv_blocks import missing_columns
from va_experiments.data.deaths import ABSENT, DOUBTFUL, MISSING, PRESENT, LedgerEntry
from va_experiments.data.doubtful_columns import columns_and, original_name
from va_experiments.data.eava_columns import EAVA_COLUMNS
from va_experiments.data.readers.recognise import recognise
from va_experiments.data.readers.symptom_columns import Symptoms
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["ask_about_blanks", "find_columns", "find_eava_columns", "id_problems", "note_copies"]

_MOST_FILLED, _MOST_YES = 0.8, 0.65
_ENOUGH = 20
"""Deaths from which on an answer that never occurs says more than chance."""


def find_columns(
    source: TextSource, id: str, special: Sequence[str], indicators: Sequence[str]
) -> tuple[str, list[str]]:
    """Return the column of the ids and those of the indicators, whose names may be written in any case."""
    where = shown_path(source.path)
    by_name = {c.strip().casefold(): c for c in reversed(source.header)}
    id_column = id if id in source.header else by_name.get(id.casefold(), "" if "" in source.header else id)
    columns = [c if c in source.header else by_name.get(c.casefold(), c) for c in indicators]
    if problems := missing_columns(source.header, [*special, *columns], where, used={*columns}):
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


def find_eava_columns(source: TextSource) -> dict[str, str]:
    """Return the columns that EAVA adds to the indicators: name -> as the header has it.

    Raises
    ------
    InputError
        If the file has fewer than two of them.
    """
    columns = {c.casefold(): c for c in source.header if c.casefold() in ("age", *EAVA_COLUMNS)}
    if len(columns) < 2:
        raise InputError(
            f"{shown_path(source.path)}: data.eava_columns=true, but the file has none of the columns that EAVA adds "
            f"to the indicators, such as age, {', '.join(EAVA_COLUMNS[:4])}; read an ODK export with "
            "data=who2016_odk, which makes them"
        )
    return columns


def note_copies(source: TextSource, indicators: Sequence[str]) -> list[LedgerEntry]:
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


def ask_about_blanks(symptoms: np.ndarray, answers: Symptoms, cells: Mapping[Any, str], where: str) -> None:
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


def id_problems(ids: np.ndarray, where: str, column: str) -> list[str]:
    """List ids that several rows share, and rows without an id."""
    values, counts = np.unique(ids.astype(np.str_), return_counts=True)
    problems = [
        f"{where}: {n} rows share id {shown(str(v))}; expected each id once: give each death its own id, or say "
        "data.duplicates=first (leave the later rows out) or data.duplicates=keep"
        for v, n in zip(values[(counts > 1) & (values != "")], counts[(counts > 1) & (values != "")], strict=True)
    ]
    if "" in values:
        problems.append(f"{where}: column {shown(column)}: {counts[values == ''][0]} rows have no id")
    return problems
