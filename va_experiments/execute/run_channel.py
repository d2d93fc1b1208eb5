"""Define the channel between driver and backend: progress, partial states, stop request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from va_experiments.cell import Fit, Result
from va_experiments.config.schema import ExecutionConfig
from va_experiments.data.deaths import Deaths
from va_experiments.errors import VaError

__all__ = ["Backend", "EngineLost", "EngineUnavailable", "RunChannel", "Running", "worth_another_try"]


class EngineLost(VaError, RuntimeError):
    """The workers cannot be reached any more; finished cells are safe, and the same command continues from them."""

    exit_code: ClassVar[int] = 5


class EngineUnavailable(VaError, RuntimeError):
    """The workers cannot be started here; nothing was computed."""

    exit_code: ClassVar[int] = 5


@dataclass
class Running:
    """One fit at work."""

    fit_key: str
    label: str
    worker: str = ""
    attempt: int = 1
    started: float = 0.0
    done: int = 0
    total: int = 0
    info: Mapping[str, object] = field(default_factory=dict)
    model: str = ""
    """Digest of its model: models of one name differ in their parameters."""


@dataclass
class RunChannel:
    """The link between the driver and a backend.

    Parameters
    ----------
    keep_state : callable
        Called with a key and the bytes of an intermediate state.
    last_state : callable
        Returns the bytes kept last for a key, or None.
    failed_attempt : callable
        Called with a key and a record for every attempt that failed but is tried again.
    """

    keep_state: Callable[[str, bytes], None] = lambda key, content: None
    last_state: Callable[[str], bytes | None] = lambda key: None
    failed_attempt: Callable[[str, Mapping[str, Any]], None] = lambda key, record: None
    state_seconds: float = 30.0
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set: hand out nothing more, finish what runs within ``drain_seconds``."""
    still_open: Callable[[Fit], Fit | None] = lambda fit: fit
    """Returns what of a fit is still to be computed; asked just before the fit is handed out."""
    running: dict[str, Running] = field(default_factory=dict)
    """Fits at work, by task; replaced entry by entry, so that another thread may read it."""
    waiting: int = 0
    """Fits not handed out yet."""
    heartbeat: float = field(default_factory=time.time)
    """When the backend was last alive."""


def worth_another_try(result: Result, attempt: int, config: ExecutionConfig) -> bool:
    """Return whether a cell failed with an error that the config names as retryable, and may be tried again."""
    if result.failure is None or attempt > config.max_retries:
        return False
    return bool(set(config.retry_errors) & {result.failure.error, *result.failure.classes})


class Backend(Protocol):
    """Runs fits somewhere."""

    @property
    def workers(self) -> int:
        """Fits that can run at once."""

    def start(self) -> None:
        """Begin to get ready, in the background while data are read; calling it again does nothing."""

    def run(self, fits: Sequence[Fit], deaths: Mapping[str, Deaths], channel: RunChannel) -> Iterator[list[Result]]:
        """Yield the results of each fit as it ends, in any order."""

    def describe(self) -> dict[str, Any]:
        """Return where and with what fits run, for the manifest."""

    def stop(self) -> None:
        """Give back what `start` took, nothing else."""
