"""Measure the speed-up by more workers: cells of one CPU second each, with 1, 2 and 4 workers.

``python -m benchmarks scaling [--json FILE] [--cells 24] [--seconds 1]``

*Efficiency* is the wall time with one worker over that with n, by n or by the number of cores where that is less; the
runs follow each other in one command. It says little on a machine that others use as well. *Busy* is then the better
figure: the share of all workers' time, between the first fit's start and the last cell's end, in which they worked on a
cell; what is missing from 1 is the scheduler's. *Overhead* is all CPU of the run in that time beyond what fits took.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import machine, options, show, tell
from benchmarks.overhead import run

__all__ = ["main"]


def one(outputs: Path, workers: int, cells: int, seconds: float) -> dict[str, Any]:
    """Return what so many workers take."""
    more = ("tracking=none", f"execution.num_workers={workers}", f"+model.seconds={seconds}")
    watched, table = run(outputs, cells, *more, every=0.3, target="Burn")
    first, last = table["started"].min(), table["ended"].max()
    # the last fits leave workers idle however good the scheduler is: the time that counts ends when the queue is empty
    by_worker = table.groupby("worker")["ended"].max()
    empty = by_worker.min()
    worked = (table["ended"].clip(upper=empty) - table["started"].clip(upper=empty)).sum()
    cpu = float(table["fit_cpu_seconds"].sum())
    spent = watched.cpu_until(last) - watched.cpu_until(first)
    return {
        "workers": workers,
        "cells": len(table),
        "fit_cpu_s": cpu,
        "wall_s": float(last - first),
        "busy": float(worked / (len(by_worker) * (empty - first))),
        "overhead_of_cpu": (spent - cpu) / cpu,
        "load_average": watched.load[0],
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = options(
        __doc__, cells={"type": int, "default": 24}, seconds={"type": float, "default": 1.0, "help": "CPU of a cell"}
    )
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="va-scaling-") as name:
        rows = [one(Path(name) / str(n), n, chosen.cells, chosen.seconds) for n in (1, 2, 4)]
    for row in rows:
        useful = min(row["workers"], os.cpu_count() or 1)
        row["efficiency"] = rows[0]["wall_s"] / (row["wall_s"] * useful)
    show("Cells of one CPU second (goal: efficiency of 0.9 with 2 workers on 2 cores)", rows)
    tell({"machine": machine(), "scaling": rows}, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
