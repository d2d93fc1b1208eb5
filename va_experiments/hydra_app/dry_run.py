"""Print what a command would run (``dry_run=true``): its cells, done and to do, and how many fits; write nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from va_experiments.cell import ModelSpec
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.engine.estimate import check_limit, estimate_plan
from va_experiments.errors import InputError
from va_experiments.results.stored_cells import open_store
from va_experiments.terminal import say

__all__ = ["dry_run", "job_labels"]

MOST_LINES = 200
"""Cells that are listed; the others are counted."""


def dry_run(
    config: RunConfig,
    job_configs: Sequence[JobConfig],
    models: Sequence[ModelSpec],
    overrides: Sequence[Sequence[str]],
    first: int,
) -> list[float | None]:
    """Print the cells, done and to do, and how many fits they need; write nothing."""
    from va_experiments.data import Deaths, load
    from va_experiments.data.registry import with_check
    from va_experiments.plan import Costs, Job, plan
    from va_experiments.plan_warnings import plan_warnings

    deaths: dict[str, Deaths] = {}
    fingerprints = []
    for job in job_configs:
        options = job.data.model_dump()
        try:
            data = load(job.data.name, options)
        except InputError as error:
            raise with_check(error, job.data.name, options) from None
        deaths[data.fingerprint] = data.with_strata_columns_of(deaths.get(data.fingerprint))
        fingerprints.append(data.fingerprint)
    jobs = [Job(first + i, tuple(overrides[i]), c, fingerprints[i]) for i, c in enumerate(job_configs)]
    planned = plan(jobs, deaths, models, config)
    for warning in plan_warnings(planned, deaths):
        say(f"note: {warning}")
    store = open_store(Path(config.checkpoint.path or Path(config.paths.outputs) / "checkpoints"))
    stored = set(store.keys()) if config.resume != "false" else set()
    requested = planned.requested.tolist()
    todo = [row for row in requested if planned.key(row) not in stored]
    listed: set[int] = set()
    for planned_job, label, rows in zip(jobs, job_labels(overrides), planned.job_cells, strict=True):
        new = [row for row in rows.tolist() if row not in listed]
        if len(jobs) > 1 and len(listed) < MOST_LINES:
            twice = f", {len(rows) - len(new)} of them also of an earlier job" if len(new) < len(rows) else ""
            say(f"job {planned_job.number}: {label} ({len(rows)} cells{twice})")
        for row in new[: MOST_LINES - len(listed)]:
            cell = planned.cell(row)
            state = "done " if planned.key(row) in stored else "to do"
            trained = "+".join(cell.split.train_sites) or "nothing"
            size = "" if cell.split.train_size == "all" else f" {cell.split.train_size}"
            size += f" ({cell.split.target_labels})" if cell.split.target_labels else ""
            say(f"{state}  {cell.key[:12]}  {cell.model.name:<20} {trained}{size} -> {cell.split.test_site}")
        listed.update(new)
    if len(requested) > MOST_LINES:
        say(f"... and {len(requested) - MOST_LINES:,} more cells")
    fits = len(planned.tasks(todo, {}, Costs()))
    simulated = " (simulated data)" if any(d.simulated for d in deaths.values()) else ""
    say(
        f"{len(requested):,} cells{simulated}: {len(requested) - len(todo):,} done, "
        f"{len(todo):,} to do in {fits:,} fits"
    )
    if todo:
        estimate = estimate_plan(planned, todo, deaths, store.root)
        check_limit(estimate, config)
        workers = 1 if config.execution.backend == "inline" else config.execution.num_workers or os.cpu_count() or 1
        for line in estimate.lines(workers, config.cost.core_hour):
            say(line)
    return [None] * len(job_configs)


def job_labels(overrides: Sequence[Sequence[str]]) -> list[str]:
    """Return for each job the overrides in which it differs from the others; all of them where it differs in none."""
    common = set(overrides[0]).intersection(*overrides[1:]) if overrides else set()
    labels = []
    for job_overrides in overrides:
        differing = [o for o in job_overrides if o not in common]
        labels.append(" ".join(differing or job_overrides) or "default")
    return labels
