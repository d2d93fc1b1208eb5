"""Write many MLflow runs in one transaction of plain SQL, where MLflow's store is an SQLite file of ours.

MLflow's client takes about 40 ms of CPU time a run, this about one. The tables are MLflow's own: their columns are
checked before the first row is written, and a test compares the rows of both ways of writing.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from va_experiments.tracking.run_writer import RECORDED, TAG_CHARACTERS, CellRun, ClientWriter, outputs_tag, recorded_at
from va_experiments.uris import file_of, sqlite_file

__all__ = ["SqliteWriter", "open_writer"]

_COLUMNS = {
    "runs": (
        "run_uuid name source_type source_name entry_point_name user_id status start_time end_time source_version "
        "lifecycle_stage artifact_uri experiment_id deleted_time"
    ),
    "tags": "key value run_uuid",
    "params": "key value run_uuid",
    "metrics": "key value timestamp run_uuid step is_nan",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
}
"""MLflow's tables that hold a run, and their columns; where a file has others, MLflow's client writes."""


class SqliteWriter:
    """Writes to MLflow's tables in an SQLite file, many runs in one transaction.

    Parameters
    ----------
    file : Path
        The database, which MLflow has made.
    experiment : str
        Id of the experiment.
    artifacts : Path
        Its artifact folder.

    Use it in the thread that made it.
    """

    batch_size = 500
    """Runs that `write` takes whole or not at all."""
    at_once = 1

    def __init__(self, file: Path, experiment: str, artifacts: Path) -> None:
        self.experiment, self._artifacts = experiment, artifacts
        self._database = sqlite3.connect(file, timeout=60, isolation_level=None)  # each opening reads the whole schema
        self._database.execute("PRAGMA foreign_keys = ON")
        self._last_folder: Path | None = None

    @classmethod
    def open(cls, client: Any, experiment: str) -> SqliteWriter | None:
        """Open the file behind a client; return None where MLflow's client has to write.

        It has to for a server, for artifacts outside a local folder, and for tables with other columns.
        """
        file = sqlite_file(str(client.tracking_uri))
        if file is None:
            return None
        location = str(client.get_experiment(experiment).artifact_location)
        return cls._open(file, experiment, location)

    @classmethod
    def open_file(cls, file: Path, experiment: str) -> SqliteWriter | None:
        """Open a database that MLflow has made, by the name of the experiment, without importing MLflow.

        Returns None where MLflow's client has to open it: there is no such file or experiment yet, or `open` says so.
        """
        if not file.is_file():
            return None
        query = "SELECT experiment_id, artifact_location FROM experiments WHERE name = ? AND lifecycle_stage = 'active'"
        with contextlib.closing(sqlite3.connect(file, timeout=60)) as database:
            try:
                rows = database.execute(query, (experiment,)).fetchall()
            except sqlite3.Error:  # not a database, or not one of MLflow's
                return None
        return cls._open(file, str(rows[0][0]), str(rows[0][1])) if len(rows) == 1 else None

    @classmethod
    def _open(cls, file: Path, experiment: str, location: str) -> SqliteWriter | None:
        artifacts = file_of(location)
        if artifacts is None:
            return None
        writer = cls(file, experiment, artifacts)
        if writer._tables_are_known():
            return writer
        writer.close()
        return None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def write(self, runs: Sequence[CellRun]) -> list[str]:
        """Write all of the runs or none, and return their ids."""
        ids = [uuid.uuid4().hex for _ in runs]
        pairs = list(zip(ids, runs, strict=True))
        recorded = {RECORDED: recorded_at(time.time())}
        for run_id, run in pairs:
            for path in run.files:
                self.artifact(run_id, path, "cell")
        self._insert(
            runs=[self._run(i, run) for i, run in pairs],
            tags=[
                (k, v, i) for i, run in pairs for k, v in {**run.tags, **recorded, "mlflow.runName": run.name}.items()
            ],
            params=[(k, v, i) for i, run in pairs for k, v in run.params.items()],
            metrics=[(k, v, run.logged, i, 0, 0) for i, run in pairs for k, v in run.metrics.items()],
            latest_metrics=[(k, v, run.logged, 0, 0, i) for i, run in pairs for k, v in run.metrics.items()],
        )
        return ids

    def begin(self, name: str, tags: Mapping[str, str]) -> str:
        """Open a run that has begun now, and return its id."""
        run_id, now = uuid.uuid4().hex, int(time.time() * 1000)
        run = self._row(run_id, name, "RUNNING", now, None)
        self._insert(runs=[run], tags=[(k, v, run_id) for k, v in {**tags, "mlflow.runName": name}.items()])
        return run_id

    def end(self, run_id: str, metrics: Mapping[str, float], status: str) -> None:
        """Write a run's figures, and that it has ended now."""
        self.step(run_id, metrics, 0)
        now = int(time.time() * 1000)
        self._database.execute("UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?", (status, now, run_id))

    def tag(self, run_id: str, name: str, text: str) -> None:
        """Write a tag of a run, in place of an earlier one."""
        self._insert(tags=[(name, text[:TAG_CHARACTERS], run_id)])

    def close_zombies(self, outputs: Path) -> int:
        """End runs that a killed driver of this outputs folder left RUNNING; return how many."""
        ended = self._database.execute(
            "UPDATE runs SET status = 'KILLED', end_time = ? WHERE experiment_id = ? AND status = 'RUNNING' AND "
            "lifecycle_stage = 'active' AND run_uuid IN "
            "(SELECT run_uuid FROM tags WHERE key = 'va.outputs' AND value = ?)",
            (int(time.time() * 1000), int(self.experiment), outputs_tag(outputs)),
        )
        return ended.rowcount

    def artifact(self, run_id: str, path: Path, folder: str) -> None:
        """Copy a file to a folder among a run's artifacts; ``.`` is the top."""
        target = self._artifacts / run_id / "artifacts" / folder
        if target != self._last_folder:
            target.mkdir(parents=True, exist_ok=True)
            self._last_folder = target
        shutil.copyfile(path, target / path.name)

    def step(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Write a step of some of a run's metrics."""
        now = int(time.time() * 1000)
        self._insert(
            metrics=[(k, v, now, run_id, step, 0) for k, v in metrics.items()],
            latest_metrics=[(k, v, now, step, 0, run_id) for k, v in metrics.items()],
        )

    def _insert(self, **tables: list[tuple[Any, ...]]) -> None:
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")  # a second writer waits before it has read anything
            for table, rows in tables.items():
                columns = _COLUMNS[table].split()
                verb = "REPLACE" if table in ("latest_metrics", "tags") else "INSERT"
                places = ", ".join("?" * len(columns))
                database.executemany(f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)

    def _run(self, run_id: str, run: CellRun) -> tuple[Any, ...]:
        return self._row(run_id, run.name, run.status, run.started, run.ended)

    def _row(self, run_id: str, name: str, *times: Any) -> tuple[Any, ...]:
        artifacts = f"{self._artifacts.as_uri()}/{run_id}/artifacts"
        return (run_id, name, "UNKNOWN", "", "", "unknown", *times, "", "active", artifacts, int(self.experiment), None)

    def _tables_are_known(self) -> bool:
        def columns(table: str) -> set[str]:
            return {str(row[1]) for row in self._database.execute(f"PRAGMA table_info({table})")}

        return all(columns(table) == set(names.split()) for table, names in _COLUMNS.items())


def open_writer(client: Any, experiment: str) -> ClientWriter | SqliteWriter:
    """Open the quickest way to write to where a client of MLflow writes."""
    return SqliteWriter.open(client, experiment) or ClientWriter(client, experiment)
