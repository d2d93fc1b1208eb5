"""Run a command as a child process that ends when its parent ends, even if the parent is killed.

``python -m va_experiments.child_process COMMAND...`` with a pipe from the parent as standard input. The pipe closes
when the parent ends; the command is then stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

__all__ = ["main"]


def main(command: Sequence[str]) -> int:
    """Run `command` in its own process group; stop the whole group when standard input closes, or on SIGTERM."""
    child = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, start_new_session=True)

    def stop(*_: object) -> None:
        for stop_signal, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        os._exit(0)

    def watch() -> None:
        while os.read(0, 1024):  # unbuffered: the lock of a buffer can make the interpreter fail when it exits
            pass
        stop()

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
