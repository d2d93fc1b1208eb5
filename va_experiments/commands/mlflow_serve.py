"""Serve MLflow for one folder of outputs, once its tables are there: ``python -m ... OUTPUTS PORT``.

A new ``mlflow.db`` is made by one process at a time. MLflow's own server would make the tables without asking whether a
run that has just begun is doing the same; so they are made here first, under the lock that runs take too.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from va_experiments.config.schema import TrackingConfig
from va_experiments.tracking import connect
from va_experiments.tracking.page_server import serve

__all__ = ["main"]


def main(outputs: Path, port: int) -> None:
    """Make the tables and the experiment where they are not, and serve."""
    with contextlib.suppress(Exception):  # a file that cannot be used: the server says so in its log
        connect(TrackingConfig(), outputs)
    serve(outputs, port)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
