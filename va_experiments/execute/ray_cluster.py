"""Start a Ray cluster on this machine, or join a running one; safe by default.

Everything listens on loopback, tokens are required, no usage statistics, no dashboard, and Ray's files are in a private
folder. The settings must stand in the environment before Ray is imported, so this module is the only one that imports
it first.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from va_experiments.config.schema import ExecutionConfig
from va_experiments.errors import NO_WORKING_FOLDER, InputError, VaError, shown, working_folder_is_gone
from va_experiments.execute.ray_processes import PRELOADED, only_used_processes
from va_experiments.execute.run_channel import EngineUnavailable

__all__ = ["THREADS", "connect", "disconnect"]

THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""One thread for each numerical library: results must not depend on how many cores a machine has."""

_OBJECT_STORE = 2_000_000_000
"""Most bytes of shared memory that a local cluster may use for data; they are taken only as data come."""

_LEAST_OBJECT_STORE = 80_000_000
"""Fewer bytes are refused by Ray (75 MiB)."""

_BESIDE_OBJECT_STORE = 5 << 29
"""Bytes of address space that each of Ray's processes takes (2.5 GiB, measured with Ray 2.60); the data come on top."""

_WEEKS_MS = 20 * 86_400_000
"""Milliseconds after which Ray ends an idle worker."""

_SAFE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # binds every listener to loopback
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_task_oom_retries": "0",  # a fit that dies of memory fails alone; retries are the driver's decision
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # its handler of SIGTERM would take the place of the engine's
}


_TEXTS = ("RAY_ADDRESS", "RAY_TMPDIR", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE")
"""Variables of Ray that are texts."""


def _environment(address: str | None) -> None:
    for name, value in (_SAFE | THREADS).items():
        os.environ.setdefault(name, value)
    if address is None:
        os.environ.pop("RAY_ADDRESS", None)
    else:
        # joining a cluster on other hosts needs real interfaces
        os.environ.pop("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", None)


def check_settings() -> None:
    """Refuse ``RAY_...`` variables of the environment at which Ray's library ends its process while it is loaded.

    It does so at a value of another type than it expects, such as ``0.01`` for a whole number. Each load is tried in a
    process of its own, and only where such variables are set.

    Raises
    ------
    InputError
    """
    ours = _SAFE | THREADS
    named = sorted(k for k in os.environ if k.startswith("RAY_") and k not in _TEXTS and os.environ[k] != ours.get(k))
    if not named or _loads(named):
        return
    wrong = [name for name in named if not _loads([name])] or named
    shown_ones = ", ".join(f"{name}={shown(os.environ[name])}" for name in wrong)
    raise InputError(
        f"Ray cannot be loaded with {shown_ones} in the environment: a value is not of the type that Ray expects "
        f"(mostly a whole number): set it so, or take it away (unset {' '.join(wrong)}); "
        "execution=inline runs without Ray"
    )


def _loads(names: Sequence[str]) -> bool:
    """Return whether Ray's library can be loaded with only these of its variables in the environment."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_") or k in names}
    done = subprocess.run(
        [sys.executable, "-c", "import ray"], env=environment, capture_output=True, timeout=60, check=False
    )
    return done.returncode >= 0  # other faults are reported where Ray is imported


def _read_authentication_again() -> None:
    """Let Ray read ``RAY_AUTH_MODE`` and the token from the environment: it keeps what it found when it was imported.

    Without this, a process that imported Ray before starts a cluster that asks for a token, and has none itself.
    """
    with contextlib.suppress(ImportError, AttributeError):  # private names of Ray 2.60
        inside = importlib.import_module("ray._raylet")
        inside.Config.initialize("")
        inside.AuthenticationTokenLoader.instance().reset_cache()


def connect(
    config: ExecutionConfig,
    folder: Path | None = None,
    stopping: threading.Event | None = None,
    imported: threading.Event | None = None,
) -> Any:
    """Return the ``ray`` module, connected.

    Parameters
    ----------
    config : ExecutionConfig
    folder : Path, optional
        Where the files of a local cluster go (see `va_experiments.execute.ray_folder`).
    stopping : threading.Event, optional
        Once it is set, a local cluster is not started any further.
    imported : threading.Event, optional
        Is set once Ray has been imported: what follows is mostly waiting for other processes.

    Raises
    ------
    InputError
        If the address cannot be joined, or an option is not one of ``ray.init``.
    EngineUnavailable
        If a cluster cannot be started on this machine.
    """
    known = "ray._raylet" in sys.modules
    _environment(config.address)
    if not known:
        check_settings()
    import ray

    if imported is not None:
        imported.set()
    if ray.is_initialized():
        return ray
    if known:
        _read_authentication_again()
    import logging

    options: dict[str, Any] = {
        "include_dashboard": False,
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "ignore_reinit_error": False,
    }
    if config.address is None:
        workers = config.num_workers or os.cpu_count() or 1
        options |= {
            "address": "local",  # without it Ray joins a cluster that somebody else has started on this machine
            "dashboard_host": "127.0.0.1",
            "num_cpus": workers,
            "_skip_env_hook": True,  # workers have this process's interpreter and packages, also below `uv run`
            "object_store_memory": _object_store(config.object_store_memory),
            "_system_config": {
                "preload_python_modules": list(PRELOADED),
                # A worker for each task at once and one for the board. For tasks that wait Ray would start more, up to
                # a soft limit, above which it also ends idle workers: with 0, and after weeks only, it does neither.
                "prestart_worker_first_driver": False,
                "enable_worker_prestart": False,
                "num_workers_soft_limit": 0,
                "idle_worker_killing_time_threshold_ms": _WEEKS_MS,
            },
        }
    else:
        options = {"address": config.address, "log_to_driver": False, "logging_level": logging.ERROR}
        options["runtime_env"] = _travels(config.init.get("runtime_env") or {})
    options |= {k: v for k, v in config.init.items() if v is not None and k != "runtime_env"}
    if folder is not None:
        options["_temp_dir"] = str(folder)
    environments = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
    stop = stopping or threading.Event()
    local = only_used_processes(ray, stop, environments=environments) if config.address is None else None
    try:
        with local or contextlib.nullcontext():
            ray.init(**options)
    except Exception as error:  # Ray raises Exception itself when its processes do not answer in time
        raise _explain(error, config) from error
    _tighten_token()
    return ray


def _object_store(configured: int | None) -> int:
    """Return the bytes for data: as given, or at most a third of the memory that is free.

    Where the address space is limited (``ulimit -v``), the processes of Ray must find room beside them.

    Raises
    ------
    EngineUnavailable
        If they do not: they would end without a word, some in the middle of a run.
    """
    most = min(_OBJECT_STORE, int(psutil.virtual_memory().available / 3))
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return configured or max(_LEAST_OBJECT_STORE, most)
    store = configured or max(_LEAST_OBJECT_STORE, min(most, (limit - _BESIDE_OBJECT_STORE) // 2))
    if limit < _BESIDE_OBJECT_STORE + store:
        smaller = " or execution.object_store_memory smaller" if configured else ""
        needed = (_BESIDE_OBJECT_STORE + store) / 2**30
        raise EngineUnavailable(
            f"Ray cannot start on this machine: the address space is limited to {limit / 2**30:.1f} GiB (ulimit "
            f"-v), and Ray's processes need {needed:.1f} GiB each: set the limit higher (ulimit -v "
            f"unlimited){smaller}; execution=inline runs without Ray"
        )
    return store


def _explain(error: Exception, config: ExecutionConfig) -> VaError:
    """Return the error that says what to do: an option to change, or what this machine lacks."""
    text = f"{type(error).__name__}: {str(error)[:300]}"
    options = sorted({*config.init} - {"_temp_dir"}) + ["object_store_memory"] * (
        config.object_store_memory is not None
    )
    if config.address is not None:
        return InputError(
            f"Ray on {config.address} cannot be used ({text}): check execution.address and execution.init, or run "
            f"without it (execution=inline)"
        )
    if isinstance(error, TypeError) or (isinstance(error, ValueError) and options):
        return InputError(
            f"Ray on this machine cannot be used with these options ({text}): check execution.init and "
            f"execution.object_store_memory ({', '.join(options) or 'none given'})"
        )
    if isinstance(error, FileNotFoundError) and working_folder_is_gone():
        return InputError(NO_WORKING_FOLDER)
    token = _token_file()
    if isinstance(error, OSError) and error.filename and Path(str(error.filename)) in (token, *token.parents):
        return InputError(
            f"Ray keeps its token in '{token.parent}', which cannot be written ({error.strerror}): set HOME to a "
            "folder of yours, or RAY_AUTH_TOKEN_PATH to a file that you can write; execution=inline runs without Ray"
        )
    memory = psutil.virtual_memory()
    with contextlib.suppress(OSError):
        shared = os.statvfs("/dev/shm")
        text += f"; /dev/shm has {shared.f_bavail * shared.f_frsize / 2**20:,.0f} MB free"
    return EngineUnavailable(
        f"Ray cannot start on this machine ({text}; {memory.available / 2**20:,.0f} MB of memory are free, the load is "
        f"{os.getloadavg()[0]:.1f}): free memory, wait until the machine is less busy, or take fewer workers "
        f"(execution.num_workers=1); execution=inline runs without Ray"
    )


def _travels(more: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the runtime environment that takes this package, packages of yours and thread limits to other machines."""
    import va_experiments

    modules = [str(Path(va_experiments.__file__).parent), *map(str, more.get("py_modules") or [])]
    return {"env_vars": dict(THREADS), "py_modules": modules, "excludes": ["**/__pycache__"]}


def _token_file() -> Path:
    """Return where Ray keeps its token."""
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    return Path(named) if named else Path.home() / ".ray" / "auth_token"


def _tighten_token() -> None:
    """Make Ray's token readable by its owner only."""
    token = _token_file()
    with contextlib.suppress(OSError):
        if token.is_file() and stat.S_IMODE(token.stat().st_mode) & 0o077:
            token.chmod(0o600)


def disconnect() -> None:
    """Leave a joined cluster, or stop the one that was started here."""
    import ray

    if ray.is_initialized():
        ray.shutdown()
