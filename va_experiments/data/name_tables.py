"""Read small tables of names: mappings of causes, with two columns, and lists of causes, with one.

In: a path. Out: the names, in one Unicode form. These tables have no options: UTF-8 and marked UTF-16 are read, and
any separator; what else a file may be is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from va_experiments.data.csv_blocks import CodedColumn, read_columns
from va_experiments.data.decorated import in_one_alphabet, skeleton, undecorated
from va_experiments.data.text_source import TextSource, encoding_by_mark, open_source
from va_experiments.errors import InputError, shown, shown_path

__all__ = ["read_one_column", "read_two_columns"]

_MOST_SHOWN = 6
_OTHER_ENCODING = re.compile(r"(?:; in the usual cp1252 .*|[;:] set `encoding: .*)$", re.DOTALL)


def read_two_columns(path: str | os.PathLike[str], first: str, second: str) -> dict[str, str]:
    """Return the cells of one column of a table by those of another.

    Raises
    ------
    InputError
        If a column is not there, a cell of the first is empty or has two partners, or two cells only look alike.
    """
    source = _open(path)
    names = _columns(source, (first, second))
    table = _read(source, names)
    pairs = [[undecorated(str(v)) for v in table[name].text()] for name in names]
    mapping: dict[str, str] = {}
    by_case: dict[str, str] = {}
    row_of: dict[str, int] = {}
    problems: list[tuple[int, str]] = []
    for row, (key, value) in enumerate(zip(*pairs, strict=True)):
        if not key and not value:  # an empty row at the end of a sheet
            continue
        if not key:
            problems.append((row, f"{shown(value)} has no {first}; write one, or remove the row"))
        elif mapping.setdefault(key, value) != value:
            problems.append((row, f"{shown(key)} has two partners, {shown(mapping[key])} and {shown(value)}; keep one"))
        elif mapping[other := by_case.setdefault(key.casefold(), key)] != value:
            text = f"{shown(key)} and {shown(other)} differ only in case, but lead to {shown(value)} and "
            problems.append((row, f"{text}{shown(mapping[other])}; keep one"))
        row_of.setdefault(key, row)
    problems += _look_alike(row_of)
    _refuse(problems, source)
    return mapping


def read_one_column(path: str | os.PathLike[str], column: str) -> tuple[str, ...]:
    """Return the distinct cells of one column of a table, in its order, without empty ones.

    Raises
    ------
    InputError
        If the column is not there, or two cells only look alike.
    """
    source = _open(path)
    (name,) = _columns(source, (column,))
    row_of: dict[str, int] = {}
    for row, cell in enumerate(_read(source, [name])[name].text()):
        row_of.setdefault(undecorated(str(cell)), row)
    row_of.pop("", None)
    _refuse(_look_alike(row_of), source)
    return tuple(row_of)


def _open(path: str | os.PathLike[str]) -> TextSource:
    try:
        marked = "utf-8-sig" if "://" in os.fspath(path) else encoding_by_mark(Path(path).expanduser(), "utf-8-sig")
        return open_source(path, encoding=marked, one_column=True, fix_encoding=None)
    except InputError as error:
        raise InputError([_as_utf8(p) for p in error.problems]) from None


def _read(source: TextSource, names: Sequence[str]) -> dict[str, CodedColumn]:
    try:
        return read_columns(source, names)
    except InputError as error:
        raise InputError([_as_utf8(p) for p in error.problems]) from None


def _as_utf8(problem: str) -> str:
    """Return a problem with the way out that such a table has."""
    before, wrong, _ = problem.partition("; correct such text with")
    return _OTHER_ENCODING.sub(
        "; save it as UTF-8 (in a spreadsheet: CSV UTF-8)", f"{before}; correct such text" if wrong else problem
    )


def _columns(source: TextSource, names: Sequence[str]) -> list[str]:
    """Return the columns of these names, in whatever case and with whatever spaces."""
    by_name = {undecorated(c).casefold(): c for c in reversed(source.header)}
    if absent := [n for n in names if n not in source.header and n not in by_name]:
        columns = f"column '{names[0]}'" if len(names) == 1 else f"columns '{names[0]}' and '{names[1]}'"
        raise InputError(
            f"{shown_path(source.path)}: missing column {shown(absent[0])}; expected the {columns}, found "
            f"{', '.join(map(shown, source.header[:_MOST_SHOWN]))}"
        )
    return [n if n in source.header else by_name[n] for n in names]


def _look_alike(row_of: dict[str, int]) -> list[tuple[int, str]]:
    """List names with letters of another alphabet, or that look like another one."""
    first: dict[str, str] = {}
    problems = []
    for name, row in row_of.items():
        other = first.setdefault(skeleton(name), name)
        if other != name and other.casefold() != name.casefold():
            problems.append(
                (row, f"{shown(name)} looks like {shown(other)}, but has other letters; write both in one way")
            )
        elif (plain := in_one_alphabet(name)) != name:
            problems.append(
                (row, f"{shown(name)} has letters of another alphabet that look like those of {shown(plain)}")
            )
    return problems


def _refuse(problems: Sequence[tuple[int, str]], source: TextSource) -> None:
    if problems:
        lines = source.lines_of([row + 2 for row, _ in problems])
        raise InputError(
            [f"{shown_path(source.path)}: line {n}: {text}" for n, (_, text) in zip(lines, problems, strict=True)]
        )
