"""Convert an Excel workbook or a Stata, SPSS or Parquet file into the bytes of the same table as CSV.

Labels of coded answers are taken in place of the codes. Nothing in a workbook is computed: a formula gives the value
that was stored with it.
"""

from __future__ import annotations

import csv
import datetime
import functools
import io
import math
import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from va_experiments.errors import InputError, shown, shown_path
from va_experiments.formatting import format_bytes

__all__ = ["is_table_file", "table_as_csv"]

_NO_VALUE = re.compile(rb"<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
_MOST_CELLS = 200_000_000
_PARENTS = frozenset({"parent_key", "_parent_index", "_parent_table_name"})
"""Columns by which ODK Central and Kobo join the rows of a repeated group to their submission."""
_STATA = (b"<stata_dta>", b"\x72\x02", b"\x73\x02", b"\x71\x02")


def is_table_file(path: Path, magic: bytes) -> bool:
    """Check whether a file is one of the formats that `table_as_csv` reads, by its first bytes."""
    return _kind(path, magic) != ""


def table_as_csv(path: Path, magic: bytes, max_bytes: int) -> bytes:
    """Return the table as UTF-8 CSV.

    Parameters
    ----------
    path : Path
    magic : bytes
        First bytes of the file.
    max_bytes : int
        Largest size of the CSV.

    Raises
    ------
    InputError
        If the file is damaged, too large, or needs a package that is not installed.
    """
    about = os.stat(path)
    return _converted(path, _kind(path, magic), about.st_size, about.st_mtime_ns, max_bytes)


def _kind(path: Path, magic: bytes) -> str:
    ending = path.suffix.casefold()
    if magic.startswith(b"PK\x03\x04") and ending in (".xlsx", ".xlsm"):
        return "Excel"
    if magic.startswith(b"PAR1"):
        return "Parquet"
    if magic.startswith((b"$FL2", b"$FL3")):
        return "SPSS"
    if ending == ".dta" and magic.startswith(tuple(m[: len(magic)] for m in _STATA)):
        return "Stata"
    return ""


@functools.lru_cache(maxsize=2)
def _converted(path: Path, kind: str, size: int, changed: int, max_bytes: int) -> bytes:
    name = shown_path(path)
    try:
        header, rows = {"Excel": _excel, "Parquet": _parquet, "SPSS": _spss, "Stata": _stata}[kind](path)
    except ImportError as error:
        raise InputError(
            f"{name} is a file of {kind}: reading it needs the package {error.name}; install it with "
            "pip install 'va-experiments[files]', or save the table as CSV"
        ) from None
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{name}: cannot be read as a file of {kind} ({type(error).__name__}: {error})") from error
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_text(c) for c in header])
    for row in rows:
        writer.writerow([_text(v) for v in row])
        if buffer.tell() > max_bytes:
            raise InputError(f"{name}: the table is larger than {format_bytes(max_bytes)} as text")
    return buffer.getvalue().encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    """Return a cell as it would stand in a CSV file: whole numbers without ``.0``, dates in ISO form."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def _excel(path: Path) -> tuple[Sequence[Any], Iterable[Sequence[Any]]]:
    import openpyxl

    _check_formulas(path)
    book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    filled = []
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            sheet.reset_dimensions()  # what a program wrote about the size can be wrong
            rows = [row for row in sheet.iter_rows(values_only=True) if any(v not in (None, "") for v in row)]
            if len(rows) > 1:
                filled.append((sheet.title, rows))
    with_deaths = [sheet for sheet in filled if not _is_repeated_group(sheet[1][0])]
    filled = with_deaths if len(with_deaths) == 1 else filled
    if len(filled) > 1:
        names = ", ".join(shown(title) for title, _ in filled[:5])
        raise InputError(
            f"{shown_path(path)}: the workbook has {len(filled)} sheets with rows ({names}); expected one: save the "
            "sheet with the deaths as a workbook of its own, or as CSV; if each sheet has a part of the questions or "
            "deaths, join them first (by the id: KEY, instanceID, _uuid)"
        )
    if not filled:
        raise InputError(f"{shown_path(path)}: the workbook has no sheet with a header and rows")
    _, rows = filled[0]
    width = max(map(len, rows))
    padded = [(*row, *[None] * (width - len(row))) for row in rows]
    return padded[0], padded[1:]


def _check_formulas(path: Path) -> None:
    """Refuse a workbook with formulas whose values are not stored in it: their cells would be empty.

    Raises
    ------
    InputError
        If there are any, as in workbooks that a program has written and nobody has opened since.
    """
    n = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and b"<f" in (text := archive.read(name)):
                n += len(_NO_VALUE.findall(text))
    if n:
        raise InputError(
            f"{shown_path(path)}: {n:,} cells hold formulas whose values are not in the workbook; open it in a "
            "spreadsheet program and save it, or save the sheet as CSV"
        )


def _is_repeated_group(header: Sequence[Any]) -> bool:
    """Check for a sheet with the repeated groups of a form, which names the submission that each row belongs to."""
    return not _PARENTS.isdisjoint(str(name).strip().casefold() for name in header)


def _parquet(path: Path) -> tuple[Sequence[Any], Iterable[Sequence[Any]]]:
    import pyarrow.parquet as pq

    table = pq.read_table(path, page_checksum_verification=True)
    if table.num_rows * table.num_columns > _MOST_CELLS:
        raise InputError(
            f"{shown_path(path)}: has {table.num_rows:,} rows and {table.num_columns:,} columns: too large"
        )
    columns = [column.to_pylist() for column in table.columns]
    return table.column_names, zip(*columns, strict=True)


def _stata(path: Path) -> tuple[Sequence[Any], Iterable[Sequence[Any]]]:
    import pandas as pd

    return _frame(pd.read_stata(path, convert_categoricals=True))


def _spss(path: Path) -> tuple[Sequence[Any], Iterable[Sequence[Any]]]:
    import pyreadstat

    frame, _ = pyreadstat.read_sav(str(path), apply_value_formats=True)
    return _frame(frame)


def _frame(frame: Any) -> tuple[Sequence[Any], Iterable[Sequence[Any]]]:
    columns = [[None if v != v else v for v in frame[c].astype(object)] for c in frame.columns]  # NaN is not itself
    return list(frame.columns), zip(*columns, strict=True)
