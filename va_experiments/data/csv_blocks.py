"""Read a scanned text table into coded text columns, block by block.

In: a :class:`~va_experiments.data.text_source.TextSource` and column names. Out: columns of integer codes into their
distinct values, so that mapping a column to symptoms is a look-up of a few values. Cells stay text: site ``NA``, id
``001`` and cause ``None`` are not changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from va_experiments.data.decorated import skeleton
from va_experiments.data.double_encoding import corrected
from va_experiments.data.row_faults import RowFaults
from va_experiments.data.text_source import TextSource
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

__all__ = ["Block", "CodedColumn", "empty_rows", "missing_columns", "read_blocks", "read_columns"]

_BLOCK = 8 << 20


@dataclass(frozen=True)
class CodedColumn:
    """A text column as codes into its distinct values.

    Parameters
    ----------
    codes : int32 array, shape (n_rows,)
    values : list of str
    """

    codes: npt.NDArray[np.int32]
    values: list[str]

    def text(self) -> npt.NDArray[np.object_]:
        """Return the cells as an object array of str."""
        return np.array(self.values, dtype=object)[self.codes] if self.values else np.empty(0, dtype=object)


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a table; `start` counts the data rows before them."""

    start: int
    n_rows: int
    columns: dict[str, CodedColumn]


def read_blocks(source: TextSource, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """Yield the table in blocks of about 8 MB of text.

    Parameters
    ----------
    source : TextSource
    columns : sequence of str, optional
        Only these columns, which must be in the header; all by default.

    Raises
    ------
    InputError
        After the last block, if a row is too short or too long, or repeats the header, or if text was read in a wrong
        encoding before (`source.fix_encoding`); within, if a cell is longer than the limit.
    """
    import pyarrow as pa

    columns_read = list(source.header if columns is None else columns)
    faults = RowFaults()
    start = 0
    with source.stream() as raw:
        try:
            for batch in _open_reader(raw, source, columns_read, faults):
                if not batch.num_rows:
                    continue
                block = {w: _coded(batch.column(i), w, source, start) for i, w in enumerate(columns_read)}
                if source.fix_encoding is not False:
                    block = {w: _with_letters(column, w, source, faults) for w, column in block.items()}
                faults.headers += [start + int(row) for row in _repeats_the_header(block, batch.num_rows)]
                yield Block(start, batch.num_rows, block)
                start += batch.num_rows
        except (pa.ArrowException, UnicodeError) as error:
            name = shown_path(source.path)
            if "straddling" in str(error):
                raise InputError(f"{name}: a row is longer than {_BLOCK >> 20} MB after row {start}") from None
            if not faults.short_or_long:
                raise InputError(f"{name}: cannot be parsed after row {start}: {error}") from None
    faults.refuse(source, start)
    if not start:
        raise InputError(f"{shown_path(source.path)}: has a header but no rows")


def _open_reader(
    raw: BinaryIO, source: TextSource, columns: Sequence[str], faults: RowFaults
) -> arrow_csv.CSVStreamingReader:
    """Open Arrow's reader of a table, in which every cell is text and rows of another width are faults."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text = pa.dictionary(pa.int32(), pa.string())
    names = [source.written.get(w, w) for w in columns]
    utf8 = source.encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")
    return arrow_csv.open_csv(
        pa.PythonFile(raw, mode="r"),
        read_options=arrow_csv.ReadOptions(
            block_size=_BLOCK,
            use_threads=False,
            encoding="utf8" if utf8 else source.encoding,
            skip_rows_after_names=source.label_rows,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=source.sep, newlines_in_values=not source.plain_lines, invalid_row_handler=faults.skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, text),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
            null_values=[],
        ),
    )


def read_columns(source: TextSource, columns: Sequence[str] | None = None) -> dict[str, CodedColumn]:
    """Read whole columns, each with one list of distinct values; see :func:`read_blocks`."""
    columns_read = list(source.header if columns is None else columns)
    places: dict[str, dict[str, int]] = {w: {} for w in columns_read}
    parts: dict[str, list[npt.NDArray[np.int32]]] = {w: [] for w in columns_read}
    for block in read_blocks(source, columns_read):
        for w in columns_read:
            column, place = block.columns[w], places[w]
            recode = np.array([place.setdefault(v, len(place)) for v in column.values], dtype=np.int32)
            parts[w].append(recode[column.codes])
    return {w: CodedColumn(np.concatenate(parts[w]), list(places[w])) for w in columns_read}


def empty_rows(columns: Mapping[str, CodedColumn]) -> npt.NDArray[np.bool_]:
    """Return the rows in which every cell is empty, as spreadsheets leave them."""
    empty = np.ones(len(next(iter(columns.values())).codes), dtype=bool)
    for column in columns.values():
        empty &= np.array([not v.strip() for v in column.values] or [True], dtype=bool)[column.codes]
        if not empty.any():
            break
    return empty


def missing_columns(
    header: Sequence[str], needed: Sequence[str], where: str, *, used: Collection[str] = ()
) -> list[str]:
    """List one problem for each required column that is not in the header, with the most similar column.

    Columns that are `used` have a use of their own and are no misspellings of others.
    """
    present, problems = set(header), []
    free = [c for c in header if c not in used]
    by_skeleton: dict[str, str] = {}
    for column in header:
        by_skeleton.setdefault(skeleton(column), column)
    for column in needed:
        if column in present:
            continue
        similar = by_skeleton.get(skeleton(column))
        if similar is None:
            near = did_you_mean(column, free) or f"; the columns are {_first_of(header)}"
            problems.append(f"{where}: missing column {shown(column)}{near}")
            continue
        why = "spaces around it" if similar.strip() == column else "other case" if similar.isascii() else "looks alike"
        problems.append(f"{where}: missing column {shown(column)}; found {_spelt(similar)} ({why})")
    return problems


def _first_of(header: Sequence[str], most: int = 8) -> str:
    more = f" and {len(header) - most} more" if len(header) > most else ""
    return ", ".join(map(shown, header[:most])) + more


def _spelt(name: str) -> str:
    return "'" + name.encode("ascii", "backslashreplace").decode() + "'"


def _repeats_the_header(block: dict[str, CodedColumn], n_rows: int) -> npt.NDArray[np.intp]:
    """Return the rows in which every cell is the name of its column, in whatever case."""
    rows = np.arange(n_rows)
    for name, column in block.items():
        folded = name.strip().casefold()
        same = [k for k, v in enumerate(column.values) if v == name or v.strip().casefold() == folded]
        if not same:
            return rows[:0]
        rows = rows[np.isin(column.codes[rows], same)]
        if not len(rows):
            break
    return rows


def _coded(column: pa.DictionaryArray, name: str, source: TextSource, start: int) -> CodedColumn:
    values, indices = column.dictionary.to_pylist(), column.indices
    # from the buffer: Arrow's conversion to NumPy would import pandas, which takes a second
    codes = np.frombuffer(indices.buffers()[1], dtype=np.int32)[indices.offset : indices.offset + len(indices)]
    if values and max(map(len, values)) > source.limits.max_field:
        worst = max(range(len(values)), key=lambda k: len(values[k]))
        record = start + int(np.flatnonzero(codes == worst)[0]) + 2
        (line,) = source.lines_of([record])
        raise InputError(f"{shown_path(source.path)}: line {line}, column {shown(name)}: field > 1 MB")
    return CodedColumn(codes, values)


def _with_letters(column: CodedColumn, name: str, source: TextSource, faults: RowFaults) -> CodedColumn:
    """Return the column with cells corrected, or as it is with these cells added to the faults."""
    changed = {v: new for v in column.values if not v.isascii() and (new := corrected(v)) != v}
    if not changed:
        return column
    if source.fix_encoding is None:
        faults.changed_letters.setdefault(name, {}).update(changed)
        return column
    source.corrected.update(changed)
    place: dict[str, int] = {}
    recode = np.array([place.setdefault(changed.get(v, v), len(place)) for v in column.values], dtype=np.int32)
    return CodedColumn(recode[column.codes], list(place))
