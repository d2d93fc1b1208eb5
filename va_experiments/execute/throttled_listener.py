"""Receive the callbacks of a running fit, throttled so that they cost almost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from va_experiments.callbacks import decode_state, encode_state

__all__ = ["ThrottledListener"]


class ThrottledListener:
    """Passes on progress at most twice a second and states at most every `state_seconds`.

    A fit of less than half a second passes on only that it has begun, since each message costs as much as a small
    metric. What begins under another name, as the next member of an ensemble does, is passed on at once: it may say
    nothing for long.

    Parameters
    ----------
    note : callable
        Receives ``done, total, info``.
    keep : callable
        Receives the bytes of a state.
    last : bytes or None
        The state that an interrupted attempt left.
    """

    def __init__(
        self,
        note: Callable[[int, int, Mapping[str, object]], None],
        keep: Callable[[bytes], None],
        last: bytes | None,
        state_seconds: float,
    ) -> None:
        self._note, self._keep, self._last, self._every = note, keep, last, state_seconds
        self._noted = self._kept = time.monotonic()
        self._names: dict[str, str] = {}

    def progress(self, done: int, total: int, info: Mapping[str, object]) -> None:
        """Pass on how far the fit is."""
        now, names = time.monotonic(), {k: v for k, v in info.items() if isinstance(v, str)}
        if now - self._noted >= 0.5 or (names and names != self._names):
            self._noted, self._names = now, names
            self._note(done, total, {k: v for k, v in info.items() if isinstance(v, (int, float, str, bool))})

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Pass on a complete state."""
        now = time.monotonic()
        if now - self._kept >= self._every:
            self._kept = now
            self._keep(encode_state(state))

    def resume(self) -> dict[str, Any] | None:
        """Return the state of an interrupted attempt, once."""
        last, self._last = self._last, None
        return None if last is None else decode_state(last)
