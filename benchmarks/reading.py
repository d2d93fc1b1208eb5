"""Measure the CPU seconds of reading and checking a table, here and, in turns, in another checkout.

``python -m benchmarks reading FILE [--reader phmrc_adult] [--other FOLDER] [--times 7] [--json FILE]``

Each reading is a process of its own. Only `va_experiments.data.load` counts, not the imports before it. With `--other`,
the two checkouts take turns, so that other work on the machine slows both down alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import ROOT, machine, options, show, tell

__all__ = ["main"]

_READ = """
import sys, time
from va_experiments.data import load
start = time.process_time()
load(sys.argv[1], {"path": sys.argv[2]})
print(time.process_time() - start)
"""


def seconds(checkout: Path, reader: str, file: str) -> float:
    """Return the CPU seconds that one reading takes in a checkout."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, reader, file],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("file", help="the table")
    parser.add_argument("--reader", default="phmrc_adult", help="default: phmrc_adult")
    parser.add_argument("--other", metavar="FOLDER", help="another checkout of the project")
    parser.add_argument("--times", type=int, default=7, help="default: 7")
    parsed = parser.parse_args(arguments)
    file = str(Path(parsed.file).resolve())
    checkouts = {"here": ROOT} | ({"other": Path(parsed.other).resolve()} if parsed.other else {})
    measured: dict[str, list[float]] = {name: [] for name in checkouts}
    for _ in range(parsed.times):
        for name, checkout in checkouts.items():
            measured[name].append(seconds(checkout, parsed.reader, file))
    rows = [
        {"checkout": name, "median CPU s": round(statistics.median(v), 3), "least": round(min(v), 3)}
        for name, v in measured.items()
    ]
    show(f"Reading {Path(file).name} with data={parsed.reader}, {parsed.times} times each", rows)
    figures = {"machine": machine(), "seconds": measured}
    if parsed.other:
        ratio = statistics.median(measured["here"]) / statistics.median(measured["other"])
        print(f"\nhere / other: {ratio:.3f}")
        figures["ratio"] = ratio
    tell(figures, parsed.json)
    return 0
