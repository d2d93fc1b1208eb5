"""Live progress: a tqdm bar over fits, a line for each running fit, and ``status.json`` for other terminals.

A ticker thread renders what the engine counts, at most twice a second, so that the engine never waits for a terminal.
Where there is no terminal (a pipe, CI, a notebook, TERM=dumb) a plain line is printed every few seconds instead.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from va_experiments.cell import Result
from va_experiments.checkpoints.atomic_files import write_atomically
from va_experiments.execute import Running, Watch
from va_experiments.formatting import format_duration
from va_experiments.plan import Costs, Plan

__all__ = ["Counts", "Progress", "running_text"]

log = logging.getLogger(__name__)

PLAIN_SECONDS = 10.0
"""Between two lines where there is no terminal."""

MOST_LINES = 6
"""Running fits shown at a time."""


class Counts:
    """How many cells and fits are where. Written by the engine's thread only."""

    def __init__(self) -> None:
        self.cells = self.done = self.reused = self.failed = 0
        self.fits = self.fits_done = 0
        self.seconds_planned = self.seconds_done = 0.0
        self.stage = "starting"
        self.errors: deque[str] = deque(maxlen=5)
        self.began: float | None = None
        self._costs = Costs()
        self._backend: Any = None

    def begin(self, fits: int, seconds: Any, costs: Costs, backend: Any) -> None:
        """Take note of a batch of fits that is about to run, and of what each is expected to take in seconds."""
        self.fits += fits
        self.seconds_planned += float(sum(seconds))
        self._costs, self._backend = costs, backend
        self.began = self.began or time.time()
        self.stage = "running"

    def fit_done(self, results: Sequence[Result], planned: Plan) -> None:
        """Count a fit that has ended, and what it was expected to take."""
        self.fits_done += 1
        self.fits = max(self.fits, self.fits_done)
        facts = [r.facts for r in results if "n_train" in r.facts]
        if not facts:
            self.seconds_done += self.seconds_planned / self.fits
            return
        deaths = facts[0]["n_train"] + sum(f["n_test"] for f in facts)
        self.seconds_done += self._costs.estimate(planned.cell(planned.row(results[0].key)).model, deaths)

    def eta(self) -> float | None:
        """Return the seconds still to go, from what fits cost before and how fast this run is; None if unknown."""
        if self.began is None or not self.fits:
            return None
        if self.fits_done >= self.fits:
            return 0.0
        left = max(self.seconds_planned - self.seconds_done, 0.01 * self.seconds_planned)
        if self.fits_done and self.seconds_done > 0:
            return (time.time() - self.began) * left / self.seconds_done
        known = bool(self._costs.seconds_by_death)
        return left / max(1, getattr(self._backend, "workers", 1)) if known else None


class Progress:
    """Renders counts and running fits.

    Parameters
    ----------
    counts : Counts
    watch : Watch
    folder : Path
        The run's folder, where ``status.json`` is kept.
    run_id : str
    on_tick : callable, optional
        Called with the share done and a line of text every few seconds.
    """

    def __init__(
        self,
        counts: Counts,
        watch: Watch,
        folder: Path,
        run_id: str,
        on_tick: Callable[[float, str], None] | None = None,
    ) -> None:
        self._counts, self._watch, self._folder, self._run_id, self._on_tick = counts, watch, folder, run_id, on_tick
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._bar: Any = None
        self._lines: list[Any] = []
        self._began = time.time()
        self._printed, self._line = 0.0, ""
        self._logged: set[tuple[str, int]] = set()
        self._terminal = _is_terminal()
        self._deaf = False

    def start(self) -> None:
        """Begin to render."""
        self._thread.start()

    def stop(self, stage: str) -> None:
        """Render a last time and close the bars; calling it again only updates the status."""
        if self._stop.is_set() or not self._thread.is_alive():
            self._stop.set()
            self._counts.stage = stage
            self._write_status()
            return
        self._stop.set()
        self._thread.join(5)
        self._counts.stage = stage
        self._render(last=True)
        with contextlib.suppress(OSError, ValueError):
            for line in self._lines:
                line.close()
            if self._bar is not None:
                self._bar.close()
        self._write_status()

    def _tick(self) -> None:
        ticks = 0
        while not self._stop.wait(0.5):
            try:
                self._render()
                self._log_started()
                if ticks % 2 == 0:
                    self._write_status()
                if self._on_tick is not None and ticks % 6 == 0 and self._counts.cells:
                    self._on_tick(self.share, self.text())
            except Exception as error:  # a view must never take the run down, nor itself for one bad tick
                log.debug("progress: %s: %s", type(error).__name__, error)
            ticks += 1

    @property
    def share(self) -> float:
        """Share of the cells that are finished, 0 to 1."""
        c = self._counts
        return (c.done + c.reused + c.failed) / c.cells if c.cells else 0.0

    def text(self) -> str:
        """Return the counts in a line."""
        c = self._counts
        return f"{c.done} done, {c.reused} reused, {c.failed} failed of {c.cells} cells"

    def _render(self, *, last: bool = False) -> None:
        """Draw; a terminal that has gone away (closed window, broken pipe) is left alone from then on."""
        if self._counts.fits == 0 or self._deaf:
            return
        try:
            self._draw(last=last) if self._terminal else self._print(last=last)
        except (OSError, ValueError):
            self._deaf = True

    def _print(self, *, last: bool) -> None:
        if last or time.monotonic() - self._printed > PLAIN_SECONDS:
            self._printed = time.monotonic()
            c, eta = self._counts, self._counts.eta()
            left = f", {format_duration(eta, compact=True)} to go" if eta and not last else ""
            line = f"fits {c.fits_done}/{c.fits} · {self.text()}{left}"
            if not last or line != self._line:
                print(line, file=sys.stderr, flush=True)
            self._line = line

    def _draw(self, *, last: bool) -> None:
        from tqdm import tqdm

        c, eta = self._counts, self._counts.eta()
        width = max(shutil.get_terminal_size((80, 20)).columns - 1, 10)
        if self._bar is None:
            self._bar = tqdm(total=c.fits, desc="fits", bar_format="", ncols=width, file=sys.stderr, leave=True)
        self._bar.total, self._bar.n, self._bar.ncols = c.fits, c.fits_done, width
        counts = f"{c.done} done, {c.reused} reused, {c.failed} failed"
        left = "" if eta is None or last else f"{format_duration(eta, compact=True)} to go"
        failed = f"{c.failed} failed" if c.failed else ""
        short = ", ".join(p for p in (failed, left) if p) or f"{c.done + c.reused} done"
        told = ", ".join(p for p in (counts, left) if p) if width >= 72 else short
        # in a narrow window what is to come matters more than what is done
        self._bar.bar_format = "{desc} {n_fmt}/{total_fmt} |{bar}| " + told
        self._bar.refresh()
        running = [] if last else sorted(dict(self._watch.running).values(), key=lambda r: r.started)[:MOST_LINES]
        while len(self._lines) < len(running):
            position = len(self._lines) + 1
            self._lines.append(tqdm(total=0, bar_format="{desc}", position=position, leave=False, file=sys.stderr))
        for number, line in enumerate(self._lines):
            text = f"  {running_text(running[number])}" if number < len(running) else ""
            line.set_description_str(text[:width], refresh=True)

    def _log_started(self) -> None:
        """Log each fit once, when it is first seen at work; a very short one has only the lines of its cells."""
        for r in list(self._watch.running.values()):
            if (r.fit_key, r.attempt) not in self._logged:
                self._logged.add((r.fit_key, r.attempt))
                fields = {"run_id": self._run_id, "fit_key": r.fit_key, "worker": r.worker, "attempt": r.attempt}
                log.info("fit started: %s", r.label, extra={**fields, "started": r.started})

    def _write_status(self) -> None:
        c, w = self._counts, self._watch
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
            "fits": {"all": c.fits, "done": c.fits_done, "waiting": w.waiting},
            "eta_seconds": c.eta(),
            "cells_per_second": finished / elapsed if elapsed > 0 else None,
            **_memory(),
            "running": [vars(r) | {"info": dict(r.info)} for r in list(w.running.values())],
            "errors": list(c.errors),
            "heartbeat": w.heartbeat,
        }
        try:
            write_atomically(self._folder / "status.json", json.dumps(status).encode(), durable=False)
        except OSError:
            return  # a full disk is reported where results are committed


def running_text(running: Running) -> str:
    """Return a running fit in a line: what, how far, for how long."""
    share = f"{running.done}/{running.total}" if running.total else ""
    parts = [
        f"{running.label} {share}".rstrip(),
        _extras(running.info),
        format_duration(time.time() - running.started, compact=True),
    ]
    return ", ".join(p for p in parts if p)


def _extras(info: Mapping[str, object]) -> str:
    return ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in info.items())


def _is_terminal() -> bool:
    """Return whether bars can be drawn: standard error is a terminal that can move its cursor, and nobody's log."""
    try:
        terminal = sys.stderr.isatty()
    except (AttributeError, ValueError):  # closed, or replaced by something that is no file
        return False
    return (
        terminal
        and os.environ.get("TERM", "") not in ("", "dumb")
        and os.environ.get("CI", "").lower() in ("", "0", "false")
    )


def _memory() -> dict[str, float]:
    import psutil

    return {
        "memory_mb": round(psutil.Process().memory_info().rss / 2**20, 1),
        "memory_share": round(psutil.virtual_memory().percent / 100, 3),
    }
