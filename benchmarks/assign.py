"""Measure what causes and fractions of deaths without a known cause cost, beyond the fits, and for many deaths.

``python -m benchmarks assign [--json FILE] [--exports 1000] [--tables 10000 100000 1000000] [--served]``

An export: the command of the README (InterVA-5, InSilicoVA, EAVA) on an ODK export of the WHO 2016 questionnaire with
random answers, with its report, in one process without servers. Beyond the fits: the CPU of the whole command less that
of the cells. With ``--served`` it runs a second time as it stands, with Ray, MLflow and Prefect: the CPU is then
that of the command and of all processes that it starts. A table: InterVA-5 on a table of indicators with its
``causes.csv``, without a report.
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

from benchmarks.measure import Watched, machine, newest_run, options, show, tell, watch

__all__ = ["main", "write_export", "write_indicators"]

README = "interva5,insilico_standard,eava"
_LINES = 10_000


def write_export(path: Path, n: int) -> None:
    """Write an ODK export of so many deaths with random answers: neonates, children and adults."""
    from va_experiments.data.readers.odk_header import AGES, OF_1_4
    from va_experiments.data.readers.who2016_table import choices, kinds

    rng = np.random.default_rng(2016)
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


def _run(folder: Path, table: Path, *arguments: str, how: Sequence[str] = _ALONE) -> tuple[Watched, dict[str, Any]]:
    from va_experiments.results import load_results

    outputs = folder / f"out-{table.stem}-{'alone' if how else 'served'}"
    common = ("protocol=assign", f"data.path={table}", *how, f"paths.outputs={outputs}")
    run = watch(["-m", "va_experiments", *arguments, *common, "-m"])
    if run.code != 0:
        raise SystemExit(run.output)
    cells = load_results(newest_run(outputs))
    fits = float(cells["cpu_seconds"].sum())
    causes = newest_run(outputs) / "causes.csv"
    return run, {
        "CPU (s)": run.cpu,
        "of the command's process (s)": run.cpu_by_role.get("driver", math.nan),
        "of the fits (s)": fits,
        "beyond the fits (s)": run.cpu - fits,
        "wall (s)": run.wall,
        "peak memory (MB)": run.peak_mb,
        "causes.csv (MB)": causes.stat().st_size / 1e6,
        "load average": run.load[0],
    }


def main(arguments: list[str]) -> int:
    """Write the data, run the commands and print the tables."""
    many = {"type": int, "nargs": "*"}
    parser = options(
        __doc__,
        exports={**many, "default": [1000]},
        tables={**many, "default": [10_000, 100_000]},
        served={"action": "store_true"},
    )
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="va-assign-"))
    figures: dict[str, Any] = {"exports": [], "tables": []}
    try:
        for n in asked.exports:
            path = folder / f"export-{n}.csv"
            write_export(path, n)
            _, row = _run(folder, path, f"model={README}", "data=who2016_odk")
            figures["exports"].append({"deaths": n, "servers": "none", **row})
            if asked.served:
                _, row = _run(folder, path, f"model={README}", "data=who2016_odk", how=())
                figures["exports"].append({"deaths": n, "servers": "Ray, MLflow, Prefect", **row})
        if asked.exports:
            show(f"An export, {README}, with a report ({machine()['cores']} cores)", figures["exports"])
        for n in asked.tables:
            path = folder / f"table-{n}.csv"
            write_indicators(path, n)
            _, row = _run(folder, path, "model=interva5", "data=who2016", "report=false")
            figures["tables"].append({"deaths": n, **row})
            path.unlink()
        if asked.tables:
            show("A table of indicators, InterVA-5, without a report", figures["tables"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tell(figures, asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
