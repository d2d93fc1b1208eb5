"""Run one multirun: jobs in; finished cells and their rows out, while observers are notified.

`Multirun` takes batches of jobs (one from a grid sweep, several from an adaptive sweeper). The workers start in the
background beside the reading of data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.background_queue import start_thread, submit
from va_experiments.cell import Cell, Failure, ModelSpec, Result
from va_experiments.checkpoints import CorruptCell, OutputsMoved, PartialStates, Store, lock_outputs
from va_experiments.checkpoints.completed_jobs import is_complete
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.data.cache import ReadFile, load_cached
from va_experiments.data.deaths import Deaths
from va_experiments.data.registry import with_check
from va_experiments.engine.batch import Batch
from va_experiments.engine.context import RunContext
from va_experiments.engine.estimate import read_costs
from va_experiments.engine.meanwhile import FetchNew
from va_experiments.engine.observers import Observer, Observers
from va_experiments.engine.saved_models import check_savable
from va_experiments.engine.signals import Interrupts
from va_experiments.errors import InputError
from va_experiments.execute import RunChannel, make_backend
from va_experiments.plan import Costs, Job, Plan, plan
from va_experiments.plan_warnings import plan_warnings
from va_experiments.redaction import redacted
from va_experiments.results.stored_cells import open_store
from va_experiments.results.writer import ResultWriter

__all__ = ["Multirun"]

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

TICK_SECONDS = 3.0
"""Between two notifications of progress."""

CLOSE_SECONDS = 60.0
"""For commits to end, and for workers to be stopped; the process ends without waiting for the rest."""

WriteReport = Callable[
    [RunConfig, Path, Mapping[str, Any], "pd.DataFrame", Store, Mapping[str, Deaths]],
    tuple[list[Path], list[str]],
]
"""Writes what readers get of a run; returns the files, and the answer in sentences."""


class Multirun:
    """One multirun, from the first batch of jobs to the report.

    Parameters
    ----------
    config : RunConfig
        What the jobs have in common: paths, execution, checkpoints.
    folder : Path
        The run's own folder, under ``paths.outputs``.
    observers : sequence of Observer
        Who follows the run, in the order in which they are notified.
    fetch_remote : callable, optional
        Given the store, the keys of cells that it lacks, and a function that says whether the run has been stopped,
        puts the cells that a shared server has into the store and yields their keys.
    fetch_new : callable, optional
        Given the store, whether a key is wanted, a time and a function that says whether to stop, puts those wanted
        cells into the store that the server recorded since then, and yields their keys.
    write_report : callable, optional
        Writes what readers get (see `va_experiments.report.run_report.write_run_report`) and returns the files.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        observers: Sequence[Observer] = (),
        *,
        fetch_remote: Callable[[Store, set[str], Callable[[], bool]], Iterable[str]] | None = None,
        fetch_new: Callable[[Store, Callable[[str], bool], float, Callable[[], bool]], Iterable[str]] | None = None,
        write_report: WriteReport | None = None,
    ) -> None:
        outputs = Path(config.paths.outputs)
        self.store = open_store(Path(config.checkpoint.path) if config.checkpoint.path else outputs / "checkpoints")
        self._states = PartialStates(self.store.root / "states")
        channel = RunChannel(
            keep_state=self._states.save,
            last_state=self._states.load,
            failed_attempt=self._record_attempt,
            state_seconds=config.checkpoint.partial_state_seconds,
        )
        self.context = RunContext(config, folder, outputs, f"{folder.parent.name}/{folder.name}", channel)
        self.writer = ResultWriter(folder, self.context.run_id)
        self.planned: list[Plan] = []
        """Plans of the batches whose models are to be saved."""
        self.files: list[ReadFile] = []
        """Files that the data sets were read from."""
        self.backend = make_backend(config.execution)
        self.observers = Observers(observers)
        self.interrupts = Interrupts(channel.stopping)
        self.write_report: WriteReport = write_report or (lambda *_: ([], []))
        self._fetch_remote = fetch_remote
        self.fetch_new: FetchNew | None = functools.partial(fetch_new, self.store) if fetch_new else None
        self._loaded: dict[str, str] = {}
        self._open = contextlib.ExitStack()
        self._moved: Callable[[], bool] = lambda: False
        self._committers = ThreadPoolExecutor(2, thread_name_prefix="commit")
        self._commits: set[Future[tuple[Cell, Result]]] = set()
        """Handed over and not ended."""
        self._ticker = threading.Event()
        self._stopper: threading.Thread | None = None
        self._new: list[Path] = []
        self.error = ""

    # --- life cycle ------------------------------------------------------------------------------------------------

    def open(self, jobs: Sequence[JobConfig]) -> None:
        """Take the lock of the outputs folder, prepare the store, and start the workers and the observers.

        Parameters
        ----------
        jobs : sequence of JobConfig
            Of the first batch: jobs that are complete already need no workers.
        """
        outputs, config = self.context.outputs, self.context.config
        lock = outputs / "lock"
        first = not lock.exists()
        self._moved = self._open.enter_context(lock_outputs(outputs))
        # Looked at only under the lock: what another command has made meanwhile is not this one's to remove.
        places = [outputs / "cache", outputs / "prefect", self.store.root]
        self._new = [p for p in places if not p.exists()] + [lock] * first
        self.store.open()
        self._states.delete_finished(self.store)
        self.context.folder.mkdir(parents=True, exist_ok=True)
        self._open.enter_context(self.interrupts)
        if config.resume != "true" or not is_complete(self.store.root, jobs):
            self.backend.start()
        self.observers.notify("run_started", self.context)
        start_thread("ticker", self._tick)

    def _tick(self) -> None:
        """Notify the observers of the progress every few seconds, until the run is closed."""
        while not self._ticker.wait(TICK_SECONDS):
            if self.context.counts.cells:
                self.observers.notify("progress", self.context)

    def fetch_remote(self, missing: set[str]) -> Iterable[str]:
        """Yield the keys of cells that a shared server had; they are in the store now."""
        if self._fetch_remote is None:
            return ()
        return self._fetch_remote(self.store, missing, self.context.channel.stopping.is_set)

    def read(self, jobs: Sequence[JobConfig]) -> list[str]:
        """Return the fingerprint of each job's data, reading each data set once."""
        fingerprints = []
        for job in jobs:
            options, identity = job.data.model_dump(), json.dumps(job.data.tree(), sort_keys=True)
            if identity not in self._loaded:
                self.context.counts.stage = "reading data"
                try:
                    deaths = load_cached(job.data.name, options, self.context.outputs / "cache", self.files)
                except InputError as error:
                    raise with_check(error, job.data.name, options) from None
                same = self.context.deaths.get(deaths.fingerprint)
                self.context.deaths[deaths.fingerprint] = deaths.with_strata_columns_of(same)
                self._loaded[identity] = deaths.fingerprint
            fingerprints.append(self._loaded[identity])
        return fingerprints

    def run(self, jobs: Sequence[Job], models: Sequence[ModelSpec]) -> list[float | None]:
        """Run a batch of jobs and return each job's mean objective, None where a cell is missing."""
        context = self.context
        context.counts.stage = "planning"
        planned = plan(jobs, context.deaths, models, context.config)
        if context.config.save_model or context.config.register_model:
            check_savable(planned, context.config)
            self.planned.append(planned)
        for warning in plan_warnings(planned, context.deaths):
            log.warning("%s", warning)
        summary = f"{len(context.deaths)} data sets, {len(planned.requested)} cells"
        self.observers.notify("jobs_planned", {job.number: job.label for job in jobs}, summary)
        batch = Batch(self, planned)
        batch.reuse_stored()
        batch.compute()
        self._check_place()
        return batch.objectives()

    def _check_place(self) -> None:
        """Stop the run if the outputs folder was moved: it would be made again, without its lock and its cells."""
        if self._moved():
            self.context.channel.stopping.set()
            raise OutputsMoved(self.context.outputs)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Check the place before and after something is written there; what fails because of a move is told as that.

        Raises
        ------
        OutputsMoved
        """
        self._check_place()
        try:
            yield
        except OSError:
            self._check_place()
            raise
        self._check_place()

    def stop_workers(self) -> None:
        """Stop the workers in a thread, beside the writing of tables and report; `close` waits for it."""
        self._stopper = start_thread("stop workers", self.backend.stop)

    def abort(self) -> None:
        """Notify the observers that the run ends by an error."""
        self.observers.notify("run_aborted", self.context)

    def close(self, status: str) -> None:
        """Stop what was started and free the lock; safe to call at any point."""
        counts = self.context.counts
        self._ticker.set()
        counts.stage = status
        for name, work in (("end commits", self._committers.shutdown), ("stop workers", self.backend.stop)):
            thread = self._stopper if name == "stop workers" and self._stopper else start_thread(name, work)
            if thread is None:
                work()
            else:
                thread.join(CLOSE_SECONDS)
                if thread.is_alive():
                    log.warning("'%s' took longer than %.0f s and is left to itself", name, CLOSE_SECONDS)
        writing = sum(not future.done() for future in list(self._commits))
        if writing:
            log.warning(
                "%d finished cells were not on the disk after %.0f s: they are not counted as done, and the same "
                "command computes again what is not there; look whether the disk of '%s' answers",
                writing,
                CLOSE_SECONDS,
                self.store.root,
            )
        self._states.delete_finished(self.store)  # a worker's last state may come after its result
        self.writer.close()
        self.observers.close()
        if status == "failed" and not (counts.done or counts.failed or counts.reused or writing):
            for path in self._new:  # made by this command, which came to nothing; the lock is held until all is gone
                if path == self.store.root and any(self.store.keys()):
                    continue  # stored, and not counted before the error
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        self._open.close()

    # --- used by a batch -------------------------------------------------------------------------------------------

    def _record_attempt(self, key: str, record: Mapping[str, Any]) -> None:
        """Append to the journal of attempts; what the disk refuses is no failure of the workers."""
        try:
            self.store.record_attempt(key, record)
        except OSError as error:
            raise self.context.unwritable(error) from error

    def _write(self, cell: Cell, result: Result) -> tuple[Cell, Result]:
        """Write a finished cell to the store (in a committing thread)."""
        began = time.perf_counter()
        self._check_place()
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

    def commit(self, cell: Cell, result: Result) -> Future[tuple[Cell, Result]]:
        """Hand a result to the threads that write it to the store; secrets are removed from why it failed."""
        if (failure := result.failure) is not None:
            message, text = redacted(failure.message), redacted(failure.traceback)
            result.failure = dataclasses.replace(failure, message=message, traceback=text)
        future = submit(self._committers, lambda: self._write(cell, result))
        self._commits.add(future)
        future.add_done_callback(self._commits.discard)
        return future

    def costs(self) -> Costs:
        """Return what models cost in earlier runs of this store."""
        return read_costs(self.store.root)
