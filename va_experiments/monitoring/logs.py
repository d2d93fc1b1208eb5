"""Write structured logs: readable on the terminal, JSON lines in the run's folder; no data of a person, no secret."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from va_experiments.engine.context import RunContext
from va_experiments.engine.observers import CellSettled, Observer
from va_experiments.errors import printable
from va_experiments.redaction import redacted, redacted_tree
from va_experiments.results.schema import TABLES, TIMING_COLUMNS
from va_experiments.terminal import say

__all__ = ["JsonFormatter", "RunLog", "TerminalHandler", "cell_fields", "json_handler", "run_log"]

log = logging.getLogger(__name__)

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


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
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")}
        content |= redacted_tree(extra)
        if record.exc_info:
            content["traceback"] = redacted(self.formatException(record.exc_info))
        return json.dumps(content, default=str)


class TerminalHandler(logging.Handler):
    """Writes warnings and errors above the progress bars, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; a terminal that has gone away is no reason to stop."""
        try:
            line = printable(f"{record.levelname.lower()}: {redacted(record.getMessage())}")
            if sys.stderr.isatty() and "tqdm" in sys.modules:
                sys.modules["tqdm"].tqdm.write(line, file=sys.stderr)
            else:
                say(line, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            pass


class _Lines(logging.FileHandler):
    """Appends to a file; a line that the disk does not take is left out: the run itself says that the disk is full."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leave the line out, where another handler would print a traceback."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def json_handler(path: Path) -> logging.Handler:
    """Return a handler that appends JSON lines to `path`."""
    handler = _Lines(path, encoding="utf-8", delay=True)
    handler.setFormatter(JsonFormatter())
    return handler


@contextlib.contextmanager
def run_log(folder: Path) -> Iterator[None]:
    """Send this package's log to the terminal (warnings and errors) and to ``log.jsonl`` in the run's folder.

    Where ``hydra/job_logging`` has given the root logger handlers of its own, those serve the terminal instead. At the
    end everything is as it was: another run in the same process (a notebook) writes no line into this one's file.
    """
    logger = logging.getLogger("va_experiments")
    level, propagate = logger.level, logger.propagate
    handlers = [json_handler(folder / "log.jsonl")]
    logger.setLevel(logging.INFO)
    for name, other in logging.root.manager.loggerDict.items():  # a preset may have switched them off
        if name.startswith("va_experiments") and isinstance(other, logging.Logger):
            other.disabled = False
    if not logging.root.handlers:
        handlers.append(TerminalHandler(logging.WARNING))
        logger.propagate = False  # Prefect gives the root logger a handler that would print every line again
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)
        logger.propagate = propagate


def cell_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a log line about a cell, from its row."""
    timings = {name: row[name] for name in TIMING_COLUMNS if row.get(name) is not None}
    return {name: row.get(name) for name in TABLES["log"]} | {"timings": timings}


class RunLog(Observer):
    """Logs what becomes of each cell, to the terminal and to ``log.jsonl`` in the run's folder."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._warned: set[tuple[str, str]] = set()

    def run_started(self, run: RunContext) -> None:
        """Send the log of this package to the run's folder."""
        self._open.enter_context(run_log(run.folder))

    def cell_settled(self, cell: CellSettled) -> None:
        """Log a cell; a warning of a model once, not for each of its cells."""
        fields = cell_fields(cell.row)
        if cell.failure:
            log.error("cell failed: %s", cell.failure, extra=fields)
        elif cell.row["reused"]:
            log.info("cell reused: %s", cell.label, extra=fields)
        else:
            seconds = sum(cell.row.get(f"{s}_seconds") or 0.0 for s in ("load", "fit", "predict", "score"))
            log.info("cell done: %s in %.3g s", cell.label, seconds, extra=fields)
            for text in cell.warnings:
                if (cell.row["model"], text) not in self._warned:
                    self._warned.add((cell.row["model"], text))
                    log.warning("%s: %s", cell.label, text, extra=fields)

    def close(self) -> None:
        """Put the loggers back as they were."""
        self._open.close()
