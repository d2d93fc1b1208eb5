"""Write one multirun to MLflow, in a thread.

Everything here happens in one background thread of the driver, off the critical path. Results never depend on it: when
MLflow cannot be reached the run goes on, says so, and ``va-experiments checkpoints sync`` brings MLflow up to date from
the store.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.background_queue import BackgroundQueue, submit
from va_experiments.checkpoints import Store
from va_experiments.config.schema import TrackingConfig
from va_experiments.engine.context import Counts, RunContext
from va_experiments.engine.observers import CellSettled, Observer, RunOutcome
from va_experiments.errors import InputError
from va_experiments.redaction import redacted
from va_experiments.results.rows import Row
from va_experiments.results.schema import MAIN_METRICS
from va_experiments.results.stored_cells import open_store
from va_experiments.tracking.connection import REFUSED, connect, is_elsewhere, refused
from va_experiments.tracking.local_database import adopt_moved_artifacts, local_file, local_uri
from va_experiments.tracking.prediction_table import write_predictions
from va_experiments.tracking.run_writer import DECIMALS, CellRun, ClientWriter, cell_run, outputs_tag
from va_experiments.tracking.sqlite_writer import SqliteWriter, open_writer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tracker"]

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 5.0
"""Between two samples of the machine's load."""

SILENT_SECONDS, STOPPED_SECONDS = 20.0, 3.0
"""How long the end of a run waits for a server that does not answer, and for one when the run was stopped."""

NOTE = "mlflow.note.content"
"""Tag that MLflow's page of a run shows as its description."""

GATHER_SECONDS, MOST_GATHERED = 2.0, 500
"""How long cells are gathered to be written together, and the most of them."""


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
        self._elsewhere = is_elsewhere(config.uri)
        self._left_out = False
        self._answered = 0.0
        self._place: tuple[int, int] | None = None

    def start(self, when: Callable[[], bool] = lambda: True) -> None:
        """Begin in the background: import, first-use migrations, the parent run.

        Parameters
        ----------
        when : callable
            MLflow's import takes seconds of a core: it begins when this is true, or there is something to log.
        """
        self._when = when
        self._place = _place_of(self._outputs)
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
        status = "FINISHED" if outcome.complete else "FAILED"
        note = "\n\n".join((*outcome.answers, run.counts.now.sentence))
        self.finish(figures, run.folder, status, note=note, stopped=run.channel.stopping.is_set)
        if link := self.link():
            outcome.links["va-mlflow"] = link
        if run.saved and run.config.register_model and self._config.mlflow:
            from va_experiments.tracking.model_registry import register_saved

            outcome.problems += register_saved(run)
        if self.error:
            outcome.problems.append(self.error)

    def cell(self, row: Row, folder: Path | None) -> None:
        """Log a cell as a child run, with the files of its folder as artifacts."""
        self._queue.put("cell", (row, folder))

    def finish(
        self,
        metrics: Mapping[str, float],
        folder: Path | None,
        status: str,
        *,
        note: str = "",
        timeout: float = 120,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Log the multirun's own figures and files, close the parent run, and wait for the thread.

        A server elsewhere is waited for as long as it answers, and `SILENT_SECONDS` after its last answer; after a
        signal, `STOPPED_SECONDS`.
        """
        if not self._config.mlflow:
            return
        self._queue.put("finish", (dict(metrics), folder, status, note))
        began = time.monotonic()
        while not self._queue.join(0.2):
            limit = SILENT_SECONDS if self._elsewhere else timeout
            limit = min(limit, STOPPED_SECONDS) if stopped() and self._elsewhere else limit
            if time.monotonic() - max(began, self._answered) > limit:
                self.error = self.error or f"MLflow at {self.uri} did not answer within {limit:.0f} s: it is left out"
                return

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
        if self._left_out:
            return False
        tries = min(tries, 2) if self._elsewhere else tries
        for number in range(tries):
            try:
                action()
                self._answered = time.monotonic()
                return True
            except Exception as error:  # a view must never take the run down
                message = f"MLflow at {self.uri} could not {what}: {type(error).__name__}: {redacted(str(error))[:200]}"
                if refused(error):  # a second try does not help
                    message, number = f"MLflow at {self.uri} {REFUSED}", tries - 1
                elif isinstance(error, InputError):
                    message, number = f"MLflow at {self.uri}: {error}", tries - 1
                if number == tries - 1:
                    if not self.error:
                        log.warning(
                            "%s; results are not affected (to record them: va-experiments checkpoints sync)", message
                        )
                    self.error = self.error or message
                    self._left_out = self._elsewhere
                    return False
                time.sleep(0.5 * 4**number)
        return False

    def _open(self) -> None:
        self._check_place()
        if not self._config.uri:
            adopt_moved_artifacts(self._outputs, self._config.experiment)
        # MLflow's import takes seconds of a core: where its local file is there already, it is not needed.
        writer = (
            None if self._config.uri else SqliteWriter.open_file(local_file(self._outputs), self._config.experiment)
        )
        if writer is None and not self._config.uri:
            import_module("mlflow.store.tracking.sqlalchemy_store")  # takes seconds, in which the outputs may be moved
            self._check_place()
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

    def _check_place(self) -> None:
        """Refuse to open a database in outputs that were moved since the start: MLflow would make the folder again."""
        if self._config.uri or (self._place and self._place == _place_of(self._outputs)):
            return
        raise InputError(f"the outputs folder '{self._outputs}' was moved or removed during the run")

    def _sample(self) -> None:
        """Log what the machine is doing as step metrics of the parent run; a sample that is lost is no loss."""
        self._sampled, self._samples = time.monotonic(), self._samples + 1
        if self._left_out:
            return
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
        size = self._writer.batch_size
        parts = [runs[start : start + size] for start in range(0, len(runs), size)]
        if self._writer.at_once == 1:
            for part in parts:
                self._write(part)
            return
        with ThreadPoolExecutor(self._writer.at_once, thread_name_prefix="mlflow cells") as threads:
            for part in parts:
                submit(threads, functools.partial(self._write, part))

    def _write(self, runs: list[CellRun]) -> bool:
        return self._attempt("take cells", lambda: self._writer.write(runs))

    def _close(self, metrics: Mapping[str, float], folder: Path | None, status: str, note: str) -> None:
        for path, relative in _files(folder) if folder is not None else ():
            self._writer.artifact(self.parent, path, str(relative.parent))
        if self._predictions is not None:
            with tempfile.TemporaryDirectory(prefix="va-predictions-") as scratch:
                for path in write_predictions(*self._predictions(), Path(scratch)):
                    self._writer.artifact(self.parent, path, ".")
        figures = {k: round(float(v), DECIMALS) for k, v in metrics.items() if v is not None and math.isfinite(v)}
        if note:
            self._writer.tag(self.parent, NOTE, note)
        self._writer.end(self.parent, figures, status)
        self._writer.close()


def run_metrics(counts: Counts, cells: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, float]:
    """Return the leaderboard as metrics of the parent run: ``<model>.<metric>``, means over complete grids only."""
    import pandas as pd

    figures = {name: float(n) for name, n in counts.now.as_dict().items() if isinstance(n, int)}
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


def _place_of(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another one of its name; None where there is none."""
    with contextlib.suppress(OSError):
        status = os.stat(folder)
        return status.st_dev, status.st_ino
    return None
