"""Time the VA34 grid as a whole command, and small runs: what each takes beyond its fits, against the goals.

``python -m benchmarks va34_command [--json FILE] [--workers 2] [--repeats 3] [--no-grid]``

*Fits* is the time from the first cell's start to the last cell's end, and *beyond* all other seconds of the command:
*before* (start, reading, planning, workers) and *after* (tables, report, end). Each command runs once before it is
measured, so that databases and files are there, and then a few times; the run with the least wall time is shown.
Measure on idle cores: the load is in the table. The grid (160 cells, with a report, tracking off) needs the PHMRC adult
file; `VA_PHMRC_DIR` names its folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import machine, newest_run, options, show, show_page, tell, watch
from benchmarks.startup import arguments_of
from benchmarks.va34_grid import COMMAND, real_deaths

__all__ = ["main"]


def measured(name: str, command: Sequence[str], outputs: Path, repeats: int, **goal: float) -> dict[str, Any]:
    """Return what the quickest of several runs of a command took, which fits everything each time."""
    from va_experiments.results import load_results

    rows = []
    for number in range(repeats + 1):
        run = watch(command, every=0.2)
        if run.code != 0:
            raise SystemExit(run.output)
        cells = load_results(newest_run(outputs))
        fits = float(cells["ended"].max() - cells["started"].min())
        before = float(cells["started"].min()) - run.began
        row = {"command": name, "cells": len(cells), "wall_s": run.wall, "before_s": before, "fits_s": fits}
        row |= {"after_s": run.wall - before - fits, "beyond_s": run.wall - fits}
        row |= {**goal, "cpu_s": run.cpu, "load_average": run.load[0]}
        if number:
            rows.append(row)
    return min(rows, key=lambda row: float(row["wall_s"]))


def main(arguments: list[str] | None = None) -> int:
    """Print a row for each command."""
    number = {"type": int}
    parser = options(__doc__, workers=number | {"default": 2}, repeats=number | {"default": 3})
    parser.add_argument("--no-grid", action="store_true", help="only the small runs")
    chosen = parser.parse_args(arguments)
    ray = f"execution.num_workers={chosen.workers}"
    rows = []
    with tempfile.TemporaryDirectory(prefix="va-command-") as temporary:
        small, whole = Path(temporary) / "small", Path(temporary) / "grid"
        for name, more, goal in (
            ("small, inline, no tracking", ("execution=inline", "tracking=none"), 2.5),
            ("small, Ray, MLflow and Prefect", (ray,), 9.0),
        ):
            rows.append(measured(name, arguments_of(small, *more), small, chosen.repeats, goal_beyond_s=goal))
            show("A whole command", rows[-1:])
        if not chosen.no_grid and not real_deaths().is_dir():
            print("\nthe grid needs the PHMRC adult file: set VA_PHMRC_DIR to its folder", file=sys.stderr)
        elif not chosen.no_grid:
            os.environ["VA_PHMRC_DIR"] = str(real_deaths())
            command = [*COMMAND, "resume=false", f"paths.outputs={whole}", "execution=ray", ray]
            rows.append(measured("va34_command", command, whole, chosen.repeats, goal_wall_s=15.0))
            show("A whole command", rows[-1:])
    names = ("wall_s", "before_s", "fits_s", "after_s", "cpu_s")
    lines = [[r["command"], f"{r['cells']:,}", *(f"{r[k]:.1f} s" for k in names)] for r in rows]
    for line, r in zip(lines, rows, strict=True):
        line.append(
            f"{r['goal_beyond_s']} s beyond the fits" if "goal_beyond_s" in r else f"{r['goal_wall_s']:.0f} s of wall"
        )
        line.append(f"{r['load_average']:.1f}")
    head = [
        "command",
        "cells",
        "wall",
        "until the first fit",
        "fits",
        "after the last fit",
        "CPU",
        "goal",
        "load before",
    ]
    note = f"The quickest of {chosen.repeats} runs of each command, after one that is not counted; nothing is paired."
    show_page(f"`python -m benchmarks va34_command`. {note}", head, lines)
    tell({"machine": machine(), "commands": rows}, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
