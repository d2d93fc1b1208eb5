"""Show progress: a tqdm bar over fits, a line for each running fit, and ``status.json`` for other terminals.

A thread draws what the engine counts, at most twice a second, so that the engine never waits for a terminal.
Where there is no terminal (a pipe, CI, a notebook, TERM=dumb) a plain line is printed every few seconds instead.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Mapping
from typing import Any

from va_experiments.checkpoints.atomic_files import write_atomically
from va_experiments.config.schema import RunConfig
from va_experiments.engine.context import RunContext
from va_experiments.engine.observers import Observer, RunOutcome
from va_experiments.engine.time_to_go import Shown
from va_experiments.errors import printable
from va_experiments.execute import Running
from va_experiments.formatting import format_duration
from va_experiments.terminal import is_terminal, say, terminal_width

__all__ = ["Progress", "running_text", "started_text"]

log = logging.getLogger(__name__)

PLAIN_SECONDS = 10.0
"""Between two lines where there is no terminal."""

MOST_LINES = 6
"""Running fits shown at a time."""


class Progress(Observer):
    """Draws bars or prints lines, and keeps ``status.json``, from a thread of its own."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._bar: Any = None
        self._stage: Any = None
        self._lines: list[Any] = []
        self._began = time.time()
        self._printed, self._line = 0.0, ""
        self._logged: set[tuple[str, int]] = set()
        self._terminal = is_terminal(sys.stderr)
        self._deaf, self._closed = False, False
        self._drawing = threading.Lock()
        self._run: RunContext | None = None
        self._error = ""
        self._shown, self._most = Shown(), 0.0
        self._left: float | None = None

    def run_started(self, run: RunContext) -> None:
        """Begin to draw."""
        self._run, self._counts, self._channel = run, run.counts, run.channel
        self._folder, self._run_id = run.folder, run.run_id
        with contextlib.suppress(OSError, ValueError):
            text = started_text(run.config)
            say(textwrap.fill(text, terminal_width()) if self._terminal else text, file=sys.stderr, flush=True)
        self._printed = time.monotonic()
        with contextlib.suppress(RuntimeError):  # no thread can be started: only the end is shown
            self._thread.start()

    def tables_written(self, run: RunContext, outcome: RunOutcome) -> None:
        """Draw a last time and close the bars: the leaderboard is printed below them. The status is still written."""
        self._close_bars()

    def run_finished(self, run: RunContext, outcome: RunOutcome) -> None:
        """Close the bars and write the last status."""
        self._error = outcome.error
        self.stop(outcome.stage)

    def run_aborted(self, run: RunContext) -> None:
        """Draw a last time."""
        if self._run is not None:
            self.stop("failed")

    def close(self) -> None:
        """Write the last status."""
        if self._run is not None:
            self.stop(self._counts.stage if self._stop.is_set() else "failed")

    def stop(self, stage: str) -> None:
        """Draw a last time and close the bars; calling it again only updates the status."""
        if self._stop.is_set() or not self._thread.is_alive():
            self._stop.set()
            self._counts.stage = stage
            self._write_status()
            return
        self._stop.set()
        self._thread.join(5)
        self._counts.stage = stage
        self._close_bars()
        self._write_status()

    def _close_bars(self) -> None:
        """Draw a last time and close the bars; nothing is drawn after that."""
        held = self._drawing.acquire(timeout=5)  # the thread may be drawing on a terminal that takes no more text
        try:
            if self._closed:
                return
            self._closed = True
            self._render(last=True)
            with contextlib.suppress(OSError, ValueError):
                for line in self._lines:
                    line.close()
                if self._bar is not None:
                    self._bar.close()
        finally:
            if held:
                self._drawing.release()

    def _tick(self) -> None:
        ticks = 0
        while not self._stop.wait(0.5):
            try:
                with self._drawing:
                    if not self._closed:
                        self._render()
                self._log_started()
                if ticks % 2 == 0:
                    self._write_status()
            except Exception as error:  # monitoring is best effort
                log.debug("progress: %s: %s", type(error).__name__, error)
            ticks += 1

    def _render(self, *, last: bool = False) -> None:
        """Draw; a terminal that has gone away (closed window, broken pipe) is left alone from then on."""
        if self._deaf:
            return
        try:
            if self._counts.fits == 0:
                self._show_stage(last=last)
            else:
                self._draw(last=last) if self._terminal else self._print(last=last)
        except (OSError, ValueError):
            self._deaf = True

    def _show_stage(self, *, last: bool) -> None:
        """Show what is done before the first fit, and since when the run is at work."""
        text = f"{self._counts.stage}, {format_duration(time.time() - self._began, compact=True)}"
        if not self._terminal:
            if not last and time.monotonic() - self._printed > PLAIN_SECONDS:
                self._printed = time.monotonic()
                say(text, file=sys.stderr, flush=True)
            return
        from tqdm import tqdm

        if self._stage is None and not last:
            self._stage = tqdm(total=0, bar_format="{desc}", leave=False, file=sys.stderr)
        if self._stage is not None:
            self._stage.set_description_str(printable(text), refresh=True)
            if last:
                self._stage.close()

    def _print(self, *, last: bool) -> None:
        if last or time.monotonic() - self._printed > PLAIN_SECONDS:
            self._printed = time.monotonic()
            c, to_go = self._counts, "" if last else self._to_go()
            left = f", {to_go}" if to_go else ""
            line = f"fits {c.fits_done}/{c.fits} · {self._counts.text}{left}"
            if not last or line != self._line:
                say(line, file=sys.stderr, flush=True)
            self._line = line

    def _draw(self, *, last: bool) -> None:
        from tqdm import tqdm

        c, to_go = self._counts, "" if last else self._to_go()
        width = max(terminal_width(80) - 1, 10)
        if self._stage is not None:
            self._stage.close()
            self._stage = None
        if self._bar is None:
            self._bar = tqdm(total=c.fits, desc="fits", bar_format="", ncols=width, file=sys.stderr, leave=True)
        # filled by expected time, not by number: the last tenth of the fits may take most of the time
        self._bar.total, self._bar.n, self._bar.ncols = 1.0, 1.0 if c.fits_done >= c.fits else self._share(), width
        counts = f"{c.done} done, {c.reused} reused, {c.failed} failed"
        left = to_go if width >= 72 else to_go.partition(" (")[0]
        failed = f"{c.failed} failed" if c.failed else ""
        short = ", ".join(p for p in (failed, left) if p) or f"{c.done + c.reused} done"
        message = ", ".join(p for p in (counts, left) if p) if width >= 72 else short
        # in a narrow window what is to come matters more than what is done
        self._bar.bar_format = f"fits {c.fits_done}/{c.fits} |{{bar}}| " + message.replace("{", "{{").replace("}", "}}")
        self._bar.refresh()
        running = [] if last else sorted(dict(self._channel.running).values(), key=lambda r: r.started)[:MOST_LINES]
        while len(self._lines) < len(running):
            position = len(self._lines) + 1
            self._lines.append(tqdm(total=0, bar_format="{desc}", position=position, leave=False, file=sys.stderr))
        for number, line in enumerate(self._lines):
            text = f"  {printable(running_text(running[number]))}" if number < len(running) else ""
            line.set_description_str(text[:width], refresh=True)

    def _to_go(self) -> str:
        """Return the time to go in words, with why it has risen; empty where nothing is known."""
        time_left, now = self._counts.time, time.time()
        self._left = self._shown.update(self._counts.eta(), now, (time_left.slowest_change(), self._retried()))
        if self._left is None or self._counts.fits_done >= self._counts.fits:
            return ""
        least = "at least " if time_left.uncertain else ""
        reason = f" ({self._shown.reason})" if self._shown.reason else ""
        left = max(self._left, 1.0) if least else self._left  # "at least 0s" says nothing
        return f"{least}{format_duration(left, compact=True)} to go{reason}"

    def _retried(self) -> str:
        again = [r.label for r in self._counts.running() if r.attempt > 1]
        return f"{again[0]} runs again" if again else ""

    def _share(self) -> float:
        """Return the share of the time that has passed, of what is expected in all; it never falls."""
        elapsed = time.time() - (self._counts.began or time.time())
        left = self._left
        share = self._counts.fits_done / self._counts.fits if left is None else elapsed / max(elapsed + left, 1e-9)
        self._most = max(self._most, min(share, 0.99))
        return self._most

    def _log_started(self) -> None:
        """Log each fit once, when it is first seen at work; a very short one has only the lines of its cells."""
        for r in list(self._channel.running.values()):
            if (r.fit_key, r.attempt) not in self._logged:
                self._logged.add((r.fit_key, r.attempt))
                fields = {"run_id": self._run_id, "fit_key": r.fit_key, "worker": r.worker, "attempt": r.attempt}
                log.info("fit started: %s", r.label, extra={**fields, "started": r.started})

    def _write_status(self) -> None:
        c, w = self._counts, self._channel
        finished, since = c.done + c.failed, c.began
        elapsed = time.time() - since if since else 0.0
        status = {
            "run_id": self._run_id,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "stage": c.stage,
            "time": time.time(),
            "started": self._began,
            "cells": {"all": c.cells, "done": c.done, "reused": c.reused, "failed": c.failed},
            "counts": c.now.as_dict(),
            "fits": {"all": c.fits, "done": c.fits_done, "waiting": w.waiting},
            "eta_seconds": c.eta(),
            "eta_uncertain": list(c.time.uncertain),
            "cells_per_second": finished / elapsed if elapsed > 0 else None,
            **_memory(),
            "running": [vars(r) | {"info": dict(r.info)} for r in list(w.running.values())],
            "errors": list(c.errors),
            "error": self._error,
            "heartbeat": w.heartbeat,
        }
        try:
            write_atomically(self._folder / "status.json", json.dumps(status).encode(), durable=False)
        except OSError:
            return  # a full disk is reported where results are committed


def started_text(config: RunConfig) -> str:
    """Return what a run starts, in a line."""
    execution, tracking = config.execution, config.tracking
    workers = "" if execution.num_workers is None else f" with {execution.num_workers} workers"
    parts = [f"Ray{workers}" if execution.backend == "ray" else "fits in this process"]
    parts += [name for name, used in (("MLflow", tracking.mlflow), ("Prefect", tracking.prefect)) if used]
    return f"starting {', '.join(parts)}; outputs in {config.paths.outputs}"


def running_text(running: Running) -> str:
    """Return a running fit in a line: what, how far, for how long."""
    share = f"{running.done / running.total:.0%}" if running.total else ""
    parts = [
        f"{running.label} {share}".rstrip(),
        _extras(running.info),
        format_duration(time.time() - running.started, compact=True),
    ]
    return ", ".join(p for p in parts if p)


def _extras(info: Mapping[str, object]) -> str:
    return ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in info.items())


def _memory() -> dict[str, float]:
    import psutil

    return {
        "memory_mb": round(psutil.Process().memory_info().rss / 2**20, 1),
        "memory_share": round(psutil.virtual_memory().percent / 100, 3),
    }
