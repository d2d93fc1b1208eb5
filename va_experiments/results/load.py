"""Load the results of finished runs: folders or files of rows in, one typed table out. What a notebook calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.results.column import Column, Kind, is_missing
from va_experiments.results.rows import ALWAYS, data_type
from va_experiments.results.schema import COLUMNS, columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load_results"]

SUFFIXES = (".parquet", ".csv", ".jsonl")
"""Files of rows, the first choice first: Parquet holds every text as it is."""


def load_results(
    *runs: str | Path, baselines: bool = False, unknown: Literal["refuse", "keep"] = "refuse"
) -> pd.DataFrame:
    """Load the cells of one or more runs as one table, one row a cell and run.

    Parameters
    ----------
    *runs : str or Path
        Folders of runs (``outputs/runs/<date>/<time>``), or their files ``cells.parquet``, ``cells.csv`` or
        ``cells.jsonl``. A run that has not ended has only the last: its rows so far.
    baselines : bool
        Add the baselines that no job named (``baselines.parquet`` beside the cells); from folders only.
    unknown : {"refuse", "keep"}
        What to do with columns that this version does not know.

    Returns
    -------
    DataFrame
        Columns in the order of `va_experiments.results.schema.columns`: all but the metrics, and the metrics that a
        run has. Text is text (a site named ``NA`` too), whole numbers are ``int64`` or ``Int64``, other numbers
        ``float64``, booleans ``bool`` or ``boolean``; a value that is not known is missing.

    Raises
    ------
    InputError
        With every problem: files that do not exist, unknown columns, values of another type, with file and row.

    Examples
    --------
    >>> cells = load_results("outputs/runs/2026-11-27/12-00-00")  # doctest: +SKIP
    >>> cells.groupby("model")["csmf_accuracy_top"].mean()  # doctest: +SKIP
    """
    import pandas as pd

    if not runs:
        raise InputError("load_results: name at least one run: its folder, cells.parquet, cells.csv or cells.jsonl")
    problems: list[str] = []
    tables = []
    for path in _files(map(Path, runs), baselines, problems):
        try:
            raw, text = _read(path, baselines)
        except (OSError, ValueError) as error:  # of pandas, Arrow and json alike
            reason = str(error).splitlines() or [type(error).__name__]
            problems.append(f"'{path}' cannot be read as a {path.suffix} file of rows: {reason[0][:200]}")
            continue
        tables.append(_typed(raw, path, text=text, keep=unknown == "keep", problems=problems))
    if problems:
        raise InputError(problems)
    return pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)[_ordered(tables)]


def _files(runs: Iterable[Path], baselines: bool, problems: list[str]) -> list[Path]:
    """Return the files of rows of these runs."""
    files: list[Path] = []
    for run in runs:
        if run.is_dir():
            cells = next((p for s in SUFFIXES if (p := run / f"cells{s}").is_file()), None)
            if cells is None:
                below = sorted(str(p.parent) for p in run.glob("**/cells.parquet"))[-3:]
                hint = f"; there are runs below it: {', '.join(below)}" if below else ""
                problems.append(
                    f"'{run}' has no cells.parquet, cells.csv or cells.jsonl: it is not the folder of a run{hint}"
                )
                continue
            files.append(cells)
            beside = cells.with_name(f"baselines{cells.suffix}")
            files += [beside] if baselines and beside.is_file() else []
        elif run.suffix not in SUFFIXES:
            problems.append(f"'{run}' is neither a folder nor a file of rows ({', '.join(SUFFIXES)})")
        elif not run.is_file():
            problems.append(f"there is no file '{run}'")
        else:
            files.append(run)
    return files


def _read(path: Path, baselines: bool) -> tuple[pd.DataFrame, bool]:
    """Return the rows of a file as they are written, and whether every value is text."""
    import pandas as pd

    if path.suffix == ".parquet":
        return pd.read_parquet(path), False
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=object, keep_default_na=False, na_filter=False, lineterminator="\n"), True
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):  # the last line of a run that goes on may be half written
            row = json.loads(line)
            if row.pop("requested", True) or baselines:
                rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else list(COLUMNS), dtype=object), False


def _typed(raw: pd.DataFrame, path: Path, *, text: bool, keep: bool, problems: list[str]) -> pd.DataFrame:
    """Return a table with the schema's columns and data types; describe in `problems` what does not fit."""
    import pandas as pd

    known = columns()
    out: dict[str, Any] = {}
    for name, column in known.items():
        if name in raw:
            values = _values(raw[name], column, f"'{path}'", text, problems)
        elif column.optional and column.kind is Kind.NUMBER and name not in ALWAYS:
            continue
        else:
            if column.required:
                problems.append(f"'{path}': column '{name}' is missing{did_you_mean(name, set(raw) - set(known))}")
            values = [column.default] * len(raw)
        out[name] = pd.Series(values, dtype=data_type(column)) if not problems else values
    for name in map(str, raw):
        if name in known:
            continue
        if keep:
            out[name] = raw[name]
        else:
            problems.append(
                f"'{path}': unknown column {shown(name)}{did_you_mean(name, known)}; unknown='keep' keeps such columns"
            )
    return pd.DataFrame() if problems else pd.DataFrame(out)


def _values(raw: pd.Series, column: Column, where: str, text: bool, problems: list[str]) -> Any:
    """Return the values of a column in its type."""
    from va_experiments.results.table_files import unescape_formula

    if column.kind is Kind.NUMBER and raw.dtype == "float64":
        return raw.to_numpy()
    values = raw.tolist()
    if text and column.kind is Kind.TEXT:
        values = [column.parse(unescape_formula(value)) for value in values]
    elif text:
        values = [column.parse(value) for value in values]
    typed = []
    for row, value in enumerate(values, start=1):
        if not (is_missing(value) and not column.required) and (problem := column.problem(value, ranges=False)):
            problems.append(f"{where}, row {row}: {problem}")
            continue
        typed.append(column.convert(value))
    return typed


def _ordered(tables: Sequence[pd.DataFrame]) -> list[str]:
    """Return the columns of all tables: the schema's in its order, then those it does not know."""
    names = dict.fromkeys(str(name) for table in tables for name in table)
    known = columns()
    return [name for name in known if name in names] + [name for name in names if name not in known]
