"""Reuse stored cells, run the others, commit results and notify the observers."""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol

import numpy as np
import numpy.typing as npt

from va_experiments.cell import Cell, Fit, Result
from va_experiments.cell.serialization import plain
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.checkpoints.recompute_reasons import recompute_reasons
from va_experiments.engine.context import RunContext
from va_experiments.engine.estimate import check_limit, estimate_plan
from va_experiments.engine.meanwhile import CellsOfOthers, FetchNew, own_order
from va_experiments.engine.observers import CellSettled, Observers
from va_experiments.execute import Backend, EngineLost
from va_experiments.plan import Costs, Plan
from va_experiments.results.writer import ResultWriter

__all__ = ["Batch"]

log = logging.getLogger(__name__)


class State(enum.IntEnum):
    """Where a cell is."""

    OPEN = 0
    DONE = 1
    FAILED = 2
    LEFT_OUT = 3


class Engine(Protocol):
    """What a batch uses of the run that it belongs to."""

    context: RunContext
    store: Store
    backend: Backend
    writer: ResultWriter
    observers: Observers
    error: str
    fetch_new: FetchNew | None

    def commit(self, cell: Cell, result: Result) -> Future[tuple[Cell, Result]]:
        """Hand a result to the threads that write it to the store."""

    def costs(self) -> Costs:
        """Return what models cost in earlier runs of this store."""

    def fetch_remote(self, missing: set[str]) -> Iterable[str]:
        """Yield the keys of cells that a shared server had; they are in the store now."""


class Batch:
    """One batch of jobs on its way through the engine.

    Parameters
    ----------
    run : Engine
    planned : Plan
    """

    def __init__(self, run: Engine, planned: Plan) -> None:
        self.run, self.plan = run, planned
        self.state = np.zeros(len(planned), np.int8)  # of `State`
        self.value = np.full(len(planned), np.nan)
        self._requested = np.zeros(len(planned), bool)
        self._requested[planned.requested] = True
        self._number_requested = int(self._requested.sum())
        self._job_of = np.full(len(planned), -1, np.int64)
        for number in range(len(planned.jobs) - 1, -1, -1):
            self._job_of[planned.job_cells[number]] = number
            for rows in planned.job_baselines[number].values():
                self._job_of[rows] = np.where(self._job_of[rows] < 0, number, self._job_of[rows])
        members = np.concatenate([*planned.job_cells, np.zeros(0, np.int64)])
        order = np.argsort(members, kind="stable")
        self._member = members[order]  # cells that jobs asked for, and by which: columns, not sets, for a million cells
        self._member_job = np.repeat(np.arange(len(planned.jobs)), [len(r) for r in planned.job_cells])[order]
        self._open_cells = [len(rows) for rows in planned.job_cells]
        self._others = False  # whether the store has cells that are not of this plan
        run.context.counts.cells += self._number_requested

    def reuse_stored(self) -> None:
        """Reuse what the store has, as the resume setting says."""
        config = self.run.context.config
        self.run.context.counts.stage = "looking up finished cells"
        self._looked_up = time.time()
        if config.resume == "false":
            return
        stored = set(self.run.store.keys())
        failed_before = {a["key"] for a in self.run.store.attempts()} if config.resume == "failed" else set()
        n_stored = sum(self.plan.key(row) in stored for row in range(len(self.plan)))
        self._others = len(stored) > n_stored
        if n_stored < len(self.plan):
            self.run.backend.start()  # beside the loading of what is there
        for row in range(len(self.plan)):
            key = self.plan.key(row)
            if key in stored:
                try:
                    result = self.run.store.load(key)
                except CorruptCell as error:
                    log.warning("%s", error)
                    self.run.context.counts.errors.append(str(error))
                    continue
                if result is not None:
                    self.record(self.plan.cell(row), result.result())
            elif config.resume == "failed" and key not in failed_before and self._requested[row]:
                self.state[row] = State.LEFT_OUT
        missing = (
            {self.plan.key(row) for row in np.flatnonzero(self.state == State.OPEN).tolist()}
            if config.tracking.uri
            else set()
        )
        for key in self.run.fetch_remote(missing):
            if (result := self.run.store.load(key)) is not None:
                self.record(self.plan.cell(self.plan.row(key)), result.result())

    def compute(self) -> None:
        """Run what is left, commit as results come, and keep everybody informed."""
        run = self.run
        todo = np.flatnonzero(self.state == State.OPEN)
        sizes = {
            f: dict(zip(d.sites, np.bincount(d.site, minlength=len(d.sites)).tolist(), strict=True))
            for f, d in run.context.deaths.items()
        }
        costs = run.costs()
        if run.context.config.max_core_hours is not None:
            rows = todo.tolist()
            check_limit(estimate_plan(self.plan, rows, run.context.deaths, run.store.root), run.context.config)
        fetch_new = self._fetch_new()
        order = own_order(run.context.folder) if fetch_new else ""
        fits = self.plan.tasks(todo.tolist(), sizes, costs, own_order=order)
        run.context.counts.running = lambda: list(run.context.channel.running.values())
        run.context.counts.begin(len(fits), fits.seconds, costs, run.backend, fits.by_model())
        began = time.time()
        pending: set[Future[tuple[Cell, Result]]] = set()
        if fits and fetch_new:
            self._run_beside_others(fits, pending, began, fetch_new)
        elif fits:
            self._run(fits, pending, began)
        self._list_missing()
        self._log_recompute_reasons(todo)
        for number in range(len(self.plan.jobs)):
            if self._open_cells[number]:
                n = self._open_cells[number]
                run.observers.notify(
                    "job_done", self.plan.jobs[number].number, error=f"{n} cells were not computed", summary=""
                )

    def _run_beside_others(
        self, fits: Sequence[Fit], pending: set[Future[tuple[Cell, Result]]], began: float, fetch_new: FetchNew
    ) -> None:
        """Run the fits, without the cells that others record on the shared server meanwhile."""
        context = self.run.context
        others = CellsOfOthers(
            self.run.store,
            self._is_open,
            lambda result: self.record(self.plan.cell(self.plan.row(result.key)), result),
            lambda fit: context.counts.fit_not_needed(fit.model.digest.hex()),
        )
        context.channel.still_open = others.still_open
        seconds = context.config.checkpoint.look_again_seconds or 0.0
        with others.looking(fetch_new, seconds, self._looked_up, context.channel.stopping.is_set):
            self._run(fits, pending, began)
        if others.taken:
            context.notes.append(
                f"taken from others, who finished them during this run: {others.taken} of the reused cells"
            )

    def _run(self, fits: Sequence[Fit], pending: set[Future[tuple[Cell, Result]]], began: float) -> None:
        """Run the fits and record their results as they come; lost workers end it with `Engine.error`."""
        run = self.run
        try:
            for results in run.backend.run(fits, run.context.deaths, run.context.channel):
                for result in results:
                    result.timings["queue_seconds"] = max(0.0, result.facts.get("started", began) - began)
                    pending.add(run.commit(self.plan.cell(self.plan.row(result.key)), result))
                run.context.counts.fit_done(results, self.plan)
                self._record_finished(pending, wait=len(pending) > 200)
                if run.context.config.on_error == "stop" and run.context.counts.failed:
                    run.context.channel.stopping.set()
        except (EngineLost, OSError) as error:
            run.error = str(error) if isinstance(error, EngineLost) else f"the workers cannot continue ({error})"
            run.context.channel.stopping.set()
            run.backend.stop()  # at once: Ray ends a driver that stays connected to a dead node
            log.error("%s; run the same command again to continue from %s", run.error, run.context.counts.text)
        self._record_finished(pending, wait=True)

    def _fetch_new(self) -> FetchNew | None:
        """Return what looks for cells that others finish meanwhile; None where this run takes none."""
        config = self.run.context.config
        if config.checkpoint.look_again_seconds is None or config.resume == "false" or not config.shares_cells:
            return None
        return self.run.fetch_new

    def _is_open(self, key: str) -> bool:
        """Return whether a key is that of a cell of this plan that is still to be computed."""
        try:
            return bool(self.state[self.plan.row(key)] == State.OPEN)
        except KeyError:
            return False

    def _log_recompute_reasons(self, todo: npt.NDArray[np.int64], most: int = 20_000) -> None:
        """Log why cells were recomputed although similar cells are stored."""
        rows = todo[(self.state[todo] == State.DONE) & self._requested[todo]]
        if not self._others or len(rows) > most:
            return
        cells = [self.plan.cell(row) for row in rows.tolist()]
        contents = [{"name": cell.model.name, **plain(cell.content)} for cell in cells]
        for line in recompute_reasons(self.run.store, contents, {cell.key for cell in cells}):
            log.info("%s", line)
            self.run.context.notes.append(line)

    def _list_missing(self, most: int = 100_000) -> None:
        """Give asked cells that were not computed a row each, so that no table takes a part of a grid for the whole."""
        for row in np.flatnonzero(self._requested & ((self.state == State.OPEN) | (self.state == State.LEFT_OUT)))[
            :most
        ].tolist():
            cell, number = self.plan.cell(row), max(0, int(self._job_of[row]))
            self.run.writer.add(
                cell,
                Result(key=cell.key),
                job=self.plan.jobs[number].label,
                simulated=self.run.context.deaths[cell.setting.fingerprint].simulated,
                model=self.plan.job_models[number].name,
                requested=True,
                computed=False,
            )

    def _record_finished(self, pending: set[Future[tuple[Cell, Result]]], *, wait: bool) -> None:
        for future in [f for f in pending if wait or f.done()]:
            pending.discard(future)
            try:
                cell, result = future.result()
                if self._is_open(result.key):  # else it was taken from others while it was computed here
                    self.record(cell, result)
                elif result.failure is not None:
                    log.warning("a cell that others had finished failed here: %s", result.failure.message[:300])
            except OSError as error:
                raise self.run.context.unwritable(error, self._megabytes_needed()) from error

    def _megabytes_needed(self) -> float:
        sizes = [s.symptoms.shape[0] * len(s.causes) * 8 for s in self.run.context.deaths.values()]
        return max(1.0, float((self.state == State.OPEN).sum()) * max(sizes, default=0) / 6 / 2**20)

    def record(self, cell: Cell, result: Result) -> None:
        """Count a cell, write its row, and notify the observers; also of its job where it is complete now."""
        run, row = self.run, self.plan.row(result.key)
        first = self.plan.jobs[max(0, int(self._job_of[row]))]
        requested = bool(self._requested[row])
        open_before = self.state[row] in (State.OPEN, State.LEFT_OUT)
        self.state[row] = State.FAILED if result.failure else State.DONE
        self.value[row] = result.metrics.get(run.context.config.objective, np.nan) if not result.failure else np.nan
        data = run.context.deaths[cell.setting.fingerprint]
        name = self.plan.job_models[max(0, int(self._job_of[row]))].name if requested else cell.model.name
        record = run.writer.add(
            cell, result, job=first.label, model=name, simulated=data.simulated, requested=requested
        )
        counts = run.context.counts
        if not requested:
            counts.baselines += 1
            return
        counts.reused += result.reused
        counts.done += result.failure is None and not result.reused
        if result.failure:
            counts.failed += 1
            counts.errors.append(
                f"{name} at {cell.split.test_site}: {result.failure.error}: {result.failure.message}"[:300]
            )
        run.observers.notify(
            "cell_settled",
            CellSettled(
                record,
                f"{name} at {cell.split.test_site}",
                run.store.folder(result.key) if result.failure is None else None,
                tuple(result.facts.get("warnings") or ()),
                self._number_requested,
            ),
        )
        if not open_before:
            return
        for number in self._member_job[slice(*np.searchsorted(self._member, [row, row + 1]))].tolist():
            self._open_cells[number] -= 1
            if self._open_cells[number] == 0:
                self._job_complete(number)

    def _job_complete(self, number: int) -> None:
        rows = self.plan.job_cells[number]
        failed = int((self.state[rows] == State.FAILED).sum())
        value = self.value[rows][np.isfinite(self.value[rows])]  # nothing is scored where no true cause is known
        self.run.observers.notify(
            "job_done",
            self.plan.jobs[number].number,
            error=f"{failed} of {len(rows)} cells failed" if failed else "",
            summary=f"{self.run.context.config.objective} {value.mean():.3f}" if len(value) and not failed else "",
        )

    def objectives(self) -> list[float | None]:
        """Return each job's mean objective; None where a cell is missing, so that no sweeper learns from half a job."""
        means = [self.value[rows] for rows in self.plan.job_cells]
        return [float(v.mean()) if len(v) and np.isfinite(v).all() else None for v in means]
