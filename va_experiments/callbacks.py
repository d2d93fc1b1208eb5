"""What a long fit may call while it runs: progress, and state to go on from after a crash.

A model calls :func:`progress`, :func:`checkpoint` and :func:`resume` without knowing who listens. In a notebook nobody
does (they cost nothing); inside a run the engine installs its listener with :func:`listening`.
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
    """Receives what a running fit or prediction reports."""

    def progress(self, done: int, total: int, info: Mapping[str, object]) -> None:
        """Take note of the units (iterations, trees, resamples) done out of `total`."""

    def checkpoint(self, state: State) -> None:
        """Keep `state`, atomically, in place of the state kept before."""

    def resume(self) -> dict[str, Any] | None:
        """Return the state kept last for this very fit, or None."""


_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar("va_experiments_listener", default=None)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Install `listener` for the duration of the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def progress(done: int, total: int, **info: object) -> None:
    """Report that `done` of `total` units are done, with named extras such as ``acceptance=0.41``."""
    if (listener := _listener.get()) is not None:
        listener.progress(done, total, info)


def checkpoint(state: State) -> None:
    """Offer the complete state from which this fit can go on bit-identically."""
    if (listener := _listener.get()) is not None:
        listener.checkpoint(state)


def resume() -> dict[str, Any] | None:
    """Return the state that an interrupted attempt at this very fit left, or None."""
    listener = _listener.get()
    return None if listener is None else listener.resume()


def encode_state(state: Mapping[str, Any]) -> bytes:
    """Return a state as the bytes of an ``.npz`` archive; objects are refused with ``ValueError``."""
    arrays = {name: np.asarray(value) for name, value in state.items()}
    if bad := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise ValueError(f"a state holds plain arrays, numbers and text; not so: {', '.join(bad)}")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def decode_state(content: bytes) -> dict[str, Any]:
    """Return the state that `encode_state` wrote; 0-d arrays come back as Python numbers and text."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] if archive[name].ndim else archive[name].item() for name in archive.files}
