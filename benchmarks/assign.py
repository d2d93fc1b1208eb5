"""Measure what causes and fractions of deaths without a known cause cost, beyond the fits, and for many deaths.

``python -m benchmarks assign [--json FILE] [--exports 1000] [--tables 10000 100000 1000000] [--served] [--repeats 3]``

An export: the command of the README (InterVA-5, InSilicoVA, EAVA) on an ODK export of the WHO 2016 questionnaire with
random answers, with its report, in one process without servers. With ``--served`` it runs as it stands too, with Ray,
MLflow and Prefect: the CPU is then that of the command and of all processes that it starts.

*Beyond the fits* in seconds of wall time is the time of the whole command less the span from the start of its first fit
to the end of its last cell: start, imports, reading the export, servers and workers, tables, report and end all count.
In seconds of CPU it is the CPU of all its processes less that of the cells. Each command on an export runs once before
it is measured, so that databases are there, then ``--repeats`` times, each time on another export, which no run has
read before; the run with the least time beyond the fits is shown. Measure wall time on idle cores: the load is in the
table.

A table: InterVA-5 on a table of indicators with its ``causes.csv``, without a report.
"""

from __future__ import annotations

import csv
import math
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import machine, newest_run, options, show, tell, watch

__all__ = ["main", "write_export", "write_indicators"]

README = "interva5,insilico_standard,eava"
_LINES = 10_000


def write_export(path: Path, n: int, seed: int = 2016) -> None:
    """Write an ODK export of so many deaths with random answers: neonates, children and adults."""
    from va_experiments.data.readers.odk_header import AGES, OF_1_4
    from va_experiments.data.readers.who2016_table import choices, kinds

    rng = np.random.default_rng(seed)
    questions = {q: k for q, k in kinds().items() if q not in (*AGES, *OF_1_4, "Id10209", "Id10211")}
    columns: dict[str, Sequence[str]] = {"meta-instanceID": [f"uuid:{k:08d}" for k in range(n)]}
    for question, kind in questions.items():
        known = {"yes_no": ["yes"] + ["no"] * 6 + ["dk"], "number": ["", "", "2", "10", "40"]}.get(kind)
        known = known or [*dict.fromkeys(choices()[question].values()), "dk"]
        columns[f"consented-{question}"] = rng.choice(known, n).tolist()
    days = rng.choice([3, 400, 1200, 15_000, 20_000, 27_000], n)
    columns["consented-Id10019"] = rng.choice(["male", "female"], n).tolist()
    columns["consented-ageInDays"] = days.astype(str).tolist()
    columns["consented-ageInYears"] = (days // 365).astype(str).tolist()
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def write_indicators(path: Path, n: int) -> None:
    """Write a table of InterVA-5's indicators of so many deaths, each with an age group and a sex."""
    from va_experiments.data.probbase import read_probbase

    probbase, rng = read_probbase(), np.random.default_rng(5)
    width = len(probbase.indicators)
    with open(path, "wb") as file:
        file.write((",".join(["ID", *probbase.indicators]) + "\n").encode())
        for start in range(0, n, _LINES):
            count = min(_LINES, n - start)
            cells = np.full((count, 2 * width), ord(","), np.uint8)
            cells[:, 1::2] = rng.choice(np.frombuffer(b"ynnnnnnn.", np.uint8), (count, width))
            for first, last in (("i019a", "i019b"), ("i022a", "i022g")):
                group = np.arange(probbase.index(first), probbase.index(last) + 1)
                cells[:, 2 * group + 1] = ord("n")
                cells[np.arange(count), 2 * rng.choice(group, count) + 1] = ord("y")
            for k, row in enumerate(cells):
                file.write(b"d%d" % (start + k) + row.tobytes() + b"\n")


_ALONE = ("execution=inline", "tracking=none")
"""Options of a run in one process without servers."""


def _run(outputs: Path, table: Path, *arguments: str, every: float = 1.0) -> dict[str, Any]:
    from va_experiments.results import load_results

    run = watch(
        ["-m", "va_experiments", *arguments, "protocol=assign", f"data.path={table}", f"paths.outputs={outputs}", "-m"],
        every=every,
    )
    if run.code != 0:
        raise SystemExit(run.output)
    cells = load_results(newest_run(outputs))
    fits, span = float(cells["cpu_seconds"].sum()), float(cells["ended"].max() - cells["started"].min())
    causes = newest_run(outputs) / "causes.csv"
    return {
        "wall (s)": run.wall,
        "of the fits, wall (s)": span,
        "beyond the fits, wall (s)": run.wall - span,
        "CPU (s)": run.cpu,
        "of the command's process (s)": run.cpu_by_role.get("driver", math.nan),
        "of the fits, CPU (s)": fits,
        "beyond the fits, CPU (s)": run.cpu - fits,
        "peak memory (MB)": run.peak_mb,
        "causes.csv (MB)": causes.stat().st_size / 1e6,
        "load average": run.load[0],
    }


def _export_row(folder: Path, n: int, servers: str, how: Sequence[str], repeats: int) -> dict[str, Any]:
    """Return the quickest of several runs on exports, each of which is read for the first time."""
    outputs = folder / f"out-{n}-{len(how)}"
    rows = []
    for number in range(repeats + 1):
        path = folder / f"export-{n}-{number}.csv"
        write_export(path, n, seed=2016 + number)
        row = _run(outputs, path, f"model={README}", "data=who2016_odk", *how, every=0.2)
        rows += [row] if number else []
    return {"deaths": n, "servers": servers, **min(rows, key=lambda row: float(row["beyond the fits, wall (s)"]))}


def main(arguments: list[str]) -> int:
    """Write the data, run the commands and print the tables."""
    many = {"type": int, "nargs": "*"}
    parser = options(
        __doc__,
        exports={**many, "default": [1000]},
        tables={**many, "default": [10_000, 100_000]},
        served={"action": "store_true"},
        repeats={"type": int, "default": 3},
    )
    parsed = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="va-assign-"))
    figures: dict[str, Any] = {"exports": [], "tables": []}
    try:
        for n in parsed.exports:
            figures["exports"].append(_export_row(folder, n, "none", _ALONE, parsed.repeats))
            if parsed.served:
                figures["exports"].append(_export_row(folder, n, "Ray, MLflow, Prefect", (), parsed.repeats))
        if parsed.exports:
            show(f"An export, {README}, with a report ({machine()['cores']} cores)", figures["exports"])
        for n in parsed.tables:
            path = folder / f"table-{n}.csv"
            write_indicators(path, n)
            row = _run(folder / f"out-table-{n}", path, "model=interva5", "data=who2016", "report=false", *_ALONE)
            figures["tables"].append({"deaths": n, **row})
            path.unlink()
        if parsed.tables:
            show("A table of indicators, InterVA-5, without a report", figures["tables"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tell(figures, parsed.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
