"""Find what Hydra and Python's logging would call or write by themselves, beyond what this program needs.

In: the unresolved tree of ``hydra`` in a composed configuration. Out: problems. Hydra calls every ``_target_`` below
``hydra.callbacks``, ``hydra.sweeper`` and ``hydra.launcher``, and logging every class and factory of
``hydra.job_logging`` and ``hydra.hydra_logging``, before a program sees its configuration. A name is compared with a
list as a whole: of an allowed package, ``package.module.os.system`` could be reached. Interpolation is refused there,
because a value could be one when it is checked and another when it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from va_experiments.errors import InputError, shown

__all__ = ["LAUNCHER", "call_problems", "leaves"]

LAUNCHER = "hydra_plugins.va_launcher.launcher.VaLauncher"
"""The launcher that plans, runs and records the jobs of a sweep."""

SWEEPERS = (
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.va_launcher.optuna_sweeper.OptunaSweeper",
)
"""Sweepers: the grid, and the search with Optuna."""

_SAMPLER = re.compile(r"optuna\.samplers\.[A-Z]\w*")
"""Samplers of a search."""

CALLED = ("callbacks", "hydra_logging", "job_logging", "launcher", "sweeper")
"""Groups of ``hydra`` from which something is called."""

LOGGING = {
    "logging.FileHandler",
    "logging.Formatter",
    "logging.NullHandler",
    "logging.StreamHandler",
    "logging.handlers.RotatingFileHandler",
    "logging.handlers.TimedRotatingFileHandler",
    "colorlog.ColoredFormatter",
    "va_experiments.monitoring.logs.JsonFormatter",
    "va_experiments.monitoring.logs.TerminalHandler",
    "va_experiments.monitoring.logs.json_handler",
}
STREAMS = {"ext://sys.stdout", "ext://sys.stderr"}

_RUN_FILE = re.compile(r"\$\{hydra\.runtime\.output_dir\}/(?:[\w-]|\$\{hydra\.job\.name\})[\w.-]*")
"""A file in the run's folder, which alone a handler may write."""


def call_problems(hydra: Mapping[str, Any], packages: Sequence[str]) -> list[str]:
    """Return a problem for everything that would be called or written and is not on the list.

    Parameters
    ----------
    hydra : mapping
        Unresolved, as plain data.
    packages : sequence of str
        Packages of ``allowed_targets``, of which a sweeper may come.
    """
    problems = _places(hydra)
    launcher = hydra.get("launcher")
    if isinstance(launcher, Mapping) and launcher.get("_target_", LAUNCHER) != LAUNCHER:
        problems.append(_other_launcher(str(launcher["_target_"])))
    for path, key, value in leaves(hydra, "hydra"):
        part = path.split(".")[1]
        if part in CALLED and isinstance(value, str) and "${" in value and not (key == "filename" and _in_run(value)):
            problems.append(
                f"'{path}' is {shown(value)}: no interpolation is allowed below hydra.{part}, from which Hydra calls "
                f"functions; {_way(path)}"
            )
        elif part == "callbacks":
            problems.append(f"'{path}' is not allowed: nothing is called from hydra.callbacks (value {shown(value)})")
        elif key == "_target_" and path != "hydra.launcher._target_":
            problems += _target(path, value, packages)
        elif (
            path == "hydra.sweeper.custom_search_space" and value is not None and not _defined_in(str(value), packages)
        ):
            problems.append(
                f"'{path}' is {shown(value)}, which would be called: expected a function of a package in "
                f"allowed_targets; list the keys in hydra.sweeper.params"
            )
        elif part in ("job_logging", "hydra_logging"):
            problems += _logging(path, key, value)
    return problems


def _way(path: str) -> str:
    """Return what to write in place of an interpolation."""
    if path.startswith("hydra.launcher.ray."):
        return "execution.* has the same options (execution.address, execution.num_workers, execution.init)"
    return "write the value itself"


def _in_run(value: str) -> bool:
    return _RUN_FILE.fullmatch(value) is not None and ".." not in value


def _places(hydra: Mapping[str, Any]) -> list[str]:
    """Return problems of what decides where files are written and what the environment is."""
    problems = []
    runtime, job = hydra.get("runtime"), hydra.get("job")
    folder = runtime.get("output_dir", "???") if isinstance(runtime, Mapping) else runtime or "???"
    if folder != "???":
        problems.append(
            f"'hydra.runtime.output_dir' is {shown(folder)}: it is the run's own folder and cannot be set; "
            "choose where results are written with paths.outputs=FOLDER"
        )
    if not isinstance(job, Mapping):
        return problems if job is None else [*problems, f"'hydra.job' is {shown(job)}: expected a group of keys"]
    if not re.fullmatch(r"[\w-]+", name := str(job.get("name") or "va_experiments")):
        problems.append(f"'hydra.job.name' is {shown(name)}: expected letters, digits, _ and -")
    for key, way in (("env_copy", "variables stay in the environment"), ("env_set", "set them in the shell")):
        if job.get(key):
            problems.append(
                f"'hydra.job.{key}' is not allowed: it writes variables of the environment into the run's files, and "
                f"jobs do not read it here; {way}"
            )
    return problems


def _target(path: str, value: Any, packages: Sequence[str]) -> list[str]:
    """Return the problem of a ``_target_`` that is neither a sweeper in its place nor a sampler."""
    name = str(value)
    if path == "hydra.sweeper._target_":
        known: tuple[str, ...] = SWEEPERS
        allowed = name in SWEEPERS or _defined_in(name, packages)
    else:
        known = ("optuna.samplers",)
        allowed = path.startswith("hydra.sweeper.") and (
            _SAMPLER.fullmatch(name) is not None or _defined_in(name, packages)
        )
    if allowed:
        return []
    more = f", or a class that a package of allowed_targets ({', '.join(packages)}) defines" if packages else ""
    return [f"'{path}' is {shown(value)}: expected a class of {', '.join(known)}{more}"]


def _defined_in(name: str, packages: Sequence[str]) -> bool:
    """Return whether one of these packages defines the class or function by this name, not merely imports it."""
    root = name.partition(".")[0]
    module, _, attribute = name.rpartition(".")
    if root not in packages or not module:
        return False
    try:
        thing = getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    return str(getattr(thing, "__module__", "")).partition(".")[0] == root


def _logging(path: str, key: str, value: Any) -> list[str]:
    """Return the problem of a value in a configuration of logging."""
    if (key in ("()", "class", "factory") and value not in LOGGING) or (
        isinstance(value, str) and value.startswith(("ext://", "cfg://")) and value not in STREAMS
    ):
        return [f"'{path}' is {shown(value)}: expected one of {', '.join(sorted(LOGGING | STREAMS))}"]
    if re.search(r"\.handlers\..*\.\.\.", path):
        return [f"'{path}' is not allowed: a handler's attributes cannot be set"]
    if key in ("filename", "path", "baseFilename") and ".handlers." in path and not _in_run(str(value)):
        return [
            f"'{path}' is {shown(value)}: a log may only be written in the run's folder, as in "
            "${hydra.runtime.output_dir}/NAME.log"
        ]
    return []


def _other_launcher(target: str) -> str:
    if target.endswith(".RayAWSLauncher"):
        way_out = "no machines are started here: start a cluster (ray up), join it with execution.address=..."
    else:
        way_out = "leave hydra/launcher out, or name ray"
    return (
        f"'hydra.launcher' is {shown(target)}: jobs run through this program's own launcher, with or without "
        f"workers (execution=ray, execution=inline); {way_out}"
    )


def leaves(tree: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Yield path, last key and value of every leaf; values in a list have the key of the list.

    Raises
    ------
    InputError
        For a tree that is deeper than any configuration.
    """
    waiting: list[tuple[Any, str, str, int]] = [(tree, path, path.rpartition(".")[2], 0)]
    while waiting:
        value, where, key, depth = waiting.pop()
        if depth > MOST_LEVELS:
            raise InputError(f"'{where[:80]}...' is more than {MOST_LEVELS} levels deep")
        if isinstance(value, Mapping):
            waiting += [(v, f"{where}.{k}", str(k), depth + 1) for k, v in reversed(list(value.items()))]
        elif isinstance(value, (list, tuple)):
            waiting += [(v, where, key, depth + 1) for v in reversed(value)]
        else:
            yield where, key, value


MOST_LEVELS = 50
"""Levels of a configuration."""
