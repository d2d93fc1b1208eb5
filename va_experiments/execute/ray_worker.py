"""Run one fit on a Ray worker, with the data fetched from the object store once for each process."""

from __future__ import annotations

import os
import socket
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from va_experiments.callbacks import listening
from va_experiments.cell import Fit, Result, run_fit
from va_experiments.data.deaths import Deaths
from va_experiments.execute.throttled_listener import ThrottledListener
from va_experiments.redacted_records import redact_records, redact_streams

__all__ = ["begin", "work"]

_deaths: OrderedDict[str, Deaths] = OrderedDict()
"""Data sets this process has fetched; the symptom matrices are views into shared memory."""


def begin() -> None:
    """Do nothing: the first task of a worker, for which Ray starts its process."""


def work(
    fit: Fit, data: list[Any], task: str, attempt: int, board: Any, state: bytes | None, state_seconds: float
) -> list[Result]:
    """Run one fit.

    Parameters
    ----------
    fit : Fit
    data : list of one object reference
        Wrapped, so that Ray does not fetch the data again for every task.
    task : str
        Name under which notes are left on the board.
    attempt : int
    board : actor handle
    state : bytes or None
        The state that an interrupted attempt left.
    state_seconds : float
    """
    import ray

    redact_records()
    redact_streams()
    fingerprint = fit.setting.fingerprint
    where = f"{socket.gethostname()}:{os.getpid()}"
    begun, node = time.time(), ray.get_runtime_context().get_node_id()

    def note(done: int, total: int, info: Mapping[str, object]) -> None:
        word = {"worker": where, "node": node, "started": begun, "done": done, "total": total, "info": dict(info)}
        board.note.remote(task, word)

    note(0, len(fit.cells), {})
    if fingerprint not in _deaths:
        _deaths[fingerprint] = ray.get(data[0])
        while len(_deaths) > 4:
            _deaths.popitem(last=False)
    listener = ThrottledListener(
        note, lambda content: board.keep.remote(fit.cells[0].key, content), state, state_seconds
    )
    with listening(listener):
        return run_fit(fit, _deaths[fingerprint], attempt=attempt)
