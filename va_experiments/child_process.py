"""Run a command until it ends or standard input does: what a process started must not outlive it, however it dies.

``python -m va_experiments.child_process COMMAND...`` with a pipe as standard input: the pipe ends with the parent.
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
    """Run `command` in a process group of its own; end the whole group when standard input ends, or on SIGTERM."""
    child = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, start_new_session=True)

    def stop(*_: object) -> None:
        for name, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, name)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        os._exit(0)

    def watch() -> None:
        while os.read(0, 1024):  # unbuffered: a buffer's lock would trip the interpreter at its end
            pass
        stop()

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
