"""Hold the result of a cell: metrics, timings and the prediction's bytes, or a failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Failure", "Result"]


@dataclass(frozen=True)
class Failure:
    """Why a cell has no result."""

    error: str
    message: str
    traceback: str = ""
    attempts: int = 1
    classes: tuple[str, ...] = ()
    """Names of the exception's class and of its bases."""


@dataclass
class Result:
    """What became of one cell: metrics, timings and the prediction's bytes, or a failure."""

    key: str
    metrics: dict[str, float] = field(default_factory=dict)
    per_cause: dict[str, list[float]] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    predictions: bytes = b""
    prediction_sha256: str = ""
    failure: Failure | None = None
    attempt: int = 1
    reused: bool = False

    @property
    def status(self) -> str:
        """``done`` or ``failed``."""
        return "done" if self.failure is None else "failed"
