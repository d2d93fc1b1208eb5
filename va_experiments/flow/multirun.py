"""The engine of one multirun: jobs in; finished cells, MLflow runs, a report and an exit code out.

`Multirun` takes batches of jobs (one from a grid sweep, several from an adaptive sweeper). Everything that is slow to
start (Ray, Prefect, MLflow) starts in the background beside the reading of data; only Ray is waited for.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from va_experiments.cell import Cell, Failure, Fit, ModelSpec, Result
from va_experiments.checkpoints import CorruptCell, StateStore, Store, lock_outputs
from va_experiments.config import Config
from va_experiments.data.deaths import Deaths
from va_experiments.execute import EngineLost, Watch, make_backend
from va_experiments.flow.interrupts import Interrupts
from va_experiments.flow.ledger import RunLedger
from va_experiments.flow.prefect_view import PrefectView
from va_experiments.flow.progress import Counts, Progress
from va_experiments.plan import Costs, Job, Plan, plan
from va_experiments.tracking import Tracker

__all__ = ["DiskFull", "Multirun"]

log = logging.getLogger(__name__)


class DiskFull(RuntimeError):
    """A finished cell could not be written; nothing that was committed is harmed."""


class Multirun:
    """One multirun, from the first batch of jobs to the report.

    Parameters
    ----------
    config : Config
        The first job's config: paths, execution and tracking are taken from it.
    folder : Path
        The run's own folder, under ``paths.outputs``.
    """

    def __init__(self, config: Config, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.outputs = Path(config.paths.outputs)
        self.run_id = f"{folder.parent.name}/{folder.name}"
        self.store = Store(Path(config.checkpoint.path) if config.checkpoint.path else self.outputs / "checkpoints")
        self.counts = Counts()
        self.ledger = RunLedger(folder, self.run_id)
        self.deaths: dict[str, Deaths] = {}
        self._loaded: dict[str, str] = {}
        self._states = StateStore(self.store.root / "states")
        self.watch = Watch(
            keep_state=self._states.keep,
            last_state=self._states.last,
            failed_attempt=self.store.note_attempt,
            state_seconds=config.checkpoint.state_seconds,
        )
        self.backend = make_backend(config.execution)
        self.tracker = Tracker(config.tracking, self.outputs, self.run_id, {"va.command": "multirun"})
        self.prefect = PrefectView(config.tracking, self.outputs / "prefect", self.run_id)
        self.progress = Progress(self.counts, self.watch, folder, self.run_id, self.prefect.progress)
        self.interrupts = Interrupts(self.watch.stopping)
        self._open = contextlib.ExitStack()
        self._committers = ThreadPoolExecutor(2, thread_name_prefix="commit")
        self.error = ""

    # --- life cycle ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the outputs folder's lock, prepare the store, and start what is slow to start."""
        self._open.enter_context(lock_outputs(self.outputs))
        self.store.open()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._open.enter_context(self.interrupts)
        self.backend.start()
        self.prefect.start()
        self.tracker.start()
        self.progress.start()

    def read(self, configs: Sequence[Config]) -> list[str]:
        """Return the fingerprint of each job's data, reading each data set once."""
        from va_experiments.data.cache import load_cached

        found = []
        for config in configs:
            options = {k: v for k, v in config.data.items() if k != "name"}
            identity = json.dumps([config.data["name"], options], sort_keys=True, default=str)
            if identity not in self._loaded:
                self.counts.stage = "reading data"
                deaths = load_cached(str(config.data["name"]), options, self.outputs / "cache")
                self.deaths[deaths.fingerprint] = deaths
                self._loaded[identity] = deaths.fingerprint
            found.append(self._loaded[identity])
        return found

    def run(self, jobs: Sequence[Job], models: Sequence[ModelSpec]) -> list[float | None]:
        """Run a batch of jobs and return each job's mean objective, None where a cell is missing."""
        self.counts.stage = "planning"
        planned = plan(jobs, self.deaths, models)
        self.prefect.prepared(f"{len(self.deaths)} data sets, {len(planned.asked)} cells")
        self.prefect.jobs({job.number: job.label for job in jobs})
        batch = _Batch(self, planned)
        batch.take_up()
        batch.compute()
        return batch.objectives()

    def close(self, status: str) -> None:
        """Stop what was started and free the lock; safe to call at any point."""
        self._committers.shutdown(wait=True)
        self.progress.stop(status)
        self.backend.stop()
        self.ledger.close()
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
            self._states.drop(cell.key)
        else:
            self.store.note_attempt(
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


class _Batch:
    """One batch of jobs on its way through the engine."""

    def __init__(self, run: Multirun, planned: Plan) -> None:
        self.run, self.plan = run, planned
        self.state = np.zeros(len(planned), np.int8)  # 0 to do, 1 done, 2 failed, 3 left out
        self.value = np.full(len(planned), np.nan)
        self._asked = np.zeros(len(planned), bool)
        self._asked[planned.asked] = True
        self._job_of = np.full(len(planned), -1, np.int64)
        for number in range(len(planned.jobs) - 1, -1, -1):
            self._job_of[planned.job_cells[number]] = number
            for rows in planned.job_baselines[number].values():
                self._job_of[rows] = np.where(self._job_of[rows] < 0, number, self._job_of[rows])
        self._open_cells = [set(rows.tolist()) for rows in planned.job_cells]
        self._row_of = {planned.key(row): row for row in range(len(planned))}
        run.counts.cells += len(planned.asked)

    def take_up(self) -> None:
        """Reuse what the store has, as the resume setting says."""
        config = self.run.config
        self.run.counts.stage = "looking up finished cells"
        if config.resume == "false":
            return
        stored = set(self.run.store.keys())
        failed_before = {a["key"] for a in self.run.store.attempts()} if config.resume == "failed" else set()
        for row in range(len(self.plan)):
            key = self.plan.key(row)
            if key in stored:
                try:
                    found = self.run.store.load(key)
                except CorruptCell as error:
                    log.warning("%s", error)
                    self.run.counts.errors.append(str(error))
                    continue
                if found is not None:
                    self._settle(self.plan.cell(row), found.result())
            elif config.resume == "failed" and key not in failed_before and self._asked[row]:
                self.state[row] = 3

    def compute(self) -> None:
        """Run what is left, commit as results come, and keep everybody informed."""
        run = self.run
        todo = np.flatnonzero(self.state == 0)
        sizes = {
            f: dict(zip(d.sites, np.bincount(d.site, minlength=len(d.sites)).tolist(), strict=True))
            for f, d in run.deaths.items()
        }
        fits = self.plan.tasks(todo.tolist(), sizes, run.costs())
        run.counts.fits += len(fits)
        run.counts.seconds_planned += len(fits)
        run.counts.stage = "running"
        pending: set[Future[tuple[Cell, Result]]] = set()
        if fits:
            cells = {c.key: c for fit in fits for c in fit.cells}
            try:
                for results in self._results(fits):
                    for result in results:
                        pending.add(run.submit(cells[result.key], result))
                    self._count_fit(results)
                    self._settle_finished(pending, wait=len(pending) > 200)
                    if run.config.on_error == "stop" and run.counts.failed:
                        run.watch.stopping.set()
            except EngineLost as error:
                run.error = str(error)
                log.error("%s; run the same command again to go on from %s", error, run.progress.text())
            self._settle_finished(pending, wait=True)
        for number in range(len(self.plan.jobs)):
            if self._open_cells[number]:
                n = len(self._open_cells[number])
                run.prefect.job_done(self.plan.jobs[number].number, error=f"{n} cells were not computed")

    def _results(self, fits: Sequence[Fit]) -> Iterator[list[Result]]:
        yield from self.run.backend.run(fits, self.run.deaths, self.run.watch)

    def _count_fit(self, results: Sequence[Result]) -> None:
        counts = self.run.counts
        counts.fits_done += 1
        counts.fits = max(counts.fits, counts.fits_done)
        counts.seconds_done += 1

    def _settle_finished(self, pending: set[Future[tuple[Cell, Result]]], *, wait: bool) -> None:
        for future in [f for f in pending if wait or f.done()]:
            pending.discard(future)
            try:
                cell, result = future.result()
            except OSError as error:
                self.run.watch.stopping.set()
                raise DiskFull(
                    f"the store at '{self.run.store.root}' cannot be written ({error.strerror}): free some space "
                    f"(about {self._megabytes_needed():.0f} MB for the rest) and run the same command again; "
                    f"{self.run.progress.text()}, all safe"
                ) from error
            self._settle(cell, result)

    def _megabytes_needed(self) -> float:
        sizes = [s.symptoms.shape[0] * len(s.causes) * 8 for s in self.run.deaths.values()]
        return max(1.0, float((self.state == 0).sum()) * max(sizes, default=0) / 6 / 2**20)

    def _settle(self, cell: Cell, result: Result) -> None:
        """Count a cell, write its row, tell MLflow, and tell Prefect when a job is complete."""
        run, row = self.run, self._row_of[result.key]
        first = self.plan.jobs[max(0, int(self._job_of[row]))]
        asked = bool(self._asked[row])
        self.state[row] = 2 if result.failure else 1
        self.value[row] = result.metrics.get(run.config.objective, np.nan) if not result.failure else np.nan
        data = run.deaths[cell.setting.fingerprint]
        name = self.plan.job_models[max(0, int(self._job_of[row]))].name if asked else cell.model.name
        record = run.ledger.add(cell, result, job=first.label, simulated=data.simulated, model=name, asked=asked)
        if not asked:
            return
        counts = run.counts
        counts.reused += result.reused
        counts.done += result.failure is None and not result.reused
        if result.failure:
            counts.failed += 1
            counts.errors.append(
                f"{name} at {cell.split.test_site}: {result.failure.error}: {result.failure.message}"[:300]
            )
            log.error(
                "cell failed: %s at %s: %s: %s",
                name,
                cell.split.test_site,
                result.failure.error,
                result.failure.message,
                extra={"cell_key": result.key},
            )
        if len(self.plan.asked) <= run.config.tracking.max_cell_runs:
            folder = run.store.folder(result.key) if result.failure is None else None
            run.tracker.cell(record, folder)
        for number, cells in enumerate(self._open_cells):
            if row in cells:
                cells.discard(row)
                if not cells:
                    self._job_complete(number)

    def _job_complete(self, number: int) -> None:
        rows = self.plan.job_cells[number]
        failed = int((self.state[rows] == 2).sum())
        self.run.prefect.job_done(
            self.plan.jobs[number].number,
            error=f"{failed} of {len(rows)} cells failed" if failed else "",
            summary=f"{self.run.config.objective} {np.nanmean(self.value[rows]):.3f}" if not failed else "",
        )

    def objectives(self) -> list[float | None]:
        """Return each job's mean objective; None where a cell is missing, so that no sweeper learns from half a job."""
        means = [self.value[rows] for rows in self.plan.job_cells]
        return [float(v.mean()) if len(v) and np.isfinite(v).all() else None for v in means]


def job_rows(plan_: Plan, rows: Mapping[int, Any]) -> list[Any]:
    """Return the values of `rows` in plan order."""
    return [rows[r] for r in range(len(plan_)) if r in rows]
