"""Measure time and memory by stage for a table of up to a million simulated deaths with 245 symptoms.

``python -m benchmarks load [--json FILE] [--plot FILE.png] [--sizes 10000 30000 100000 300000 1000000]``

The table is a CSV file. One run reads it, divides it (a fifth is tested, stratified), fits and tests naive Bayes,
InterVA, logistic regression and boosting on one Ray worker, scores them with 100 resamples, commits the checkpoints and
writes the report. Memory and CPU are those of all processes together (driver, worker, Ray's own), shared pages counted
once. Models have the defaults of ``conf/model``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Watched, machine, newest_run, options, show, tell, watch

__all__ = ["main", "plot", "write_table"]

MODELS = ("nbc", "interva", "logistic_regression", "xgboost")
N_SYMPTOMS = 245
_ROWS = 20_000


def write_table(path: Path, n: int) -> None:
    """Write simulated deaths as CSV: id, site, cause, age, then Y, N or . for each symptom."""
    from va_experiments.data.readers.simulated import simulate_deaths

    deaths = simulate_deaths(n, n_symptoms=N_SYMPTOMS)
    assert deaths.cause is not None
    letters = np.frombuffer(b"NY.", np.uint8)  # code -1 is the last
    with open(path, "wb") as file:
        file.write((",".join(["id", "site", "cause", "age", *deaths.symptom_names]) + "\n").encode())
        for start in range(0, n, _ROWS):
            rows = slice(start, min(start + _ROWS, n))
            cells = np.full((rows.stop - rows.start, 2 * N_SYMPTOMS), ord(","), np.uint8)
            cells[:, 1::2] = letters[deaths.symptoms[rows]]
            age = deaths.covariates["age"][rows]
            for k, text in enumerate(cells):
                row = start + k
                words = (
                    str(deaths.id[row]),
                    deaths.sites[deaths.site[row]],
                    f'"{deaths.causes[deaths.cause[row]]}"',
                    "" if np.isnan(age[k]) else f"{age[k]:g}",
                )
                file.write(",".join(words).encode() + text.tobytes() + b"\n")


def one_size(folder: Path, n: int, models: Sequence[str] = MODELS) -> dict[str, Any]:
    """Measure what a table of so many deaths takes, by stage."""
    from va_experiments.results import load_results

    table = folder / f"deaths-{n}.csv"
    made = watch(
        ["-c", f"from benchmarks.load import *; from pathlib import Path; write_table(Path({str(table)!r}), {n})"]
    )
    if made.code != 0:
        raise SystemExit(made.output)
    outputs = folder / f"out-{n}"
    run = watch(
        [
            "-m",
            "va_experiments",
            f"model={','.join(models)}",
            "data=csv",
            f"data.path={table}",
            "data.id=id",
            "+data.covariates.age=[0,120]",
            "protocol=pooled",
            "protocol.repeats=1",
            "protocol.test_share=0.2",
            "baselines=[]",
            "tracking=none",
            "execution.num_workers=1",
            "execution.window=1",
            f"paths.outputs={outputs}",
        ],
        every=0.3,
        limit=6000,
    )
    if run.code != 0:
        raise SystemExit(run.output)
    cells = load_results(newest_run(outputs))
    megabytes = table.stat().st_size / 2**20
    table.unlink()
    shutil.rmtree(outputs)
    return {
        "deaths": n,
        "file_mb": megabytes,
        "wall_s": run.wall,
        "cpu_s": run.cpu,
        "peak_gb": run.peak_mb / 1024,
        "load_average": run.load[0],
        "stages": _stages(run, cells),
    }


def _stages(run: Watched, cells: Any) -> list[dict[str, Any]]:
    """Compute CPU and wall seconds and the largest memory of each stage."""
    cells = cells.sort_values("started")
    first, last = cells["started"].min(), cells["ended"].max()

    def stage(name: str, begun: float, ended: float, **more: Any) -> dict[str, Any]:
        cpu = run.cpu_until(ended) - run.cpu_until(begun)
        peak = run.peak_between(begun, ended) / 1024
        return {"stage": name, "wall_s": ended - begun, "cpu_s": cpu, "peak_gb": peak, **more}

    stages = [stage("start, read and check the table", run.began, first)]
    for row in cells.to_dict("records"):
        parts = {f"{p}_s": row[f"{p}_seconds"] for p in ("load", "fit", "predict", "score", "encode")}
        stages.append(stage(row["model"], row["started"], row["ended"], **parts))
    return [*stages, stage("commit the last cell, report, end", last, run.began + run.wall)]


def plot(sizes: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Draw CPU seconds and memory against the number of deaths, with lines proportional to the deaths."""
    import altair as alt
    import pandas as pd

    rows = [{"deaths": s["deaths"], "CPU seconds": s["cpu_s"], "peak memory (GB)": s["peak_gb"]} for s in sizes]
    frame = pd.DataFrame(rows)
    charts = []
    for name in ("CPU seconds", "peak memory (GB)"):
        slope, base = np.polyfit(frame["deaths"], frame[name], 1) if len(frame) > 1 else (0.0, 0.0)
        shown = frame.assign(fitted=base + slope * frame["deaths"])
        x = alt.X("deaths:Q", title="deaths", axis=alt.Axis(tickCount=5, format="~s"))
        points = alt.Chart(shown).mark_point(filled=True, size=60).encode(x=x, y=alt.Y(f"{name}:Q", title=name))
        line = alt.Chart(shown).mark_line(strokeDash=[4, 3]).encode(x=x, y=alt.Y("fitted:Q", title=name))
        unit = f"{1e6 * slope:.3g} {'s' if name.startswith('CPU') else 'GB'} a million deaths"
        title = f"{name}: {base:.3g} + {unit}"
        charts.append((points + line).properties(width=330, height=240, title=title))
    file.parent.mkdir(parents=True, exist_ok=True)
    alt.hconcat(*charts).save(file, **({"scale_factor": 2} if file.suffix == ".png" else {}))


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = options(__doc__, plot={"metavar": "FILE", "help": "draw time and memory by size there"})
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--folder", help="where the tables and outputs are put for the time of the benchmark")
    chosen = parser.parse_args(arguments)
    sizes = []
    with tempfile.TemporaryDirectory(prefix="va-load-", dir=chosen.folder) as name:
        for n in chosen.sizes:
            sizes.append(one_size(Path(name), n, chosen.models))
            show(f"{n:,} deaths by stage", sizes[-1]["stages"])
            tell({"machine": machine(), "sizes": sizes}, chosen.json)
    whole = [{k: v for k, v in s.items() if k != "stages"} for s in sizes]
    show("By size (goal for 1,000,000 deaths: 8 GB)", whole)
    if chosen.plot:
        plot(sizes, Path(chosen.plot))
    return 0


if __name__ == "__main__":
    sys.exit(main())
