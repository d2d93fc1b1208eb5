"""Check the options that are passed on to Ray: some of them run code or open ports, so a list says which may be set.

In: ``execution.init`` and ``execution.remote`` as plain data. Out: problems. Not on the list are, for example, hooks
(``_tracing_startup_hook``), modules to import (``_system_config``) and environments that install or download packages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from va_experiments.config.problems import unknown_key
from va_experiments.errors import shown
from va_experiments.http_client import is_loopback

__all__ = ["INIT_OPTIONS", "REMOTE_OPTIONS", "find_init_problems", "find_package_problems", "find_remote_problems"]

INIT_OPTIONS = (
    "_memory",
    "_metrics_export_port",
    "_node_ip_address",
    "_node_name",
    "_temp_dir",
    "dashboard_host",
    "dashboard_port",
    "include_dashboard",
    "labels",
    "log_to_driver",
    "logging_level",
    "namespace",
    "num_cpus",
    "num_gpus",
    "object_store_memory",
    "resources",
    "runtime_env",
)
"""Options of ``ray.init`` that change sizes, names and what is shown."""

REMOTE_OPTIONS = ("accelerator_type", "label_selector", "memory", "num_cpus", "num_gpus", "resources")
"""Options of a remote function that say what a fit needs and where it may run."""


def find_init_problems(init: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each option of ``execution.init`` that is not on the list or has a value that is not."""
    for key in init:
        if key not in INIT_OPTIONS:
            yield unknown_key(str(key), INIT_OPTIONS, "execution.init")
    host = init.get("dashboard_host")
    if host is not None and not is_loopback(f"http://{host}"):
        yield f"init.dashboard_host is {shown(host)}; expected 127.0.0.1: from another machine, use an SSH tunnel"
    environment = init.get("runtime_env") or {}
    if not isinstance(environment, Mapping) or set(environment) - {"py_modules"}:
        yield f"init.runtime_env is {shown(environment)}; expected nothing in it but py_modules=[FOLDER, ...]"
    elif not isinstance(environment.get("py_modules") or [], (list, tuple)):
        yield f"init.runtime_env.py_modules is {shown(environment['py_modules'])}; expected a list of folders"


def find_remote_problems(remote: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each option of ``execution.remote`` that is not on the list."""
    for key in remote:
        if key not in REMOTE_OPTIONS:
            yield unknown_key(str(key), REMOTE_OPTIONS, "execution.remote")


def find_package_problems(init: Mapping[str, Any], allowed: Collection[str]) -> Iterator[str]:
    """Yield a problem for each package sent to workers that ``allowed_targets`` does not name.

    Workers import a package from there before an installed one of the same name.
    """
    environment = init.get("runtime_env") or {}
    for place in environment.get("py_modules") or ():
        if "://" in str(place) or Path(str(place)).name not in allowed:
            yield (
                f"execution.init.runtime_env.py_modules has {shown(place)}: expected the folder of a package that "
                "allowed_targets names"
            )
