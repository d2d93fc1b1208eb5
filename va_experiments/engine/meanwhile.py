"""Take cells that others finish on a shared server while this run computes.

In: a function that puts such cells into the store, and which cells of the plan are still open. Out: fits without the
cells that are there now. A thread asks the server, so that no fit waits for it; all else is called by the engine's.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from va_experiments.background_queue import start_thread
from va_experiments.cell import Fit, Result
from va_experiments.checkpoints import CorruptCell, Store

__all__ = ["CellsOfOthers", "FetchNew", "own_order"]

log = logging.getLogger(__name__)

FetchNew = Callable[[Callable[[str], bool], float, Callable[[], bool]], Iterable[str]]
"""Given whether a key is wanted, a time (seconds since 1970) and whether to stop, puts the wanted cells that a server
recorded since then into the store, and yields their keys."""

CLOSE_SECONDS = 5.0
"""How long the end of a run waits for a cell that is on its way."""


def own_order(folder: Path) -> str:
    """Return a name for the order in which the run of this folder computes: no other run has it."""
    return f"{socket.gethostname()} {folder.resolve()}"


class CellsOfOthers:
    """Looks for cells that others finish, and leaves them out of the fits that are still to run.

    Parameters
    ----------
    store : Store
    is_open : callable
        Whether the cell of a key is still to be computed; called in another thread too.
    record : callable
        Takes the result of a cell that others have finished.
    not_needed : callable
        Takes each fit of which no cell is left.
    """

    def __init__(
        self,
        store: Store,
        is_open: Callable[[str], bool],
        record: Callable[[Result], None],
        not_needed: Callable[[Fit], None],
    ) -> None:
        self._store, self._is_open, self._record, self._not_needed = store, is_open, record, not_needed
        self._found: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.taken = 0
        """Cells that were taken until now."""

    @contextlib.contextmanager
    def looking(self, fetch: FetchNew, seconds: float, since: float, stopped: Callable[[], bool]) -> Iterator[None]:
        """Look for new cells until the block ends, then take what has come.

        Parameters
        ----------
        fetch : callable
        seconds : float
            Between the end of a look and the next.
        since : float
            When cells were looked up before, in seconds since 1970.
        stopped : callable
            Whether the run has been asked to stop.
        """
        ended = threading.Event()

        def stop() -> bool:
            return ended.is_set() or stopped()

        def look() -> None:
            last = since
            while not ended.wait(seconds) and not stopped():
                began = time.time()
                for key in fetch(self._is_open, last, stop):
                    self._found.put(key)
                last = began

        thread = start_thread("cells of others", look)
        try:
            yield
        finally:
            ended.set()
            if thread is not None:
                thread.join(CLOSE_SECONDS)
        self._take()

    def still_open(self, fit: Fit) -> Fit | None:
        """Return a fit without the cells that others have finished; None if none is left."""
        self._take()
        cells = tuple(cell for cell in fit.cells if self._is_open(cell.key))
        if not cells:
            self._not_needed(fit)
            return None
        return fit if len(cells) == len(fit.cells) else Fit(fit.key, cells)

    def _take(self) -> None:
        """Record the cells that have come since the last call."""
        for _ in range(self._found.qsize()):
            key = self._found.get_nowait()
            if not self._is_open(key):  # computed here meanwhile
                continue
            try:
                stored = self._store.load(key)
            except CorruptCell as error:
                log.warning("%s", error)
                continue
            if stored is not None:
                self.taken += 1
                self._record(stored.result())
