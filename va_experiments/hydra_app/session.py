"""Run the jobs of Hydra's sweep as one multirun: compose all jobs, check all of them, then pass them to the engine.

The launcher in ``hydra_plugins/va_launcher`` calls `launch`: once in a grid sweep, once a batch in an adaptive one.
`Session` holds what belongs to the whole command (lock, workers, MLflow parent, report); ``__main__`` closes it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from va_experiments.background_queue import start_thread
from va_experiments.config.schema import RunConfig
from va_experiments.errors import InputError
from va_experiments.hydra_app.config_errors import remove_empty_run
from va_experiments.hydra_app.dry_run import dry_run
from va_experiments.hydra_app.job_configs import build_models, parse_jobs, with_model_name, with_ray_options
from va_experiments.hydra_app.own_names import with_described_tables
from va_experiments.redaction import find_secrets, redacted, redacted_tree, remember_secrets_of

if TYPE_CHECKING:
    from va_experiments.checkpoints import Store
    from va_experiments.engine.multirun import Multirun
    from va_experiments.engine.observers import Observer, RunOutcome
    from va_experiments.plan import Job

__all__ = ["Session", "current_session", "launch", "session"]


class Session:
    """The run of one command, over all of its batches of jobs."""

    def __init__(self) -> None:
        self.run: Multirun | None = None
        self.config: RunConfig | None = None
        self.jobs: list[Job] = []
        self.folder: Path | None = None
        self.outcome: RunOutcome | None = None

    def batch(
        self,
        trees: Sequence[Mapping[str, Any]],
        overrides: Sequence[Sequence[str]],
        first: int,
        folder: Path,
        ray_options: Mapping[str, Any],
    ) -> list[float | None]:
        """Run a batch of composed jobs and return their objectives.

        Raises
        ------
        InputError
            Before anything runs, with the problems of all jobs.
        """
        from va_experiments.engine.multirun import Multirun
        from va_experiments.plan import Job

        self.folder = folder
        config, job_configs = parse_jobs(trees, overrides, first, self.config)
        self.config, config = config, with_ray_options(config, ray_options)
        models = build_models(config, job_configs, overrides, first)
        if self.run is None:
            check_tracking(config)
        if config.dry_run:
            values = dry_run(config, job_configs, models, overrides, first)
            remove_empty_run(folder)
            return values
        first_batch = self.run is None
        if self.run is None:
            self.run = Multirun(
                config,
                folder,
                observers_of(config, folder),
                fetch_remote=functools.partial(fetch_remote_cells, config),
                fetch_new=functools.partial(fetch_new_cells, config),
                write_report=write_run_report,
            )
            self.run.open(job_configs)
        data = self.run.read(job_configs)
        # inline it would slow down the fits that it times; earlier it would delay the start of the workers
        if first_batch and config.report and config.execution.backend == "ray":
            start_thread("warm up", warm_up_report)
        jobs = [Job(first + i, tuple(overrides[i]), c, data[i]) for i, c in enumerate(job_configs)]
        values = self.run.run(jobs, models)
        self.jobs += jobs
        return values

    @property
    def stopped(self) -> bool:
        """Whether no more cells are handed out: a signal came, the workers are lost, or ``on_error=stop`` applies."""
        return self.run is not None and (bool(self.run.error) or self.run.context.channel.stopping.is_set())

    def close(self) -> int:
        """Write tables and report, stop what was started, and return the exit code."""
        from va_experiments.engine.finalize import finalize

        if self.run is None:
            return 0
        try:
            if self.jobs:
                self.outcome = finalize(self.run, self.jobs, interrupted=self.run.interrupts.exit_code)
        finally:
            self.run.close(self.outcome.stage if self.outcome else "finished")
        return self.outcome.exit_code if self.outcome else 0

    def abort(self) -> None:
        """Stop what was started after an error; the run's folder is removed if nothing was computed."""
        counts = self.run.context.counts if self.run is not None else None
        if self.run is not None:
            self.run.abort()
            with contextlib.suppress(Exception):
                self.run.close("failed")
        if self.folder is not None and not (counts is not None and (counts.done or counts.failed)):
            remove_empty_run(self.folder)


session = Session()
"""The session of this process's command."""


def current_session() -> Session:
    """Return the session of this process's command."""
    return session


def observers_of(config: RunConfig, folder: Path) -> list[Observer]:
    """Return those who follow a run: log, MLflow, progress, alerts, the summary on the terminal, Prefect.

    They are notified in this order: what goes wrong with MLflow and alerts stands in the summary.
    """
    from va_experiments.monitoring.alerts import Alerts
    from va_experiments.monitoring.logs import RunLog
    from va_experiments.monitoring.progress import Progress
    from va_experiments.monitoring.summary import TerminalSummary
    from va_experiments.prefect_flow.observer import PrefectObserver
    from va_experiments.tracking import Tracker

    outputs, run_id = Path(config.paths.outputs), f"{folder.parent.name}/{folder.name}"
    return [
        RunLog(),
        Tracker(config.tracking, outputs, run_id, {"va.command": "multirun"}),
        Progress(),
        Alerts(config.alert, run_id),
        TerminalSummary(),
        PrefectObserver(config.tracking, outputs / "prefect", run_id),
    ]


def check_tracking(config: RunConfig) -> None:
    """Refuse a place to record runs that cannot work."""
    from va_experiments.tracking.preflight import check_tracking

    check_tracking(config.tracking, Path(config.paths.outputs))


def fetch_remote_cells(
    config: RunConfig, store: Store, missing: set[str], stopped: Callable[[], bool]
) -> Iterator[str]:
    """Put cells that a team's tracking server has into the store, and yield their keys."""
    if config.shares_cells and missing:
        from va_experiments.tracking.remote_cells import fetch_shared

        yield from fetch_shared(config, store, Path(config.paths.outputs), missing, stopped)


def fetch_new_cells(
    config: RunConfig, store: Store, wanted: Callable[[str], bool], since: float, stopped: Callable[[], bool]
) -> Iterator[str]:
    """Put wanted cells that others have recorded on a team's server since then into the store, and yield their keys."""
    from va_experiments.tracking.remote_cells import fetch_new

    yield from fetch_new(config, store, Path(config.paths.outputs), wanted, since, stopped)


def write_run_report(*arguments: Any) -> tuple[list[Path], list[str]]:
    """Write the report of a run; its libraries are imported only now."""
    from va_experiments.report.run_report import write_run_report as write

    return write(*arguments)


def warm_up_report() -> None:
    """Load what draws the report's charts, beside the start of the workers."""
    from va_experiments.report.warm_up import warm_up

    warm_up()


def hide_secrets(folder: Path) -> None:
    """Remove secrets of the command line from the file in which Hydra's sweeper recorded it."""
    from va_experiments.checkpoints.atomic_files import write_atomically

    path = folder / "multirun.yaml"
    if path.exists():
        import yaml

        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        if (hidden := redacted_tree(tree)) != tree:
            text = yaml.safe_dump(hidden, sort_keys=False, allow_unicode=True)
            write_atomically(path, text.encode(), durable=False)


def launch(launcher: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
    """Compose and run the jobs of a batch; return their objectives as Hydra's sweeper expects them."""
    from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides
    from omegaconf import OmegaConf, open_dict

    folder = Path(str(launcher.config.hydra.sweep.dir))
    with open_dict(launcher.config.hydra):  # where the presets of hydra/job_logging put their file
        launcher.config.hydra.runtime.output_dir = str(folder)
    configure_log(launcher.config.hydra.job_logging, launcher.config.hydra.verbose)
    trees: list[dict[str, Any]] = []
    for number, overrides in enumerate(job_overrides):
        composed = launcher.hydra_context.config_loader.load_sweep_config(launcher.config, list(overrides))
        with contextlib.suppress(Exception):
            composed.hydra.job.num = initial_job_idx + number
        options = OmegaConf.masked_copy(composed, [k for k in composed if k != "hydra"])
        tree = cast("dict[str, Any]", OmegaConf.to_container(options, resolve=True))
        tree = with_model_name(tree, str(composed.hydra.runtime.choices.get("model")))
        trees.append(with_described_tables(tree))
        remember_secrets_of(trees[-1])
    if copied := sorted({key for tree in trees for key in find_secrets(tree)}):
        raise InputError([f"remove from '{key}' the secret that alert.url or the environment holds" for key in copied])
    hide_secrets(folder)
    shown = [tuple(redacted(o) for o in filter_overrides(overrides)) for overrides in job_overrides]
    ray_options = cast("dict[str, Any]", OmegaConf.to_container(launcher.ray_cfg, resolve=True))
    values = session.batch(trees, shown, initial_job_idx, folder, ray_options)
    returns = []
    for number, overrides in enumerate(job_overrides):
        entry = JobReturn(overrides=list(overrides), task_name="va_experiments")
        value = values[number]
        entry.status = JobStatus.COMPLETED
        entry.return_value = float("nan") if value is None else value
        returns.append(entry)
    return returns
