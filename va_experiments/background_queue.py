"""Work in a thread, for what may be slow and must not delay the run: a single call, or the messages of a queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["BackgroundQueue", "start_thread", "submit"]

Result = TypeVar("Result")


def start_thread(name: str, work: Callable[[], object]) -> threading.Thread | None:
    """Call `work` in a thread that ends with the process; return None where no thread can be started.

    A limit of address space (``ulimit -v``) has no room for the stack of another thread.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread


def submit(pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Future[Result]:
    """Call `work` once: in a thread of the pool, or before this returns where the pool cannot start one."""
    finished: Future[Result] = Future()
    taken = threading.Lock()

    def once() -> None:
        if not taken.acquire(blocking=False):  # the pool queues work before it starts a thread: another may have it
            return
        try:
            finished.set_result(work())
        except BaseException as error:
            finished.set_exception(error)

    try:
        pool.submit(once)
    except RuntimeError:
        once()
    return finished


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
