"""A cell's row as an MLflow run: what of it becomes tags, parameters and metrics, and two ways to write it.

MLflow's client writes to any server, in about 40 ms of CPU time a run. Where the store is an SQLite file of ours, many
runs are written in one transaction of plain SQL, in about one: the tables are MLflow's, checked before the first row
is written, and a test holds both ways to the same rows.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["CELL_TAGS", "CellRun", "Client", "SqliteFile", "cell_run", "outputs_tag", "writer_of"]

CELL_TAGS = (
    "model",
    "protocol",
    "train_sites",
    "test_site",
    "train_size",
    "testset",
    "features",
    "data",
    "simulated",
    "status",
    "reused",
    "converged",
    "cell_key",
    "prediction_sha256",
)
"""Columns of a cell's row that become tags of its child run, so that the UI's filter box can use them."""

_PARAMS = ("model", "test_site", "train_size", "features", "seed", "repeat", "fold")
"""Columns that become parameters too: by nothing else do MLflow's plots of a comparison group runs."""

_NOT_METRICS = {"started", "ended", "seed", "repeat", "fold", "replicate", "attempt", "n_causes"}
_NAME = re.compile(r"[\w. :/-]{1,250}")
"""What MLflow takes as the name of a metric, a parameter or a tag."""

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
"""The tables that a run's rows stand in, and their columns; with others, MLflow's client does the writing."""


@dataclass(frozen=True)
class CellRun:
    """What MLflow is told of one cell."""

    name: str
    status: str
    """``FINISHED`` or ``FAILED``."""
    started: int
    """Milliseconds since 1970, as the two times below."""
    ended: int
    logged: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    files: tuple[Path, ...]
    """Files that become artifacts under ``cell/``."""


def cell_run(row: Mapping[str, Any], folder: Path | None, *, parent: str, multirun: str, outputs: Path) -> CellRun:
    """Return what MLflow is told of a cell.

    Parameters
    ----------
    row : mapping
        As in ``cells.csv``.
    folder : Path, optional
        The cell's folder in the store.
    parent : str
        Id of the parent run.
    multirun : str
        Name of the multirun.
    outputs : Path
        The outputs folder, by which runs that a killed driver left open are found.
    """
    now = time.time()
    tags = {"mlflow.parentRunId": parent, "va.outputs": outputs_tag(outputs)} if parent else {}
    tags |= {k: _text(row.get(k)) for k in CELL_TAGS if row.get(k) not in (None, "")}
    tags |= {"va.kind": "cell", "multirun": multirun, "job": str(row["job"])[:4000]}
    if row.get("error_message"):
        tags["error"] = f"{row['error_class']}: {row['error_message']}"[:4000]
    params = {f"model.{k}": str(v)[:6000] for k, v in json.loads(row["model_params"]).items()}
    params = {k: v for k, v in params.items() if _NAME.fullmatch(k)}
    params |= {k: str(row[k]) for k in _PARAMS if k in row}
    metrics = {
        k: float(v)
        for k, v in row.items()
        if isinstance(v, (int, float)) and not isinstance(v, bool) and k not in _NOT_METRICS and math.isfinite(v)
    }
    return CellRun(
        name=f"{row['model']} → {row['test_site']}"[:250],
        status="FINISHED" if row["status"] == "done" else "FAILED",
        started=int((row.get("started") or now) * 1000),
        ended=int((row.get("ended") or now) * 1000),
        logged=int(now * 1000),
        tags=tags,
        params=dict(list(params.items())[:90]),
        metrics=dict(list(metrics.items())[:900]),
        files=tuple(sorted(folder.iterdir())) if folder is not None else (),
    )


def outputs_tag(outputs: Path) -> str:
    """Return the tag by which runs of one outputs folder on one host are told from others'."""
    return f"{socket.gethostname()}:{outputs.resolve()}"


class Client:
    """MLflow's own client, which writes to any server, one run at a time.

    Parameters
    ----------
    client : mlflow.MlflowClient
    experiment : str
        Id of the experiment.
    """

    at_once = 1
    """Runs that `write` takes whole or not at all."""

    def __init__(self, client: Any, experiment: str) -> None:
        self._client, self._experiment = client, experiment

    def write(self, runs: Sequence[CellRun]) -> list[str]:
        """Write the runs and return their ids."""
        return [self._write(run) for run in runs]

    def _write(self, run: CellRun) -> str:
        from mlflow.entities import Metric, Param, RunTag

        made = self._client.create_run(
            self._experiment,
            start_time=run.started,
            run_name=run.name,
            tags={k: v for k, v in run.tags.items() if k in ("mlflow.parentRunId", "va.outputs")},
        )
        run_id = str(made.info.run_id)
        self._client.log_batch(
            run_id,
            metrics=[Metric(k, v, run.logged, 0) for k, v in run.metrics.items()],
            params=[Param(k, v) for k, v in run.params.items()],
            tags=[RunTag(k, v) for k, v in run.tags.items()],
        )
        for path in run.files:
            self.artifact(run_id, path, "cell")
        self._client.set_terminated(run_id, run.status, end_time=run.ended)
        return run_id

    def artifact(self, run_id: str, path: Path, within: str) -> None:
        """Copy a file to a folder among a run's artifacts; ``.`` is the top."""
        self._client.log_artifact(run_id, str(path), None if within == "." else within)

    def step(self, run_id: str, figures: Mapping[str, float], step: int) -> None:
        """Write a step of some of a run's metrics."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(run_id, [Metric(k, v, now, step) for k, v in figures.items()])

    def close(self) -> None:
        """Leave the client as it is: it is not ours to close."""


class SqliteFile:
    """MLflow's tables in an SQLite file, for many runs in one transaction.

    Parameters
    ----------
    file : Path
        The database, which MLflow has made.
    experiment : str
        Id of the experiment.
    artifacts : Path
        Its artifact folder.

    To be used in the thread that made it.
    """

    at_once = 500
    """Runs that `write` takes whole or not at all."""

    def __init__(self, file: Path, experiment: str, artifacts: Path) -> None:
        self._experiment, self._artifacts = int(experiment), artifacts
        self._database = sqlite3.connect(file, timeout=60, isolation_level=None)  # opening anew reads the whole schema
        self._database.execute("PRAGMA foreign_keys = ON")
        self._made: Path | None = None

    @classmethod
    def of(cls, client: Any, experiment: str) -> SqliteFile | None:
        """Return the file behind a client, or None where MLflow's client has to do the writing.

        That is so for a server, for artifacts that are not in a local folder, and for tables that are not those known.
        """
        uri = str(client.tracking_uri)
        where = urlsplit(str(client.get_experiment(experiment).artifact_location))
        if not uri.startswith("sqlite:///") or "?" in uri or where.scheme != "file" or where.netloc:
            return None
        found = cls(Path(uri.removeprefix("sqlite:///")), experiment, Path(unquote(where.path)))
        if found._known():
            return found
        found.close()
        return None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def write(self, runs: Sequence[CellRun]) -> list[str]:
        """Write all of the runs or none, and return their ids."""
        ids = [uuid.uuid4().hex for _ in runs]
        pairs = list(zip(ids, runs, strict=True))
        for run_id, run in pairs:
            for path in run.files:
                self.artifact(run_id, path, "cell")
        self._insert(
            runs=[self._run(i, run) for i, run in pairs],
            tags=[(k, v, i) for i, run in pairs for k, v in {**run.tags, "mlflow.runName": run.name}.items()],
            params=[(k, v, i) for i, run in pairs for k, v in run.params.items()],
            metrics=[(k, v, run.logged, i, 0, 0) for i, run in pairs for k, v in run.metrics.items()],
            latest_metrics=[(k, v, run.logged, 0, 0, i) for i, run in pairs for k, v in run.metrics.items()],
        )
        return ids

    def artifact(self, run_id: str, path: Path, within: str) -> None:
        """Copy a file to a folder among a run's artifacts; ``.`` is the top."""
        folder = self._artifacts / run_id / "artifacts" / within
        if folder != self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made = folder
        shutil.copyfile(path, folder / path.name)

    def step(self, run_id: str, figures: Mapping[str, float], step: int) -> None:
        """Write a step of some of a run's metrics."""
        now = int(time.time() * 1000)
        self._insert(
            metrics=[(k, v, now, run_id, step, 0) for k, v in figures.items()],
            latest_metrics=[(k, v, now, step, 0, run_id) for k, v in figures.items()],
        )

    def _insert(self, **tables: list[tuple[Any, ...]]) -> None:
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")  # two writers wait for each other from the start
            for table, rows in tables.items():
                columns = _COLUMNS[table].split()
                verb = "REPLACE" if table == "latest_metrics" else "INSERT"
                places = ", ".join("?" * len(columns))
                database.executemany(f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)

    def _run(self, run_id: str, run: CellRun) -> tuple[Any, ...]:
        where = f"{self._artifacts.as_uri()}/{run_id}/artifacts"
        times = (run.status, run.started, run.ended)
        return (run_id, run.name, "UNKNOWN", "", "", "unknown", *times, "", "active", where, self._experiment, None)

    def _known(self) -> bool:
        def columns(table: str) -> set[str]:
            return {str(row[1]) for row in self._database.execute(f"PRAGMA table_info({table})")}

        return all(columns(table) == set(names.split()) for table, names in _COLUMNS.items())


def writer_of(client: Any, experiment: str) -> Client | SqliteFile:
    """Return the quickest way to write to where a client of MLflow writes."""
    return SqliteFile.of(client, experiment) or Client(client, experiment)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
