"""MLflow, the index and the page that people compare runs in: one parent run a multirun, one child run a cell."""

from __future__ import annotations

from va_experiments.tracking.run_writer import CELL_TAGS, CellRun, Client, SqliteFile, cell_run, outputs_tag, writer_of
from va_experiments.tracking.tracker import Tracker, connect, fetch_cell, find_cells, refused, safe_environment

__all__ = [
    "CELL_TAGS",
    "CellRun",
    "Client",
    "SqliteFile",
    "Tracker",
    "cell_run",
    "connect",
    "fetch_cell",
    "find_cells",
    "outputs_tag",
    "refused",
    "safe_environment",
    "writer_of",
]
