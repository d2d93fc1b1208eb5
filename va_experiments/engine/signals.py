"""Handle Ctrl-C, SIGTERM and SIGHUP: the first stops the run in order, the second ends it at once."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

from va_experiments.terminal import say

__all__ = ["Interrupts"]


class Interrupts:
    """Installs handlers for the duration of a ``with`` block (in the main thread only).

    Parameters
    ----------
    stopping : threading.Event
        Set by the first signal.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._before: dict[signal.Signals, Any] = {}
        self.received: signal.Signals | None = None

    @property
    def exit_code(self) -> int | None:
        """128 plus the signal's number, or None when none came."""
        return None if self.received is None else 128 + int(self.received)

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for name in self.SIGNALS:
                self._before[name] = signal.signal(name, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        self._stopping.set()
        say(
            f"\n{self.received.name}: finishing what runs, then stopping (again: stop at once). "
            "Finished cells are kept; run the same command again to continue.",
            file=sys.stderr,
            flush=True,
        )
