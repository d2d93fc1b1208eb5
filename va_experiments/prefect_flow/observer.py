"""Attach a run to Prefect: the flow runs in a thread of the driver, beside the engine, and only observes.

When Prefect cannot start or dies, the run goes on with a warning.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from va_experiments.background_queue import BackgroundQueue
from va_experiments.config.schema import TrackingConfig
from va_experiments.engine.context import RunContext
from va_experiments.engine.observers import Observer, RunOutcome
from va_experiments.prefect_flow.direct_client import connect_directly
from va_experiments.prefect_flow.events import RUNS, Ending, Milestone, RunEvents
from va_experiments.prefect_flow.server import PrefectServer, client_environment
from va_experiments.prefect_flow.stale_runs import await_last_events, owner_tag, sweep_stale_runs

__all__ = ["PrefectObserver"]

log = logging.getLogger(__name__)


class PrefectObserver(Observer):
    """Records one run as a flow run.

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
        self._queue = BackgroundQueue("prefect", self._record)
        self._events = RunEvents(self._next_message, self._flow_started)
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
        self._queue.start()

    def run_started(self, run: RunContext) -> None:
        """Start the server and the flow."""
        self.start()

    def jobs_planned(self, labels: Mapping[int, str], summary: str) -> None:
        """Make a task run for each job."""
        self._events.prepared.reach(summary=summary)
        self._events.jobs |= {number: Milestone() for number in labels}
        self._queue.put("jobs", dict(labels))

    def job_done(self, number: int, *, error: str, summary: str) -> None:
        """End the task run of a job."""
        self._events.jobs[number].reach(error=error, summary=summary)

    def progress(self, run: RunContext) -> None:
        """Update the progress artifact (percent)."""
        if self._ready.is_set() and run.counts.cells:
            self._queue.put("progress", (round(100 * run.counts.share, 1), run.counts.text))

    def run_finished(self, run: RunContext, outcome: RunOutcome) -> None:
        """End the flow with the leaderboard and the links."""
        if not self._config.prefect:
            self.finish(Ending())
            return
        from va_experiments.report import leaderboard_rows

        table: Sequence[Mapping[str, Any]] = []
        rows = outcome.rows
        if len(outcome.cells) and (rows["status"] == "done").any():
            table = leaderboard_rows(rows, run.config.objective, allow_incomplete=run.config.allow_incomplete)
        counts = run.counts.now.sentence
        error = "" if outcome.complete else counts
        settings = {row["setting"] for row in table}
        setting = settings.pop() if len(settings) == 1 else ""
        table = [{k: v for k, v in row.items() if not (setting and k == "setting")} for row in table]
        self.finish(Ending(table, dict(outcome.links), error, counts, tuple(outcome.answers), setting))

    def run_aborted(self, run: RunContext) -> None:
        """Let go of the flow and stop the server without waiting: the run ended in an error."""
        for milestone in self._events.milestones:
            milestone.reach(error="the run ended early")
        self._queue.put("finish", Ending(error="the run ended early"))
        if self._ready.is_set():
            self._queue.join(5)
        self._server.stop()

    def finish(self, end: Ending) -> None:
        """End the flow, wait for it within the configured time, and stop the server if it was started here."""
        if not self._config.prefect or not self._queue.alive:
            self._server.stop()
            return
        self._events.prepared.reach(summary="interrupted")
        for milestone in self._events.jobs.values():
            milestone.reach(error=end.error or "interrupted")
        self._events.reported.reach(summary="report written")
        self._queue.put("finish", end)
        limit = self._config.prefect_wait_seconds * (3 if self._server.cold else 1)
        if not self._queue.join(limit):
            self._fail(f"Prefect did not answer within {limit:.0f} s of the end; this run is not recorded there")
        self._server.stop()

    def _fail(self, message: str) -> None:
        if not self.error:
            log.warning("%s; results are not affected", message)
        self.error = self.error or message

    # --- in the thread ---------------------------------------------------------------------------------------------

    def _record(self) -> None:
        try:
            server = self._server
            if not server.wait(self._config.prefect_wait_seconds if server.elsewhere else 180):
                if server.elsewhere:
                    why = server.connection_error
                    self._fail(f"this run is not recorded by the Prefect server at {server.url}: {why}")
                elif not self._events.reported.reached:
                    self._fail(f"Prefect's server did not start (see {self._home / 'server.log'})")
                return
            if not server.elsewhere:  # settings that are meant for another server; some name folders to write to
                for name in [n for n in os.environ if n.startswith("PREFECT_")]:
                    del os.environ[name]
            os.environ.update(client_environment(self._home, server.url, server.auth))
            logging.getLogger("prefect").setLevel(logging.ERROR)
            connect_directly(server.url)
            from prefect import tags

            from va_experiments.prefect_flow.flow import multirun

            owner = owner_tag(self._home)
            sweep_stale_runs(owner)
            RUNS[self._run_id] = self._events
            with tags(owner):
                multirun(self._run_id, return_state=True)
            await_last_events(self.flow_run_id)
        except Exception as error:  # monitoring is best effort
            self._fail(f"Prefect failed: {type(error).__name__}: {str(error)[:200]}")
        finally:
            RUNS.pop(self._run_id, None)

    def _next_message(self) -> tuple[str, Any]:
        message = self._queue.get()
        assert message is not None
        return message

    def _flow_started(self, flow_run_id: str) -> None:
        self.flow_run_id = flow_run_id
        self._ready.set()
