"""Structured logs: readable on the terminal, JSON lines in the run's folder; never a person's data, never a secret."""

from __future__ import annotations

import json
import logging
import re
import time
from pathlib import Path

__all__ = ["JsonFormatter", "json_handler", "redacted"]

_SECRET = re.compile(r"(?i)(://[^/\s:@]*:)[^@\s]+@|((?:password|token|secret|auth_string)\s*[=:]\s*)\S+")
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def redacted(text: str) -> str:
    """Return `text` with passwords in URLs and values of secret-looking keys blotted out."""
    return _SECRET.sub(lambda m: f"{m.group(1)}***@" if m.group(1) else f"{m.group(2)}***", text)


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and whatever came in ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        content = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        content |= {k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")}
        if record.exc_info:
            content["traceback"] = redacted(self.formatException(record.exc_info))
        return json.dumps(content, default=str)


def json_handler(path: Path) -> logging.Handler:
    """Return a handler that appends JSON lines to `path`."""
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(JsonFormatter())
    return handler
