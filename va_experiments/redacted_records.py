"""Remove secrets from whatever this process logs, also by libraries at the level DEBUG (``hydra.verbose=true``).

Libraries log what they send: paths with tokens, headers, whole configurations. Handlers belong to many owners (Hydra's
presets, Prefect's log of a flow run, a file of the user), so that secrets are removed in the records themselves,
before any handler sees them.
"""

from __future__ import annotations

import io
import logging
import sys
import traceback
from typing import Any

from va_experiments.redaction import redacted, remember_environment

__all__ = ["RedactedRecord", "RedactedStream", "redact_records", "redact_streams"]


class RedactedRecord(logging.LogRecord):
    """A record whose message, arguments and traceback hold no secret, whichever formatter writes it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.args, tuple) and self.args:  # read directly by web servers' formatters and by `handleError`
            self.args = tuple(redacted(a) if isinstance(a, str) else a for a in self.args)
        elif isinstance(self.msg, str) and not self.args:  # with arguments it is a form: what is in it comes with them
            self.msg = redacted(self.msg)
        if self.exc_info and self.exc_info[0] is not None:
            self.exc_text = redacted("".join(traceback.format_exception(*self.exc_info)).rstrip("\n"))
        if self.stack_info:
            self.stack_info = redacted(self.stack_info)

    def getMessage(self) -> str:
        """Return the message with its arguments, without secrets: one may come to be by putting the two together."""
        return redacted(super().getMessage())


class RedactedStream(io.TextIOBase):
    """A stream that takes secrets out of what is written, as soon as a line is complete."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._begun = ""

    def write(self, text: str) -> int:
        """Write what ends with a line; keep the begin of another until its end comes or `flush` is called."""
        self._begun += text
        if text.endswith("\n") or len(self._begun) > 10_000:
            self._stream.write(redacted(self._begun))
            self._begun = ""
        return len(text)

    def flush(self) -> None:
        """Write what there is of a line too."""
        if self._begun:
            self._stream.write(redacted(self._begun))
            self._begun = ""
        self._stream.flush()

    def fileno(self) -> int:
        """Return the number of the stream below, for native libraries; what these write is not looked at."""
        return int(self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def redact_streams() -> None:
    """Take secrets out of what this process prints, and of what its environment holds; a second call changes nothing.

    For workers: the engine writes what they print into files of its own.
    """
    if not isinstance(sys.stdout, RedactedStream):
        remember_environment()
        sys.stdout, sys.stderr = RedactedStream(sys.stdout), RedactedStream(sys.stderr)


def redact_records() -> None:
    """Make all log records of this process redacted ones from now on; a second call changes nothing."""
    probe = logging.makeLogRecord({})  # by the factory in use: Ray's calls the one that it found
    if not isinstance(probe, RedactedRecord):
        logging.setLogRecordFactory(RedactedRecord)
