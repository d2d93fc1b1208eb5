"""Run fits on Ray: a small window of tasks, shared data, retries after crashes, time limits.

Tasks, not actors: Ray keeps idle worker processes alive, so imports, compiled kernels and the data stay warm between
tasks just as in an actor, and a dead worker takes one task with it instead of an actor that has to be rebuilt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from va_experiments.cell import Failure, Fit, Result
from va_experiments.config.schema import ExecutionConfig
from va_experiments.data.deaths import Deaths
from va_experiments.execute.inline import fit_label
from va_experiments.execute.ray_session import RaySession
from va_experiments.execute.run_channel import EngineLost, RunChannel, Running, worth_another_try

__all__ = ["RayBackend"]

log = logging.getLogger(__name__)


@dataclass
class _PendingTask:
    """A task that Ray has."""

    fit: Fit
    name: str
    attempt: int
    timeouts: int
    started: float | None = None
    node: str = ""
    """Where it is at work."""
    cancelled: bool = False
    """Ended for its time."""
    dropped: bool = False
    """Ended because the run stops: its cells are neither done nor failed."""


class RayBackend:
    """Worker processes on this machine, or on a cluster by address."""

    def __init__(self, config: ExecutionConfig) -> None:
        self._config = config
        self._session = RaySession(config)
        self._data: dict[str, list[Any]] = {}
        self._functions: dict[str, Any] = {}
        self._late_answer: Any = None
        self._replaced = 0

    @property
    def workers(self) -> int:
        """Fits that can run at once."""
        return self._session.workers

    @property
    def local(self) -> bool:
        """Whether the workers are on this machine."""
        return self._config.address is None

    def start(self) -> None:
        """Begin to connect, in the background; calling it again does nothing."""
        self._session.start()

    def wait(self, stopping: threading.Event | None = None) -> bool:
        """Wait until fits can be handed out; return False if `stopping` was set before."""
        return self._session.wait(stopping)

    def run(self, fits: Sequence[Fit], deaths: Mapping[str, Deaths], channel: RunChannel) -> Iterator[list[Result]]:
        """Yield the results of each fit as it ends.

        Raises
        ------
        EngineLost
            If the cluster is gone.
        """
        if not self.wait(channel.stopping):
            return
        exceptions = self._ray.exceptions
        pending: deque[_PendingTask] = deque()  # to be tried again; the others are made as their turn comes
        untried = 0
        submitted: dict[Any, _PendingTask] = {}
        deadline: float | None = None
        polled = 0.0
        try:
            while pending or submitted or untried < len(fits):
                if self._session.dead:
                    raise EngineLost(self._session.dead)
                if self._session.vanished and not self._replace(submitted, pending, channel):
                    return
                if channel.stopping.is_set():
                    pending.clear()
                    untried = len(fits)
                    if deadline is None:
                        deadline = time.monotonic() + self._config.drain_seconds
                        self._poll(submitted, channel)
                        self._drop_waiting(submitted)
                    if time.monotonic() > deadline:
                        return
                while (pending or untried < len(fits)) and len(submitted) < self._config.window * self.workers:
                    if pending:
                        task = pending.popleft()
                    else:
                        fit, name = channel.still_open(fits[untried]), f"t{untried}"
                        untried += 1
                        if fit is None:
                            continue
                        task = _PendingTask(fit, name, 1, 0)
                    if lacks := self._lacks(task.fit):
                        yield self._failed(task, Failure("DoesNotFit", lacks))
                        continue
                    submitted[self._submit(task, deaths, channel)] = task
                channel.waiting = len(pending) + len(fits) - untried
                for ref in self._ended(submitted):
                    yield from self._landed(ref, submitted, pending, channel)
                for node in self._session.nodes.lost() if self._session.nodes is not None else ():
                    yield from self._node_lost(node, submitted, pending, channel)
                if time.monotonic() - polled > 0.5:
                    polled = time.monotonic()
                    self._poll(submitted, channel)
                    self._enforce_limit(submitted)
        except (OSError, exceptions.RaySystemError) as error:
            raise EngineLost(
                self._session.dead or f"Ray is gone ({type(error).__name__}: {str(error)[:200]})"
            ) from error
        finally:
            self._cancel(submitted)
            channel.running.clear()

    @property
    def _ray(self) -> Any:
        return self._session.ray

    def _replace(self, submitted: dict[Any, _PendingTask], pending: deque[_PendingTask], channel: RunChannel) -> bool:
        """Start another cluster, since the folder of this one has vanished; what was handed out is tried again."""
        self._replaced += 1
        if self._replaced > max(1, self._config.max_retries):
            raise EngineLost(f"the folder of Ray's files was removed {self._replaced} times")
        log.warning("the folder of Ray's files was removed; Ray is started again, and running fits with it")
        self._poll(submitted, channel)
        for task in reversed(submitted.values()):
            if not task.dropped:
                pending.appendleft(self._after_vanishing(task, channel))
        submitted.clear()
        channel.running.clear()
        self._data.clear()
        self._functions.clear()
        self._late_answer = None
        self._session.replace()
        return self.wait(channel.stopping)

    def _after_vanishing(self, task: _PendingTask, channel: RunChannel) -> _PendingTask:
        """Return the next attempt of a task whose cluster has lost its files."""
        begun = task.started is not None
        for cell in task.fit.cells if begun else ():
            record = {"attempt": task.attempt, "error": "RayFolderVanished", "message": "Ray's files were removed"}
            channel.failed_attempt(cell.key, record)
        return _PendingTask(task.fit, f"{task.name}v", task.attempt + begun, task.timeouts)

    def _lacks(self, fit: Fit) -> str:
        """Return why a fit can never run on this machine; a joined cluster may grow a node for it."""
        resources = fit.model.resources
        needed = {"CPU": resources.num_cpus, "GPU": resources.num_gpus, "memory": resources.memory or 0}
        short = [f"{name} {needed[name]:g} (there is {self._session.largest[name]:g})" for name in needed]
        short = [s for s, name in zip(short, needed, strict=True) if needed[name] > self._session.largest[name]]
        if not short:
            return ""
        message = f"model '{fit.model.name}' asks for more than any node has: {', '.join(short)}; see model.resources"
        if self._config.address is None:
            return message
        log.warning("%s; its cells wait for a node that has it", message)
        return ""

    def _drop_waiting(self, submitted: Mapping[Any, _PendingTask]) -> None:
        """Take back the fits that wait within Ray; those at work may finish."""
        for ref, task in submitted.items():
            if task.started is None:
                task.dropped = True
                self._ray.cancel(ref)

    def _ended(self, submitted: Mapping[Any, _PendingTask]) -> list[Any]:
        if not (refs := list(submitted)):
            return []
        first, _ = self._ray.wait(refs, num_returns=1, timeout=0.2, fetch_local=False)
        return self._ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)[0] if first else []

    def _submit(self, task: _PendingTask, deaths: Mapping[str, Deaths], channel: RunChannel) -> Any:
        fingerprint = task.fit.setting.fingerprint
        if fingerprint not in self._data:
            self._data[fingerprint] = [self._ray.put(deaths[fingerprint].without_strata_columns())]
        resources = task.fit.model.resources
        options = {"num_cpus": resources.num_cpus, "num_gpus": resources.num_gpus, **self._config.remote}
        if resources.memory:
            options["memory"] = resources.memory
        state = channel.last_state(task.fit.cells[0].key)
        if (words := repr(options)) not in self._functions:
            self._functions[words] = self._session.remote.options(**options)
        return self._functions[words].remote(
            task.fit,
            self._data[fingerprint],
            task.name,
            task.attempt,
            self._session.board,
            state,
            channel.state_seconds,
        )

    def _landed(
        self, ref: Any, submitted: dict[Any, _PendingTask], pending: deque[_PendingTask], channel: RunChannel
    ) -> Iterator[list[Result]]:
        task = submitted.pop(ref)
        channel.running.pop(task.name, None)
        channel.heartbeat = time.time()
        exceptions = self._ray.exceptions
        try:
            results = self._fetch(ref)
        except exceptions.LocalRayletDiedError as error:
            raise EngineLost("Ray's node process on this machine has died") from error
        except exceptions.RaySystemError:
            raise
        except exceptions.RayTaskError as error:
            if task.dropped:
                return
            if self._session.vanished:  # a worker cannot even write its log: the next round starts another cluster
                pending.appendleft(self._after_vanishing(task, channel))
                return
            yield self._failed(task, Failure(type(error).__name__, str(error)[-2000:], str(error)[-20_000:]))
        except exceptions.RayError as error:  # its worker or node died, it was cancelled, its memory ran out, ...
            if task.dropped:
                return
            if self._session.vanished:
                pending.appendleft(self._after_vanishing(task, channel))
                return
            self._poll(submitted, channel)  # the last state that it left, for the next attempt
            yield from self._crashed(task, error, pending, channel)
        else:
            yield from self._again_if_worth_it(task, results, pending, channel)

    def _fetch(self, ref: Any) -> list[Result]:
        """Return what a task gave back; give up when the cluster is gone."""
        while True:
            try:
                return list(self._ray.get(ref, timeout=2))
            except self._ray.exceptions.GetTimeoutError:
                if self._session.dead:
                    raise EngineLost(self._session.dead) from None

    def _again_if_worth_it(
        self, task: _PendingTask, results: list[Result], pending: deque[_PendingTask], channel: RunChannel
    ) -> Iterator[list[Result]]:
        """Yield results; cells that failed with an error named retryable go back to the queue."""
        again = [r.key for r in results if worth_another_try(r, task.attempt, self._config)]
        for key in again:
            channel.failed_attempt(key, {"attempt": task.attempt, "error": "retryable"})
        if again:
            cells = tuple(c for c in task.fit.cells if c.key in again)
            pending.appendleft(_PendingTask(Fit(task.fit.key, cells), task.name + "r", task.attempt + 1, task.timeouts))
        if finished := [r for r in results if r.key not in again]:
            yield finished

    def _crashed(
        self, task: _PendingTask, error: BaseException, pending: deque[_PendingTask], channel: RunChannel
    ) -> Iterator[list[Result]]:
        """Retry a fit whose worker died, its cells one by one, so that a poisonous one fails alone."""
        limit = self._config.cell_timeout_seconds
        kind = type(error).__name__
        if task.cancelled:
            message = f"time limit of {limit} s exceeded"
            more = task.timeouts < self._config.timeout_retries
            kind = "CellTimeout"
        elif "OutOfMemory" in kind:
            message = f"out of memory: the worker was stopped ({str(error)[:300]})"
            more = task.attempt <= 1
        else:
            message = f"the worker died: {str(error)[:300]}"
            more = task.attempt <= self._config.max_retries
        if more:
            for cell in task.fit.cells:
                channel.failed_attempt(cell.key, {"attempt": task.attempt, "error": kind, "message": message})
            if channel.stopping.is_set():
                return
        else:
            yield self._failed(task, Failure(kind, message, attempts=task.attempt))
            return
        for number, cell in enumerate(task.fit.cells):
            pending.appendleft(
                _PendingTask(
                    Fit(task.fit.key, (cell,)),
                    f"{task.name}.{number}",
                    task.attempt + 1,
                    task.timeouts + task.cancelled,
                )
            )

    def _node_lost(
        self, node: str, submitted: dict[Any, _PendingTask], pending: deque[_PendingTask], channel: RunChannel
    ) -> Iterator[list[Result]]:
        """Retry what was at work on a lost node, and submit again what may have been on its way there."""
        for ref, task in list(submitted.items()):
            if task.node != node and task.started is not None:
                continue
            del submitted[ref]
            channel.running.pop(task.name, None)
            self._cancel([ref])
            if task.dropped:
                continue
            if task.node == node:
                yield from self._crashed(task, ConnectionError(f"its node {node[:12]} was lost"), pending, channel)
            else:
                pending.appendleft(_PendingTask(task.fit, f"{task.name}n", task.attempt, task.timeouts))

    @staticmethod
    def _failed(task: _PendingTask, failure: Failure) -> list[Result]:
        return [Result(key=c.key, failure=failure, attempt=task.attempt) for c in task.fit.cells]

    def _poll(self, submitted: Mapping[Any, _PendingTask], channel: RunChannel) -> None:
        """Fetch what running fits have left on the progress board.

        The board forgets what it hands out. An answer that is late, on a busy machine, is fetched the next time: it may
        hold the only note that a fit has begun, without which no time limit ends the fit.
        """
        late = self._late_answer is not None
        self._take_notes(submitted, channel)
        if late and self._late_answer is None:
            self._take_notes(submitted, channel)

    def _take_notes(self, submitted: Mapping[Any, _PendingTask], channel: RunChannel) -> None:
        """Take the answer of the progress board that is late, or ask it."""
        try:
            self._late_answer = answer = self._late_answer or self._session.board.drain.remote()
            notes, states = self._ray.get(answer, timeout=2)
        except self._ray.exceptions.GetTimeoutError:
            return
        except Exception:  # the board only shows progress; fits do not need it
            self._late_answer = None
            return
        self._late_answer = None
        channel.heartbeat = time.time()
        for key, content in states.items():
            channel.keep_state(key, content)
        by_name = {task.name: task for task in submitted.values()}
        for name, note in notes.items():
            if (task := by_name.get(name)) is None:
                continue
            task.started, task.node = task.started or time.monotonic(), note["node"]
            channel.running[name] = Running(
                task.fit.key,
                fit_label(task.fit),
                note["worker"],
                task.attempt,
                note["started"],
                note["done"],
                note["total"],
                note["info"],
                task.fit.model.digest.hex(),
            )

    def _enforce_limit(self, submitted: Mapping[Any, _PendingTask]) -> None:
        limit = self._config.cell_timeout_seconds
        if limit is None:
            return
        for ref, task in submitted.items():
            over = task.started is not None and time.monotonic() - task.started > limit * len(task.fit.cells)
            if over and not task.cancelled:
                task.cancelled = True
                self._ray.cancel(ref, force=True)

    def _cancel(self, refs: Iterable[Any]) -> None:
        for ref in refs:
            try:
                self._ray.cancel(ref, force=True)
            except Exception:  # the cluster may be gone; there is nothing left to cancel then
                return

    def describe(self) -> dict[str, Any]:
        """Return the cluster's resources and nodes."""
        return self._session.about

    def stop(self) -> None:
        """Stop the local cluster, or leave the joined one."""
        self._session.stop()
