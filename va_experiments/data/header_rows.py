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
from va_experiments.errors import InputError, shown

__all__ = ["HeaderRows", "checked_names", "find_header", "two_rows_of_names"]

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
_INDEX = re.compile(r"Unnamed: \d+(?:\.\d+)*|\.\.\.\d+")
"""Names that programs give to an index column."""

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


def checked_names(
    names: Row, body: Sequence[Row], where: str, row_names: str | None = None
) -> tuple[list[str], list[str], list[str], bool]:
    """Return the names of the columns ("" for one that is left out), notes, problems, and if the first holds row names.

    Parameters
    ----------
    names : sequence of str
    body : sequence of sequences of str
        Rows below it.
    where : str
        Name of the file, for the problems.
    row_names : str, optional
        What a first column without a name is read as, if its cells name the rows.

    Raises
    ------
    InputError
        If the rows are numbered in a column without a name that the header does not have.
    """
    if _lacks_a_name(names, body):
        raise InputError(
            f"{where}: the rows have one cell more than the first row has names, and begin with 1, 2, 3: the numbers "
            "of the rows have no name, as R's write.table writes them; write the table with "
            "write.csv(TABLE, 'deaths.csv', row.names = FALSE)"
        )
    if _INDEX.fullmatch(names[0].strip()) and _counts_rows([row[0].strip() for row in body if row]):
        names = ["", *names[1:]]
    notes, problems, named_rows = list[str](), list[str](), False
    places: dict[str, list[int]] = {}
    for position, column in enumerate(names, start=1):
        places.setdefault(column.strip(), []).append(position)
    for column, positions in places.items():
        if column and len(positions) > 1:
            spots = ", ".join(map(str, positions[:5]))
            times = "twice" if len(positions) == 2 else f"{len(positions)} times"
            problems.append(
                f"{where}: column {shown(column)} appears {times} (positions {spots}); rename or remove one of them"
            )
        for position in positions if not column else ():
            cells = [row[position - 1].strip() for row in body if len(row) >= position]
            if not any(cells):
                notes.append(f"column {position} has no name and no values")
            elif position == 1 and _counts_rows(cells):
                notes.append("column 1 has no name and numbers the rows (an index written by pandas or R)")
            elif position == 1 and _names_rows(names, cells, row_names):
                notes.append(f"column 1 has no name and is read as {row_names} (row names written by R)")
                named_rows = True
            else:
                example = shown(next(c for c in cells if c))
                problems.append(
                    f"{where}: a column has no name (position {position}) but has values such as {example}; name it "
                    "in the first row, or remove it"
                )
    return list(names), notes, problems, named_rows


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


def _lacks_a_name(names: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Check whether every row has one cell more than there are names, and begins with its number."""
    return all(len(row) == len(names) + 1 for row in body) and _counts_rows([row[0].strip() for row in body])


def _names_rows(names: Sequence[str], cells: Sequence[str], row_names: str | None) -> bool:
    """Check whether the cells of a first column without a name may name the rows: no two are equal, none is empty."""
    if row_names is None or row_names.casefold() in (n.strip().casefold() for n in names):
        return False
    return all(cells) and len(set(cells)) == len(cells)


def _counts_rows(cells: Sequence[str]) -> bool:
    """Check whether cells number the rows, from 0 or 1."""
    numbers = [int(c) for c in cells if c.isdecimal()]
    return (
        len(numbers) == len(cells) > 0
        and numbers[0] in (0, 1)
        and numbers == [*range(numbers[0], numbers[0] + len(cells))]
    )
