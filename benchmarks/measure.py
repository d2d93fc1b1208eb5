"""Run and watch a command from outside, and print and write tables: shared code of the benchmarks."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

__all__ = [
    "ENVIRONMENT",
    "PAGE",
    "ROOT",
    "Watched",
    "environment",
    "machine",
    "newest_run",
    "options",
    "show",
    "show_page",
    "tell",
    "watch",
]

ROOT = Path(__file__).resolve().parents[1]

PAGE = "docs/how-to/performance-tuning.md"
"""The page that shows what the benchmarks of speed print."""

ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Row = Mapping[str, Any]


@dataclass
class Watched:
    """A command that has ended, with its measurements."""

    code: int
    wall: float
    cpu: float
    """CPU seconds of all its processes together."""
    cpu_by_role: dict[str, float]
    """CPU seconds by kind of process: driver, worker, other."""
    peak_mb: float
    """Largest resident memory of all its processes together, shared pages counted once."""
    load: tuple[float, float]
    """Load average of the machine before and after."""
    output: str = ""
    samples: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Time stamp, memory of all processes, memory of the driver (MB), CPU seconds of all processes so far."""
    began: float = 0.0
    """Time stamp of the start."""

    def cpu_until(self, moment: float) -> float:
        """Return the CPU seconds of all processes until a time stamp."""
        before = [s for s in self.samples if s[0] <= moment]
        return before[-1][3] if before else 0.0

    def peak_between(self, first: float, last: float) -> float:
        """Return the largest memory (MB) of all processes together between two time stamps."""
        return max((s[1] for s in self.samples if first <= s[0] <= last), default=float("nan"))


def environment() -> dict[str, str]:
    """Return the environment of a command that is measured: this checkout, one thread a process."""
    variables = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages come with their bytecode
    return variables


def watch(arguments: Sequence[str], *, every: float = 1.0, limit: float = 1500) -> Watched:
    """Run ``python ARGUMENTS`` in the checkout and measure it; it is stopped after `limit` seconds."""
    load = psutil.getloadavg()[0]
    began, started = time.perf_counter(), time.time()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    import threading

    output: list[str] = []
    reader = threading.Thread(target=lambda: output.extend(process.stdout or ()), daemon=True)
    reader.start()
    cpu: dict[int, tuple[str, float]] = {}
    samples: list[tuple[float, float, float, float]] = []
    while process.poll() is None:
        if time.perf_counter() - began > limit:
            process.terminate()
        seen = _sample(process.pid, cpu)
        samples.append((time.time(), *seen, sum(seconds for _, seconds in cpu.values())))
        time.sleep(every if len(samples) > 10 else min(every, 0.2))
    wall = time.perf_counter() - began
    reader.join(5)
    roles: dict[str, float] = {}
    for role, seconds in cpu.values():
        roles[role] = roles.get(role, 0.0) + seconds
    peak = max((s[1] for s in samples), default=0.0)
    after = psutil.getloadavg()[0]
    return Watched(
        process.returncode, wall, sum(roles.values()), roles, peak, (load, after), "".join(output), samples, started
    )


def _sample(pid: int, cpu: dict[int, tuple[str, float]]) -> tuple[float, float]:
    """Record the CPU time of the process and its descendants; return the memory of all and of the first."""
    total = first = shared = 0.0
    try:
        root = psutil.Process(pid)
        everyone = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for process in everyone:
        try:
            with process.oneshot():
                times, memory, name = process.cpu_times(), process.memory_info(), " ".join(process.cmdline()[:3])
            role = "driver" if process.pid == pid else "worker" if name.startswith("ray::") else "other"
            cpu[process.pid] = (role, times.user + times.system)
            megabytes = (memory.rss - memory.shared) / 2**20
            shared = max(shared, memory.shared / 2**20)  # pages that all map are there once
        except psutil.Error:
            continue
        total += megabytes
        if process.pid == pid:
            first = memory.rss / 2**20
    return total + shared, first


def newest_run(outputs: Path) -> Path:
    """Return the folder of the last run under `outputs`."""
    return max((outputs / "runs").glob("*/*"), key=lambda p: p.stat().st_mtime)


def machine() -> dict[str, Any]:
    """Describe the time and the machine of a benchmark."""
    memory = psutil.virtual_memory()
    return {
        "date": dt.date.today().isoformat(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory.total / 2**30),
        "load_average": round(psutil.getloadavg()[0], 1),
        "python": sys.version.split()[0],
    }


def options(description: str | None, **extra: Any) -> argparse.ArgumentParser:
    """Make a parser with the option ``--json FILE``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    for name, value in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **value)
    return parser


def show(title: str, table: Sequence[Row]) -> None:
    """Print rows as a table in Markdown."""
    print(f"\n{title}\n")
    columns = list(dict.fromkeys(c for row in table for c in row))
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in table:
        print("| " + " | ".join(_text(row.get(c)) for c in columns) + " |")
    sys.stdout.flush()


def show_page(note: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as it stands on `PAGE`, with the machine and what was compared with what.

    Parameters
    ----------
    note : str
        What is paired with what.
    head : sequence of str
        Titles of the columns.
    rows : sequence of sequence of str
        Formatted figures, with their units.
    """
    about = machine()
    print(f"\nFor {PAGE} ({about['date']}, {about['cores']} cores, {about['memory_gb']} GB). {note}\n")
    for line in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(line)} |")
    sys.stdout.flush()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def tell(figures: Mapping[str, Any], file: str | None) -> None:
    """Write all numbers as JSON, if a file was named."""
    if file:
        content = {"machine": machine(), **figures}
        Path(file).write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")
