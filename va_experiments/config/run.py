"""Define `RunConfig`: what belongs to one command and is the same for every job of a sweep."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from va_experiments.config.fields import (
    MODEL_NAME,
    Count,
    Expected,
    Flag,
    Group,
    NotNegative,
    PositiveNumber,
    Size,
    Text,
    TextList,
)
from va_experiments.config.ray_options import find_init_problems, find_package_problems, find_remote_problems
from va_experiments.errors import InputError, shown

__all__ = [
    "AlertConfig",
    "CheckpointConfig",
    "CostConfig",
    "ExecutionConfig",
    "PathsConfig",
    "RunConfig",
    "TrackingConfig",
]


class ExecutionConfig(Group):
    """Where and how cells run."""

    backend: Literal["ray", "inline"] = "ray"
    """``ray``: worker processes; ``inline``: in this process, in order, for the debugger."""
    address: Text | None = None
    """Address of a running Ray cluster (``auto``, ``host:6379``, ``ray://host:10001``); null starts a local one."""
    num_workers: Count | None = None
    """Workers of a local cluster; null: one for each core."""
    window: Count = 3
    """Fits handed out for each worker at a time."""
    max_retries: Size = 3
    """Times a fit is tried again after its worker died."""
    retry_errors: TextList = ()
    """Names of exception classes that are worth another try (``OSError``); all others fail at once."""
    cell_timeout_seconds: PositiveNumber | None = None
    """Time limit of one fit with its tests; null: no limit."""
    timeout_retries: Size = 1
    """Times a fit is tried again after it ran into the time limit."""
    flow_retries: Size = 2
    """Times a run that Prefect started is tried again after its engine was lost (exit code 5)."""
    drain_seconds: NotNegative = 10
    """After Ctrl-C: how long running fits may finish before they are cancelled."""
    object_store_memory: Count | None = None
    """Bytes of shared memory for the data of a local cluster; null: sized by the data."""
    init: dict[str, Any] = {}
    """Further arguments of ``ray.init``, of those that run no code (the names of ``hydra.launcher.ray.init.*``)."""
    remote: dict[str, Any] = {}
    """What a fit needs, as options of the remote function (the names of ``hydra.launcher.ray.remote.*``)."""

    @field_validator("init")
    @classmethod
    def _options_of_init(cls, init: dict[str, Any]) -> dict[str, Any]:
        if problems := list(find_init_problems(init)):
            raise InputError(problems)
        return init

    @field_validator("remote")
    @classmethod
    def _options_of_remote(cls, remote: dict[str, Any]) -> dict[str, Any]:
        if problems := list(find_remote_problems(remote)):
            raise InputError(problems)
        return remote


class TrackingConfig(Group):
    """MLflow and Prefect, where people look at runs. Results never depend on them."""

    mlflow: Flag = True
    """Whether runs are logged to MLflow."""
    uri: Text | None = None
    """MLflow tracking URI; null: an SQLite file under ``paths.outputs``."""
    experiment: Text = "va_experiments"
    """Name of the MLflow experiment."""
    max_cell_runs: Size = 2000
    """Above this many cells in one multirun, MLflow gets the parent run and its tables only."""
    prefect: Flag = True
    """Whether the multirun is recorded as a Prefect flow."""
    prefect_api_url: Text | None = None
    """URL of a running Prefect server; null: one is started on loopback for the run."""
    prefect_wait_seconds: NotNegative = 20
    """How long the end of a run may wait for Prefect before it goes on without."""


class CheckpointConfig(Group):
    """Where finished cells are stored, and how often unfinished ones are saved."""

    path: Text | None = None
    """Folder of the store; null: ``checkpoints`` under ``paths.outputs``."""
    shared: Flag = True
    """Whether cells missing from the local store are looked up on the MLflow server that ``tracking.uri`` names."""
    look_again_seconds: Annotated[PositiveNumber, Field(ge=1)] | None = 60
    """Seconds between two looks there, during the run, for cells that others have finished meanwhile; null: no look
    but the one before the first fit."""
    partial_state_seconds: NotNegative = 30
    """Least time between two partial states of one long fit."""


class AlertConfig(Group):
    """Messages about a run by mail, chat or webhook."""

    url: Annotated[TextList, Expected("a list of text")] | None = None
    """Apprise URL, or a list of them (https://github.com/caronc/apprise); secrets, never written anywhere."""
    events: Annotated[
        tuple[Literal["failed", "finished", "stalled"], ...],
        BeforeValidator(lambda v: (v,) if isinstance(v, str) else v),
    ] = ("failed", "finished", "stalled")
    """Events that send a message."""
    stalled_minutes: PositiveNumber = 30
    """Minutes without a finished cell or progress of any fit after which a run has stalled."""
    min_seconds: NotNegative = 300
    """Least time between two messages of a kind; what comes faster is counted and sent with the next."""


class PathsConfig(Group):
    """Where results are written."""

    outputs: Text = "outputs"
    """Everything a run leaves is under this folder."""

    @field_validator("outputs")
    @classmethod
    def _a_folder(cls, path: str) -> str:
        if not path.strip() or "\x00" in path or path.startswith("~"):
            raise InputError(f"outputs is {shown(path)}; expected a folder's path without '~' or NUL (here: '.')")
        return path


class CostConfig(Group):
    """Prices, for the estimate of ``dry_run=true``."""

    core_hour: NotNegative | None = None
    """Price of one core for an hour, in any currency; null: the estimate has no price."""


class RunConfig(Group):
    """What belongs to one command. It cannot be swept."""

    execution: ExecutionConfig = Field(default_factory=ExecutionConfig)
    tracking: TrackingConfig = Field(default_factory=TrackingConfig)
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig)
    paths: PathsConfig = Field(default_factory=PathsConfig)
    alert: AlertConfig = Field(default_factory=AlertConfig)
    cost: CostConfig = Field(default_factory=CostConfig)
    resume: Annotated[
        Literal["true", "false", "failed"],
        BeforeValidator(lambda v: str(v).lower() if isinstance(v, bool) else v),
        WithJsonSchema({"enum": [True, False, "failed"]}),
    ] = "true"
    """``true``: finished cells are taken from the store; ``false``: all are computed again; ``failed``: only cells
    that failed before are computed."""
    dry_run: Flag = False
    """Print what would run, and stop."""
    on_error: Literal["continue", "stop"] = "continue"
    """``continue`` or ``stop`` handing out cells after the first failure."""
    objective: Text = "csmf_accuracy_top"
    """The metric that a sweeper optimises and the leaderboard sorts by."""
    report: Flag = True
    """Whether the report is built at the end; ``va-experiments report RUN`` builds it later."""
    legacy_table: Flag = False
    """Whether ``va34_comparison_results.csv``, with the earlier script-based tool's columns, is written too."""
    allow_incomplete: Flag = False
    """Whether means over an incomplete grid are shown (they are marked)."""
    strata: TextList = ()
    """Columns by which metrics and fractions are shown too: ``site``, ``sex``, ``age_group``, or any of the data."""
    save_model: Flag = False
    """Whether each trained model is saved in the run's folder, so that model=registered can apply it elsewhere."""
    register_model: Text | None = None
    """Name under which the model is saved and registered in MLflow; of several, each gets its own name behind it."""
    max_cells: Count = 2_000_000
    """A larger grid is refused."""
    max_core_hours: PositiveNumber | None = None
    """A run that needs more, by the recorded costs of its models, is refused before its first fit; null: no limit."""
    allowed_targets: TextList = ()
    """Packages beside va_experiments, sklearn, xgboost and lightgbm from which a model's ``_target_`` may come."""

    @field_validator("register_model")
    @classmethod
    def _a_model_name(cls, name: str | None) -> str | None:
        if name is not None and not MODEL_NAME.fullmatch(name):
            raise InputError(f"register_model is {shown(name)}; expected at most 64 letters, digits, spaces and _ . -")
        return name

    @model_validator(mode="after")
    def _packages_of_workers(self) -> Self:
        if problems := list(find_package_problems(self.execution.init, self.allowed_targets)):
            raise InputError(problems)
        return self

    @property
    def shares_cells(self) -> bool:
        """Whether finished cells are taken from the MLflow server that ``tracking.uri`` names."""
        return bool(self.checkpoint.shared and self.tracking.mlflow and self.tracking.uri)
