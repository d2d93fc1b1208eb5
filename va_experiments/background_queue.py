"""Process a queue in a thread, for work that may be slow and must not delay the run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["BackgroundQueue"]


class BackgroundQueue:
    """Hands messages to a thread.

    Parameters
    ----------
    name : str
        Of the thread.
    work : callable
        Runs in the thread, from `start` until it returns; it takes messages with `get`.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._queue: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=work, name=name, daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread is at work."""
        return self._thread.is_alive()

    @property
    def empty(self) -> bool:
        """Whether no message is waiting."""
        return self._queue.empty()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, kind: str, content: Any = None) -> None:
        """Add a message; returns at once."""
        self._queue.put((kind, content))

    def get(self, timeout: float | None = None) -> tuple[str, Any] | None:
        """Return the next message, or None after `timeout` seconds without one."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end, and return whether it has."""
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()
