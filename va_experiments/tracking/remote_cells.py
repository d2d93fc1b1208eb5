"""Fetch finished cells that are missing here from a team's tracking server, by key."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from va_experiments.checkpoints import NewerSchema, Store
from va_experiments.checkpoints.atomic_files import TEMPORARY
from va_experiments.checkpoints.manifest import CELL_FILES
from va_experiments.checkpoints.transfer import MAX_FILE_BYTES, TransferError, transfer_cell
from va_experiments.config.schema import RunConfig
from va_experiments.redaction import redacted
from va_experiments.tracking import connect, fetch_cell, find_cells, find_new_cells, refused, safe_environment
from va_experiments.tracking.limits import in_background

__all__ = ["fetch_new", "fetch_shared"]

log = logging.getLogger(__name__)


SILENT_SECONDS = 20.0
"""Without a page of runs or a cell, after which the cells are computed here."""

CLOCKS_SECONDS = 60.0
"""By how much the clocks of two hosts may differ, and how long a cell may take from its record to its end."""

Report = Callable[[str | None], None]
"""Takes the key of a cell that has come, or None as a sign of life."""


def fetch_shared(
    config: RunConfig,
    store: Store,
    outputs: Path,
    keys: set[str],
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """Fetch those of the cells that the server has into the store, and yield their keys.

    Each is checked against its manifest's checksums before it is committed. Whatever goes wrong with the server costs
    a warning and the computing of the cell, never the run. The server is asked in a thread: one that does not answer
    holds up neither the run nor a signal.

    Parameters
    ----------
    config : RunConfig
    store : Store
    outputs : Path
    keys : set of str
        Of the cells that are missing here.
    stopped : callable
        Whether the run has been asked to stop.
    """
    if not keys:
        return

    def find(client: Any, experiment: str, report: Report) -> dict[str, str]:
        runs: dict[str, str] = {}
        for key, run_id in find_cells(client, experiment, keys):
            runs.setdefault(key, run_id)
            report(None)
            if len(runs) == len(keys):
                break
        return runs

    yield from _fetch(config, store, outputs, find, stopped)


def fetch_new(
    config: RunConfig,
    store: Store,
    outputs: Path,
    wanted: Callable[[str], bool],
    since: float,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """Fetch the wanted cells that others have recorded since a time into the store, and yield their keys.

    Parameters
    ----------
    config : RunConfig
    store : Store
    outputs : Path
    wanted : callable
        Whether the cell of a key is wanted.
    since : float
        Seconds since 1970; `CLOCKS_SECONDS` are subtracted.
    stopped : callable
        Whether to end.
    """

    def find(client: Any, experiment: str, report: Report) -> dict[str, str]:
        runs: dict[str, str] = {}
        for key, run_id in find_new_cells(client, experiment, wanted, since - CLOCKS_SECONDS, outputs):
            runs.setdefault(key, run_id)
            report(None)
        return runs

    yield from _fetch(config, store, outputs, find, stopped, level=logging.INFO)


def _fetch(
    config: RunConfig,
    store: Store,
    outputs: Path,
    find: Callable[[Any, str, Report], dict[str, str]],
    stopped: Callable[[], bool],
    level: int = logging.WARNING,
) -> Iterator[str]:
    """Fetch the cells that `find` returns, with the ids of their runs, into the store, and yield their keys."""
    tracking = config.tracking
    if not config.shares_cells:
        return
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=store.root))
    try:
        safe_environment()
        import mlflow  # noqa: F401 (takes seconds, which are not the server's)

        def ask(report: Report) -> None:
            client, experiment = connect(tracking, outputs)
            report(None)
            for key, run_id in find(client, experiment, report).items():
                (folder / key).mkdir()
                fetch_cell(client, run_id, folder / key, CELL_FILES)
                report(key)

        for key in in_background(ask, silence=SILENT_SECONDS, stopped=stopped):
            place = folder / key
            try:
                transfer_cell(store, key, lambda name, place=place: _content(place / name))  # type: ignore[misc]
            except (TransferError, NewerSchema) as error:
                log.warning("a cell on the tracking server was not taken: %s", error)
            else:
                yield key
            finally:
                shutil.rmtree(place, ignore_errors=True)
    except Exception as error:  # a view must never take the run down
        where = redacted(str(tracking.uri))
        log.log(
            logging.INFO if refused(error) else level,  # the tracker, which opens it as well, says the first
            "finished cells could not be looked up at %s (%s: %s); they are computed here",
            where,
            type(error).__name__,
            redacted(str(error))[:200],
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _content(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        raise TransferError(f"{path.name} is missing, a link, or too large")
    return path.read_bytes()
