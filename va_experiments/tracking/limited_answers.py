"""Read the body of an answer in pieces as they come, and end with an error at a limit of bytes or time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from va_experiments.errors import VaError

__all__ = ["Allowance", "LimitReached", "LimitedBody"]


class LimitReached(VaError):
    """A server's answer is larger, slower or longer than any of ours."""


class Allowance:
    """What one answer, or all answers for one file together, may cost.

    Parameters
    ----------
    seconds : float
        From now on.
    size : int
        Bytes.
    answers : int, optional
        How many may be asked for.
    progress : callable, optional
        Called as bytes come.
    """

    def __init__(
        self, seconds: float, size: int, answers: int | None = None, progress: Callable[[], None] | None = None
    ) -> None:
        self._until, self._left, self._answers, self._progress = time.monotonic() + seconds, size, answers, progress
        self.reached: LimitReached | None = None

    def begin(self, announced: int = 0) -> None:
        """Count one more answer; raise `LimitReached` if it is one too many, announces too much, or the time is over.

        Parameters
        ----------
        announced : int
            Bytes that it says it has. That it says few is not relied upon.
        """
        if self._answers is not None:
            self._answers -= 1
            if self._answers < 0:
                self.end("the server's pages have no end")
        if announced > self._left:
            self.end(_LARGE)
        self.take(0)

    def take(self, amount: int) -> None:
        """Count bytes that have come; raise `LimitReached` if they are too many, or the time is over."""
        self._left -= amount
        if self._left < 0:
            self.end(_LARGE)
        if time.monotonic() > self._until:
            self.end("the server's answer does not end")
        if self._progress is not None:
            self._progress()

    def end(self, message: str) -> NoReturn:
        """Raise `LimitReached`, also again at the end of the block that has this allowance."""
        self.reached = LimitReached(message)
        raise self.reached


_LARGE = "the server's answer is larger than any of ours"


class LimitedBody:
    """The body of an answer of urllib3, whatever length it announces.

    Parameters
    ----------
    raw : urllib3.response.HTTPResponse
    allowance : Allowance
    """

    def __init__(self, raw: Any, allowance: Allowance) -> None:
        self._raw, self._allowance = raw, allowance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def read(self, amount: int | None = None, decode_content: bool | None = None) -> bytes:
        """Return what has come, at most `amount` bytes and none at the end; all of it without an amount."""
        if amount is None or amount < 0:
            return b"".join(self.stream())
        part = self._raw.read1(amount, decode_content=decode_content)
        self._take(part)
        return bytes(part)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what has come; return how many bytes, 0 at the end."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def stream(self, amount: int = 65536, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield the body, decoded; raise `LimitReached` where it is too long or takes too long."""
        chunked = getattr(self._raw, "chunked", False) and self._raw.supports_chunked_reads()
        parts = self._raw.read_chunked(amount, decode_content) if chunked else self._parts(decode_content)
        for part in parts:
            self._take(part)
            yield part

    def _parts(self, decode_content: bool | None) -> Iterator[bytes]:
        while part := self._raw.read1(65536, decode_content=decode_content):
            yield part

    def _take(self, part: bytes) -> None:
        try:
            self._allowance.take(len(part))
        except LimitReached:
            self._raw.close()
            raise
