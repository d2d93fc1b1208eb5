"""Live progress: a tqdm bar over fits, a line for each running fit, and ``status.json`` for other terminals.

A ticker thread renders what the engine counts, at most once a second, so that the engine never waits for a terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from va_experiments.checkpoints.files import write_atomically
from va_experiments.execute import Watch

__all__ = ["Counts", "Progress"]


class Counts:
    """How many cells and fits are where. Written by the engine's thread only."""

    def __init__(self) -> None:
        self.cells = self.done = self.reused = self.failed = 0
        self.fits = self.fits_done = 0
        self.seconds_planned = self.seconds_done = 0.0
        self.stage = "starting"
        self.errors: deque[str] = deque(maxlen=5)


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
        self._printed = 0.0
        self._terminal = sys.stderr.isatty()

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
        for line in self._lines:
            line.close()
        if self._bar is not None:
            self._bar.close()
        self._write_status()

    def _tick(self) -> None:
        ticks = 0
        while not self._stop.wait(0.5):
            self._render()
            if ticks % 2 == 0:
                self._write_status()
            if self._on_tick is not None and ticks % 6 == 0 and self._counts.cells:
                self._on_tick(self.share, self.text())
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

    def eta(self) -> float | None:
        """Return the seconds still to go, from the recorded costs of the fits done so far; None if unknown."""
        c, elapsed = self._counts, time.time() - self._began
        if not c.fits_done or c.seconds_done <= 0:
            return None
        return elapsed * max(0.0, c.seconds_planned - c.seconds_done) / c.seconds_done

    def _render(self, *, last: bool = False) -> None:
        c = self._counts
        if c.fits == 0:
            return
        if not self._terminal:
            if last or time.monotonic() - self._printed > 10:
                self._printed = time.monotonic()
                print(f"fits {c.fits_done}/{c.fits} · {self.text()}", file=sys.stderr, flush=True)
            return
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=c.fits, unit="fit", desc="fits", dynamic_ncols=True, file=sys.stderr, leave=True)
        self._bar.total = c.fits
        self._bar.n = c.fits_done
        self._bar.set_postfix_str(f"{c.done} done {c.reused} reused {c.failed} failed", refresh=False)
        self._bar.refresh()
        running = [] if last else sorted(self._watch.running.values(), key=lambda r: r.started)[:6]
        while len(self._lines) < len(running):
            position = len(self._lines) + 1
            self._lines.append(tqdm(total=0, bar_format="  {desc}", position=position, leave=False, file=sys.stderr))
        width = shutil.get_terminal_size((80, 20)).columns - 4
        for number, line in enumerate(self._lines):
            text = ""
            if number < len(running):
                r = running[number]
                extras = " ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in r.info.items())
                share = f"{r.done}/{r.total}" if r.total else ""
                text = f"{r.label}  {share} {extras} {time.time() - r.started:.0f}s"
            line.set_description_str(text[:width], refresh=True)

    def _write_status(self) -> None:
        c, w = self._counts, self._watch
        elapsed = time.time() - self._began
        finished = c.done + c.failed
        status = {
            "run_id": self._run_id,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "stage": c.stage,
            "time": time.time(),
            "started": self._began,
            "cells": {"all": c.cells, "done": c.done, "reused": c.reused, "failed": c.failed},
            "fits": {"all": c.fits, "done": c.fits_done, "waiting": w.waiting},
            "eta_seconds": self.eta(),
            "cells_per_second": finished / elapsed if elapsed > 0 else None,
            "memory_mb": _memory_mb(),
            "running": [vars(r) | {"info": dict(r.info)} for r in list(w.running.values())],
            "errors": list(c.errors),
            "heartbeat": w.heartbeat,
        }
        try:
            write_atomically(self._folder / "status.json", json.dumps(status).encode(), durable=False)
        except OSError:
            return  # a full disk is reported where results are committed


def _memory_mb() -> float:
    import psutil

    return round(psutil.Process().memory_info().rss / 2**20, 1)
