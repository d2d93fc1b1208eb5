"""Remove secrets from whatever this process logs, also by libraries at the level DEBUG (``hydra.verbose=true``).

Libraries log what they send: paths with tokens, headers, whole configurations. Handlers belong to many owners (Hydra's
presets, Prefect's log of a flow run, a file of the user), so that secrets are removed in the records themselves,
before any handler sees them.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

from va_experiments.redaction import redacted

__all__ = ["RedactedRecord", "redact_records"]


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


def redact_records() -> None:
    """Make all log records of this process redacted ones from now on; a second call changes nothing."""
    probe = logging.makeLogRecord({})  # by the factory in use: Ray's calls the one that it found
    if not isinstance(probe, RedactedRecord):
        logging.setLogRecordFactory(RedactedRecord)
