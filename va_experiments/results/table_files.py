"""Write tables as files that are whole or absent: CSV that no spreadsheet executes, Parquet with checksums."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.text_sanitizing import as_objects

__all__ = ["escape_formula", "escape_formulas", "unescape_formula", "write_csv", "write_parquet", "write_whole"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell of text that begins so is run as a formula by spreadsheets."""


def escape_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with ``'`` before every text that a spreadsheet would run; numbers stay as they are."""
    out = table.copy()
    for i in range(out.shape[1]):
        values = out.iloc[:, i]
        if values.dtype == object or isinstance(values.dtype, pd.StringDtype | pd.CategoricalDtype):
            objects = as_objects(values)
            escaped = {v: escape_formula(v) for v in {v for v in objects if isinstance(v, str)}}
            safe = [escaped[v] if isinstance(v, str) else v for v in objects]
            column: Any = pd.Series(safe, dtype=object, index=out.index)  # no type is inferred: text may be odd
            out.isetitem(i, column)
    return out.set_axis([escape_formula(str(c)) for c in out.columns], axis=1)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that a reader finds the old one or the whole new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write UTF-8 CSV with full precision and formulas escaped."""
    write_whole(
        path, lambda p: escape_formulas(table).to_csv(p, index=False, lineterminator="\n", errors="backslashreplace")
    )


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write Parquet with page checksums, so that a flipped bit is noticed on reading."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = table.copy()
    for i in range(plain.shape[1]):
        values = plain.iloc[:, i]
        if values.dtype == object:
            kinds = {type(v) for v in values if v is not None and not (isinstance(v, float) and np.isnan(v))}
            if not kinds <= {bool, np.bool_} and len(kinds | {str}) > 1:
                plain.isetitem(i, [None if v is None else str(v) for v in values])
    arrow = pa.Table.from_pandas(plain, preserve_index=False, nthreads=1)  # more cannot start under a limit of memory
    write_whole(path, lambda p: pq.write_table(arrow, p, write_page_checksum=True, compression="zstd"))


def escape_formula(text: str) -> str:
    """Return `text` for a CSV file: with ``'`` before what a spreadsheet would run as a formula.

    Text that has ``'`` there already gets another, so that `unescape_formula` returns every text as it was.
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_STARTS) else text


def unescape_formula(text: str) -> str:
    """Return the text that `escape_formula` wrote as `text`."""
    return text[1:] if text[:1] == "'" and text.lstrip("'").startswith(FORMULA_STARTS) else text


def _umask() -> int:
    """Return the process's umask: a run sets it so that only its owner reads what it leaves."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
