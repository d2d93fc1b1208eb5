"""The rows of a run as they come, on disk at once: ``cells.jsonl``; read back as one table at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.cell import Cell, Result
from va_experiments.cell.serialization import plain
from va_experiments.results.rows import cell_row, cells_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ResultWriter"]


class ResultWriter:
    """Appends one line a cell, so that memory stays flat however many cells there are.

    Parameters
    ----------
    folder : Path
        The run's folder.
    run_id : str
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self._path, self._run_id = folder / "cells.jsonl", run_id
        self._file: Any = None

    def add(
        self,
        cell: Cell,
        result: Result,
        *,
        job: str,
        simulated: bool,
        model: str,
        asked: bool,
        missing: bool = False,
    ) -> Mapping[str, Any]:
        """Write the row of a cell, and return it; `missing` marks one that was not computed."""
        row = cell_row(cell, result, job=job, run_id=self._run_id, simulated=simulated, model=model)
        if missing:
            row["status"] = "missing"
        if self._file is None:
            self._file = open(self._path, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 (closed by close)
        self._file.write(json.dumps(plain({**row, "asked": asked})) + "\n")
        return row

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the cells that were asked for, and the trivial models' cells beside them."""
        if self._file is not None:
            self._file.flush()
        rows = []
        if self._path.exists():
            with open(self._path, encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
        asked = [{k: v for k, v in r.items() if k != "asked"} for r in rows if r["asked"]]
        beside = [{k: v for k, v in r.items() if k != "asked"} for r in rows if not r["asked"]]
        return cells_frame(asked), cells_frame(beside)
