"""What happens to the views: MLflow's database locked, damaged, gone; Prefect's server killed; eight first uses."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.faults.harness import (
    SMALL,
    Place,
    Process,
    Row,
    alive,
    children,
    compare,
    prepare,
    stored,
    undisturbed,
    until,
)
from va_experiments.config.schema import TrackingConfig
from va_experiments.prefect_flow.server import PrefectServer

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
                n_recorded = _mlflow_cells(place.outputs / "mlflow.db")
                row.expect(n_recorded == len(right), f"{name}: {n_recorded} of {len(right)} cells in the new database")
    return row


def _flow_runs(home: Path) -> int:
    """Return how many flow runs Prefect's database says are running."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_opened(home)) as connection:
        return int(connection.execute("select count(*) from flow_run where state_type = 'RUNNING'").fetchone()[0])
    return 0


def _opened(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{home / 'prefect.db'}?mode=ro", uri=True, timeout=5)


def _servers(process: Process) -> list[psutil.Process]:
    result = []
    for pid in children(process.pid):
        with contextlib.suppress(psutil.Error):
            if "prefect_flow.serve" in " ".join((one := psutil.Process(pid)).cmdline()):
                result.append(one)
    return result


def f17_prefect(times: int = 4, *, more: bool = True) -> Row:
    """Kill Prefect's server before the flow begins and while it runs; lock its database; name a server that is not."""
    row = Row("F17", "Prefect's server killed before and during the flow, its database locked, no server", 0, 0, 0)
    right = undisturbed("model=toy", "model.seconds=8")
    ways = ["before the flow", "during the flow"] * times + ["database locked", "no server"] * more

    def one(way: str) -> list[str]:
        with Place.new(*SMALL, *PREFECT) as place:
            arguments = ["model=toy", "model.seconds=8", "tracking.prefect_wait_seconds=5"]
            home = place.outputs / "prefect"
            if way == "no server":
                arguments.append("tracking.prefect_api_url=http://127.0.0.1:9/api")
            process = place.start(*arguments, real=True)
            if way == "before the flow":
                until(lambda: _servers(process) or process.code is not None, timeout=120)
            elif way != "no server":
                until(lambda: _flow_runs(home) or process.code is not None, timeout=120, every=0.3)
            if process.code is not None:
                return [f"{way}: the run was over before the fault"]
            family = children(process.pid)
            if way.endswith("the flow"):
                for server in _servers(process):
                    server.kill()
            elif way == "database locked":
                with contextlib.closing(sqlite3.connect(home / "prefect.db", timeout=60, isolation_level=None)) as held:
                    held.execute("begin exclusive")
                    until(lambda: process.code is not None, timeout=60, every=0.2)
            process.wait(200)
            row_of_way = Row("", "", 1, 0, 0)
            row_of_way.expect(process.code == 0, f"{way}: code {process.code}: {process.err[-600:]}")
            row_of_way.expect("Traceback" not in process.err, f"{way}: a traceback: {process.err[-600:]}")
            compare(row_of_way, right, place)
            row_of_way.recomputed += max(0, place.begun() - len(right))
            row_of_way.expect(until(lambda: not alive(family), 10), f"{way}: left behind: {alive(family)}")
            row.injected += 1
            row.lost += row_of_way.lost
            row.recomputed += row_of_way.recomputed
            return row_of_way.found

    with ThreadPoolExecutor(4) as pool:  # most of it is waiting for the server
        for problems in pool.map(one, ways):
            row.found += problems
    return row


def f21_first_use(times: int = 1, processes: int = 8) -> Row:
    """Let several runs open one fresh MLflow database at once, and several servers one fresh Prefect database."""
    row = Row("F21", f"{processes} at once make first use of one MLflow database, of one Prefect database", 0, 0, 0)
    right = undisturbed("model=toy")
    prepare("mlflow", "mlflow.tracking", "mlflow.store.tracking.sqlalchemy_store")  # imports done: all begin at once
    for _ in range(times):
        with Place.new(*SMALL, *MLFLOW) as place:
            uri = f"tracking.uri=sqlite:///{place.root / 'team.db'}"
            running = [place.start("model=toy", uri, outputs=place.root / f"o{n}") for n in range(processes)]
            for number, process in enumerate(running):
                process.wait(500)
                row.injected += 1
                row.expect(process.code == 0, f"code {process.code}: {process.err[-400:]}")
                row.expect("! MLflow" not in process.out, f"MLflow gave up: {process.out[-400:]}")
                row.lost += len(set(right.items()) - set(stored(place.root / f"o{number}").items()))
            n_recorded = _mlflow_cells(place.root / "team.db")
            row.expect(
                n_recorded == processes * len(right), f"{n_recorded} of {processes * len(right)} cells in the database"
            )
    with Place.new() as place:
        home = place.root / "prefect"
        servers = [PrefectServer(TrackingConfig(), home) for _ in range(processes)]
        try:
            for server in servers:
                server.start()
            for server in servers:
                row.injected += 1
                row.expect(
                    server.wait(300), f"a Prefect server did not start: {(home / 'server.log').read_text()[-600:]}"
                )
        finally:
            for server in servers:
                server.stop()
    return row
