"""Search an MLflow server for finished cells: those of known keys, or those that others have recorded since a time.

MLflow compares a tag with one value at a time. A search by keys therefore reads the runs page by page while this is
shorter, and then asks for each key, so that it never asks more often than there are keys.
"""

from __future__ import annotations

import functools
import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from va_experiments.tracking.limits import bounded_pages
from va_experiments.tracking.run_writer import RECORDED, outputs_tag, recorded_at

__all__ = ["find_cells", "find_new_cells"]

KEY_PAGE = 200
"""Runs of a page of a search by key: a busy server takes 50 ms for each, and must answer within `REQUEST_SECONDS`."""

KEYS_FOR_A_PAGE = 10
"""Searches for one key that take as long as one page: both take longer the more the server holds."""

SEARCH_SECONDS = 600.0
"""Of a search by keys, after which what it has found must do."""

NEW_PAGE = 100
"""Runs of a page of new cells: a look that finds nothing new costs one page."""

CELL_KEY = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger(__name__)


class _TimeIsOver(Exception):
    pass


def find_cells(client: Any, experiment: str, keys: set[str]) -> Iterator[tuple[str, str]]:
    """Yield ``(cell key, run id)`` of finished cells among `keys` that this tracking server has.

    Runs that computed a cell come first. A cell whose driver was killed before MLflow had it is known there only by a
    later run that reused it: these are searched if keys remain. The number of requests is bounded by that of the keys,
    not by what the server holds.

    Parameters
    ----------
    client : mlflow.MlflowClient
    experiment : str
    keys : set of str

    Raises
    ------
    LimitReached
        If the server's pages have no end.
    """
    try:
        yield from _by_pages_then_by_key(client, experiment, keys, time.monotonic() + SEARCH_SECONDS)
    except _TimeIsOver:
        log.warning(
            "the tracking server was searched for finished cells for %.0f minutes; those that were not found by then "
            "are computed here",
            SEARCH_SECONDS / 60,
        )


def _by_pages_then_by_key(client: Any, experiment: str, keys: set[str], until: float) -> Iterator[tuple[str, str]]:
    missing = set(keys)
    pages = 2 + len(keys) // KEYS_FOR_A_PAGE
    for reused in ("false", "true"):
        where = f"attributes.status = 'FINISHED' and tags.`va.kind` = 'cell' and tags.reused = '{reused}'"
        further = True

        def search(token: str | None, where: str = where) -> Any:
            nonlocal further
            page = _search(client, experiment, where, until, token)
            further = bool(page.token)
            return page

        for run in bounded_pages(search, most=pages) if missing else ():
            key = run.data.tags.get("cell_key", "")
            if key in missing:
                missing.discard(key)
                yield key, run.info.run_id
        if further:
            break
    else:
        return
    for key in sorted(filter(CELL_KEY.fullmatch, missing)):
        where = f"attributes.status = 'FINISHED' and tags.cell_key = '{key}'"
        runs = [run for run in _search(client, experiment, where, until) if run.data.tags.get("cell_key") == key]
        if runs:
            yield key, min(runs, key=lambda run: run.data.tags.get("reused") != "false").info.run_id


def _search(client: Any, experiment: str, where: str, until: float, token: str | None = None) -> Any:
    if time.monotonic() > until:
        raise _TimeIsOver
    return client.search_runs([experiment], where, max_results=KEY_PAGE, page_token=token)


def find_new_cells(
    client: Any, experiment: str, wanted: Callable[[str], bool], since: float, outputs: Path
) -> Iterator[tuple[str, str]]:
    """Yield ``(cell key, run id)`` of wanted cells that runs of other outputs folders have recorded, the newest first.

    Parameters
    ----------
    client : mlflow.MlflowClient
    experiment : str
    wanted : callable
        Whether the cell of a key is wanted.
    since : float
        Seconds since 1970; the search ends at the first cell that was recorded before.
    outputs : Path
        This run's outputs folder.
    """
    where = (
        "attributes.status = 'FINISHED' and tags.`va.kind` = 'cell' and tags.reused = 'false' "
        f"and tags.`va.outputs` != '{outputs_tag(outputs)}'"
    )
    newest = [f"tags.`{RECORDED}` DESC"]
    search = functools.partial(client.search_runs, [experiment], where, max_results=NEW_PAGE, order_by=newest)
    for run in bounded_pages(lambda token: search(page_token=token)):
        if run.data.tags.get(RECORDED, "") < recorded_at(since):
            return
        key = run.data.tags.get("cell_key", "")
        if CELL_KEY.fullmatch(key) and wanted(key):
            yield key, run.info.run_id
