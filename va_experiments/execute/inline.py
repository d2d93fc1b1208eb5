"""Run fits in this process, one after the other: for the debugger, small jobs, and comparison with Ray."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from va_experiments.callbacks import listening
from va_experiments.cell import Fit, Result, run_fit
from va_experiments.config.schema import ExecutionConfig
from va_experiments.data.deaths import Deaths
from va_experiments.execute.run_channel import RunChannel, Running, worth_another_try
from va_experiments.execute.throttled_listener import ThrottledListener

__all__ = ["InlineBackend"]


class InlineBackend:
    """The process itself. Time limits are not enforced here: nothing could stop a fit but the process's end."""

    workers = 1

    def __init__(self, config: ExecutionConfig) -> None:
        self._config = config

    def start(self) -> None:
        """Nothing to do."""

    def run(self, fits: Sequence[Fit], deaths: Mapping[str, Deaths], channel: RunChannel) -> Iterator[list[Result]]:
        """Yield the results of each fit, in the order given."""
        for number, planned in enumerate(fits):
            if channel.stopping.is_set():
                return
            channel.waiting = len(fits) - number - 1
            if (fit := channel.still_open(planned)) is None:
                continue
            running = Running(
                fit.key,
                fit_label(fit),
                f"{socket.gethostname()}:{os.getpid()}",
                started=time.time(),
                total=len(fit.cells),
                model=fit.model.digest.hex(),
            )
            channel.running["inline"] = running

            def note(done: int, total: int, info: Mapping[str, object], running: Running = running) -> None:
                running.done, running.total, running.info = done, total, info
                channel.heartbeat = time.time()

            key = fit.cells[0].key
            keep = partial(channel.keep_state, key)
            listener = ThrottledListener(note, keep, channel.last_state(key), channel.state_seconds)
            with listening(listener):
                results = self._tried(fit, deaths[fit.setting.fingerprint], channel)
            channel.running.pop("inline", None)
            channel.heartbeat = time.time()
            yield results

    def _tried(self, fit: Fit, deaths: Deaths, channel: RunChannel) -> list[Result]:
        """Return the results of a fit, those cells tried again that failed with an error named retryable."""
        results = run_fit(fit, deaths)
        attempt = 1
        while again := {r.key for r in results if worth_another_try(r, attempt, self._config)}:
            if channel.stopping.is_set():
                break
            for key in again:
                channel.failed_attempt(key, {"attempt": attempt, "error": "retryable"})
            attempt += 1
            cells = tuple(c for c in fit.cells if c.key in again)
            new = {r.key: r for r in run_fit(Fit(fit.key, cells), deaths, attempt=attempt)}
            results = [new.get(r.key, r) for r in results]
        return results

    def describe(self) -> dict[str, Any]:
        """Return the process."""
        return {"backend": "inline", "workers": 1}

    def stop(self) -> None:
        """Nothing to give back."""


def fit_label(fit: Fit) -> str:
    """Return ``model · tested sites`` in a few words."""
    sites = list(dict.fromkeys(c.split.test_site for c in fit.cells))
    tested = ", ".join(sites[:3]) + (f" and {len(sites) - 3} more" if len(sites) > 3 else "")
    return f"{fit.model.name} · {tested}"
