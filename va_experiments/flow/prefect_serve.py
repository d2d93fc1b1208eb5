"""Serve Prefect's API on loopback until standard input ends: a server must not outlive the run that started it."""

from __future__ import annotations

import os
import sys
import threading

__all__ = ["main"]


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main(port: int) -> None:
    """Serve on ``127.0.0.1:port``; settings come from the environment."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(5)  # a view: workers and their cluster go first
    import uvicorn

    app = "prefect.server.api.server:create_app"
    uvicorn.run(app, factory=True, host="127.0.0.1", port=port, log_level="error", lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]))
