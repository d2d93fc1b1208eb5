"""End a process at once when its output is written.

Native threads outlive a command: Arrow's thread pools after the reading of a file, numba's, Ray's, those of the drawing
of figures. If the interpreter is taken apart while one of them runs, the C++ library may end the process with
``terminate called without an active exception`` (SIGABRT), although all was done. ``os._exit`` runs none of that code,
and saves the seconds that it takes.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

__all__ = ["end"]


def end(code: int) -> NoReturn:
    """Write what is left in the buffers of the output and the log, and end the process with `code`.

    No handler of `atexit` runs, and a thread of monitoring that hangs cannot keep the process waiting.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads any more, or it is closed: the text is lost, not what was computed
            continue
    logging.shutdown()
    os._exit(code)
