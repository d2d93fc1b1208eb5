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
    sys.stdin.buffer.read()
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
    """Serve on ``127.0.0.1:port``; settings come from the environment."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(5)  # a view: workers and their cluster go first
    import uvicorn

    _one_at_a_time(Path(os.environ["PREFECT_HOME"]), port)
    app = "prefect.server.api.server:create_app"
    uvicorn.run(app, factory=True, host="127.0.0.1", port=port, log_level="error", lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]))
