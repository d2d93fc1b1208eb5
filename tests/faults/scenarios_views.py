"""What happens to the views: MLflow's database locked, damaged, gone; Prefect's server killed; eight first uses."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.faults.harness import SMALL, Place, Process, Row, alive, children, compare, stored, undisturbed, until

TOY = ("model=toy", "model.seconds=0.3")
MLFLOW = ("execution=inline", "tracking=local", "tracking.prefect=false")
PREFECT = ("execution=inline", "tracking=local", "tracking.mlflow=false")


def _mlflow_cells(database: Path) -> int:
    """Return how many finished cell runs the database has."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        query = "select count(distinct run_uuid) from tags where key = 'cell_key'"
        return int(connection.execute(query).fetchone()[0])


def f16_mlflow(*, hold: float = 20) -> Row:
    """Lock the database, overwrite its head, delete it: results must not care."""
    row = Row("F16", "MLflow database locked, damaged, deleted", 0, 0, 0)
    right = undisturbed(*TOY)

    def lock(database: Path, process: Process) -> None:
        with contextlib.closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
            connection.execute("begin exclusive")
            end = time.monotonic() + hold
            while time.monotonic() < end and process.code is None:
                time.sleep(0.2)
            connection.execute("rollback")

    def damage(database: Path, process: Process) -> None:
        with open(database, "r+b") as file:
            file.write(b"\0" * 4096)

    def delete(database: Path, process: Process) -> None:
        for path in database.parent.glob("mlflow.db*"):
            path.unlink()

    cases: tuple[tuple[str, Callable[[Path, Process], None]], ...] = (
        ("locked", lock), ("damaged", damage), ("deleted", delete),
    )  # fmt: skip
    with Place.new(*SMALL, *MLFLOW) as first:
        assert first.run(*TOY, "seed=9", real=True, timeout=300).code == 0  # a database to be damaged
        for name, do in cases:
            with Place.new(*SMALL, *MLFLOW) as place:
                place.outputs.mkdir()
                shutil.copy(first.outputs / "mlflow.db", place.outputs / "mlflow.db")
                process = place.start(*TOY, real=True)
                until(lambda p=place, q=process: p.begun() > 0 or q.code is not None, timeout=120)
                thread = threading.Thread(target=do, args=(place.outputs / "mlflow.db", process))
                thread.start()
                process.wait(300)
                thread.join()
                row.injected += 1
                row.expect(process.code == 0, f"{name}: code {process.code}: {process.err[-600:]}")
                row.expect("Traceback" not in process.err, f"{name}: a traceback: {process.err[-600:]}")
                compare(row, right, place)
                row.recomputed += max(0, place.begun() - len(right))
                begun = place.begun()
                for path in place.outputs.glob("mlflow.db*"):
                    path.unlink()
                after = place.run(*TOY, real=True, timeout=300)  # taken up from the store, into a new database
                row.expect(after.code == 0, f"{name}: code {after.code} afterwards: {after.err[-300:]}")
                row.recomputed += place.begun() - begun
                found = _mlflow_cells(place.outputs / "mlflow.db")
                row.expect(found == len(right), f"{name}: {found} of {len(right)} cells in the new database")
    return row


def f17_prefect(times: int = 2) -> Row:
    """Kill Prefect's server before the flow begins, and while it runs."""
    row = Row("F17", "Prefect's server killed", 0, 0, 0)
    right = undisturbed("model=toy", "model.seconds=3")
    for number in range(times):
        with Place.new(*SMALL, *PREFECT) as place:
            process = place.start("model=toy", "model.seconds=3", "tracking.prefect_wait_seconds=5", real=True)
            servers: list[int] = []

            def server(process: Process = process, servers: list[int] = servers) -> bool:
                servers[:] = [
                    c for c in children(process.pid) if "prefect_serve" in " ".join(psutil.Process(c).cmdline())
                ]
                return bool(servers) or process.code is not None

            until(server, timeout=60)
            wanted = 1 + 2 * (number % 2)
            until(lambda p=place, q=process, w=wanted: p.begun() >= w or q.code is not None, timeout=120)
            family = children(process.pid)
            for pid in servers:
                psutil.Process(pid).kill()
                row.injected += 1
            process.wait(200)
            row.expect(process.code == 0, f"code {process.code}: {process.err[-600:]}")
            compare(row, right, place)
            row.recomputed += max(0, place.begun() - len(right))
            row.expect(until(lambda f=family: not alive(f), 10), f"left behind: {alive(family)}")
    return row


def f21_first_use(processes: int = 8, times: int = 1) -> Row:
    """Let several processes open one fresh MLflow database at once."""
    row = Row("F21", f"{processes} processes' first use of one MLflow database", 0, 0, 0)
    right = undisturbed("model=toy")
    for _ in range(times):
        with Place.new(*SMALL, *MLFLOW) as place:
            uri = f"tracking.uri=sqlite:///{place.root / 'team.db'}"
            running = [place.start("model=toy", uri, outputs=place.root / f"o{n}", real=True) for n in range(processes)]
            for number, process in enumerate(running):
                process.wait(500)
                row.injected += 1
                row.expect(process.code == 0, f"code {process.code}: {process.err[-400:]}")
                row.expect("could not" not in process.out, f"MLflow gave up: {process.out[-400:]}")
                row.lost += len(set(right.items()) - set(stored(place.root / f"o{number}").items()))
    return row
