"""Measure the cost of monitoring: CPU time of progress, status, log and alerts in a run of 1,000 cells of 100 ms.

The run is a real one, in one process, of a model that spends 100 ms of CPU time on each cell. Each monitoring part is
timed by the clock of its own thread; the status is read from outside during the run, as from another terminal.
``--views`` adds Prefect and MLflow, and runs once more without them to measure how much longer the run takes. The time
to import MLflow and to open its database does not depend on the run (`benchmarks.startup`) and is given separately.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import ENVIRONMENT, ROOT

__all__ = ["main"]

CHILD = """
import json, sys, threading, time
spent = {}
def timed(cls, name, part, whole):
    original = getattr(cls, name)
    def method(*args, **kwargs):
        began = time.thread_time()
        try:
            return original(*args, **kwargs)
        finally:
            spent[part] = spent.get(part, 0.0) + time.thread_time() - began
    setattr(cls, name, method)
from va_experiments.monitoring import alerts, progress
from va_experiments.monitoring import logs
from va_experiments.prefect_flow import observer
from va_experiments.tracking import tracker
timed(progress.Progress, "_tick", "progress, status", True)
timed(logs.RunLog, "cell_settled", "log of cells", False)
timed(alerts.Alerts, "_send_all", "alerts", True)
timed(observer.PrefectObserver, "_record", "Prefect", True)
timed(tracker.Tracker, "_serve", "MLflow", True)
timed(tracker.Tracker, "_open", "MLflow's start", True)
target = sys.argv.pop(1)
from va_experiments.__main__ import main
code = main()
open(target, "w").write(json.dumps({"spent": spent, "cpu": time.process_time(), "code": code}))
sys.stdout.flush()
import os
os._exit(code)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit code 3 if watching costs 2% or more, or the status was older than 2 s."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000, help="about how many (default: 1000)")
    parser.add_argument("--seconds", type=float, default=0.1, help="CPU seconds of a cell (default: 0.1)")
    parser.add_argument("--views", action="store_true", help="with Prefect and MLflow")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="va-monitoring-") as folder:
        figures = _measure(Path(folder) / "views", options.cells, options.seconds, views=options.views)
        if options.views:
            without = _measure(Path(folder) / "none", options.cells, options.seconds, views=False)
            wall, more = "wall of the run, s", "wall of the run without Prefect and MLflow, s"
            figures[more] = without[wall]
            figures["longer by, %"] = round(100 * (figures[wall] / without[wall] - 1), 2)
    for name, value in figures.items():
        print(f"{name:<42} {value:>10}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    cost = figures["longer by, %" if options.views else "share of the run, %"]
    right = cost < 2 and figures["oldest status seen, s"] <= 2
    return 0 if right else 3


def _measure(folder: Path, cells: int, seconds: float, *, views: bool) -> dict[str, Any]:
    outputs, target = folder / "outputs", folder / "spent.json"
    (folder / "conf" / "model").mkdir(parents=True)
    text = f"name: burn\n_target_: benchmarks.noop.Burn\nseconds: {seconds}\nvariant: 0\n"
    (folder / "conf" / "model" / "burn.yaml").write_text(text)
    command = [sys.executable, "-c", CHILD, str(target), "--config-dir", str(folder / "conf"), "model=burn"]
    command += ["allowed_targets=[benchmarks]", "baselines=[]", "n_bootstrap=0", "data.n=600", "execution=inline"]
    command += ["protocol=in_domain", "protocol.folds=1", f"protocol.repeats={max(1, round(cells / 6))}"]
    command += [f"paths.outputs={outputs}", "tracking=local" if views else "tracking=none"]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    oldest, looks, looking = _look(process, outputs)
    done = json.loads(target.read_text())
    if done["code"]:
        raise SystemExit(f"the run ended with {done['code']}")
    spent = done["spent"]
    table = outputs / "runs"
    computed = next(table.glob("*/*/cells.jsonl")).read_text(encoding="utf-8").count("\n")
    if views:
        spent["MLflow"] -= spent["MLflow's start"]
    watching = sum(v for k, v in spent.items() if k != "MLflow's start")
    rows = {f"CPU of {k}, s": round(v, 3) for k, v in sorted(spent.items())}
    return {
        "cells": computed,
        "wall of the run, s": round(time.perf_counter() - began, 1),
        "CPU of the run's process, s": round(done["cpu"], 1),
        **rows,
        "watching, s": round(watching, 3),
        "share of the run, %": round(100 * watching / (computed * seconds), 2),
        "times the status was read": looks,
        "oldest status seen, s": round(oldest, 2),
        "CPU of one look at the status, ms": round(1000 * looking / max(looks, 1), 2),
        "load of the machine": round(os.getloadavg()[0], 1),
    }


def _look(process: subprocess.Popen[bytes], outputs: Path) -> tuple[float, int, float]:
    """Read the status until the run has ended; return its greatest age while cells ran, and what looking cost."""
    from va_experiments.commands.run_lookup import run_folders
    from va_experiments.commands.status import read_status

    oldest, looks, cost = 0.0, 0, 0.0
    while process.poll() is None:
        time.sleep(0.25)
        folders = run_folders(outputs)
        if not folders or not (folders[-1] / "status.json").exists():
            continue
        began = time.thread_time()
        status = read_status(folders[-1])
        looks, cost = looks + 1, cost + time.thread_time() - began
        if status["stage"] == "running":
            oldest = max(oldest, status["age_seconds"])
    return oldest, looks, cost


if __name__ == "__main__":
    sys.exit(main())
