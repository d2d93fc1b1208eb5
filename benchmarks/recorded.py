"""Run recorded commands again and compare predictions and metrics with the recorded hashes, bit by bit.

``python -m benchmarks recorded [--full] [--run NAME ...] [--record FOLDER ...] [--json FILE]``

`tests/end_to_end/recorded_hashes.json` holds, for each cell of each run, the first 16 hexadecimal digits of the SHA-256
of its prediction and of that of its metrics; no data. The runs on simulated deaths are run by default; with ``--full``
also those on the PHMRC files and the tables of `benchmarks.conformance`. Hashes can differ in the last bits between
processors and between versions of the numerical libraries: the file names those that it was recorded with.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT, newest_run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RECORDED", "compare", "conformance_hash", "environment", "hashes", "main", "recorded"]

RECORDED = ROOT / "tests" / "end_to_end" / "recorded_hashes.json"
SHARED = Path(os.environ.get("VA_SHARED_DIR", ROOT.parent / "shared"))

_LEFT_OUT = (
    *("insilico_standard", "interva5", "eava", "predictions", "registered"),  # need data or files of their own
    *("lcva", "chosen", "majority", "blended", "invariant_regression", "flaml"),  # later than the records
    *("bounded_blend", "quick_blend", "tfidf_regression"),
)
_EVERY_MODEL = f"model=glob(*,exclude=[{','.join(_LEFT_OUT)}])"
_QUIET = ("tracking=none", "report=false")
RUNS: Mapping[str, tuple[str, ...]] = {
    "main": ("model=interva,insilico", "site=all"),
    "models_small": (_EVERY_MODEL, "data.n=480", "n_bootstrap=10", "site.test_sites=[AP,Pemba]", *_QUIET),
    "models": (_EVERY_MODEL, "data.n=1200", *_QUIET),
    "va34": (
        "experiment=va34_comparison",
        "model=nbc,interva,insilico,tariff,logistic_regression,random_forest,xgboost",
        "data.path={phmrc}/adult.csv.gz",
        *_QUIET,
    ),
    "child": (
        "model=nbc,interva,insilico,stacking,logistic_regression",
        "data=phmrc_child",
        "data.path={phmrc}/child.csv.gz",
        *_QUIET,
    ),
}
"""Name of a run and its command."""

_IDENTITY = ("model", "protocol", "train_sites", "test_site", "train_size")
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "xgboost-cpu", "lightgbm")


def recorded() -> dict[str, Any]:
    """Read the recorded hashes."""
    return dict(json.loads(RECORDED.read_text(encoding="utf-8")))


def environment() -> dict[str, str]:
    """Return what last bits can depend on: versions of the numerical libraries and the kind of processor."""
    import platform

    import numpy as np

    config = np.show_config(mode="dicts")
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    instructions = " ".join(config.get("SIMD Extensions", {}).get("found", []))
    return versions | {"machine": platform.machine(), "instructions": instructions}


def hashes(cells: pd.DataFrame, metrics: Sequence[str]) -> dict[str, list[str]]:
    """Return, for each cell, the hashes of its prediction and of its metrics, 16 hexadecimal digits each.

    Parameters
    ----------
    cells : DataFrame
        Rows of a run, as `load_results` or ``cells.parquet`` gives them.
    metrics : sequence of str
        Names of the metrics that are hashed, in this order; missing ones are ``nan``.
    """
    of_cell: dict[str, list[str]] = {}
    for row in cells.to_dict("records"):
        values = [float("nan") if _missing(row.get(name)) else float(row[name]) for name in metrics]
        text = " ".join(value.hex() for value in values)
        key = " | ".join(str(row[name]) for name in _IDENTITY)
        assert key not in of_cell, f"two cells are '{key}'"
        of_cell[key] = [str(row["prediction_sha256"])[:16], hashlib.sha256(text.encode()).hexdigest()[:16]]
    return dict(sorted(of_cell.items()))


def conformance_hash(page: str) -> str:
    """Return a hash over the figures of every row of the conformance tables: number, difference, tolerance, verdict."""
    rows = [line.split("|")[3:7] for line in page.splitlines() if line.startswith("|") and line.count("|") == 8]
    figures = ["|".join(cell.strip() for cell in row) for row in rows if row[0].strip().isdecimal()]
    return f"{len(figures)} {hashlib.sha256(chr(10).join(figures).encode()).hexdigest()}"


def compare(expected: Mapping[str, Sequence[str]], computed: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the differences of a run from the recorded one, one line each; none where all is equal."""
    lines = [f"not computed: {key}" for key in expected if key not in computed]
    lines += [f"not recorded: {key}" for key in computed if key not in expected]
    for key in sorted(set(expected) & set(computed)):
        parts = zip(("prediction", "metrics"), expected[key], computed[key], strict=True)
        if different := [name for name, before, after in parts if before != after]:
            lines.append(f"other {' and '.join(different)}: {key}")
    return lines


def _missing(value: Any) -> bool:
    return value is None or value != value


def _cells(folder: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(folder / "cells.parquet")


def _run(name: str, outputs: Path) -> Path:
    """Run a recorded command, and return its folder."""
    arguments = [a.format(phmrc=SHARED / "data" / "phmrc") for a in RUNS[name]]
    command = [sys.executable, "-m", "va_experiments", *arguments, f"paths.outputs={outputs}", "-m"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: the run ended with exit code {done.returncode}\n{done.stderr[-3000:]}")
    return newest_run(outputs)


def _record(folders: Sequence[str]) -> None:
    """Write the file from finished runs, each given as NAME=FOLDER, and from the conformance page, conformance=FILE."""
    from va_experiments.results.metric_columns import metric_columns

    paths = {name: Path(path) for name, _, path in (f.partition("=") for f in folders)}
    page = paths.pop("conformance")
    tables = {name: _cells(path) for name, path in paths.items()}
    metrics = [c.name for c in metric_columns() if any(c.name in table for table in tables.values())]
    content = {
        "environment": environment(),
        "metrics": metrics,
        "conformance": conformance_hash(page.read_text(encoding="utf-8")),
        "runs": {name: hashes(table, metrics) for name, table in tables.items()},
    }
    RECORDED.write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run the commands, compare, print a line each; return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks recorded", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--full", action="store_true", help="also the PHMRC files and the conformance tables")
    parser.add_argument("--run", action="append", choices=list(RUNS), help="this run only; repeatable")
    parser.add_argument("--record", nargs="+", metavar="NAME=FOLDER", help="write the file from these finished runs")
    parser.add_argument("--json", metavar="FILE", help="write the comparison to this file too")
    options = parser.parse_args(arguments)
    if options.record:
        _record(options.record)
        return 0
    before, surroundings = recorded(), environment()
    if other := [
        f"{k} {v} (here {surroundings.get(k)})" for k, v in before["environment"].items() if surroundings.get(k) != v
    ]:
        print(f"recorded elsewhere, last bits may differ: {'; '.join(other)}")
    real = {name for name, command in RUNS.items() if any("{phmrc}" in a for a in command)}
    results: dict[str, list[str]] = {}
    for name in options.run or [n for n in RUNS if options.full or n not in real]:
        with tempfile.TemporaryDirectory(prefix="va-recorded-") as folder:
            computed = hashes(_cells(_run(name, Path(folder) / "outputs")), before["metrics"])
        results[name] = compare(before["runs"][name], computed)
        _print(name, f"{len(computed)} cells", results[name])
    if options.full and not options.run:
        command = [sys.executable, "-m", "benchmarks", "conformance", "--no-write"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found_hash = conformance_hash(done.stdout)
        results["conformance"] = [] if found_hash == before["conformance"] else [f"other figures: {found_hash}"]
        _print("conformance", f"{found_hash.split()[0]} rows", results["conformance"])
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return int(any(results.values()))


def _print(name: str, size: str, differences: Sequence[str]) -> None:
    print(f"{name}: {size}, {'not equal' if differences else 'equal'}")
    for line in differences[:20]:
        print(f"  {line}")
    if len(differences) > 20:
        print(f"  and {len(differences) - 20} more")
