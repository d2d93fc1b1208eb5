"""Record thousands of real cells on a team's servers: what a cell costs as their number grows, and none lost.

``python -m benchmarks team_load [--json FILE] [--cells 20000]`` (needs what ``benchmarks.team_servers`` needs). One
driver runs that many cells of a model without computation (other divisions of 400 simulated deaths), inline, and
records each on MLflow over PostgreSQL, with its three files in S3. Rows are intervals between numbers of cells: wall
and CPU milliseconds of a cell recorded in them. The driver computes faster than it can record, so that its CPU of all
cells falls into the first rows. At the end the database must hold each cell once, and a second member with an empty
outputs folder runs the last hundred of the same cells: all must come from the server.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import environment, machine, options, show, tell
from benchmarks.overhead import command

__all__ = ["main"]

MARKS = (1000, 5000, 10_000, 20_000)
"""Numbers of recorded cells that divide the table's rows."""

TAKEN = 100
"""Cells that the second member runs."""

ROLES = {
    "driver": r"-m va_experiments ",
    "postgresql": r"^postgres: |/postgres -D ",  # before the next: each of its processes names the database of a client
    "s3": "moto",
    "mlflow": "mlflow",
}
"""What tells the command lines of the processes apart; the first that is found."""


class Costs:
    """CPU seconds by role of this process's descendants, those included that have ended."""

    def __init__(self) -> None:
        self._seconds: dict[int, tuple[str, float]] = {}

    def now(self) -> dict[str, float]:
        """Return CPU seconds by role until now."""
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                known = self._seconds.get(process.pid)
                role = known[0] if known else _role(" ".join(process.cmdline()))
                self._seconds[process.pid] = role, sum(process.cpu_times()[:2])
        total: dict[str, float] = defaultdict(float)
        for role, seconds in self._seconds.values():
            total[role] += seconds
        return total


def _role(line: str) -> str:
    return next((role for role, pattern in ROLES.items() if re.search(pattern, line)), "other")


class Database:
    """MLflow's tables."""

    def __init__(self, address: str) -> None:
        import psycopg2

        self._connection = psycopg2.connect(f"postgresql://{address}/mlflow")
        self._connection.autocommit = True

    def one_row(self, query: str) -> tuple[Any, ...]:
        """Return the only row of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return tuple(cursor.fetchone())

    def recorded(self) -> int:
        """Return the number of cells whose runs have ended."""
        return int(
            self.one_row(
                "SELECT count(*) FROM runs JOIN tags USING (run_uuid) "
                "WHERE status = 'FINISHED' AND key = 'va.kind' AND value = 'cell'"
            )[0]
        )

    def keys(self) -> tuple[int, int]:
        """Return the number of cell keys of all runs, and of distinct ones."""
        a, b = self.one_row("SELECT count(value), count(DISTINCT value) FROM tags WHERE key = 'cell_key'")
        return int(a), int(b)


def arguments(outputs: Path, server: str, cells: int) -> list[str]:
    """Return the arguments of a member's command."""
    more = ["execution=inline", f"tracking.uri={server}", "tracking.prefect=false", "report=false", "n_bootstrap=0"]
    return command(outputs, cells, *more, f"tracking.max_cell_runs={cells}")


def load(servers: Any, outputs: Path, cells: int, every: float = 2.0) -> list[dict[str, Any]]:
    """Run and record the cells; return the table's rows."""
    database, costs = Database(servers.database), Costs()
    marks = sorted({m for m in MARKS if m < cells} | {cells})
    rows: list[dict[str, Any]] = []
    before = costs.now()
    with open(outputs.with_suffix(".log"), "wb") as log:
        driver = subprocess.Popen(
            [sys.executable, *arguments(outputs, servers.mlflow, cells)], env=environment(), stdout=log, stderr=log
        )
        began, previous = 0.0, 0
        while marks:
            time.sleep(every)
            number, ended = database.recorded(), driver.poll() is not None
            now = costs.now()
            if not began and number:
                began, previous, before = time.perf_counter(), number, now  # the starts are no cost of a cell
            if marks and number >= marks[0] and number > previous:
                wall = time.perf_counter()
                row: dict[str, Any] = {"cells": f"{previous:,} to {number:,}"}
                row["wall_ms"] = 1000 * (wall - began) / (number - previous)
                row |= {f"{r}_cpu_ms": 1000 * (now[r] - before[r]) / (number - previous) for r in ROLES}
                rows.append(row | {"load_average": os.getloadavg()[0]})
                show("Until now", rows)
                began, previous, before = wall, number, now
                marks = [m for m in marks if m > number]
            if ended:
                break
        if driver.wait() != 0 or database.recorded() != cells:
            raise SystemExit(f"{database.recorded()} cells recorded; {outputs.with_suffix('.log').read_text()[-3000:]}")
    return rows


def take(servers: Any, outputs: Path) -> dict[str, Any]:
    """Run some of the same cells elsewhere, and return how many came from the server and what that took."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments(outputs, servers.mlflow, TAKEN)], env=environment(), capture_output=True, text=True
    )
    counts = re.findall(r"(\d+) done, (\d+) reused", done.stdout)
    if done.returncode != 0 or not counts:
        raise SystemExit(done.stdout + done.stderr)
    return {"computed": int(counts[-1][0]), "taken": int(counts[-1][1]), "wall_s": time.perf_counter() - began}


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    from tests import team

    parser = options(__doc__, cells={"type": int, "default": 20_000})
    chosen = parser.parse_args(arguments)
    if reason := team.unable():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory(prefix="va-team-") as name, team.team(Path(name)) as servers:
        rows = load(servers, Path(name) / "ann", chosen.cells)
        every, distinct = Database(servers.database).keys()
        stored = {"cells": chosen.cells, "recorded": every, "different": distinct}
        show("A cell, recorded on MLflow over PostgreSQL, its files in S3", rows)
        show("All of them (none may be lost or doubled)", [stored])
        again = take(servers, Path(name) / "bob")
        show(f"The same command elsewhere, for {TAKEN} of them", [again])
    tell({"machine": machine(), "rows": rows, "kept": stored, "taken": again}, chosen.json)
    return int(every != chosen.cells or distinct != chosen.cells or again["computed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
