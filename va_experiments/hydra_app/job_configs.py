"""Validate the composed jobs of one command: one run configuration, and a job configuration and model for each.

In: the trees that Hydra composed, one a job. Out: a `RunConfig`, a `JobConfig` and a `ModelSpec` for each job, or every
problem of all jobs at once. A key of the run that differs between jobs is such a problem.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from va_experiments.cell import ModelSpec
from va_experiments.config.problems import check
from va_experiments.config.ray_options import find_package_problems
from va_experiments.config.schema import ExecutionConfig, JobConfig, RunConfig, parse_config
from va_experiments.errors import InputError
from va_experiments.models.own_cause_lists import SAVED
from va_experiments.redaction import HIDDEN, redacted

__all__ = ["build_models", "parse_jobs", "swept_run_keys", "with_folder", "with_model_name", "with_ray_options"]


def parse_jobs(
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


def with_model_name(tree: dict[str, Any], choice: str) -> dict[str, Any]:
    """Return a composed job whose model has a name: that of its file, where the file has none.

    Parameters
    ----------
    tree : dict
    choice : str
        What the command chose, as ``tree`` in ``model=tree``.
    """
    model = tree.get("model")
    if isinstance(model, Mapping) and model.get("_target_") and model.get("name") in (None, ""):
        return {**tree, "model": {"name": choice.rpartition("/")[2], **{k: v for k, v in model.items() if k != "name"}}}
    return tree


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


def build_models(
    run: RunConfig, jobs: Sequence[JobConfig], overrides: Sequence[Sequence[str]], first: int
) -> list[ModelSpec]:
    """Return the models of all jobs, each built once; or the problems of all of them."""
    specs, problems = [], []
    for number, job in enumerate(jobs):
        try:
            specs.append(ModelSpec.from_config(with_folder(run, job.model), allowed=run.allowed_targets))
        except InputError as error:
            where = "" if len(jobs) == 1 else f"job {first + number} ({' '.join(overrides[number])}): "
            problems += [f"{where}{p}" for p in error.problems]
    if problems:
        raise InputError(problems)
    return specs


def with_folder(run: RunConfig, model: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a model's options; of one that is named as registered in MLflow, with the folder of its files."""
    name = str(model.get("name"))
    if model.get("_target_") != SAVED or model.get("path") or name == "registered":
        return model
    from va_experiments.tracking.model_registry import fetch_model

    return {**model, "path": str(fetch_model(run.tracking, Path(run.paths.outputs), name))}


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
    if problems := list(find_package_problems(checked.init, config.allowed_targets)):
        raise InputError(problems)
    return config.model_copy(update={"execution": checked})
