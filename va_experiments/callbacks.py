"""Report progress from a long fit, and save and load its partial state.

A model calls :func:`progress`, :func:`checkpoint` and :func:`resume`. Inside a run the engine installs a listener with
:func:`listening`. Without a listener, as in a notebook, the calls do nothing.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

__all__ = ["Listener", "checkpoint", "decode_state", "encode_state", "listening", "progress", "resume"]

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
