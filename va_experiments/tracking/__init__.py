"""Record runs in MLflow: one parent run for a multirun, one child run for a cell; no other folder imports MLflow."""

from __future__ import annotations

from va_experiments.tracking.cell_search import find_cells, find_new_cells
from va_experiments.tracking.connection import connect, fetch_cell, refused, safe_environment
from va_experiments.tracking.run_writer import CellRun, ClientWriter, cell_run, outputs_tag, row_of_run
from va_experiments.tracking.sqlite_writer import SqliteWriter, open_writer
from va_experiments.tracking.tracker import Tracker

__all__ = [
    "CellRun",
    "ClientWriter",
    "SqliteWriter",
    "Tracker",
    "cell_run",
    "connect",
    "fetch_cell",
    "find_cells",
    "find_new_cells",
    "open_writer",
    "outputs_tag",
    "refused",
    "row_of_run",
    "safe_environment",
]
