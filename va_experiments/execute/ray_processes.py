"""Start a local cluster with the processes that a run uses, in a session of their own, and no others.

Besides its head, its node process and its workers, Ray starts a dashboard, a monitor for autoscaling and a reader of
logs, even with ``include_dashboard=False``: three Python interpreters and the imports of a web server, more than half
of what the start costs. ``ray.init`` has no option against them. Where another version of Ray has none of the names
below, all its processes are started.

A signal to the process group of the run (a closed terminal, ``scancel``) reaches only the run, which ends the cluster
in order: a driver whose node process dies while it connects is ended by Ray without a message.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["PRELOADED", "only_used_processes"]

PRELOADED = ("va_experiments.execute.ray_worker", "va_experiments.cell.run", "pyarrow.parquet")
"""Modules that a worker imports when it starts, while the others of the cluster start, and not before its first fit."""


@contextlib.contextmanager
def only_used_processes(ray: Any, stopping: threading.Event) -> Iterator[None]:
    """Keep ``ray.init`` from starting what nothing here uses, for the duration of a ``with`` block.

    Parameters
    ----------
    ray : module
    stopping : threading.Event
        Once it is set, no more processes are started, and ``ray.init`` ends with a `RuntimeError`.
    """
    with contextlib.ExitStack() as restored:
        try:
            private = ray._private
            parameters, services, utils = private.parameter.RayParams, private.services, private.utils
            initialize, popen = parameters.__init__, services.ConsolePopen
            _ = services.start_api_server, utils.get_dashboard_dependency_error
        except AttributeError:
            yield
            return

        def without_monitors(self: Any, *arguments: Any, **options: Any) -> None:
            initialize(self, *arguments, **{"no_monitor": True, "include_log_monitor": False, **options})

        def in_own_session(*arguments: Any, **options: Any) -> Any:
            process = None if stopping.is_set() else popen(*arguments, **{**options, "start_new_session": True})
            if process is not None and not stopping.is_set():
                return process
            if process is not None:
                process.kill()
            raise RuntimeError("stopped while Ray was starting")

        def replace(owner: Any, name: str, value: Any) -> None:
            restored.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)

        replace(parameters, "__init__", without_monitors)
        replace(services, "ConsolePopen", in_own_session)
        replace(services, "start_api_server", lambda *_, **__: (None, None))
        # agents take this for the answer of an installation without the dashboard, and import no web server
        replace(utils, "get_dashboard_dependency_error", lambda: ImportError("not used"))
        yield
