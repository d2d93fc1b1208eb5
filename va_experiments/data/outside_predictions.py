"""Read causes that another program, or physicians, gave to deaths: a table in; one row of probabilities a death out.

Four forms are understood: one cause a death; ranked causes (``cause1``, ``cause2``, ..., with or without a probability
each); one column of probabilities a cause; and several rows a death, each with a cause and its probability or rank.
"""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from va_experiments.data.csv_blocks import CodedColumn, read_columns
from va_experiments.data.decorated import skeleton, undecorated
from va_experiments.data.prediction_columns import Columns, Layout, layout_of
from va_experiments.data.record_ids import normal_id
from va_experiments.data.text_source import AUTO, TextSource, encoding_by_mark, open_source
from va_experiments.errors import InputError, shown, shown_path

__all__ = ["UNDETERMINED", "OutsidePredictions", "read_outside_predictions"]

UNDETERMINED = frozenset({"", ".", "-", "na", "n/a", "nan", "none", "null", "undetermined", "indeterminate"})
"""Cells, in any case, that say that no cause was named."""

_ENCODING = re.compile(r"`encoding: ([\w-]+)`")
_FLOAT = re.compile(r"\d+\.0+")
_LEAST_SUM = 1e-12
_MOST_SHARE = 1.5


@dataclass(frozen=True, eq=False)
class OutsidePredictions:
    """What another program said of each death.

    Parameters
    ----------
    path : str
        As messages name it.
    form : str
        ``one cause``, ``ranked causes`` or ``probabilities``.
    id : array of str, shape (n_deaths,)
        Sorted, each once.
    causes : tuple of str
        Causes as the file writes them.
    probability : float64 array, shape (n_deaths, n_causes)
        Each row sums to at most 1; what is missing to 1 was given to no cause. An all-zero row is undetermined.
    named : int32 array, shape (n_deaths,), or None
        The cause named for each death, -1 where none is; None: the one with the greatest probability.
    seen : tuple of str
        Distinct cells of the column that says what the program was trained on; empty if there is none.
    seen_code : int32 array, shape (n_deaths,)
        Index into `seen`.
    """

    path: str
    form: str
    id: npt.NDArray[np.str_]
    causes: tuple[str, ...]
    probability: npt.NDArray[np.float64]
    named: npt.NDArray[np.int32] | None
    seen: tuple[str, ...]
    seen_code: npt.NDArray[np.int32]
    ignored: tuple[str, ...] = ()
    """Columns that are not read."""
    line_of: Mapping[str, int] = field(default_factory=dict)
    """Cause -> the line on which it stands first, where causes are cells."""
    by_row_names: bool = False
    """Whether the ids are a first column without a name, as R writes the row names of a matrix."""

    def __len__(self) -> int:
        return len(self.id)

    def rows(self, ids: npt.NDArray[np.str_]) -> npt.NDArray[np.intp]:
        """Return the row of each id, -1 where the file has none.

        Where the file has none of them, and all its ids are whole numbers that a program wrote as 12.0, they are
        compared as 12.
        """
        place = np.minimum(np.searchsorted(self.id, ids), max(len(self.id) - 1, 0))
        row_of_death = np.where(self.id[place] == ids, place, -1)
        if (row_of_death < 0).all() and all(_FLOAT.fullmatch(i) for i in self.id.tolist()):
            whole = {i.partition(".")[0]: k for k, i in enumerate(self.id.tolist())}
            return np.array([whole.get(i, -1) for i in ids.tolist()], dtype=np.intp)
        return row_of_death


def read_outside_predictions(
    path: str | os.PathLike[str],
    columns: Columns,
    *,
    percent: bool = False,
    sum_tolerance: float = 0.01,
    encoding: str = "utf-8-sig",
) -> OutsidePredictions:
    """Read a table of causes.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz``, ``.zip``, ``.xlsx``, ``.dta``, ``.sav`` or ``.parquet``.
    columns : Columns
        Names of columns, as far as they are given.
    percent : bool
        Whether probabilities are per cent.
    sum_tolerance : float
        How far from 1 the probabilities of a death may sum.
    encoding : str

    Raises
    ------
    InputError
        With every problem of the file: columns, ids that are empty or repeated, cells that are no probability, sums.
    """
    file = Path(path).expanduser()
    try:
        state = (file.stat().st_mtime_ns, file.stat().st_size)
    except OSError:
        state = (0, 0)  # the reading reports it
    return _read(str(path), state, columns, percent, float(sum_tolerance), encoding)


@functools.lru_cache(maxsize=4)  # the cells of a run ask for the same file again and again
def _read(
    path: str, state: tuple[int, int], columns: Columns, percent: bool, tolerance: float, encoding: str
) -> OutsidePredictions:
    source = _open(path, columns.id, encoding)
    where = shown_path(source.path)
    layout = layout_of(source.header, columns, where)
    table, rows = _filled_rows(read_columns(source, layout.used))
    ids = np.array([normal_id(v) for v in table[layout.id].values], dtype=np.str_)[table[layout.id].codes]
    problems = [f"{where}: {n} rows have no id"] if (n := int((ids == "").sum())) else []
    unique, first, row = np.unique(ids, return_index=True, return_inverse=True)
    several_rows = len(layout.cause) == 1 and bool(layout.rank or layout.probability)
    if len(unique) < len(ids) and not several_rows:
        twice = unique[np.bincount(row) > 1]
        at = np.flatnonzero(ids == twice[0])
        lines = ", ".join(map(str, source.lines_of([int(rows[r]) + 2 for r in at[:5]])))
        problems.append(
            f"{where}: {len(twice)} ids occur more than once (such as {shown(str(twice[0]))} on lines {lines}); "
            "expected one row a death, or a column 'probability' or 'rank' beside 'cause' where a death has several "
            "rows"
        )
    if not layout.cause:
        problems += _causes_twice(layout.probability, where)
    numbers = _numbers(table, layout, where, percent, problems)
    if problems:
        raise InputError(problems)
    if layout.cause:
        causes, probability, named = _of_causes(table, layout, row.ravel(), len(unique), numbers, where, problems)
    else:
        assert numbers is not None
        causes = tuple(undecorated(c) or c for c in layout.probability)
        probability, named = np.zeros((len(unique), len(causes))), None
        probability[row.ravel()] = numbers
        if not percent and (odd := _no_share(numbers, causes)):
            raise InputError(
                f"{where}: column {shown(odd[0])} has {odd[1]:g}; expected a probability; name the columns of the "
                "probabilities with model.probability=[...], or remove the other columns"
            )
    summed = layout.probability or not layout.cause
    if summed:
        _check_sums(probability, unique, bool(layout.cause), percent, tolerance, where, problems)
    if problems:
        raise InputError(problems)
    total = probability.sum(axis=1, keepdims=True)
    exact = not layout.cause or not layout.probability
    scale = np.where(total > _LEAST_SUM, total, 1) if exact else np.maximum(total, 1)
    probability = np.where(total > _LEAST_SUM, probability / scale, 0)
    form = "probabilities" if summed else "one cause" if len(layout.cause) == 1 and not layout.rank else "ranked causes"
    seen = table[layout.trained_on] if layout.trained_on else CodedColumn(np.zeros(len(ids), np.int32), [])
    return OutsidePredictions(
        where,
        form,
        unique,
        causes,
        probability,
        named,
        tuple(v.strip() for v in seen.values),
        seen.codes[first],
        layout.ignored,
        _lines(table, layout, rows, source),
        layout.id == "",
    )


def _open(path: str, id: str, encoding: str) -> TextSource:
    """Open a table; what a message advises has the names of the model's options."""
    try:
        marked = encoding_by_mark(path, encoding) if encoding.replace("-", "") in ("utf8", "utf8sig") else encoding
        return open_source(path, sep=AUTO, encoding=marked, row_names=id)
    except InputError as error:
        raise InputError(
            [_ENCODING.sub(r"model.encoding=\1", p).replace("data.encoding", "model.encoding") for p in error.problems]
        ) from None


def _lines(
    table: dict[str, CodedColumn], layout: Layout, rows: npt.NDArray[np.intp], source: TextSource
) -> dict[str, int]:
    """Return the first line of each cause that is a cell."""
    first: dict[str, int] = {}
    for name in layout.cause:
        codes, at = np.unique(table[name].codes, return_index=True)
        for code, row in zip(codes.tolist(), rows[at].tolist(), strict=True):
            cause = undecorated(table[name].values[code])
            first[cause] = min(row, first.get(cause, row))
    return dict(zip(first, source.lines_of([row + 2 for row in first.values()]), strict=True))


def _causes_twice(names: Sequence[str], where: str) -> list[str]:
    """List columns of probabilities that are one cause in two spellings."""
    first: dict[str, str] = {}
    return [
        f"{where}: columns {shown(other)} and {shown(name)} are the same cause in two spellings; keep one of them, or "
        "add them up in one column"
        for name in names
        if (other := first.setdefault(skeleton(undecorated(name)), name)) != name
    ]


def _filled_rows(table: dict[str, CodedColumn]) -> tuple[dict[str, CodedColumn], npt.NDArray[np.intp]]:
    """Return the table without rows in which every cell is empty, as spreadsheets leave them, and the rows it has."""
    filled = np.zeros(len(next(iter(table.values())).codes), dtype=bool)
    for column in table.values():
        filled |= np.array([bool(v.strip()) for v in column.values] or [False], dtype=bool)[column.codes]
    rows = np.flatnonzero(filled)
    return table if filled.all() else {n: CodedColumn(c.codes[filled], c.values) for n, c in table.items()}, rows


def _numbers(
    table: dict[str, CodedColumn], layout: Layout, where: str, percent: bool, problems: list[str]
) -> npt.NDArray[np.float64] | None:
    """Return the probabilities of every row of the table, shape (n_rows, n_columns); empty cells are 0."""
    if not layout.probability:
        return None
    parts = []
    wrong: dict[str, str] = {}
    for name in layout.probability:
        values = []
        for cell in table[name].values:
            value = _share(cell.strip(), percent)
            if not 0 <= value <= (1.005 if percent else math.inf):
                wrong.setdefault(name, cell)
            values.append(value)
        parts.append(np.array(values, dtype=float)[table[name].codes])
    columns_are_causes = not layout.cause
    if wrong and columns_are_causes and len(wrong) == len(layout.probability):
        problems.append(
            f"{where}: no column is called 'cause', and no other column holds probabilities; name the column of the "
            f"cause with model.cause=COLUMN (the file has {', '.join(map(shown, layout.probability[:6]))})"
        )
    else:
        hint = "; name the columns of the probabilities with model.probability=[...]" if columns_are_causes else ""
        problems += [
            f"{where}: column {shown(name)} has {shown(cell)}; expected a probability{hint}"
            for name, cell in wrong.items()
        ]
    return np.column_stack(parts)


def _no_share(numbers: npt.NDArray[np.float64], names: Sequence[str]) -> tuple[str, float] | None:
    """Return a column with numbers above 1, where most columns have none: an age or a row number; and one of them."""
    most = numbers.max(axis=0, initial=0)
    odd = np.flatnonzero(most > _MOST_SHARE)
    return (names[odd[0]], float(most[odd[0]])) if 0 < 2 * len(odd) < len(names) else None


def _share(text: str, percent: bool) -> float:
    """Return a probability as a share of 1: 0.5, 0,5, 50%, or 50 where all are per cent; NaN for no number."""
    if text.casefold() in UNDETERMINED:
        return 0.0
    number, sign, rest = text.partition("%")
    if number.count(",") == 1 and "." not in number:
        number = number.replace(",", ".")
    try:
        value = float(number) if not rest else math.nan
    except ValueError:
        return math.nan
    return value / 100 if percent or sign else value


def _of_causes(
    table: dict[str, CodedColumn],
    layout: Layout,
    row: npt.NDArray[np.intp],
    n: int,
    numbers: npt.NDArray[np.float64] | None,
    where: str,
    problems: list[str],
) -> tuple[tuple[str, ...], npt.NDArray[np.float64], npt.NDArray[np.int32] | None]:
    """Return causes, probabilities and named causes of a table whose cells are causes."""
    place: dict[str, int] = {}
    codes = []
    for name in layout.cause:
        names = [undecorated(v) for v in table[name].values]
        codes.append(
            np.array([-1 if v.casefold() in UNDETERMINED else place.setdefault(v, len(place)) for v in names], int)[
                table[name].codes
            ]
        )
    probability, named = np.zeros((n, max(len(place), 1))), np.full(n, -1, np.int32)
    best = np.full(n, math.inf)
    ranks = _ranks(table[layout.rank], where, layout.rank, problems) if layout.rank else None
    for k, code in enumerate(codes):
        known = code >= 0
        rank = np.full(len(row), float(k + 1)) if ranks is None else ranks
        weight = 1 / rank if numbers is None else numbers[:, k]
        order = rank if numbers is None or ranks is not None or len(codes) > 1 else -weight
        np.add.at(probability, (row[known], code[known]), weight[known])
        for r in np.flatnonzero(known).tolist() if len(row) > n else ():
            if order[r] < best[row[r]]:
                best[row[r]], named[row[r]] = order[r], code[r]
        if len(row) == n:
            better = known & (order < best[row])
            best[row[better]], named[row[better]] = order[better], code[better]
    return tuple(place) or ("",), probability, named


def _ranks(column: CodedColumn, where: str, name: str, problems: list[str]) -> npt.NDArray[np.float64]:
    values = []
    for cell in column.values:
        text = cell.strip().removesuffix(".0")
        values.append(float(text) if text.isdecimal() and int(text) > 0 else math.nan)
        if math.isnan(values[-1]):
            problems.append(f"{where}: column {shown(name)} has {shown(cell)}; expected a rank: 1, 2, 3, ...")
    return np.array(values)[column.codes]


def _check_sums(
    probability: npt.NDArray[np.float64],
    ids: npt.NDArray[np.str_],
    some: bool,
    percent: bool,
    tolerance: float,
    where: str,
    problems: list[str],
) -> None:
    """Collect what is wrong with the sums; `some`: only some causes are given, so that a sum may be below 1."""
    total = probability.sum(axis=1)
    wrong = (total > 1 + tolerance) | ((total < 1 - tolerance) & (total > _LEAST_SUM) & (not some))
    if not wrong.any():
        return
    text = f"probabilities of {int(wrong.sum())} of {len(ids)} deaths sum to {'more than' if some else 'other than'} 1"
    examples = ", ".join(f"{i}: {t:.4g}" for i, t in zip(ids[wrong][:3].tolist(), total[wrong][:3], strict=True))
    middle = float(np.median(total[total > _LEAST_SUM]))
    if not percent and 50 < middle < 101:
        way = "they look like per cent: set model.percent=true"
    elif not percent and some and middle > _MOST_SHARE and total.max() < 101:
        way = "if they are per cent, set model.percent=true; else correct them"
    else:
        way = "correct them; model.sum_tolerance=0.05 allows for rounding, and a row of zeros or blanks is undetermined"
    problems.append(f"{where}: the {text} ({examples}); {way}")
