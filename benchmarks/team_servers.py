"""Measure what a cell costs on a team's servers: MLflow on PostgreSQL with files in S3, and on the local SQLite file.

``python -m benchmarks team_servers [--json FILE] [--cells 300]`` (needs PostgreSQL's programs and the extras of
``tests/team.py``). One real cell, with its row and files, is recorded under many keys: run, metrics, parameters, tags
and files. Then all keys are looked up and 20 cells are fetched, as another member's run does. *First* and *last* are
the medians of the first and the last fifth: where they are equal, a larger number of cells costs its multiple.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import machine, newest_run, options, show, tell, watch

__all__ = ["main"]

LOAD = 20_000
"""Cells that the last column is for."""


def one_cell(folder: Path) -> Any:
    """Return a real cell as its MLflow run."""
    from va_experiments.results import load_results
    from va_experiments.results.rows import Row
    from va_experiments.tracking import cell_run

    arguments = ["model=nbc", "site=ap", "execution=inline", "tracking=none", "report=false", "baselines=[]"]
    done = watch(["-m", "va_experiments", *arguments, f"paths.outputs={folder}"])
    if done.code != 0:
        raise SystemExit(done.output)
    values = load_results(newest_run(folder)).iloc[0].dropna().to_dict()
    place = next((folder / "checkpoints" / "cells").glob("*/*"))
    return cell_run(Row(values), place, parent="", multirun="benchmark", outputs=folder)


def record(make: Callable[[], Any], cell: Any, keys: list[str], writers: int) -> tuple[list[float], float]:
    """Record the cell under these keys with so many writers at once; return seconds of each, and of all (wall)."""

    def write(part: list[str]) -> list[float]:
        writer, seconds = make(), []
        for key in part:
            began = time.perf_counter()
            writer.write([dataclasses.replace(cell, tags={**cell.tags, "cell_key": key, "reused": "false"})])
            seconds.append(time.perf_counter() - began)
        return seconds

    began = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        parts = list(pool.map(write, [keys[k::writers] for k in range(writers)]))
    return [s for row in zip(*parts, strict=True) for s in row], time.perf_counter() - began


def measure(name: str, config: Any, outputs: Path, cell: Any, cells: int, writers: int) -> dict[str, Any]:
    """Return one row of the table."""
    from va_experiments.checkpoints.manifest import CELL_FILES
    from va_experiments.tracking import connect, fetch_cell, find_cells, open_writer

    client, experiment = connect(config, outputs)
    keys = [f"{k:064x}" for k in range(cells - cells % writers)]
    seconds, wall = record(lambda: open_writer(client, experiment), cell, keys, writers)
    began = time.perf_counter()
    runs_of_cells = dict(find_cells(client, experiment, set(keys)))
    looked_up = time.perf_counter() - began
    if set(runs_of_cells) != set(keys):
        raise SystemExit(f"{name}: {len(keys) - len(runs_of_cells)} of {len(keys)} cells were not found again")
    few = list(runs_of_cells.values())[:20]
    began = time.perf_counter()
    for run_id in few:
        with tempfile.TemporaryDirectory() as place:
            fetch_cell(client, run_id, Path(place), CELL_FILES)
    fetched = (time.perf_counter() - began) / len(few)
    fifth = max(1, len(seconds) // 5)
    return {
        "servers": name,
        "writers": writers,
        "cells": len(keys),
        "ms_a_cell": 1000 * wall / len(keys),
        "first_ms": 1000 * float(np.median(seconds[:fifth])),
        "last_ms": 1000 * float(np.median(seconds[-fifth:])),
        "look_up_ms_a_cell": 1000 * looked_up / len(keys),
        "fetch_ms_a_cell": 1000 * fetched,
        f"hours_for_{LOAD}": wall / len(keys) * LOAD / 3600,
        "load_average": os.getloadavg()[0],
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    from tests import team
    from va_experiments.config.schema import TrackingConfig

    parser = options(__doc__, cells={"type": int, "default": 300})
    chosen = parser.parse_args(arguments)
    if reason := team.unable():
        raise SystemExit(reason)
    rows = []
    with tempfile.TemporaryDirectory(prefix="va-team-") as name, team.team(Path(name)) as servers:
        cell = one_cell(Path(name) / "cell")
        rows.append(measure("SQLite file", TrackingConfig(), Path(name) / "local", cell, chosen.cells, 1))
        for writers in (1, 2, 4):
            config = TrackingConfig(uri=servers.mlflow, experiment=f"load {writers}")
            rows.append(measure("PostgreSQL and S3", config, Path(name) / "o", cell, chosen.cells, writers))
    show(f"Recording a cell of {len(cell.files)} files and {len(cell.metrics)} metrics", rows)
    tell({"machine": machine(), "team_servers": rows}, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
