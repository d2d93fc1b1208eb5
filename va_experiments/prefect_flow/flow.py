"""The multirun as a Prefect flow: prepare data, one task run for each Hydra job, report; with live artifacts.

The flow runs in a thread of the driver and only watches: its tasks wait for what the engine reports. No fit waits for
Prefect, and when Prefect cannot start or dies, the run goes on with a warning.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from va_experiments.config.schema import TrackingConfig
from va_experiments.prefect_flow.server import PrefectServer, client_environment

__all__ = ["FLOW", "PrefectView"]

log = logging.getLogger(__name__)

FLOW = "va-experiments"
"""Name of the flow."""


class _Outcome:
    """What a waiting task waits for."""

    def __init__(self) -> None:
        self.event, self.error, self.summary = threading.Event(), "", ""

    def set(self, error: str = "", summary: str = "") -> None:
        self.error, self.summary = error, summary
        self.event.set()

    def wait(self) -> str:
        self.event.wait()
        if self.error:
            raise RuntimeError(self.error)
        return self.summary


class PrefectView:
    """Records one multirun.

    Parameters
    ----------
    config : TrackingConfig
    home : Path
        Prefect's state folder.
    run_id : str
        Name of the flow run.
    """

    def __init__(self, config: TrackingConfig, home: Path, run_id: str) -> None:
        self._config, self._home, self._run_id = config, home, run_id
        self._server = PrefectServer(config, home)
        self._messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._record, name="prefect", daemon=True)
        self._prepared, self._reported = _Outcome(), _Outcome()
        self._jobs: dict[int, _Outcome] = {}
        self._ready = threading.Event()
        self.error = ""
        self.flow_run_id = ""

    def start(self) -> None:
        """Start or find the server, and begin the flow as soon as it answers."""
        if not self._config.prefect:
            return
        try:
            self._server.start()
        except OSError as error:
            self._fail(f"Prefect's server could not be started: {error}")
            return
        self._thread.start()

    def prepared(self, summary: str) -> None:
        """Say that the data are read and the cells planned."""
        self._prepared.set(summary=summary)

    def jobs(self, labels: Mapping[int, str]) -> None:
        """Announce jobs by number, each of which becomes a task run."""
        self._jobs |= {number: _Outcome() for number in labels}
        self._messages.put(("jobs", dict(labels)))

    def job_done(self, number: int, *, error: str = "", summary: str = "") -> None:
        """Say what became of a job."""
        self._jobs[number].set(error, summary)

    def progress(self, share: float, text: str) -> None:
        """Update the progress artifact (percent)."""
        if self._ready.is_set():
            self._messages.put(("progress", (round(100 * share, 1), text)))

    def finish(self, table: Sequence[Mapping[str, Any]], links: Mapping[str, str], *, error: str = "") -> None:
        """End the flow, wait for it within the configured time, and stop the server if it was started here."""
        if not self._config.prefect or not self._thread.is_alive():
            self._server.stop()
            return
        self._prepared.set(summary="interrupted") if not self._prepared.event.is_set() else None
        for outcome in self._jobs.values():
            if not outcome.event.is_set():
                outcome.set(error=error or "interrupted")
        self._reported.set(summary="report written")
        self._messages.put(("finish", (list(table), dict(links), error)))
        limit = self._config.prefect_wait_seconds * (3 if self._server.cold else 1)
        self._thread.join(limit)
        if self._thread.is_alive():
            self._fail(f"Prefect did not answer within {limit:.0f} s of the end; this run is not recorded there")
        self._server.stop()

    def abandon(self) -> None:
        """Let go of the flow and stop the server without waiting: the run ended in an error."""
        for outcome in (self._prepared, self._reported, *self._jobs.values()):
            if not outcome.event.is_set():
                outcome.set(error="the run ended early")
        self._messages.put(("finish", ([], {}, "the run ended early")))
        if self._thread.is_alive() and self._ready.is_set():
            self._thread.join(5)
        self._server.stop()

    def _fail(self, message: str) -> None:
        if not self.error:
            log.warning("%s; results are not affected", message)
        self.error = self.error or message

    # --- the flow's thread -----------------------------------------------------------------------------------------

    def _record(self) -> None:
        try:
            server = self._server
            if not server.wait(self._config.prefect_wait_seconds if server.elsewhere else 180):
                if server.elsewhere:
                    self._fail(f"this run is not recorded by the Prefect server at {server.url}: {server.trouble}")
                elif not self._reported.event.is_set():
                    self._fail(f"Prefect's server did not start (see {self._home / 'server.log'})")
                return
            os.environ.update(client_environment(self._home, self._server.url, self._server.auth))
            self._run_flow()
        except Exception as error:  # a view must never take the run down
            self._fail(f"Prefect failed: {type(error).__name__}: {str(error)[:200]}")

    def _run_flow(self) -> None:
        logging.getLogger("prefect").setLevel(logging.ERROR)
        from prefect import flow, runtime, tags, task
        from prefect.artifacts import (
            create_link_artifact,
            create_progress_artifact,
            create_table_artifact,
            update_progress_artifact,
        )
        from prefect.task_runners import ThreadPoolTaskRunner

        owner = owner_tag(self._home)
        sweep_stale_runs(owner)
        prepare = task(name="prepare data", task_run_name="prepare data", persist_result=False)(self._prepared.wait)
        report = task(name="report", task_run_name="report", persist_result=False)(self._reported.wait)

        def evaluate(number: int) -> str:
            return self._jobs[number].wait()

        def multirun() -> str:
            self.flow_run_id = str(runtime.flow_run.id)
            artifact: Any = create_progress_artifact(
                progress=0.0, key="va-progress", description=f"cells of {self._run_id}"
            )
            self._ready.set()
            waiting = [prepare.submit()]
            while True:
                kind, content = self._messages.get()
                if kind == "jobs":
                    for number, label in content.items():
                        job = task(name="train and evaluate", task_run_name=label[:200], persist_result=False)(evaluate)
                        waiting.append(job.submit(number))
                elif kind == "progress":
                    update_progress_artifact(artifact, progress=content[0], description=content[1])
                else:
                    table, links, error = content
                    break
            waiting.append(report.submit())
            failed = sum(future.wait() is None and future.state.is_failed() for future in waiting)
            if table:
                create_table_artifact(table=table, key="va-leaderboard", description=f"leaderboard of {self._run_id}")
            for key, link in links.items():
                create_link_artifact(link=link, key=key, link_text=link, description=f"MLflow's page of {self._run_id}")
            update_progress_artifact(artifact, progress=100.0)
            if failed or error:
                raise RuntimeError(error or f"{failed} of {len(waiting)} steps failed")
            return "done"

        runner: Any = ThreadPoolTaskRunner(max_workers=64)
        recorded = flow(
            name=FLOW, flow_run_name=self._run_id, task_runner=runner, persist_result=False, validate_parameters=False
        )(multirun)
        with tags(owner):
            recorded(return_state=True)
        await_last_events(self.flow_run_id)


def await_last_events(flow_run_id: str, timeout: float = 8.0) -> None:
    """Wait until the server has taken the final state of every task run: it comes a moment after the flow has ended."""
    import uuid

    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    deadline = time.monotonic() + timeout
    this_run = FlowRunFilter(id=FlowRunFilterId(any_=[uuid.UUID(flow_run_id)]))
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            runs = client.read_task_runs(flow_run_filter=this_run)
            if all(r.state is not None and r.state.is_final() for r in runs):
                return
            time.sleep(0.2)


def owner_tag(home: Path) -> str:
    """Return the tag by which flow runs of one outputs folder on one host are told from others' on the same server."""
    return f"{socket.gethostname()}:{home.resolve().parent}"


def sweep_stale_runs(owner: str) -> int:
    """Mark flow runs, and task runs in them, that a killed driver left RUNNING as crashed; return how many flow runs.

    Only runs with this owner's tag are touched: the caller holds that outputs folder's lock, so none of them can live.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterId,
        FlowRunFilterState,
        FlowRunFilterStateType,
        FlowRunFilterTags,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        stale = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])),
                tags=FlowRunFilterTags(all_=[owner]),
            ),
            limit=200,
        )
        crashed: Any = Crashed(message="the driver died; swept at the next start")
        for run in stale:
            for step in client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))):
                if step.state is None or not step.state.is_final():
                    client.set_task_run_state(step.id, crashed, force=True)
            client.set_flow_run_state(run.id, crashed, force=True)
    return len(stale)
