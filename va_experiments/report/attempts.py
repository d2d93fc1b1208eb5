"""Build a part of the report, or leave it out with its reason where memory or a library is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["LIMITS", "attempt"]

LIMITS = (MemoryError, ImportError, OSError)
"""What a limit of memory or address space raises: arrays, and libraries that cannot be mapped."""

Part = TypeVar("Part")


def attempt(what: str, build: Callable[[], Part], left_out: list[str], otherwise: Part) -> Part:
    """Return what `build` returns; where a limit stops it, `otherwise`, with a sentence added to `left_out`."""
    try:
        return build()
    except LIMITS as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        left_out.append(f"{what}: not made here, {type(error).__name__}: {reason[0][:200]}")
        return otherwise
