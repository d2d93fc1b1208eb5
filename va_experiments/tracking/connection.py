"""Connect to MLflow's store or server, and fetch the files of a cell from it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from va_experiments.config.schema import TrackingConfig
from va_experiments.errors import InputError
from va_experiments.redaction import redacted, without_password
from va_experiments.tracking.limits import REQUEST_SECONDS, fetch_file, limit_client
from va_experiments.tracking.local_database import adopt_moved_artifacts, local_artifacts, local_uri
from va_experiments.tracking.views import experiment_tags
from va_experiments.uris import file_uri, sqlite_file

__all__ = [
    "OPEN_SECONDS",
    "REFUSED",
    "answering",
    "connect",
    "fetch_cell",
    "is_elsewhere",
    "refused",
    "safe_environment",
]


OPEN_SECONDS = 60.0
"""Longest wait for another process that opens the same SQLite file for the first time: it takes it some seconds."""


def safe_environment() -> None:
    """Set MLflow's safe defaults before it is imported."""
    for name, value in {
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_MODEL_CATALOG_URI": "",
        "DO_NOT_TRACK": "1",
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a server that is away costs seconds, not minutes
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(REQUEST_SECONDS),
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines on the terminal for each cell
    }.items():
        os.environ.setdefault(name, value)


REFUSED = (
    "refuses user and password (MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN): "
    "nothing is recorded or looked up there"
)


def is_elsewhere(uri: str | None) -> bool:
    """Return whether an address names a server, by HTTP or a database's own protocol, and no file of this machine."""
    return uri is not None and "://" in uri and not uri.startswith("file:") and sqlite_file(uri) is None


def _limit_database_client() -> None:
    """Let MLflow give up a database that is away or mute within seconds; by itself it tries for two minutes."""
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(REQUEST_SECONDS))
    from mlflow.store.db import utils

    utils.MAX_RETRY_COUNT = 2
    logging.getLogger(utils.__name__).setLevel(logging.ERROR)  # our own message names what fails in the end


def refused(error: Exception) -> bool:
    """Return whether a tracking server says with `error` that it does not know us, or that we may not."""
    return getattr(error, "error_code", "") in ("UNAUTHENTICATED", "PERMISSION_DENIED")


@contextlib.contextmanager
def answering(uri: str | None, outputs: Path) -> Iterator[None]:
    """Raise `InputError` for whatever goes wrong with MLflow in this block, and say what to do about it."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"MLflow at {redacted(uri or str(outputs / 'mlflow.db'))} cannot be used "
            f"({type(error).__name__}: {redacted(str(error))[:200]}): check the address and, where it asks for a "
            "password, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        ) from None


def connect(config: TrackingConfig, outputs: Path) -> tuple[Any, str]:
    """Return an MLflow client and the id of the experiment, creating database and experiment on first use."""
    safe_environment()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri = _uri(config) or local_uri(outputs)
    if uri.startswith("http"):
        limit_client()
    elif is_elsewhere(uri):
        _limit_database_client()
    with _one_opens(uri):
        if not config.uri:
            adopt_moved_artifacts(outputs, config.experiment)
        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(config.experiment)
        if experiment is not None:
            return client, _active(experiment)
        location = _artifact_location(config, outputs)
        try:
            tags = experiment_tags(int(time.time() * 1000))
            return client, client.create_experiment(config.experiment, artifact_location=location, tags=tags)
        except MlflowException:  # another process was faster
            experiment = client.get_experiment_by_name(config.experiment)
            if experiment is None:
                raise
            return client, _active(experiment)


def _active(experiment: Any) -> str:
    """Return the id of an experiment, unless it is deleted."""
    if experiment.lifecycle_stage != "active":
        raise InputError(
            f"the MLflow experiment '{experiment.name}' is deleted there: restore it with mlflow experiments restore "
            f"--experiment-id {experiment.experiment_id}, or record under another name (tracking.experiment=NAME)"
        )
    return str(experiment.experiment_id)


def _artifact_location(config: TrackingConfig, outputs: Path) -> str | None:
    """Return where a new experiment keeps its files: beside a database of ours; a server decides by itself."""
    if config.uri is None:
        return file_uri(local_artifacts(outputs))
    file = sqlite_file(config.uri)
    return None if file is None else file_uri(file.parent / "artifacts")


@contextlib.contextmanager
def _one_opens(uri: str) -> Iterator[None]:
    """Let one process at a time open an SQLite file: the first makes its tables; two at once break them.

    Raises
    ------
    InputError
        If another process holds the lock for longer than `OPEN_SECONDS`.
    """
    with contextlib.ExitStack() as held:
        if path := sqlite_file(uri):
            lock = path.with_name(f"{path.name}.opening")
            with contextlib.suppress(OSError):  # no such folder, no locks: MLflow says so itself, or all goes well
                _take(held.enter_context(open(lock, "a")), lock)
        yield


def _take(file: TextIO, path: Path) -> None:
    """Take the lock of an open file within `OPEN_SECONDS`."""
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() - began > OPEN_SECONDS:
                raise InputError(
                    f"another process has held the lock '{path}' for {OPEN_SECONDS:.0f} s, which takes seconds: end "
                    f"that process (fuser '{path}' names it), or run without MLflow (tracking.mlflow=false)"
                ) from None
            time.sleep(0.1)


def _uri(config: TrackingConfig) -> str | None:
    """Return the server's address; user and password in it go where MLflow's client looks for them, out of sight."""
    if config.uri is None:
        return None
    address, user, password = without_password(config.uri)
    if user:
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = user, password or ""
    return address


def fetch_cell(client: Any, run_id: str, folder: Path, names: Iterable[str]) -> None:
    """Download the named files of a cell's run into `folder`."""
    run = client.get_run(run_id)
    for name in names:
        fetch_file(client, run, f"cell/{name}", folder / name)
