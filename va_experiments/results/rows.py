"""Make one typed row for each cell, and typed tables from rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from va_experiments.results.cell_outcome import CellOutcome
from va_experiments.results.column import Column, Kind, is_missing
from va_experiments.results.schema import COLUMNS, MAIN_METRICS, ROW_ORDER, check_row, columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Row", "data_type", "make_row", "make_table", "order_rows"]

ALWAYS = (*MAIN_METRICS, "fit_seconds", "predict_seconds")
"""Metrics and timings that a table has even where no row has a value."""


class Row(Mapping[str, Any]):
    """The row of one cell: values by column, read as ``row["test_site"]`` or ``row.test_site``.

    Every column that is no metric has a value, its default where nothing is known; metrics without a value are absent.

    Parameters
    ----------
    values : mapping of str to value
        In any order; values of the column's type, None where nothing is known.

    Raises
    ------
    ValueError
        With every problem: unknown columns, values of another type, required columns without a value.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        if problems := check_row(values, ranges=False):
            raise ValueError("a result row does not fit the schema:\n" + "\n".join(problems))
        self._values: dict[str, Any] = {}
        for name, column in columns().items():
            value = values.get(name)
            if value is not None and column.is_exact(value):
                self._values[name] = value
            elif value is not None and not is_missing(value):
                self._values[name] = column.convert(value)
            elif name in COLUMNS:
                self._values[name] = column.default

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"a result row has no column {name!r}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Row({self._values!r})"


def make_row(outcome: CellOutcome) -> Row:
    """Make the row of a settled cell; every figure of a failed cell is missing, never zero."""
    values: dict[str, Any] = {**outcome.result.timings, **outcome.result.metrics}
    return Row(values | {name: column.value(outcome) for name, column in COLUMNS.items() if column.value})


def make_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the typed table of rows: columns in the schema's order, one row a cell key, sorted by `ROW_ORDER`.

    Metrics, timings and errors that no row has are left out. Of two rows of one cell (an adaptive sweeper may request
    a cell again) the first is kept.
    """
    import pandas as pd  # takes most of a second, which nothing before the first table needs

    values = {name: [row.get(name) for row in rows] for name in columns()}
    table = pd.DataFrame(
        {
            name: pd.Series(values[name], dtype=data_type(column))
            for name, column in columns().items()
            if not column.optional or name in ALWAYS or any(v is not None for v in values[name])
        }
    )
    return order_rows(table.drop_duplicates("cell_key", keep="first"))


def order_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Sort a table of rows by `ROW_ORDER`, so that the order in which cells finished cannot show."""
    return table.sort_values(list(ROW_ORDER), kind="stable").reset_index(drop=True)


def data_type(column: Column) -> Any:
    """Return the pandas data type of a column.

    Text: pandas' string type (object before pandas 3), numbers: float64 with NaN; whole numbers and booleans are
    nullable (Int64, boolean) where values may be missing, else int64 and bool.
    """
    import pandas as pd

    if column.kind is Kind.TEXT:
        return "str" if pd.Series([""]).dtype != object else object
    if column.kind is Kind.NUMBER:
        return "float64"
    if column.kind is Kind.WHOLE:
        return "Int64" if column.default is None else "int64"
    return "boolean" if column.default is None else "bool"
