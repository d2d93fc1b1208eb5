"""Write the rows of a run to ``cells.jsonl`` as they come, and read them back as tables at its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

from va_experiments.results.cell_outcome import CellOutcome
from va_experiments.results.rows import Row, make_row, make_table

if TYPE_CHECKING:
    import pandas as pd

    from va_experiments.cell import Cell, Result

__all__ = ["ROWS_FILE", "ResultWriter"]

ROWS_FILE = "cells.jsonl"
"""Rows in the order in which cells were settled, each with ``requested``: false for a baseline beside the run."""


class ResultWriter:
    """Appends one line a cell, so that memory stays flat for any number of cells.

    Parameters
    ----------
    folder : Path
        The run's folder.
    run_id : str
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self._path, self._run_id = folder / ROWS_FILE, run_id
        self._file: IO[str] | None = None

    def add(
        self,
        cell: Cell,
        result: Result,
        *,
        job: str,
        model: str,
        simulated: bool,
        requested: bool,
        computed: bool = True,
    ) -> Row:
        """Write the row of a cell, and return it.

        Parameters
        ----------
        cell : Cell
        result : Result
        job : str
            Overrides of the job.
        model : str
            Name of the model in the job.
        simulated : bool
            Whether the data are simulated.
        requested : bool
            False for a baseline that no job names.
        computed : bool
            False for a cell that was requested and neither computed nor found.
        """
        row = make_row(CellOutcome(cell, result, self._run_id, job, model, simulated, computed))
        if self._file is None:
            self._file = open(self._path, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 (closed by close)
        self._file.write(json.dumps({**row, "requested": requested}) + "\n")
        return row

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the requested cells, and the baselines beside them."""
        if self._file is not None:
            self._file.flush()
        rows = []
        if self._path.exists():
            with open(self._path, encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
        return make_table([r for r in rows if r["requested"]]), make_table([r for r in rows if not r["requested"]])
