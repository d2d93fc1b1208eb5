"""Report progress from a long fit, and save and load its partial state.

A model calls :func:`progress`, :func:`checkpoint` and :func:`resume`. Inside a run the engine installs a listener with
:func:`listening`. Without a listener, as in a notebook, the calls do nothing. A fit that consists of other fits divides
itself by :class:`Parts`, so that what these report is progress of the whole.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

__all__ = ["Listener", "Parts", "checkpoint", "decode_state", "encode_state", "listening", "progress", "resume"]

State = Mapping[str, Any]
"""Plain data: NumPy arrays (no objects), int, float, str, bool, by name. Stored without pickle."""


class Listener(Protocol):
    """Receive progress and partial states from a running fit or prediction."""

    def progress(self, done: int, total: int, info: Mapping[str, object]) -> None:
        """Record how many units (iterations, trees, resamples) of `total` are done."""

    def checkpoint(self, state: State) -> None:
        """Save `state` atomically, in place of the last saved state."""

    def resume(self) -> dict[str, Any] | None:
        """Return the last saved state of this fit, or None."""


_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar("va_experiments_listener", default=None)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Use `listener` while the block runs."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def progress(done: int, total: int, **info: object) -> None:
    """Report that `done` of `total` units are done, with named values such as ``acceptance=0.41``."""
    if (listener := _listener.get()) is not None:
        listener.progress(done, total, info)


def checkpoint(state: State) -> None:
    """Save the complete state from which this fit can continue with identical results."""
    if (listener := _listener.get()) is not None:
        listener.checkpoint(state)


def resume() -> dict[str, Any] | None:
    """Return the state that an interrupted attempt at this fit saved, or None."""
    listener = _listener.get()
    return None if listener is None else listener.resume()


_WHOLE = 1000
"""Units of the progress of a fit that is divided into parts."""


class Parts:
    """Divide a fit into parts with their expected shares of its time; what they report is progress of the whole.

    Parameters
    ----------
    weights : sequence of float
        Expected time of each part, in any unit.
    states : bool
        Save and load partial states inside of parts. Only for parts that recognise their own states: a part may be
        given the state of another.
    """

    def __init__(self, weights: Sequence[float], *, states: bool = False) -> None:
        self._states = states
        whole = sum(weights) or 1.0
        ends = np.cumsum([w / whole for w in weights]).tolist()
        self._ranges = iter(zip([0.0, *ends], ends, strict=False))

    @contextlib.contextmanager
    def next(self, **info: object) -> Iterator[None]:
        """Do the next part in this block; named values, such as ``member="nbc"``, describe it."""
        listener, (low, high) = _listener.get(), next(self._ranges, (1.0, 1.0))
        if listener is None:
            yield
            return
        part = _Part(listener, low, high, info, states=self._states)
        part.progress(0, 1, {})
        with listening(part):
            yield
        part.progress(1, 1, {})


class _Part:
    """Passes on the progress of a part as progress of the whole."""

    def __init__(self, outer: Listener, low: float, high: float, info: Mapping[str, object], *, states: bool) -> None:
        self.whole: Listener = outer
        self.low: float = low
        self.high: float = high
        self.info, self.states = info, states
        if isinstance(outer, _Part):
            width = outer.high - outer.low
            self.whole, self.low, self.high = outer.whole, outer.low + low * width, outer.low + high * width
            self.info, self.states = {**outer.info, **info}, states and outer.states

    def progress(self, done: int, total: int, info: Mapping[str, object]) -> None:
        share = self.low + (self.high - self.low) * min(done / total, 1.0) if total else self.low
        self.whole.progress(int(share * _WHOLE + 1e-6), _WHOLE, {**self.info, **info})

    def checkpoint(self, state: State) -> None:
        if self.states:
            self.whole.checkpoint(state)

    def resume(self) -> dict[str, Any] | None:
        return self.whole.resume() if self.states else None


def encode_state(state: Mapping[str, Any]) -> bytes:
    """Encode a state as the bytes of an ``.npz`` archive; refuse objects with ``ValueError``."""
    arrays = {name: np.asarray(value) for name, value in state.items()}
    if bad := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise ValueError(f"a state holds plain arrays, numbers and text only; these are objects: {', '.join(bad)}")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def decode_state(content: bytes) -> dict[str, Any]:
    """Decode the bytes of `encode_state`; arrays without dimensions become Python numbers and text."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] if archive[name].ndim else archive[name].item() for name in archive.files}
