"""Write one multirun to MLflow in a thread, and query the server.

Everything here happens in one background thread of the driver, off the critical path. Results never depend on it: when
MLflow cannot be reached the run goes on, says so, and ``va-experiments checkpoints sync`` brings MLflow up to date from
the store.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.background_queue import BackgroundQueue
from va_experiments.checkpoints import Store
from va_experiments.config.schema import TrackingConfig
from va_experiments.engine.context import Counts, RunContext
from va_experiments.engine.observers import CellSettled, Observer, RunOutcome
from va_experiments.errors import InputError
from va_experiments.redaction import redacted, without_password
from va_experiments.results.rows import Row
from va_experiments.results.schema import MAIN_METRICS
from va_experiments.results.stored_cells import open_store
from va_experiments.tracking.local_database import adopt_moved_artifacts, local_artifacts, local_file, local_uri
from va_experiments.tracking.prediction_table import write_predictions
from va_experiments.tracking.run_writer import ClientWriter, cell_run, outputs_tag
from va_experiments.tracking.sqlite_writer import SqliteWriter, open_writer
from va_experiments.tracking.views import experiment_tags
from va_experiments.uris import file_uri, sqlite_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tracker", "connect", "fetch_cell", "find_cells", "refused", "safe_environment"]

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 5.0
"""Between two samples of the machine's load."""

GATHER_SECONDS, MOST_GATHERED = 2.0, 500
"""How long cells are gathered to be written together, and the most of them."""


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
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # a server that is away costs seconds, not minutes
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines on the terminal for each cell
    }.items():
        os.environ.setdefault(name, value)


class Tracker(Observer):
    """Writes one multirun to MLflow.

    Parameters
    ----------
    config : TrackingConfig
    outputs : Path
        Where ``mlflow.db`` and ``artifacts/`` lie unless the config names another server.
    run_id : str
        Name of the multirun.
    tags : mapping of str to str
        Tags of the parent run.
    """

    def __init__(self, config: TrackingConfig, outputs: Path, run_id: str, tags: Mapping[str, str]) -> None:
        self._config, self._outputs, self._run_id, self._tags = config, outputs, run_id, dict(tags)
        self._queue = BackgroundQueue("mlflow", self._serve)
        self._when: Callable[[], bool] = lambda: True
        self._writer: ClientWriter | SqliteWriter
        self._sampled, self._samples = 0.0, 0
        self._predictions: Callable[[], tuple[pd.DataFrame, Store]] | None = None
        self.uri = redacted(config.uri or local_uri(outputs))
        self.parent = ""
        self.error = ""

    def start(self, when: Callable[[], bool] = lambda: True) -> None:
        """Begin in the background: import, first-use migrations, the parent run.

        Parameters
        ----------
        when : callable
            MLflow's import takes seconds of a core: it begins when this is true, or there is something to log.
        """
        self._when = when
        if self._config.mlflow:
            self._queue.start()

    def run_started(self, run: RunContext) -> None:
        """Begin in the background as soon as fits run: none waits for MLflow's import."""
        self.start(lambda: bool(run.channel.running) or run.counts.fits_done > 0)

    def cell_settled(self, cell: CellSettled) -> None:
        """Log a cell, unless the run has more cells than the config wants to see one by one."""
        if cell.of_cells <= self._config.max_cell_runs:
            self.cell(cell.row, cell.folder)

    def run_finished(self, run: RunContext, outcome: RunOutcome) -> None:
        """Log the figures and files of the whole run."""
        figures = run_metrics(run.counts, outcome.cells, outcome.baselines)
        checkpoints = Path(run.config.checkpoint.path or run.outputs / "checkpoints")
        self._predictions = lambda: (outcome.cells, open_store(checkpoints))
        self.finish(figures, run.folder, "FINISHED" if outcome.complete else "FAILED")
        if link := self.link():
            outcome.links["va-mlflow"] = link
        if self.error:
            outcome.problems.append(self.error)

    def cell(self, row: Row, folder: Path | None) -> None:
        """Log a cell as a child run, with the files of its folder as artifacts."""
        self._queue.put("cell", (row, folder))

    def finish(self, metrics: Mapping[str, float], folder: Path | None, status: str, *, timeout: float = 120) -> None:
        """Log the multirun's own figures and files, close the parent run, and wait for the thread."""
        if not self._config.mlflow:
            return
        self._queue.put("finish", (dict(metrics), folder, status))
        if not self._queue.join(timeout):
            self.error = self.error or f"MLflow at {self.uri} did not answer within {timeout:.0f} s"

    def link(self) -> str:
        """Return the address of the parent run's page, as ``va-experiments ui`` serves it where there is no server."""
        if not self.parent:
            return ""
        base = self.uri.rstrip("/") if self.uri.startswith("http") else "http://127.0.0.1:5000"
        return f"{base}/#/experiments/{self._writer.experiment}/runs/{self.parent}"

    # --- the background thread -------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while self._queue.empty and not self._when():
            time.sleep(0.1)
        ready = self._attempt("be opened", self._open)
        while True:
            if ready and time.monotonic() - self._sampled >= SAMPLE_SECONDS:
                self._sample()
            if (message := self._queue.get(timeout=SAMPLE_SECONDS)) is None:
                continue
            kind, content = message
            if kind == "cell":
                cells, kind, content = self._gathered(content)
                if ready:
                    self._log_cells(cells)
            if kind == "finish":
                if ready:
                    self._attempt("be closed", lambda content=content: self._close(*content))
                return

    def _attempt(self, what: str, action: Any, tries: int = 4) -> bool:
        for number in range(tries):
            try:
                action()
                return True
            except Exception as error:  # a view must never take the run down
                message = f"MLflow at {self.uri} could not {what}: {type(error).__name__}: {redacted(str(error))[:200]}"
                if refused(error):  # no second try will mend it
                    message, number = f"MLflow at {self.uri} {REFUSED}", tries - 1
                elif isinstance(error, InputError):
                    message, number = f"MLflow at {self.uri}: {error}", tries - 1
                if number == tries - 1:
                    if not self.error:
                        log.warning("%s; results are not affected (mend: va-experiments checkpoints sync)", message)
                    self.error = self.error or message
                    return False
                time.sleep(0.5 * 4**number)
        return False

    def _open(self) -> None:
        if not self._config.uri:
            adopt_moved_artifacts(self._outputs, self._config.experiment)
        # MLflow's import takes seconds of a core: where its local file is there already, it is not needed.
        writer = (
            None if self._config.uri else SqliteWriter.open_file(local_file(self._outputs), self._config.experiment)
        )
        self._writer = writer or open_writer(*connect(self._config, self._outputs))
        self._writer.close_zombies(self._outputs)
        tags = {
            "mlflow.source.name": "va_experiments",
            "va.kind": "multirun",
            "va.outputs": outputs_tag(self._outputs),
            "multirun": self._run_id,
            **self._tags,
        }
        self.parent = self._writer.begin(self._run_id, tags)

    def _sample(self) -> None:
        """Log what the machine is doing as step metrics of the parent run; a sample that is lost is no loss."""
        self._sampled, self._samples = time.monotonic(), self._samples + 1
        with contextlib.suppress(Exception):
            self._writer.step(self.parent, system_metrics(), self._samples)

    def _gathered(self, first: Any) -> tuple[list[Any], str, Any]:
        """Return `first` with the cells that come within two seconds, and what came after them."""
        cells, kind, content, until = [first], "", None, time.monotonic() + GATHER_SECONDS
        while len(cells) < MOST_GATHERED:
            if (message := self._queue.get(timeout=max(0.0, until - time.monotonic()))) is None:
                return cells, "", None
            kind, content = message
            if kind != "cell":
                return cells, kind, content
            cells.append(content)
        return cells, "", None

    def _log_cells(self, cells: list[tuple[Row, Path | None]]) -> None:
        runs = [
            cell_run(row, folder, parent=self.parent, multirun=self._run_id, outputs=self._outputs)
            for row, folder in cells
        ]
        for start in range(0, len(runs), self._writer.batch_size):
            part = runs[start : start + self._writer.batch_size]
            self._attempt("take cells", lambda part=part: self._writer.write(part))

    def _close(self, metrics: Mapping[str, float], folder: Path | None, status: str) -> None:
        for path, relative in _files(folder) if folder is not None else ():
            self._writer.artifact(self.parent, path, str(relative.parent))
        if self._predictions is not None:
            with tempfile.TemporaryDirectory(prefix="va-predictions-") as scratch:
                for path in write_predictions(*self._predictions(), Path(scratch)):
                    self._writer.artifact(self.parent, path, ".")
        figures = {k: float(v) for k, v in metrics.items() if v is not None and math.isfinite(v)}
        self._writer.end(self.parent, figures, status)
        self._writer.close()


def run_metrics(counts: Counts, cells: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, float]:
    """Return the leaderboard as metrics of the parent run: ``<model>.<metric>``, means over complete grids only."""
    import pandas as pd

    c = counts
    figures: dict[str, float] = {"cells": c.cells, "done": c.done, "reused": c.reused, "failed": c.failed}
    for frame in (cells, baselines):
        for model, group in frame.groupby("model"):
            if (group["status"] != "done").any():
                continue
            for metric in MAIN_METRICS:
                by_site = group.assign(value=pd.to_numeric(group[metric])).groupby("test_site")["value"].mean()
                if by_site.notna().all() and len(by_site):
                    figures[f"{model}.{metric}"] = float(by_site.mean())
    return figures


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the files below `folder` that are not hidden, and where in it they are."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(p.startswith(".") for p in relative.parts):
            yield path, relative


REFUSED = (
    "refuses user and password (MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN): "
    "nothing is recorded or looked up there"
)


def refused(error: Exception) -> bool:
    """Return whether a tracking server says with `error` that it does not know us, or that we may not."""
    return getattr(error, "error_code", "") in ("UNAUTHENTICATED", "PERMISSION_DENIED")


def connect(config: TrackingConfig, outputs: Path) -> tuple[Any, str]:
    """Return an MLflow client and the id of the experiment, creating database and experiment on first use."""
    safe_environment()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri = _uri(config) or local_uri(outputs)
    with _one_opens(uri):
        if not config.uri:
            adopt_moved_artifacts(outputs, config.experiment)
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(config.experiment)
        if found is not None:
            return client, _active(found)
        location = _artifact_location(config, outputs)
        try:
            tags = experiment_tags(int(time.time() * 1000))
            return client, client.create_experiment(config.experiment, artifact_location=location, tags=tags)
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(config.experiment)
            if found is None:
                raise
            return client, _active(found)


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
    """Let one process at a time open an SQLite file: the first makes its tables; two at once break them."""
    with contextlib.ExitStack() as held:
        if path := sqlite_file(uri):
            with contextlib.suppress(OSError):  # no such folder, no locks: MLflow says so itself, or all goes well
                file = held.enter_context(open(path.with_name(f"{path.name}.opening"), "a"))
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _uri(config: TrackingConfig) -> str | None:
    """Return the server's address; user and password in it go where MLflow's client looks for them, out of sight."""
    if config.uri is None:
        return None
    address, user, password = without_password(config.uri)
    if user:
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = user, password or ""
    return address


def system_metrics() -> dict[str, float]:
    """Return the load of this machine under the names of MLflow's system metrics page."""
    import psutil

    memory = psutil.virtual_memory()
    return {
        "system/cpu_utilization_percentage": float(psutil.cpu_percent()),
        "system/system_memory_usage_megabytes": round(memory.used / 1e6, 1),
        "system/system_memory_usage_percentage": float(memory.percent),
        "system/driver_memory_usage_megabytes": round(psutil.Process().memory_info().rss / 1e6, 1),
    }


def find_cells(client: Any, experiment: str, data_sha256: str, keys: set[str]) -> Iterator[tuple[str, str]]:
    """Yield ``(cell key, run id)`` of finished cells among `keys` that this tracking server has."""
    where = "attributes.status = 'FINISHED' and tags.`va.kind` = 'cell' and tags.reused = 'false'"
    token = None
    while True:
        page = client.search_runs([experiment], where, max_results=1000, page_token=token)
        for run in page:
            key = run.data.tags.get("cell_key", "")
            if key in keys:
                yield key, run.info.run_id
        token = page.token
        if not token:
            return


def fetch_cell(client: Any, run_id: str, folder: Path) -> Path:
    """Download the files of a cell's run below `folder`, and return the folder they lie in."""
    return Path(client.download_artifacts(run_id, "cell", str(folder)))
