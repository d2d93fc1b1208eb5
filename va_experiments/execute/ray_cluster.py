"""Start a Ray cluster on this machine, or join a running one; safe by default.

Everything listens on loopback, tokens are required, no usage statistics, no dashboard. The settings must stand in the
environment before Ray is imported, so this module is the only one that imports it first.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from va_experiments.config.schema import ExecutionConfig
from va_experiments.errors import InputError

__all__ = ["THREADS", "connect", "disconnect"]

THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""One thread for each numerical library: results must not depend on how many cores a machine has."""

_OBJECT_STORE = 2_000_000_000
"""Bytes of shared memory a local cluster may use for data; they are taken only as data come."""

_SAFE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # binds every listener to loopback
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_task_oom_retries": "0",  # a fit that dies of memory fails alone; retries are the driver's decision
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
}


def _environment(address: str | None) -> None:
    for name, value in (_SAFE | THREADS).items():
        os.environ.setdefault(name, value)
    if address is None:
        os.environ.pop("RAY_ADDRESS", None)
    else:
        # joining a cluster on other hosts needs real interfaces
        os.environ.pop("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", None)


def connect(config: ExecutionConfig) -> Any:
    """Return the ``ray`` module, connected.

    Parameters
    ----------
    config : ExecutionConfig

    Raises
    ------
    InputError
        If the address cannot be joined, or an option is not one of ``ray.init``.
    """
    _environment(config.address)
    import ray

    if ray.is_initialized():
        return ray
    import logging

    options: dict[str, Any] = {
        "include_dashboard": False,
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "ignore_reinit_error": False,
    }
    if config.address is None:
        options |= {
            "address": "local",  # without it Ray joins a cluster that somebody else has started on this machine
            "dashboard_host": "127.0.0.1",
            "num_cpus": config.num_workers or os.cpu_count() or 1,
            "object_store_memory": config.object_store_memory or _OBJECT_STORE,
        }
    else:
        options = {"address": config.address, "log_to_driver": False, "logging_level": logging.ERROR}
        options["runtime_env"] = _travels(config.init.get("runtime_env") or {})
    options |= {k: v for k, v in config.init.items() if v is not None and k != "runtime_env"}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError, TypeError) as error:
        where = config.address or "this machine"
        raise InputError(
            f"Ray on {where} cannot be used ({type(error).__name__}: {str(error)[:300]}): check execution.address and "
            f"execution.init, or run without it (execution=inline)"
        ) from error
    _tighten_token()
    return ray


def _travels(more: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the runtime environment that takes this package, packages of yours and thread limits to other machines."""
    import va_experiments

    if unknown := sorted(set(more) - {"py_modules"}):
        raise InputError(f"execution.init.runtime_env: '{unknown[0]}' is not allowed here; known: py_modules")
    modules = [str(Path(va_experiments.__file__).parent), *map(str, more.get("py_modules") or [])]
    return {"env_vars": dict(THREADS), "py_modules": modules, "excludes": ["**/__pycache__"]}


def _tighten_token() -> None:
    """Make Ray's token readable by its owner only."""
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))
    with contextlib.suppress(OSError):
        if token.is_file() and stat.S_IMODE(token.stat().st_mode) & 0o077:
            token.chmod(0o600)


def disconnect() -> None:
    """Leave a joined cluster, or stop the one that was started here."""
    import ray

    if ray.is_initialized():
        ray.shutdown()
