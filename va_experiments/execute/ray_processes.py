"""Start a local cluster with the processes that a run uses, in a session of their own, and no others.

Besides its head, its node process and its workers, Ray starts a dashboard, a monitor for autoscaling, a reader of
logs and two agents (of the dashboard, and of runtime environments), even with ``include_dashboard=False``: five Python
interpreters and the imports of web servers, more than half of what the start costs, and the node process waits for the
agents. ``ray.init`` has no option against them. Where another version of Ray has none of the names below, all its
processes are started.

A signal to the process group of the run (a closed terminal, ``scancel``) reaches only the run, which ends the cluster
in order: a driver whose node process dies while it connects is ended by Ray without a message.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from va_experiments.execute import ray_agent_stub

__all__ = ["PRELOADED", "only_used_processes"]

PRELOADED = ("va_experiments.execute.ray_worker", "va_experiments.cell.run", "pyarrow.parquet")
"""Modules that a worker imports when it starts, while the others of the cluster start, and not before its first fit."""


@contextlib.contextmanager
def only_used_processes(ray: Any, stopping: threading.Event, *, environments: bool = False) -> Iterator[None]:
    """Keep ``ray.init`` from starting what nothing here uses, for the duration of a ``with`` block.

    Parameters
    ----------
    ray : module
    stopping : threading.Event
        Once it is set, no more processes are started, and ``ray.init`` ends with a `RuntimeError`.
    environments : bool
        Whether tasks may ask for a runtime environment, which an agent of Ray makes.
    """
    with contextlib.ExitStack() as restored:
        try:
            private = ray._private
            parameters, services, utils = private.parameter.RayParams, private.services, private.utils
            initialize, popen = parameters.__init__, services.ConsolePopen
            _ = services.start_api_server, utils.get_dashboard_dependency_error
            files = _agent_files(ray._raylet, environments=environments)
        except AttributeError:
            yield
            return

        def without_monitors(self: Any, *arguments: Any, **options: Any) -> None:
            initialize(self, *arguments, **{"no_monitor": True, "include_log_monitor": False, **options})

        def in_own_session(command: Sequence[str], *more: Any, **options: Any) -> Any:
            options["start_new_session"] = True
            command = _without_agents(command, ray._raylet, files)
            process = None if stopping.is_set() else popen(command, *more, **options)
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


def _agent_files(raylet: Any, *, environments: bool) -> dict[str, list[str]]:
    """Return, for each option of the node process that starts an agent, the files that the agent writes."""
    dashboard = [
        raylet.METRICS_AGENT_PORT_NAME,
        raylet.METRICS_EXPORT_PORT_NAME,
        raylet.DASHBOARD_AGENT_LISTEN_PORT_NAME,
    ]
    files = {"--dashboard_agent_command": dashboard}
    _ = raylet.get_port_filename
    return files if environments else files | {"--runtime_env_agent_command": [raylet.RUNTIME_ENV_AGENT_PORT_NAME]}


def _without_agents(command: Sequence[str], raylet: Any, files: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the command of the node process with stand-ins for its agents; any other command as it is."""
    options = dict(word.split("=", 1) for word in command if "=" in word)
    if not options.keys() >= {*files, "--session_dir", "--node_id"}:
        return list(command)
    folder, node = Path(options["--session_dir"]), options["--node_id"]
    for option, names in files.items():
        paths = [str(folder / raylet.get_port_filename(node, name)) for name in names]
        stub = [sys.executable, "-IS", ray_agent_stub.__file__, *paths]
        options[option] = subprocess.list2cmdline(stub)
    return [f"{name}={options[name]}" if (name := word.split("=", 1)[0]) in files else word for word in command]
