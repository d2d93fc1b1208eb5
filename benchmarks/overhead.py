"""Measure the cost of the framework for each cell: 10,000 cells without computation, resumed, and with MLflow.

``python -m benchmarks overhead [--json FILE] [--cells 10000] [--mlflow-cells 1000] [--workers 2]``

Cells are repeats of a pooled division of 400 simulated deaths with 20 symptoms, scored with 100 resamples like any
other. *Wall* of a cell is the time between the ends of successive blocks of 100 cells, by 100: median and 95th
percentile. *CPU* of a cell is that of all processes together (driver, workers, Ray's own), the fixed cost of starting
and reporting taken out by a second run with few cells. Memory is the driver's, while the first and last 1,000 end.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Watched, machine, newest_run, options, show, show_page, tell, watch

__all__ = ["command", "main"]

REFERENCE = "measured on 2026-11-25"
"""When the figures of the column of that name were measured, by this benchmark on an idle machine with 2 cores."""


def command(outputs: Path, cells: int, *more: str, target: str = "NoOp") -> list[str]:
    """Return the arguments of a run of so many small cells."""
    return [
        "-m",
        "va_experiments",
        "model=nbc",
        f"model._target_=benchmarks.noop.{target}",
        "~model.alpha",
        "~model.reference_compat",
        "allowed_targets=[benchmarks]",
        "data.n=400",
        "data.n_symptoms=20",
        "data.sites=[AP,UP]",
        "protocol=pooled",
        f"protocol.repeats={cells}",
        "baselines=[]",
        f"paths.outputs={outputs}",
        *more,
    ]


def run(outputs: Path, cells: int, *more: str, every: float = 1.0, target: str = "NoOp") -> tuple[Watched, Any]:
    """Run so many cells and return what it took, and its table."""
    from va_experiments.results import load_results

    watched = watch(command(outputs, cells, *more, target=target), every=every)
    if watched.code != 0:
        raise SystemExit(watched.output)
    return watched, load_results(newest_run(outputs))


def by_cell(watched: Watched, table: Any, few: Watched, few_cells: int) -> dict[str, Any]:
    """Return wall and CPU of a cell, and the driver's memory at both ends of the run."""
    ended = np.sort(table["ended"].to_numpy())
    blocks = np.diff(ended[::100]) / 100 * 1000
    thousand = min(1000, len(ended) // 3)
    memory = {}
    for name, (first, last) in {
        "first": (ended[0], ended[thousand]),
        "last": (ended[-thousand], ended[-1]),
    }.items():
        seen = [m for t, _, m, _ in watched.samples if first <= t <= last]
        memory[name] = float(np.median(seen)) if seen else float("nan")
    return {
        "cells": len(table),
        "wall_s": float(ended[-1] - table["started"].min()),
        "wall_ms_a_cell": float(np.median(blocks)),
        "wall_ms_p95": float(np.quantile(blocks, 0.95)),
        "cpu_ms_a_cell": 1000 * (watched.cpu - few.cpu) / (len(table) - few_cells),
        "cell_itself_cpu_ms": 1000 * float(table["cpu_seconds"].median()),
        "driver_mb_first_1000": memory["first"],
        "driver_mb_last_1000": memory["last"],
        "peak_mb": watched.peak_mb,
        "load_average": watched.load[0],
    }


def checked(outputs: Path) -> dict[str, Any]:
    """Return what it takes to load every stored cell, its checksums included."""
    import time

    from va_experiments.checkpoints import Store

    store = Store(outputs / "checkpoints")
    wall, cpu = time.perf_counter(), time.process_time()
    number = sum(store.load(key) is not None for key in list(store.keys()))
    return {
        "step": "load and check every cell",
        "cells": number,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
    }


def page_rows(row: dict[str, Any], resume: list[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of the page's table: what, measured now, measured before, goal."""
    first, last = row["driver_mb_first_1000"], row["driver_mb_last_1000"]
    loaded, again = resume
    wall = f"{row['wall_ms_a_cell']:.1f} ms ({row['wall_ms_p95']:.1f} ms)"
    cpu = f"{row['cpu_ms_a_cell']:.1f} ms, of which {row['cell_itself_cpu_ms']:.1f} ms are its own metrics"
    both = [f"{r['cpu_s']:.1f} s CPU, {r['wall_s']:.1f} s wall" for r in (loaded, again)]
    return [
        [f"{row['cells']:,} cells", f"{row['wall_s']:.0f} s", "108 s (10,000 cells)", "600 s"],
        ["wall of a cell, median over blocks of 100 (95th percentile)", wall, "8.1 ms (14.6 ms)", "30 ms"],
        ["CPU of a cell, all processes together", cpu, "15.7 ms, of which 6.6 ms", ""],
        ["share of a cell that computes for 1 s", f"{row['cpu_ms_a_cell'] / 10:.1f}%", "1.6%", "5%"],
        [
            "driver's memory during the first and the last 1,000 cells",
            f"{first:.0f} MB, {last:.0f} MB ({last / first - 1:+.0%})",
            "172 MB, 176 MB (+2%)",
            "within 10%",
        ],
        [f"load {loaded['cells']:,} finished cells with all checksums", both[0], "2.1 s CPU, 2.2 s wall", "20 s"],
        [
            f"the same command again, including a report of {again['cells']:,} rows",
            both[1],
            "14.1 s CPU, 15.0 s wall",
            "20 s",
        ],
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    number = {"type": int}
    parser = options(
        __doc__,
        cells=number | {"default": 10_000},
        mlflow_cells=number | {"default": 1000},
        workers=number | {"default": 2},
    )
    chosen = parser.parse_args(arguments)
    workers, few_cells = f"execution.num_workers={chosen.workers}", 100
    figures: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="va-overhead-") as name:
        folder = Path(name)
        few, _ = run(folder / "few", few_cells, "tracking=none", workers)
        many, table = run(folder / "many", chosen.cells, "tracking=none", workers)
        row = {"tracking": "none"} | by_cell(many, table, few, few_cells)
        figures["no_op"] = [row]
        show("A cell of a model that does nothing (goal: 30 ms median; 10,000 in 600 s; memory flat within 10%)", [row])
        print(f"\nof the CPU of a cell that computes for 1 s: {row['cpu_ms_a_cell'] / 10:.2g}% (goal: 5%)")
        again, table = run(folder / "many", chosen.cells, "tracking=none", workers)
        whole = {
            "step": "the same command again, as a whole",
            "cells": len(table),
            "reused": int(table["reused"].sum()),
            "cpu_s": again.cpu,
            "wall_s": again.wall,
        }
        figures["resume"] = [checked(folder / "many"), whole]
        show(f"Resuming {chosen.cells:,} finished cells (goal: 20 s)", figures["resume"])
        note = f"CPU of a cell: of this run less that of the same command with {few_cells} cells, run just before."
        head = ["", "measured", REFERENCE, "goal"]
        show_page(f"`python -m benchmarks overhead`. {note}", head, page_rows(row, figures["resume"]))
        if chosen.mlflow_cells:
            on = ("tracking.prefect=false", workers)
            few, _ = run(folder / "few-mlflow", few_cells, *on)
            logged, table = run(folder / "mlflow", chosen.mlflow_cells, *on)
            row = {"tracking": "MLflow (SQLite)"} | by_cell(logged, table, few, few_cells)
            figures["no_op"].append(row | {"whole_command_wall_s": logged.wall})
            show("With an MLflow run for each cell", [figures["no_op"][-1]])
    tell(figures, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
