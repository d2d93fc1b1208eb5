"""Hydra's sweep becomes one multirun: compose every job, check all of them, then hand them to the engine.

`launch` is called by the thin Hydra plugin in ``hydra_plugins/va_launcher``, once by a grid sweep, once a batch by an
adaptive sweeper. What belongs to the whole command (lock, workers, MLflow parent, report) lives in `Session`, which
``__main__`` closes at the end.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from va_experiments.cell import ModelSpec
from va_experiments.config.problems import check
from va_experiments.config.schema import ExecutionConfig, JobConfig, RunConfig, parse_config
from va_experiments.errors import InputError
from va_experiments.hydra_app.config_errors import remove_empty_run
from va_experiments.redaction import HIDDEN, redacted, redacted_tree

if TYPE_CHECKING:
    from va_experiments.engine.finalize import Summary
    from va_experiments.engine.multirun import Multirun
    from va_experiments.plan import Job

__all__ = ["Session", "launch", "session"]


class Session:
    """What one command keeps from batch to batch."""

    def __init__(self) -> None:
        self.run: Multirun | None = None
        self.config: RunConfig | None = None
        self.jobs: list[Job] = []
        self.folder: Path | None = None
        self.summary: Summary | None = None

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
        config, job_configs = typed(trees, overrides, first, self.config)
        self.config = config = with_ray_options(config, ray_options)
        models = model_specs(config, job_configs, overrides, first)
        if config.dry_run:
            values = dry_run(config, job_configs, models, overrides, first)
            remove_empty_run(folder)
            return values
        if self.run is None:
            self.run = Multirun(config, folder)
            self.run.open(job_configs)
        data = self.run.read(job_configs)
        jobs = [Job(first + i, tuple(overrides[i]), c, data[i]) for i, c in enumerate(job_configs)]
        values = self.run.run(jobs, models)
        self.jobs += jobs
        return values

    def close(self) -> int:
        """Write the report, stop what was started, and return the exit code."""
        from va_experiments.engine.finalize import finish

        if self.run is None:
            return 0
        try:
            if self.jobs:
                self.summary = finish(self.run, self.jobs, interrupted=self.run.interrupts.exit_code)
        finally:
            self.run.close("finished")
        return self.summary.exit_code if self.summary else 0

    def abandon(self) -> None:
        """Stop what was started after an error; the run's folder is removed if nothing was computed."""
        if self.run is not None:
            self.run.alerts.finished("ended early by an error; finished cells are kept")
            self.run.prefect.abandon()
            with contextlib.suppress(Exception):
                self.run.close("failed")
        computed = self.run is not None and (self.run.counts.done or self.run.counts.failed)
        if self.folder is not None and not computed:
            remove_empty_run(self.folder)


session = Session()
"""The session of this process's command."""


def typed(
    trees: Sequence[Mapping[str, Any]],
    overrides: Sequence[Sequence[str]],
    first: int,
    earlier: RunConfig | None = None,
) -> tuple[RunConfig, list[JobConfig]]:
    """Return the typed config of the run and those of all jobs.

    Parameters
    ----------
    trees : sequence of mapping
        Composed configurations, one for each job.
    overrides : sequence of sequence of str
    first : int
        Number of the first job.
    earlier : RunConfig, optional
        Of the batches before this one.

    Raises
    ------
    InputError
        With the problems of all jobs, and every key of the run that differs between jobs.
    """
    runs, jobs, problems = [], [], []
    for number, tree in enumerate(trees):
        where = "config" if len(trees) == 1 else f"job {first + number} ({' '.join(overrides[number])})"
        try:
            run, job = parse_config(tree, where=where)
        except InputError as error:
            problems += [p for p in error.problems if p not in problems]
        else:
            runs.append(run)
            jobs.append(job)
    problems += swept_run_keys([*([earlier] if earlier else []), *runs], trees)
    if problems:
        raise InputError(problems)
    return runs[0], jobs


def swept_run_keys(runs: Sequence[RunConfig], trees: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a problem for each key of the run that has several values in one command.

    Parameters
    ----------
    runs : sequence of RunConfig
        Of every job.
    trees : sequence of mapping
        Composed configurations, in which a key of a job by the same name is looked for.
    """
    values: dict[str, dict[str, str]] = {}
    for run in dict.fromkeys(json.dumps(run.tree(), sort_keys=True) for run in runs):
        for key, value in _leaves(json.loads(run)):
            values.setdefault(key, {})[json.dumps(value)] = _as_typed(key, value)
    problems = []
    for key, texts in values.items():
        if len(texts) < 2:
            continue
        name = key.rpartition(".")[2]
        same = [
            f"{g}.{name}" for g in ("model", "data", "protocol", "testset") if any(name in t.get(g, {}) for t in trees)
        ]
        meant = f"; if {' or '.join(same)} was meant, sweep that" if same else ""
        listed = list(texts.values())
        some = ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")
        problems.append(
            f"'{key}' has {len(listed)} values in one command ({some}): it belongs to the run and cannot be swept; "
            f"give one command for each value, as in {key}={listed[0]} and then {key}={listed[1]}{meant}"
        )
    return problems


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted key and value of every option; free mappings such as execution.init are one value."""
    for key, value in tree.items():
        full = f"{path}.{key}" if path else key
        if isinstance(value, dict) and not path:
            yield from _leaves(value, full)
        else:
            yield full, value


def _as_typed(key: str, value: Any) -> str:
    """Return a value as a command line has it; an alert's address is not shown."""
    if key == "alert.url" and value:
        return HIDDEN
    return redacted(value if isinstance(value, str) else json.dumps(value))


def model_specs(
    run: RunConfig, jobs: Sequence[JobConfig], overrides: Sequence[Sequence[str]], first: int
) -> list[ModelSpec]:
    """Return the models of all jobs, each built once; or the problems of all of them."""
    specs, problems = [], []
    for number, job in enumerate(jobs):
        try:
            specs.append(ModelSpec.from_config(job.model, allowed=run.allowed_targets))
        except InputError as error:
            where = "" if len(jobs) == 1 else f"job {first + number} ({' '.join(overrides[number])}): "
            problems += [f"{where}{p}" for p in error.problems]
    if problems:
        raise InputError(problems)
    return specs


def with_ray_options(config: RunConfig, ray_options: Mapping[str, Any]) -> RunConfig:
    """Return the config with ``hydra.launcher.ray.init.*`` and ``.remote.*`` where they are set.

    Raises
    ------
    InputError
        For an address or a number of workers that cannot work.
    """
    init = {k: v for k, v in (ray_options.get("init") or {}).items() if v is not None}
    remote = {k: v for k, v in (ray_options.get("remote") or {}).items() if v is not None}
    if not init and not remote:
        return config
    execution = config.execution
    changes = {
        "address": init.pop("address", execution.address),
        "num_workers": init.pop("num_cpus", execution.num_workers),
        "init": {**execution.init, **init},
        "remote": {**execution.remote, **remote},
    }
    checked = check(ExecutionConfig, execution.tree() | changes, "execution")
    return config.model_copy(update={"execution": checked})


def dry_run(
    config: RunConfig,
    job_configs: Sequence[JobConfig],
    models: Sequence[ModelSpec],
    overrides: Sequence[Sequence[str]],
    first: int,
) -> list[float | None]:
    """Print the cells, done and to do, and how many fits they need; write nothing."""
    from va_experiments.checkpoints import Store
    from va_experiments.data import load
    from va_experiments.plan import Costs, Job, plan
    from va_experiments.plan_warnings import plan_warnings

    deaths, fingerprints = {}, []
    for job in job_configs:
        found = load(job.data.name, job.data.model_dump())
        deaths[found.fingerprint] = found
        fingerprints.append(found.fingerprint)
    jobs = [Job(first + i, tuple(overrides[i]), c, fingerprints[i]) for i, c in enumerate(job_configs)]
    planned = plan(jobs, deaths, models, config)
    for remark in plan_warnings(planned, deaths):
        print(f"note: {remark}")
    store = Store(Path(config.checkpoint.path or Path(config.paths.outputs) / "checkpoints"))
    stored = set(store.keys()) if config.resume != "false" else set()
    asked = planned.requested.tolist()
    todo = [row for row in asked if planned.key(row) not in stored]
    for row in asked[:200]:
        cell = planned.cell(row)
        state = "done " if planned.key(row) in stored else "to do"
        trained = "+".join(cell.split.train_sites) or "nothing"
        size = "" if cell.split.train_size == "all" else f" {cell.split.train_size}"
        print(f"{state}  {cell.key[:12]}  {cell.model.name:<20} {trained}{size} -> {cell.split.test_site}")
    if len(asked) > 200:
        print(f"... and {len(asked) - 200:,} more cells")
    fits = len(planned.tasks(todo, {}, Costs()))
    simulated = " (simulated data)" if any(d.simulated for d in deaths.values()) else ""
    print(f"{len(asked):,} cells{simulated}: {len(asked) - len(todo):,} done, {len(todo):,} to do in {fits:,} fits")
    return [None] * len(job_configs)


def hide_secrets(folder: Path) -> None:
    """Blot out what Hydra's sweeper has written down of secrets on the command line."""
    from va_experiments.checkpoints.atomic_files import write_atomically

    path = folder / "multirun.yaml"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if redacted(text) != text or re.search(r"^\s+url: (?!null)", text, re.MULTILINE):
        import yaml

        hidden = yaml.safe_dump(redacted_tree(yaml.safe_load(text)), sort_keys=False, allow_unicode=True)
        write_atomically(path, hidden.encode(), durable=False)


def launch(launcher: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
    """Compose the jobs of a batch, run them, and give Hydra's sweeper what it expects."""
    from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides
    from omegaconf import OmegaConf, open_dict

    folder = Path(str(launcher.config.hydra.sweep.dir))
    hide_secrets(folder)
    with open_dict(launcher.config.hydra):  # where the presets of hydra/job_logging put their file
        launcher.config.hydra.runtime.output_dir = str(folder)
    configure_log(launcher.config.hydra.job_logging, launcher.config.hydra.verbose)
    trees, shown = [], []
    for number, overrides in enumerate(job_overrides):
        composed = launcher.hydra_context.config_loader.load_sweep_config(launcher.config, list(overrides))
        with contextlib.suppress(Exception):
            composed.hydra.job.num = initial_job_idx + number
        own = OmegaConf.masked_copy(composed, [k for k in composed if k != "hydra"])
        trees.append(cast("dict[str, Any]", OmegaConf.to_container(own, resolve=True)))
        shown.append(tuple(redacted(o) for o in filter_overrides(overrides)))
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
