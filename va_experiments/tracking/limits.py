"""Limit what a tracking server can cost a run: the time, bytes and pages of every answer, and where requests go.

A server may be forged, silent or endless. MLflow's client waits for each byte separately, takes bodies of any size,
follows pages and redirects for ever, and reads files from wherever a run says they are.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from va_experiments.tracking.cloud_limits import cloud_allowance, limit_cloud_client
from va_experiments.tracking.limited_answers import Allowance, LimitedBody, LimitReached

__all__ = [
    "REQUEST_SECONDS",
    "LimitReached",
    "bounded_pages",
    "check_place",
    "fetch_file",
    "in_background",
    "limit_client",
    "list_files",
    "sending_file",
]

REQUEST_SECONDS = 15
"""Without a byte from a server, after which a request has failed."""

ANSWER_SECONDS, ANSWER_BYTES = 60.0, 64 << 20
"""The most that one answer may take, files apart."""

FILE_SECONDS, FILE_BYTES = 600.0, 512 << 20
"""The most that one file of a cell may take; never more than a quarter of the free disk."""

MOST_PAGES = 2000
"""Of a search; a page has up to a thousand runs."""

MOST_LISTS, MOST_ANSWERS = 50, 1000
"""Pages of a list of files in cloud storage, and answers for one file, which comes in parts of 8 MB."""

MOST_SHORT_PAGES, SHORT_PAGE = 50, 100
"""Pages of fewer runs than this, though another follows: a server fills its pages."""


STORES = ("mlflow-artifacts", "s3", "gs", "r2", "b2", "wasbs", "abfss")
"""Where a server may say that the files of its runs lie: with itself, or in cloud storage, which has its own passwords.

Not on this machine, not on a third server, and not behind ``runs:`` and ``models:``, which lead on to any place; nor in
stores whose clients cannot be held to limits (``hdfs:``, ``dbfs:``, ``sftp:``).
"""


class _Allowance(threading.local):
    seconds, size = ANSWER_SECONDS, ANSWER_BYTES
    progress: Callable[[], None] | None = None


_allowed = _Allowance()


def limit_client() -> None:
    """Let MLflow's client in this process obey the limits; to be called before the first request.

    Its retries are few, redirects are not followed, and files lie where `check_place` allows.
    """
    os.environ["MLFLOW_ALLOW_HTTP_REDIRECTS"] = "false"
    os.environ["MLFLOW_ENABLE_MULTIPART_DOWNLOAD"] = "false"
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "false"
    limit_cloud_client()
    from mlflow.store.artifact.artifact_repository_registry import ArtifactRepositoryRegistry
    from mlflow.utils import request_utils

    plain = request_utils.TCPKeepAliveHTTPAdapter
    if getattr(plain, "limited", False):
        return

    class LimitedAdapter(plain):  # type: ignore[misc, valid-type]
        """Gives answers whose bodies end with an error at a limit."""

        limited = True

        def send(self, request: Any, *arguments: Any, **named: Any) -> Any:
            allowance = Allowance(_allowed.seconds, _allowed.size, progress=_allowed.progress)
            answer = super().send(request, *arguments, **named)
            if 300 <= answer.status_code < 400 and "location" in answer.headers:
                answer.close()
                raise LimitReached("the server redirects to another address, which is not followed")
            answer.raw = LimitedBody(answer.raw, allowance)
            return answer

    open_store = ArtifactRepositoryRegistry.get_artifact_repository

    def checked(self: Any, artifact_uri: str, tracking_uri: str | None = None, *more: Any, **named: Any) -> Any:
        check_place(artifact_uri, tracking_uri or "")
        return open_store(self, artifact_uri, tracking_uri, *more, **named)

    ArtifactRepositoryRegistry.get_artifact_repository = checked  # type: ignore[method-assign]
    request_utils.TCPKeepAliveHTTPAdapter = LimitedAdapter  # type: ignore[misc]
    request_utils._cached_get_request_session.cache_clear()


def check_place(uri: str, server: str) -> None:
    """Raise `LimitReached` if a server on the network says that files lie where it must not lead us."""
    if not server.startswith("http"):
        return
    parts = urlsplit(uri)
    third = parts.scheme == "mlflow-artifacts" and parts.netloc not in ("", urlsplit(server).netloc.rpartition("@")[2])
    if third or parts.scheme not in STORES:
        raise LimitReached(
            "the server says that a run's files lie elsewhere than with itself or in cloud storage "
            f"({', '.join(STORES[1:])}); it must serve them (mlflow server --serve-artifacts, the default)"
        )


def bounded_pages(search: Callable[[str | None], Any], *, most: int | None = None) -> Iterator[Any]:
    """Yield what a search finds, page by page.

    Parameters
    ----------
    search : callable
        Given a page's token, None for the first, returns the page: a list with the next one's `token`.
    most : int, optional
        Pages after which to end without an error.

    Raises
    ------
    LimitReached
        If a token or a whole page comes twice, a page is empty though another is said to follow, or there are too many
        pages, or too many that are nearly empty.
    """
    token: str | None = None
    seen: set[str] = set()
    last: list[Any] = []
    short = 0
    for number in range(MOST_PAGES):
        page = search(token)
        ids = [run.info.run_id for run in page]
        yield from page
        token = page.token
        if not token:
            return
        short += len(ids) < SHORT_PAGE
        if token in seen or not ids or ids == last or short > MOST_SHORT_PAGES:
            raise LimitReached("the server's pages have no end")
        if number + 1 == most:
            return
        seen.add(token)
        last = ids
    raise LimitReached(f"the server has more than {MOST_PAGES:,} pages of runs")


def in_background(
    work: Callable[[Callable[[Any], None]], None],
    *,
    silence: float,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Any]:
    """Yield what a function in a thread reports, as long as it does so often enough.

    Parameters
    ----------
    work : callable
        Given a function that reports something to be yielded, or None as a sign of life.
    silence : float
        Seconds without a report after which the work is given up; its thread is left to end by itself.
    stopped : callable
        Whether to give up at once: the user has stopped the run.

    Raises
    ------
    LimitReached
        If nothing is reported for too long.
    Exception
        What `work` raised.
    """
    reports: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    last_sign = [0.0]

    def sign_of_life() -> None:
        if time.monotonic() - last_sign[0] > 1:
            last_sign[0] = time.monotonic()
            reports.put(("report", None))

    def run() -> None:
        _allowed.progress = sign_of_life
        try:
            work(lambda content: reports.put(("report", content)))
            reports.put(("end", None))
        except BaseException as error:
            reports.put(("error", error))

    threading.Thread(target=run, name="tracking server", daemon=True).start()
    last = time.monotonic()
    while not stopped():
        try:
            kind, content = reports.get(timeout=0.2)
        except queue.Empty:
            if time.monotonic() - last > silence:
                raise LimitReached(f"the server does not answer within {silence:.0f} s") from None
            continue
        if kind == "error":
            raise content
        if kind == "end":
            return
        if content is not None:
            yield content
        last = time.monotonic()


def fetch_file(client: Any, run: Any, path: str, place: Path) -> None:
    """Download one file of a run to `place`.

    Raises
    ------
    LimitReached
        If it is too large or slow, or the run says that its files lie on another server or on this machine.
    """
    import shutil
    from pathlib import PurePosixPath

    uri, server = str(run.info.artifact_uri), str(client.tracking_uri)
    before = _allowed.seconds, _allowed.size
    most = min(FILE_BYTES, shutil.disk_usage(place.parent).free // 4)
    if server.startswith("http") and urlsplit(uri).scheme != "mlflow-artifacts":  # read by the cloud's own client
        size = list_files(client, run, str(PurePosixPath(path).parent)).get(path)
        if not 0 <= (size or -1) <= most:
            raise LimitReached(f"{path} is larger than any of ours, or its size is not said")
    store = _store(uri, server)
    _allowed.seconds, _allowed.size = FILE_SECONDS, most
    try:
        with cloud_allowance(Allowance(FILE_SECONDS, most, MOST_ANSWERS, _allowed.progress)):
            store._download_file(path, str(place))
    finally:
        _allowed.seconds, _allowed.size = before


@contextlib.contextmanager
def sending_file() -> Iterator[None]:
    """Limit what cloud storage answers while a file is sent to it in this block."""
    with cloud_allowance(Allowance(FILE_SECONDS, ANSWER_BYTES, MOST_ANSWERS, _allowed.progress)):
        yield


def list_files(client: Any, run: Any, folder: str) -> dict[str, int | None]:
    """Return the size of each file in a folder of a run, None where it is not said.

    Raises
    ------
    LimitReached
        If the list is too long or slow, or the run says that its files lie on another server or on this machine.
    """
    store = _store(str(run.info.artifact_uri), str(client.tracking_uri))
    with cloud_allowance(Allowance(ANSWER_SECONDS, ANSWER_BYTES, MOST_LISTS, _allowed.progress)):
        return {f.path: f.file_size for f in store.list_artifacts(folder) if not f.is_dir}


def _store(uri: str, server: str) -> Any:
    """Return MLflow's client for the place of a run's files."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    check_place(uri, server)
    return get_artifact_repository(uri, tracking_uri=server)
