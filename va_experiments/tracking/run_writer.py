"""Convert a result row to the MLflow run of its cell, and back, by the columns of `results.schema`.

In: a `Row` and the cell's folder. Out: a `CellRun`, which `ClientWriter` writes through MLflow's client to any server;
`va_experiments.tracking.sqlite_writer` writes the same rows faster where the store is an SQLite file of ours.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from va_experiments.errors import InputError
from va_experiments.results.column import MLflow
from va_experiments.results.rows import Row
from va_experiments.results.schema import check_row, columns
from va_experiments.tracking.limits import sending_file

__all__ = ["RECORDED", "CellRun", "ClientWriter", "cell_run", "outputs_tag", "recorded_at", "row_of_run"]

_NAME = re.compile(r"[\w. :/-]{1,250}")
"""What MLflow accepts as the name of a parameter."""

MODEL_PARAM = "model."
"""Before the names of the model's own parameters."""

TAG_CHARACTERS, PARAM_CHARACTERS = 4000, 6000
"""Longer values are cut: MLflow refuses the whole run otherwise."""

DECIMALS = 4
"""Of a metric: MLflow shows all that it is given. The store has the figures in full."""

MOST_PARAMS, MOST_METRICS = 90, 900
"""Of one request to an MLflow server."""

RECORDED = "va.recorded"
"""Tag of a cell's run: when it was written, which may be long after the cell's end."""


def recorded_at(seconds: float) -> str:
    """Return a time as the value of `RECORDED`: UTC in a form whose alphabetical order is the order of time.

    Parameters
    ----------
    seconds : float
        Since 1970.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class CellRun:
    """The MLflow run of one cell."""

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


def cell_run(row: Row, folder: Path | None, *, parent: str, multirun: str, outputs: Path) -> CellRun:
    """Return the MLflow run of a cell.

    Parameters
    ----------
    row : Row
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
    tags |= {k: _text(v)[:TAG_CHARACTERS] for k, v in _values(row, MLflow.TAG).items() if v != ""}
    tags |= {"va.kind": "cell", "multirun": multirun}
    if row.error_message:
        tags["error"] = f"{row.error_class}: {row.error_message}"[:TAG_CHARACTERS]
    params = {f"{MODEL_PARAM}{k}": str(v)[:PARAM_CHARACTERS] for k, v in json.loads(row.model_params).items()}
    params = {k: v for k, v in params.items() if _NAME.fullmatch(k)}
    params |= {k: str(v) for k, v in _values(row, MLflow.PARAM).items()}
    metrics = {k: round(float(v), DECIMALS) for k, v in _values(row, MLflow.METRIC).items()}
    return CellRun(
        name=f"{row.model} → {row.test_site}"[:230] + (" (reused)" if row.reused else ""),
        status="FINISHED" if row.status == "done" else "FAILED",
        started=int((row.started or now) * 1000),
        ended=int((row.ended or now) * 1000),
        logged=int(now * 1000),
        tags=tags,
        params=dict(list(params.items())[:MOST_PARAMS]),
        metrics=dict(list(metrics.items())[:MOST_METRICS]),
        files=tuple(sorted(folder.iterdir())) if folder is not None else (),
    )


def row_of_run(run: Any) -> Row:
    """Return the row that an MLflow run of a cell holds, as far as MLflow has it.

    Parameters
    ----------
    run : mlflow.entities.Run

    Raises
    ------
    InputError
        If the run lacks a column that every row needs, or has a value of another type.
    """
    tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
    values: dict[str, Any] = {}
    for name, column in columns().items():
        if MLflow.METRIC in column.mlflow and name in metrics:
            values[name] = metrics[name]
        text = tags.get(name) if MLflow.TAG in column.mlflow else None
        if text is None and MLflow.PARAM in column.mlflow:
            text = params.get(name)
        if text is not None:
            values[name] = column.parse(text)
    model_params = {k.removeprefix(MODEL_PARAM): v for k, v in params.items() if k.startswith(MODEL_PARAM)}
    values |= {"model_params": json.dumps(model_params, sort_keys=True), "run_id": tags.get("multirun", "")}
    values |= {"started": run.info.start_time / 1000, "ended": (run.info.end_time or run.info.start_time) / 1000}
    if "error" in tags:
        values["error_class"], _, values["error_message"] = tags["error"].partition(": ")
    if problems := check_row(values, ranges=False):
        raise InputError([f"MLflow run {run.info.run_id}: {problem}" for problem in problems])
    return Row(values)


def _values(row: Row, part: MLflow) -> dict[str, Any]:
    """Return the known values of the columns that become a part of an MLflow run."""
    names = (name for name, column in columns().items() if part in column.mlflow)
    return {name: row[name] for name in names if row.get(name) is not None}


def outputs_tag(outputs: Path) -> str:
    """Return the tag that only the runs of one outputs folder on one host have."""
    return f"{socket.gethostname()}:{outputs.resolve()}"


class ClientWriter:
    """Writes through MLflow's own client, to any server, one run at a time.

    Parameters
    ----------
    client : mlflow.MlflowClient
    experiment : str
        Id of the experiment.
    """

    batch_size = 1
    """Runs that `write` takes whole or not at all."""
    at_once = 4
    """Threads that may call `write` at once: a run takes several requests, most of whose time is the server's."""

    def __init__(self, client: Any, experiment: str) -> None:
        self._client, self.experiment = client, experiment

    def write(self, runs: Sequence[CellRun]) -> list[str]:
        """Write the runs and return their ids."""
        return [self._write(run) for run in runs]

    def _write(self, run: CellRun) -> str:
        from mlflow.entities import Metric, Param
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        made = self._client.create_run(
            self.experiment,
            start_time=run.started,
            run_name=run.name,
            tags={**run.tags, RECORDED: recorded_at(time.time())},
        )
        run_id = str(made.info.run_id)
        self._client.log_batch(
            run_id,
            metrics=[Metric(k, v, run.logged, 0) for k, v in run.metrics.items()],
            params=[Param(k, v) for k, v in run.params.items()],
        )
        if run.files:  # the client's own `log_artifact` would ask the server for the whole run first
            files = get_artifact_repository(made.info.artifact_uri, tracking_uri=self._client.tracking_uri)
            for path in run.files:
                with sending_file():
                    files.log_artifact(str(path), "cell")
        self._client.set_terminated(run_id, run.status, end_time=run.ended)
        return run_id

    def begin(self, name: str, tags: Mapping[str, str]) -> str:
        """Open a run that has begun now, and return its id."""
        made = self._client.create_run(self.experiment, tags={**tags, "mlflow.runName": name})
        return str(made.info.run_id)

    def end(self, run_id: str, metrics: Mapping[str, float], status: str) -> None:
        """Write a run's figures, and that it has ended now."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        entries = [Metric(k, v, now, 0) for k, v in metrics.items()]
        for start in range(0, len(entries), MOST_METRICS):
            self._client.log_batch(run_id, metrics=entries[start : start + MOST_METRICS])
        self._client.set_terminated(run_id, status)

    def tag(self, run_id: str, name: str, text: str) -> None:
        """Write a tag of a run, in place of an earlier one."""
        self._client.set_tag(run_id, name, text[:TAG_CHARACTERS])

    def close_zombies(self, outputs: Path) -> int:
        """End runs that a killed driver of this outputs folder left RUNNING; return how many."""
        where = f"attributes.status = 'RUNNING' and tags.`va.outputs` = '{outputs_tag(outputs)}'"
        zombies = self._client.search_runs([self.experiment], where, max_results=1000)
        for zombie in zombies:
            self._client.set_terminated(zombie.info.run_id, "KILLED")
        return len(zombies)

    def artifact(self, run_id: str, path: Path, folder: str) -> None:
        """Copy a file to a folder among a run's artifacts; ``.`` is the top."""
        with sending_file():
            self._client.log_artifact(run_id, str(path), None if folder == "." else folder)

    def step(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Write a step of some of a run's metrics."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(run_id, [Metric(k, v, now, step) for k, v in metrics.items()])

    def close(self) -> None:
        """Do nothing: whoever made the client closes it."""


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
