"""Serve Prefect's API on loopback until standard input ends: a server must not outlive the run that started it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import threading
import time
from pathlib import Path

__all__ = ["main"]


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
    app = "prefect.server.api.server:create_app"
    uvicorn.Server(uvicorn.Config(app, factory=True, log_level="error", lifespan="on")).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))
