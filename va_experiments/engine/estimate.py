"""Estimate what a plan costs before it runs: core hours and peak memory, from what models cost in earlier runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from va_experiments.checkpoints.atomic_files import read_file
from va_experiments.config.schema import RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.plan import Costs, Plan

__all__ = ["Estimate", "check_limit", "estimate_plan", "read_costs", "read_memory"]

COSTS, MEMORY = "costs.json", "peak_memory.json"
"""Files of the store: CPU seconds for each death, and the greatest memory (MB) of a worker, by digest of the model."""


@dataclass(frozen=True)
class Estimate:
    """What the fits to do need.

    Attributes
    ----------
    core_hours : float
        Of the fits whose models have a recorded cost.
    peak_memory_mb : float or None
        Of one worker, the greatest that was recorded for one of the models.
    unknown : dict of str to int
        Fits that are not counted, by the name of the model: none of them ran with this store.
    """

    core_hours: float
    peak_memory_mb: float | None
    unknown: Mapping[str, int] = field(default_factory=dict)

    def lines(self, workers: int, core_hour: float | None) -> list[str]:
        """Describe the estimate in sentences, with its price if a core hour has one."""
        one = "worker" if workers == 1 else "workers"
        text = f"estimate: {self.core_hours:.3g} core hours, {self.core_hours / workers:.3g} hours on {workers} {one}"
        if self.peak_memory_mb is not None:
            text += f", up to {self.peak_memory_mb:,.0f} MB of memory for each worker"
        if core_hour is not None:
            text += f"; {self.core_hours * core_hour:,.3g} at {core_hour:g} a core hour"
        if not self.unknown:
            return [text]
        names = ", ".join(f"{name} ({fits:,} fits)" for name, fits in sorted(self.unknown.items()))
        return [text, f"not in the estimate, because no cost is recorded in this store: {names}; run a few cells first"]


def read_costs(root: Path) -> Costs:
    """Return what models cost in earlier runs of the store under `root`; nothing where it is not known."""
    return Costs(_numbers(root / COSTS))


def read_memory(root: Path) -> dict[str, float]:
    """Return the greatest memory (MB) of a worker that ran a model, by the model's digest."""
    return _numbers(root / MEMORY)


def _numbers(path: Path) -> dict[str, float]:
    try:
        content = json.loads(read_file(path))
        return {str(k): float(v) for k, v in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def estimate_plan(planned: Plan, todo: Sequence[int], deaths: Mapping[str, Deaths], root: Path) -> Estimate:
    """Estimate what these cells of a plan need.

    Parameters
    ----------
    planned : Plan
    todo : sequence of int
        Rows of the plan.
    deaths : mapping of str to Deaths
    root : Path
        Of the store, which has the recorded costs.
    """
    sizes = {f: {s: int((d.site == i).sum()) for i, s in enumerate(d.sites)} for f, d in deaths.items()}
    costs, memory = read_costs(root), read_memory(root)
    tasks = planned.tasks(todo, sizes, costs)
    seconds, peak, unknown = 0.0, 0.0, Counter[str]()
    for number, expected in enumerate(tasks.seconds.tolist()):
        model = tasks[number].model
        digest = model.digest.hex()[:16]
        if digest in costs.seconds_by_death:
            seconds += expected * max(1, model.resources.num_cpus)
            peak = max(peak, memory.get(digest, 0.0))
        else:
            unknown[model.name] += 1
    return Estimate(seconds / 3600, peak or None, dict(unknown))


def check_limit(estimate: Estimate, config: RunConfig) -> None:
    """Raise `InputError` if the estimate is above ``max_core_hours``."""
    limit = config.max_core_hours
    if limit is not None and estimate.core_hours > limit:
        raise InputError(
            f"max_core_hours is {limit:g}, and the cells to do need about {estimate.core_hours:.3g} core hours: make "
            f"the grid smaller, or raise it (max_core_hours={estimate.core_hours * 1.1:.2g}); dry_run=true shows the "
            f"estimate"
        )
