"""One composed job, strictly typed: a plain tree in, a `Config` out, or every problem of the tree at once.

Hydra composes a tree from ``conf/``; nothing downstream sees Hydra's objects. The groups ``model``, ``data``,
``protocol`` and ``testset`` carry options whose names belong to the class or reader they configure; those are checked
against that owner's signature, so that an unknown option fails with the nearest known one before anything runs.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from va_experiments.errors import InputError, did_you_mean, shown

__all__ = [
    "AlertConfig",
    "CheckpointConfig",
    "Config",
    "ExecutionConfig",
    "PathsConfig",
    "Resources",
    "TrackingConfig",
    "conf_dir",
    "parse_config",
    "parse_resources",
]


@dataclass(frozen=True)
class Resources:
    """What one fit may use on the machine that runs it."""

    num_cpus: float = 1
    """Logical cores that Ray reserves; the numerical libraries still use one thread, so results do not depend on it."""
    num_gpus: float = 0
    """GPUs (or a share of one)."""
    memory: int | None = None
    """Bytes that must be free before the fit starts; None: no reservation."""


@dataclass(frozen=True)
class ExecutionConfig:
    """Where and how cells run."""

    backend: str = "ray"
    """``ray``: worker processes; ``inline``: in this process, in order, for the debugger."""
    address: str | None = None
    """Address of a running Ray cluster (``auto``, ``host:6379``, ``ray://host:10001``); None starts a local one."""
    num_workers: int | None = None
    """Workers of a local cluster; None: one for each core."""
    window: int = 3
    """Fits handed out for each worker at a time."""
    max_retries: int = 3
    """Times a fit is tried again after its worker died."""
    retry_errors: tuple[str, ...] = ()
    """Names of exception classes that are worth another try (``OSError``); all others fail at once."""
    cell_timeout_seconds: float | None = None
    """Time limit of one fit with its tests; None: no limit."""
    timeout_retries: int = 1
    """Times a fit is tried again after it ran into the time limit."""
    drain_seconds: float = 10
    """After Ctrl-C: how long running fits may finish before they are cancelled."""
    object_store_memory: int | None = None
    """Bytes of shared memory for the data of a local cluster; None: sized by the data."""
    init: Mapping[str, Any] = field(default_factory=dict)
    """Further keyword arguments of ``ray.init`` (the names of ``hydra.launcher.ray.init.*``)."""
    remote: Mapping[str, Any] = field(default_factory=dict)
    """Further options of the remote function (the names of ``hydra.launcher.ray.remote.*``)."""


@dataclass(frozen=True)
class TrackingConfig:
    """MLflow and Prefect: the views that people look at. Results never depend on them."""

    mlflow: bool = True
    """Whether runs are logged to MLflow."""
    uri: str | None = None
    """MLflow tracking URI; None: an SQLite file under ``paths.outputs``."""
    experiment: str = "va_experiments"
    """Name of the MLflow experiment."""
    max_cell_runs: int = 2000
    """Above this many cells in one multirun, MLflow gets the parent run and its tables only."""
    prefect: bool = True
    """Whether the multirun is recorded as a Prefect flow."""
    prefect_api_url: str | None = None
    """URL of a running Prefect server; None: one is started on loopback for the run."""
    prefect_wait_seconds: float = 20
    """How long the end of a run may wait for Prefect before it goes on without."""


@dataclass(frozen=True)
class CheckpointConfig:
    """What a finished cell leaves, and what is taken up again."""

    path: str | None = None
    """Folder of the store; None: ``checkpoints`` under ``paths.outputs``."""
    shared: bool = True
    """Whether cells missing from the local store are looked up on the MLflow server that ``tracking.uri`` names."""
    state_seconds: float = 30
    """Least time between two intermediate states of one long fit."""


@dataclass(frozen=True)
class AlertConfig:
    """Who is told when nobody watches."""

    url: tuple[str, ...] | None = None
    """Apprise URL, or a list of them (https://github.com/caronc/apprise); secrets, never written anywhere."""
    events: tuple[str, ...] = ("failed", "finished", "stalled")
    """What is told."""
    stalled_minutes: float = 30
    """Minutes without a finished cell or progress of any fit after which a run has stalled."""
    min_seconds: float = 300
    """Least time between two messages of a kind; what comes faster is counted and told with the next."""


@dataclass(frozen=True)
class PathsConfig:
    """Where things are written."""

    outputs: str = "outputs"
    """Everything a run leaves is under this folder."""


@dataclass(frozen=True)
class Config:
    """One composed and strictly typed job."""

    model: Mapping[str, Any]
    """``name``, ``_target_``, ``resources`` and the estimator's parameters."""
    data: Mapping[str, Any]
    """``name`` of the reader and its options."""
    site: Mapping[str, Any]
    """``name`` and ``test_sites``: ``all`` or a list of site names."""
    features: Mapping[str, Any]
    """``name``: no_hce, hce or hce_words."""
    protocol: Mapping[str, Any]
    """``name`` and the options of the protocol."""
    testset: Mapping[str, Any]
    """``name`` and the options of the test-set design."""
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    alert: AlertConfig = field(default_factory=AlertConfig)
    seed: int = 1
    """Everything random follows from it and from the content of the cell."""
    resume: str = "true"
    """``true``: finished cells are taken from the store; ``false``: all are computed again; ``failed``: only cells
    that failed before are computed."""
    dry_run: bool = False
    """Print what would run, and stop."""
    on_error: str = "continue"
    """``continue`` or ``stop`` handing out cells after the first failure."""
    n_bootstrap: int = 100
    """Bootstrap resamples of the deaths for the intervals of a cell; 0: none."""
    csmf: str = "own"
    """Estimator of the CSMF behind ``csmf_accuracy_model``: the model's ``own`` or one of `metrics.estimators`."""
    baselines: tuple[str, ...] = ("prior", "uniform")
    """Trivial models shown beside every comparison."""
    objective: str = "csmf_accuracy_top"
    """The metric that a sweeper maximises and the leaderboard sorts by."""
    report: bool = True
    """Whether the report is built at the end; ``va-experiments report RUN`` builds it later."""
    va34_table: bool = False
    """Whether ``va34_comparison_results.csv``, with the earlier script-based tool's columns, is written too."""
    allow_missing: bool = False
    """Whether means over an incomplete grid are shown (they are marked)."""
    max_cells: int = 2_000_000
    """A larger grid is refused."""
    allowed_targets: tuple[str, ...] = ()
    """Packages beside va_experiments, sklearn and xgboost from which a model's ``_target_`` may come."""


RESUME = ("true", "false", "failed")
ON_ERROR = ("continue", "stop")
BACKENDS = ("ray", "inline")
ALERTS = ("failed", "finished", "stalled")
_MODEL_TARGET = re.compile(r"model(\.(member_parameters|parameters)(\..+)?)?\._target_")
"""Where ``_target_`` may stand: it names the class of the model, or of a member of an ensemble."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}")
"""What a model may be called: names become parts of file names and of MLflow's metrics."""
_POSITIVE = ("window", "num_workers", "cell_timeout_seconds", "max_cells", "stalled_minutes")
_NOT_NEGATIVE = (
    "max_retries",
    "timeout_retries",
    "n_bootstrap",
    "seed",
    "drain_seconds",
    "prefect_wait_seconds",
    "min_seconds",
)


def conf_dir() -> Path:
    """Return the folder of configuration files: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def parse_config(tree: Mapping[str, Any], *, where: str = "config") -> Config:
    """Return the typed job of a composed tree of plain containers.

    Raises
    ------
    InputError
        Listing every unknown key (with the nearest known one), wrong type and value out of range.
    """
    problems: list[str] = []
    forbidden_keys(tree, where, problems)
    _not_plain({k: v for k, v in tree.items() if k != "data"}, where, problems)  # a reader knows its options itself
    config = _structured(Config, tree, where, problems)
    if problems:
        raise InputError(problems)
    _check_values(config, where, problems)
    if problems:
        raise InputError(problems)
    return config


def parse_resources(tree: Any, where: str, problems: list[str]) -> Resources | None:
    """Return what ``model.resources`` allows; None, and what is wrong with it added to `problems`."""
    mine: list[str] = []
    found: Resources = _structured(Resources, {} if tree is None else tree, where, mine, "resources")
    if not mine:
        given = {"num_cpus": found.num_cpus, "num_gpus": found.num_gpus, "memory": found.memory or 0}
        mine += [f"{where}: resources.{k} must be 0 or more; got {v}" for k, v in given.items() if not v >= 0]
    problems += mine
    return None if mine else found


def forbidden_keys(tree: Any, where: str, problems: list[str], *, path: str = "") -> None:
    """Collect keys that Hydra would execute: ``_target_`` anywhere but in models, ``_partial_`` and the like."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            full = f"{path}.{key}" if path else str(key)
            if key in ("_partial_", "_args_", "_recursive_", "_convert_") or (
                key == "_target_" and not _MODEL_TARGET.fullmatch(full)
            ):
                problems.append(
                    f"{where}: {shown(full)} is not allowed in a run's config (value {shown(value)}); remove it"
                )
            forbidden_keys(value, where, problems, path=full)
    elif isinstance(tree, (list, tuple)):
        for i, value in enumerate(tree):
            forbidden_keys(value, where, problems, path=f"{path}[{i}]")


def _not_plain(tree: Any, where: str, problems: list[str], *, path: str = "") -> None:
    """Collect what no cell could be known by: numbers that are not finite, keys that are not text."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            full = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str):
                problems.append(f"{where}: the key {shown(full)} was read as {type(key).__name__}; quote it")
            _not_plain(value, where, problems, path=full)
    elif isinstance(tree, (list, tuple)):
        for i, value in enumerate(tree):
            _not_plain(value, where, problems, path=f"{path}[{i}]")
    elif isinstance(tree, float) and not math.isfinite(tree):
        problems.append(f"{where}: {path} is {tree}; expected a finite number")


def _structured(cls: type, tree: Any, where: str, problems: list[str], path: str = "") -> Any:
    """Build dataclass `cls` from a mapping; collect problems instead of raising."""
    if not isinstance(tree, Mapping):
        problems.append(f"{where}: '{path or 'config'}' must be a group of keys; got {shown(tree)}")
        return None
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in tree:
        if key not in fields:
            full = f"{path}.{key}" if path else str(key)
            problems.append(f"{where}: unknown key {shown(full)}{did_you_mean(key, fields) or known(fields)}")
    values: dict[str, Any] = {}
    for name, f in fields.items():
        full = f"{path}.{name}" if path else name
        if name in tree:
            values[name] = _typed(hints[name], tree[name], where, problems, full)
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            problems.append(f"{where}: '{full}' is missing; choose one, as in {full}=...")
            values[name] = None
    return cls(**values) if not problems else None


def known(names: Iterable[object]) -> str:
    """Return ``"; known: a, b, c"``."""
    return f"; known: {', '.join(map(str, names))}"


def _typed(hint: Any, value: Any, where: str, problems: list[str], path: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _structured(hint, value, where, problems, path)
    origin = typing.get_origin(hint)
    if origin is types.UnionType:
        if value is None:
            return None
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
        origin = typing.get_origin(hint)
    if origin is tuple:
        if isinstance(value, str):
            value = [value]
        if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
            return tuple(value)
        problems.append(f"{where}: {path} must be a list of text; got {shown(value)}")
        return None
    if hint is Mapping or origin is not None:
        if isinstance(value, Mapping):
            return dict(value)
        problems.append(f"{where}: {path} must be a group of keys; got {shown(value)}")
        return None
    if hint is str and path == "resume" and isinstance(value, bool):
        return str(value).lower()
    return scalar(hint, value, where, problems, path)


def scalar(hint: type, value: Any, where: str, problems: list[str], path: str) -> Any:
    """Return `value` if it has exactly the type `hint` (an int passes for a float), else note the problem."""
    said = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    right = (
        isinstance(value, hint)
        if hint in (str, bool)
        else isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
    )
    if right:
        return value
    hint_text = ""
    if hint is str and isinstance(value, (bool, int, float)):
        hint_text = f'; quote it: "{"NO" if value is False else value}"'
    problems.append(f"{where}: {path} must be {said[hint]}; got {shown(value)} ({type(value).__name__}){hint_text}")
    return None


def _check_values(config: Config, where: str, problems: list[str]) -> None:
    def choice(path: str, value: str, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            problems.append(f"{where}: {path} is {shown(value)}{known(allowed)}{did_you_mean(value, allowed)}")

    choice("resume", config.resume, RESUME)
    choice("on_error", config.on_error, ON_ERROR)
    choice("execution.backend", config.execution.backend, BACKENDS)
    for kind in config.alert.events:
        choice("alert.events", kind, ALERTS)
    groups: dict[str, Any] = {"execution.": config.execution, "tracking.": config.tracking, "alert.": config.alert}
    for prefix, group in {"": config, **groups}.items():
        for f in dataclasses.fields(group):
            value = getattr(group, f.name)
            if f.name in _POSITIVE and value is not None and not value > 0:
                problems.append(f"{where}: {prefix}{f.name} must be greater than 0; got {value}")
            if f.name in _NOT_NEGATIVE and value is not None and not value >= 0:
                problems.append(f"{where}: {prefix}{f.name} must be 0 or more; got {value}")
    for group_name in ("model", "data", "protocol", "testset", "features", "site"):
        group_value = getattr(config, group_name)
        if not isinstance(group_value.get("name"), str):
            problems.append(
                f"{where}: {group_name}.name must be text; got {shown(group_value.get('name'))}; "
                f'quote names such as "NO"'
            )
    name = config.model.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        problems.append(
            f"{where}: model.name is {shown(name)}; expected at most 64 letters, digits, spaces and _ . - in it"
        )
    if "\x00" in config.paths.outputs or config.paths.outputs.startswith("~"):
        problems.append(
            f"{where}: paths.outputs is {shown(config.paths.outputs)}; expected a folder's path without '~' or NUL"
        )
