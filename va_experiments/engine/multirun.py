"""The engine of one multirun: jobs in; finished cells, MLflow runs, a report and an exit code out.

`Multirun` takes batches of jobs (one from a grid sweep, several from an adaptive sweeper). Everything that is slow to
start (Ray, Prefect, MLflow) starts in the background beside the reading of data; only Ray is waited for.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from va_experiments.cell import Cell, Failure, ModelSpec, Result
from va_experiments.checkpoints import CorruptCell, PartialStates, Store, lock_outputs
from va_experiments.checkpoints.completed_jobs import is_complete
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.data.cache import ReadFile, load_cached
from va_experiments.data.deaths import Deaths
from va_experiments.engine.batch import Batch
from va_experiments.engine.signals import Interrupts
from va_experiments.execute import Watch, make_backend
from va_experiments.monitoring.alerts import Alerts
from va_experiments.monitoring.logs import run_log
from va_experiments.monitoring.progress import Counts, Progress
from va_experiments.plan import Costs, Job, plan
from va_experiments.plan_warnings import plan_warnings
from va_experiments.prefect_flow.flow import PrefectView
from va_experiments.results.writer import RunLedger
from va_experiments.tracking import Tracker

__all__ = ["Multirun"]

log = logging.getLogger(__name__)


class Multirun:
    """One multirun, from the first batch of jobs to the report.

    Parameters
    ----------
    config : RunConfig
        What the jobs have in common: paths, execution, tracking, alerts, checkpoints.
    folder : Path
        The run's own folder, under ``paths.outputs``.
    """

    def __init__(self, config: RunConfig, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.outputs = Path(config.paths.outputs)
        self.run_id = f"{folder.parent.name}/{folder.name}"
        self.store = Store(Path(config.checkpoint.path) if config.checkpoint.path else self.outputs / "checkpoints")
        self.counts = Counts()
        self.ledger = RunLedger(folder, self.run_id)
        self.deaths: dict[str, Deaths] = {}
        self._loaded: dict[str, str] = {}
        self.files: list[ReadFile] = []
        """Files that the data sets were read from."""
        self._states = PartialStates(self.store.root / "states")
        self.watch = Watch(
            keep_state=self._states.save,
            last_state=self._states.load,
            failed_attempt=self.store.record_attempt,
            state_seconds=config.checkpoint.partial_state_seconds,
        )
        self.backend = make_backend(config.execution)
        self.tracker = Tracker(config.tracking, self.outputs, self.run_id, {"va.command": "multirun"})
        self.prefect = PrefectView(config.tracking, self.outputs / "prefect", self.run_id)
        self.alerts = Alerts(config.alert, self.run_id)
        self.progress = Progress(self.counts, self.watch, folder, self.run_id, self._tick)
        self.interrupts = Interrupts(self.watch.stopping)
        self._open = contextlib.ExitStack()
        self._committers = ThreadPoolExecutor(2, thread_name_prefix="commit")
        self._new: list[Path] = []
        self.error = ""
        self.notes: list[str] = []
        """Lines for the end of the run."""

    # --- life cycle ------------------------------------------------------------------------------------------------

    def open(self, jobs: Sequence[JobConfig]) -> None:
        """Take the outputs folder's lock, prepare the store, and start what is slow to start.

        Parameters
        ----------
        jobs : sequence of JobConfig
            Of the first batch: jobs that were done before need no workers.
        """
        lock = self.outputs / "lock"
        first = not lock.exists()
        self._open.enter_context(lock_outputs(self.outputs))
        # Looked at only under the lock: what another command has made meanwhile is not this one's to remove.
        places = [self.outputs / "cache", self.outputs / "prefect", self.store.root]
        self._new = [p for p in places if not p.exists()] + [lock] * first
        self.store.open()
        self._states.delete_finished(self.store)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._open.enter_context(run_log(self.folder))
        self._open.enter_context(self.interrupts)
        if self.config.resume != "true" or not is_complete(self.store.root, jobs):
            self.backend.start()
        self.prefect.start()
        self.tracker.start(lambda: bool(self.watch.running) or self.counts.fits_done > 0)  # no fit waits for its import
        self.alerts.start()
        self.progress.start()

    def _tick(self, share: float, text: str) -> None:
        """Pass on how far the run is, every few seconds (in the progress thread)."""
        self.prefect.progress(share, text)
        if self.counts.stage == "running":
            moving = tuple((key, r.attempt, r.done) for key, r in list(self.watch.running.items()))
            self.alerts.watch((text, self.counts.fits_done, moving), text)

    def read(self, jobs: Sequence[JobConfig]) -> list[str]:
        """Return the fingerprint of each job's data, reading each data set once."""
        found = []
        for job in jobs:
            options, identity = job.data.model_dump(), json.dumps(job.data.tree(), sort_keys=True)
            if identity not in self._loaded:
                self.counts.stage = "reading data"
                deaths = load_cached(job.data.name, options, self.outputs / "cache", self.files)
                self.deaths[deaths.fingerprint] = deaths
                self._loaded[identity] = deaths.fingerprint
            found.append(self._loaded[identity])
        return found

    def run(self, jobs: Sequence[Job], models: Sequence[ModelSpec]) -> list[float | None]:
        """Run a batch of jobs and return each job's mean objective, None where a cell is missing."""
        self.counts.stage = "planning"
        planned = plan(jobs, self.deaths, models, self.config)
        for remark in plan_warnings(planned, self.deaths):
            log.warning("%s", remark)
        self.prefect.prepared(f"{len(self.deaths)} data sets, {len(planned.requested)} cells")
        self.prefect.jobs({job.number: job.label for job in jobs})
        batch = Batch(self, planned)
        batch.take_up()
        batch.compute()
        return batch.objectives()

    def close(self, status: str) -> None:
        """Stop what was started and free the lock; safe to call at any point."""
        self._committers.shutdown(wait=True)
        self.progress.stop(status)
        self.alerts.close()
        self.backend.stop()
        self._states.delete_finished(self.store)  # a worker's last state may come after its result
        self.ledger.close()
        if status == "failed" and not (self.counts.done or self.counts.failed or self.counts.reused):
            for path in self._new:  # made by this command, which came to nothing; the lock is held until all is gone
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        self._open.close()

    # --- used by a batch -------------------------------------------------------------------------------------------

    def commit(self, cell: Cell, result: Result) -> tuple[Cell, Result]:
        """Write a finished cell to the store (in a committing thread)."""
        began = time.perf_counter()
        if result.failure is None:
            try:
                self.store.commit(cell, result)
            except CorruptCell as error:
                result.failure = Failure("NotDeterministic", str(error))
            result.timings["commit_seconds"] = time.perf_counter() - began
            self._states.delete(cell.key)
        else:
            self.store.record_attempt(
                cell.key,
                {"attempt": result.attempt, "error": result.failure.error, "message": result.failure.message[:300]},
            )
        result.predictions = b""
        return cell, result

    def submit(self, cell: Cell, result: Result) -> Future[tuple[Cell, Result]]:
        """Hand a result to the committing threads."""
        return self._committers.submit(self.commit, cell, result)

    def costs(self) -> Costs:
        """Return what models cost in earlier runs of this store."""
        try:
            return Costs(json.loads((self.store.root / "costs.json").read_text()))
        except (OSError, ValueError):
            return Costs()
