"""Build a part of the report, or leave it out with its reason where memory or a library is missing."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from va_experiments.errors import short_of_memory

__all__ = ["attempt", "is_limit", "why"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Part = TypeVar("Part")


def is_limit(error: BaseException) -> bool:
    """Return whether a part can be left out for this: memory is short, or a library or file cannot be had.

    A full disk is not caught: it would stop all later files too.
    """
    if isinstance(error, OSError):
        return error.errno not in _FULL
    return isinstance(error, ImportError) or short_of_memory(error)


def why(what: str, error: BaseException) -> str:
    """Return the sentence that says why a part is not there."""
    reason = str(error).strip().splitlines()
    text = ": ".join([type(error).__name__, *reason[:1]])
    return f"{what}: not made here, {text[:220]}"


def attempt(what: str, build: Callable[[], Part], left_out: list[str], otherwise: Part) -> Part:
    """Return what `build` returns; where a limit stops it, `otherwise`, with a sentence added to `left_out`."""
    try:
        return build()
    except Exception as error:
        if not is_limit(error):
            raise
        left_out.append(why(what, error))
        return otherwise
