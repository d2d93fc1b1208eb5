"""Measure planning a million cells, and scanning a half-finished plan: CPU seconds, wall seconds, peak memory.

``python -m benchmarks planning [--json FILE] [--cells 1000000]``

Each step runs in a separate process. The grid is that of ten models with 100,000 splits each (repeated pooled
divisions); the second row, one model with a million splits, is the worst case, for every split belongs to one cell. The
half-finished store is simulated: empty folders under the names of every second cell, made on a memory file system if
there is one. The scan finds them, leaves them out, and sorts the rest in the order in which fits would start.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import machine, options, show, show_page, tell, watch

__all__ = ["main"]


def _plan(models: int, cells: int) -> Any:
    from va_experiments.config.schema import JobConfig, RunConfig
    from va_experiments.data.readers.simulated import simulate_deaths
    from va_experiments.plan import Job, plan

    deaths = simulate_deaths(1200)
    jobs = []
    for number in range(models):
        config = JobConfig.model_validate(
            {
                "model": {"name": "noop", "_target_": "benchmarks.noop.NoOp", "variant": number},
                "data": {"name": "simulated"},
                "site": {"name": "all", "test_sites": "all"},
                "features": {"name": "hce"},
                "protocol": {"name": "pooled", "repeats": cells // models},
                "testset": {"name": "natural"},
                "baselines": (),
            }
        )
        jobs.append(Job(number, (f"model.variant={number}",), config, deaths.fingerprint))
    sizes = {deaths.fingerprint: {s: int((deaths.site == k).sum()) for k, s in enumerate(deaths.sites)}}
    run = RunConfig(allowed_targets=("benchmarks",))
    return plan(jobs, {deaths.fingerprint: deaths}, run=run), sizes


def _step(models: int, cells: int, store: Path | None, make: bool) -> dict[str, Any]:
    """Do one step in this process and return what it took."""
    import numpy as np

    wall, cpu = time.perf_counter(), time.process_time()
    planned, sizes = _plan(models, cells)
    results: dict[str, Any] = {"cells": len(planned), "models": models}
    if make and store is not None:
        for row in range(0, len(planned), 2):
            key = planned.key(row)
            (store / "cells" / key[:2] / key).mkdir(parents=True)
        return results
    if store is not None:
        from va_experiments.checkpoints import Store
        from va_experiments.plan import Costs

        wall, cpu = time.perf_counter(), time.process_time()
        done = np.zeros(len(planned), bool)
        keys = Store(store).keys()
        for key in keys:
            done[planned.row(key)] = True
        tasks = planned.tasks(np.flatnonzero(~done).tolist(), sizes, Costs())
        results |= {"done": int(done.sum()), "fits_to_do": len(tasks), "first": tasks[0].cells[0].split.test_site}
    return results | {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _apart(models: int, cells: int, *more: str) -> dict[str, Any]:
    run = watch(["-m", "benchmarks.planning", "--step", str(models), "--cells", str(cells), *more], every=5)
    if run.code != 0:
        raise SystemExit(run.output)
    return dict(json.loads(run.output.splitlines()[-1])) | {"load_average": run.load[0]}


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = options(__doc__, cells={"type": int, "default": 1_000_000}, step={"type": int, "help": argparse.SUPPRESS})
    parser.add_argument("--store", help=argparse.SUPPRESS)
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.step:
        store = Path(chosen.store) if chosen.store else None
        print(json.dumps(_step(chosen.step, chosen.cells, store, chosen.make)))
        return 0
    plans = [_apart(models, chosen.cells) for models in (10, 1)]
    show(f"Planning {chosen.cells:,} cells (goal: 30 s, 300 MB)", plans)
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="va-plan-", dir=place))
    try:
        _apart(10, chosen.cells, "--store", str(folder), "--make")
        scan = _apart(10, chosen.cells, "--store", str(folder))
    finally:
        shutil.rmtree(folder)
    show("Scanning the half-done plan (goal: 60 s), after planning", [scan])
    names = [f"plan {p['cells']:,} cells: {p['models']} model(s)" for p in plans]
    names += [
        f"scan a half-finished plan of the first kind: {scan['done']:,} found, {scan['fits_to_do']:,} fits sorted"
    ]
    rows = [
        [
            name,
            f"{r['cpu_s']:.1f} s",
            f"{r['wall_s']:.1f} s at a load of {r['load_average']:.0f}",
            f"{r['peak_mb']:.0f} MB",
            goal,
        ]
        for name, r, goal in zip(names, [*plans, scan], ["30 s, 300 MB", "30 s, 300 MB", "60 s"], strict=True)
    ]
    head = ["", "CPU", "wall", "peak memory", "goal"]
    show_page("`python -m benchmarks planning`. Each step alone in a process; nothing is paired.", head, rows)
    tell({"machine": machine(), "plan": plans, "scan": scan}, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
