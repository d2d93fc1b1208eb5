"""Measure fixed costs: from the command to the first fit, inline and with Ray, Prefect and MLflow; ``--help``.

``python -m benchmarks startup [--json FILE]``

Databases exist and files are in the disk cache: each command runs once before it is measured. *First fit* is
the time between the start of the command and the first model's work; *fixed* is all of the command's wall time but that
from the first fit to the last cell's end. The CPU seconds are those of all processes until the first fit. The last
table lists what the driver has imported at its first fit, in process.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import ENVIRONMENT, ROOT, machine, newest_run, options, show, show_page, tell, watch

__all__ = ["main"]

_RUNS = {
    "inline, tracking=none": ("execution=inline", "tracking=none"),
    "inline, MLflow and Prefect": ("execution=inline",),
    "Ray, tracking=none": ("execution.num_workers=2", "tracking=none"),
    "Ray, MLflow and Prefect": ("execution.num_workers=2",),
}
_GOAL = {
    "inline, tracking=none": 4,
    "inline, MLflow and Prefect": 4,
    "Ray, tracking=none": 15,
    "Ray, MLflow and Prefect": 15,
}

_REFERENCE = {
    "inline, tracking=none": "0.7 s, 5.1 s, 5.4 s",
    "inline, MLflow and Prefect": "0.7 s, 12.2 s, 13.6 s",
    "Ray, tracking=none": "4.4 s, 10.6 s, 12.1 s",
    "Ray, MLflow and Prefect": "5.8 s, 15.8 s, 19.3 s",
}
"""First fit, fixed costs and CPU of the command on 2026-11-25, by this benchmark on an idle machine with 2 cores."""

_FIRST_FIT = """
import os, sys, time
from va_experiments.models.nbc import NaiveBayes
def first(*a, **k):
    heavy = ("pandas", "sklearn", "scipy", "numba", "pyarrow", "mlflow", "prefect", "ray", "altair")
    print("FIRST", time.process_time(), " ".join(m for m in heavy if m in sys.modules) or "none", flush=True)
    os._exit(0)
NaiveBayes.fit = first
from va_experiments.__main__ import main
main()
"""


def arguments_of(outputs: Path, *more: str) -> list[str]:
    """Return a small run's arguments: naive Bayes at six sites of the embedded data."""
    return ["-m", "va_experiments", "model=nbc", "baselines=[]", "resume=false", f"paths.outputs={outputs}", *more]


def first_fit(name: str, outputs: Path) -> dict[str, Any]:
    """Return the fixed costs of a small run, the second of two."""
    from va_experiments.results import load_results

    more = _RUNS[name]
    watch(arguments_of(outputs, *more))
    run = watch(arguments_of(outputs, *more), every=0.2)
    if run.code != 0:
        raise SystemExit(run.output)
    cells = load_results(newest_run(outputs))
    first, last = cells["started"].min(), cells["ended"].max()
    return {
        "run": name,
        "cpu_s_to_first_fit": run.cpu_until(first),
        "first_fit_s": first - run.began,
        "goal_s": _GOAL[name],
        "fixed_s": run.wall - (last - first),
        "fixed_goal_s": 25,
        "cpu_s": run.cpu,
        "load_average": run.load[0],
    }


def help_text(repeats: int = 3) -> dict[str, Any]:
    """Return the least time of ``--help``."""
    walls, cpus = [], []
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for _ in range(repeats + 1):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "va_experiments", "--help"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - began)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"command": "--help", "cpu_s": min(cpus[1:]), "wall_s": min(walls[1:]), "goal_s": 1.5}


def driver(outputs: Path) -> list[dict[str, Any]]:
    """Return the driver's own CPU seconds until its first fit, and what it has imported by then."""
    results = []
    for name in ("inline, tracking=none", "inline, MLflow and Prefect"):
        more = ["model=nbc", "baselines=[]", "resume=false", f"paths.outputs={outputs}", *_RUNS[name]]
        run = watch(["-c", _FIRST_FIT, *more], every=0.2)
        line = next((text for text in run.output.splitlines() if text.startswith("FIRST")), None)
        if line is None:
            raise SystemExit(run.output)
        _, seconds, *imported = line.split()
        results.append({"run": name, "driver_cpu_s": float(seconds), "imported": " ".join(imported)})
    return results


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    chosen = options(__doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="va-startup-") as name:
        helped = help_text()
        show("Help", [helped])
        imported = driver(Path(name))
        show("The driver until its first fit", imported)
        rows = []
        for run in _RUNS:
            rows.append(first_fit(run, Path(name)))
            show("From the command line to the first fit (2 workers)", rows[-1:])
    head = ["run", "first fit after", "all fixed costs", "CPU of all processes to the first fit", "CPU of the command"]
    lines = [
        [row["run"], *(f"{row[k]:.1f} s" for k in ("first_fit_s", "fixed_s", "cpu_s_to_first_fit", "cpu_s"))]
        for row in rows
    ]
    for line, row in zip(lines, rows, strict=True):
        line += [f"{row['goal_s']} s, {row['fixed_goal_s']} s", _REFERENCE[row["run"]]]
    head += ["goals", "first fit, fixed, CPU on 2026-11-25"]
    note = f"Each run is the second of two; nothing is paired. `--help`: {helped['wall_s']:.1f} s (goal 1.5 s)."
    note += f" The driver's own CPU until its first fit: {imported[0]['driver_cpu_s']:.1f} s."
    show_page(f"`python -m benchmarks startup`. {note}", head, lines)
    tell({"machine": machine(), "help": helped, "driver": imported, "first_fit": rows}, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
