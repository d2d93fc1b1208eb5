"""Serve Prefect's API on loopback until standard input ends: a server must not outlive the run that started it."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import posixpath
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from va_experiments.page_additions import with_head
from va_experiments.page_guard import Guard, Request
from va_experiments.prefect_flow.login_page import TAB_OF_LINK, login_page
from va_experiments.prefect_flow.stale_runs import PROGRESS

__all__ = ["guarded", "main", "needs_none"]


def _end_with_parent() -> None:
    while os.read(0, 1024):  # unbuffered: a buffer's lock would trip the interpreter at its end
        pass
    os._exit(0)


def _one_at_a_time(home: Path, port: int) -> None:
    """Take the state folder's lock until this server listens: two that make one database at once break each other."""
    fd = os.open(home / "starting", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with contextlib.suppress(OSError):  # a file system without locks: as before
        fcntl.flock(fd, fcntl.LOCK_EX)

    def release() -> None:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                os.close(fd)
                return
            time.sleep(0.1)

    threading.Thread(target=release, daemon=True).start()


_PROBES = ("/api/health", "/api/ready")
_SOCKETS = ("/api/events/out", "/api/logs/out", "/api/task_runs/subscriptions/scheduled")
"""Web sockets in which Prefect takes the password as the first message: a page cannot send it earlier."""


def needs_none(request: Request) -> bool:
    """Return whether a request passes without the password: the pages' own files, and two probes."""
    if request.socket:
        return request.path in _SOCKETS
    if request.method not in ("GET", "HEAD"):
        return False
    plain = posixpath.normpath(f"/{request.path.lstrip('/')}").lower()  # what another server could take it for
    return request.path in _PROBES or not plain.startswith("/api")


def guarded(app: Any, port: int, password: str) -> Guard:
    """Return Prefect's application behind the guard; its pages ask for the password themselves, or a link gives it."""
    page = functools.partial(login_page, password, artifact=PROGRESS)
    app = with_head(app, TAB_OF_LINK, lambda path: path.startswith("/runs/flow-run/"))
    return Guard(app, port=port, password=password, needs_none=needs_none, login_page=page)


def main(port: int) -> None:
    """Serve on ``127.0.0.1:port``; settings come from the environment.

    The port is taken at once: the server takes seconds to start, in which another process could be given it.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(5)  # a view: workers and their cluster go first
    import uvicorn

    _one_at_a_time(Path(os.environ["PREFECT_HOME"]), port)
    from prefect.server.api.server import create_app

    app = guarded(create_app(), port, os.environ["PREFECT_SERVER_API_AUTH_STRING"])
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on")).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))
