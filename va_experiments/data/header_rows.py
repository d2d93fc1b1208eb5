"""Find the row of a table that holds the names of its columns, and the rows beside it that hold no death.

In: the first rows. Out: which is the header, how many rows above it are a title or groups of columns, and how many
below it are labels (as in exports of ODK, Kobo, SPSS or Qualtrics). Where it is not certain, the first row is the
header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from va_experiments.data.answer_words import meaning_of
from va_experiments.errors import shown

__all__ = ["HeaderRows", "counts_rows", "find_header", "lacks_a_name", "names_rows", "two_rows_of_names"]

_MOST_ABOVE = 10
_MOST_LABELS = 3
_ENOUGH = 10
"""Rows of deaths from which on a row of labels is certain."""
_LOOKED_AT = 60
_MOST_ANSWERS = 6
"""Different cells of a column of answers; names of causes are more."""
_NAMELESS = 3
"""Columns without a name from which on the next row may hold their names."""
_MACHINE = re.compile(r"[^\W\d][\w.:/-]*")
"""A name as programs use it, without spaces."""

Row = Sequence[str]


@dataclass(frozen=True)
class HeaderRows:
    """Where the names of the columns are.

    Parameters
    ----------
    above : int
        Rows before the header.
    labels : int
        Rows after it that hold labels, not deaths.
    notes : tuple of str
        What these rows are, in sentences.
    """

    above: int = 0
    labels: int = 0
    notes: tuple[str, ...] = ()


def find_header(rows: Sequence[Row]) -> HeaderRows:
    """Find the header among the first rows of a table.

    Parameters
    ----------
    rows : sequence of sequences of str
        As many as a sample has; none is without cells.
    """
    above, notes = 0, list[str]()
    while above < min(_MOST_ABOVE, len(rows) - 2):
        what = _no_header(rows[above], rows[above + 1 :])
        if not what:
            break
        above += 1
        notes.append(f"row {above} {what}, not the names of columns")
    labels = 0
    while labels < _MOST_LABELS and _is_label_row(rows[above + 1 + labels : above + 2 + labels + _LOOKED_AT]):
        labels += 1
    if not labels:
        return HeaderRows(above, 0, tuple(notes))
    names, first = rows[above], rows[above + 1]
    if labels == 1 and _machine_share(first) > _machine_share(names) + 0.3:
        return HeaderRows(
            above + 1, 0, (*notes, f"row {above + 1} holds labels ({_some(names)}), row {above + 2} names")
        )
    numbers = ", ".join(str(above + 2 + k) for k in range(labels))
    plural = "s" if labels > 1 else ""
    notes.append(f"row{plural} {numbers} hold{'' if plural else 's'} labels of the columns ({_some(first)}), no death")
    return HeaderRows(above, labels, tuple(notes))


def two_rows_of_names(names: Row, second: Row) -> str:
    """Return the problem of a header over two rows, as spreadsheets with merged cells give it; "" where it is one."""
    nameless = [c.strip() for n, c in zip(names, second, strict=False) if not n.strip() and c.strip()]
    if len(nameless) < _NAMELESS or not all(any(x.isalpha() for x in c) for c in nameless):
        return ""
    if len(set(nameless)) < len(nameless):
        return ""
    return (
        f"{len(nameless)} columns have no name in the first row, but texts such as {shown(nameless[0])} and "
        f"{shown(nameless[1])} below it: a header of two rows (merged cells)? Write one name for each column in one row"
    )


def _some(row: Row) -> str:
    cells = [c.strip() for c in row if c.strip()]
    return ", ".join(shown(c, limit=30) for c in cells[:2]) + (", ..." if len(cells) > 2 else "")


def _no_header(row: Row, below: Sequence[Row]) -> str:
    """Return what a row above the header is; "" where it is the header."""
    filled = [c.strip() for c in row if c.strip()]
    wider = [k for k, other in enumerate(below[:_MOST_ABOVE]) if sum(bool(c.strip()) for c in other) > 1]
    if len(filled) <= 1 and wider and wider[0] < len(below) - 1:
        return f"is a title ({shown(filled[0])})" if filled else "is empty"
    names, body = [c.strip() for c in below[0]], below[1:]
    if len({*filled}) > 0.7 * len(row) or len(names) != len(row) or not all(names) or len({*names}) < len(names):
        return ""
    if any(meaning_of(c) or _is_number(c) for c in names) or not _new_cells(names, body):
        return ""
    return f"names groups of columns ({_some(row)})"


def _is_number(cell: str) -> bool:
    return cell.strip().replace(",", ".", 1).replace(".", "", 1).lstrip("-").isdecimal()


def _new_cells(row: Row, body: Sequence[Row]) -> bool:
    """Check that no cell of a row occurs below it in its column."""
    return not any(len(other) > j and other[j].strip() == cell for j, cell in enumerate(row) for other in body)


def _is_label_row(rows: Sequence[Row]) -> bool:
    """Check whether the first of these rows holds texts where the others repeat a few answers or numbers."""
    row, body = (rows[0] if rows else []), rows[1:]
    candidates = [j for j, c in enumerate(row) if c.strip() and not _is_number(c) and meaning_of(c) is None]
    if len(body) < _ENOUGH or len(candidates) < max(3, 0.5 * len(row)):
        return False
    texts: list[str] = []
    n_closed = 0
    for j, cell in enumerate(row):
        values = [v for other in body if len(other) > j and (v := other[j].strip())]
        few = len(set(values)) <= min(_MOST_ANSWERS, len(values) / 3)
        if len(values) < _ENOUGH or not (few or sum(map(_is_number, values)) >= 0.9 * len(values)):
            continue
        n_closed += bool(cell.strip())
        if j in candidates and cell.strip() not in values and any(c.isalpha() for c in cell):
            texts.append(cell.strip())
    return n_closed >= 3 and len(texts) >= 0.9 * n_closed and len(set(texts)) >= 0.9 * len(texts)


def _machine_share(row: Row) -> float:
    cells = [c.strip() for c in row if c.strip()]
    return sum(_MACHINE.fullmatch(c) is not None for c in cells) / max(len(cells), 1)


def lacks_a_name(names: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Check whether every row has one cell more than there are names, and begins with its number."""
    return all(len(row) == len(names) + 1 for row in body) and counts_rows([row[0].strip() for row in body])


def names_rows(names: Sequence[str], cells: Sequence[str], row_names: str | None) -> bool:
    """Check whether the cells of a first column without a name may name the rows: no two are equal, none is empty."""
    if row_names is None or row_names.casefold() in (n.strip().casefold() for n in names):
        return False
    return all(cells) and len(set(cells)) == len(cells)


def counts_rows(cells: Sequence[str]) -> bool:
    """Check whether cells number the rows, from 0 or 1."""
    numbers = [int(c) for c in cells if c.isdecimal()]
    return (
        len(numbers) == len(cells) > 0
        and numbers[0] in (0, 1)
        and numbers == [*range(numbers[0], numbers[0] + len(cells))]
    )
