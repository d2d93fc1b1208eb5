"""Simulate a million cells on 10, 100 and 1,000 workers, event by event, from recorded costs; compare with real runs.

``python -m benchmarks scaling_simulation [--json FILE] [--plot FILE.png] [--measure] [--cells 1000000]``

What each part of a run needs for a cell is recorded in `RECORDED`; ``--measure`` runs 600 cells without computation
and prints the figures of this machine. It also runs cells that wait on 2 to 8 workers, so that two cores are enough,
and gives the points that the plot shows beside the simulation's lines.

The simulation has four servers. The *driver* is one process: it takes a result, records it, and submits the next fit.
*Ray's head* hands a submitted fit to a free worker. The *store* commits cells in two threads. *MLflow* records cells in
one thread, which nothing waits for until the end. Of the fits, `window` for each worker are submitted at a time, the
longest first, as `va_experiments.execute.ray_backend` does.
"""

from __future__ import annotations

import heapq
import json
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measure import machine, options, show, tell

__all__ = ["Costs", "Simulated", "main", "simulate"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Costs:
    """What one cell needs of each server, in seconds."""

    driver: float
    """CPU of the driver's process: results, records, submissions."""
    head: float
    """CPU of Ray's processes beside the workers, for a fit."""
    dispatch: float
    """Between a fit's submission and its start on a worker that is free; and between two fits of a worker."""
    commit: float
    """Of one of the store's two threads, waiting for the disk included."""
    mlflow: float
    """Of MLflow's thread; 0 without it."""


RECORDED: Mapping[str, float] = {"driver": 0.0067, "head": 0.0024, "dispatch": 0.010, "commit": 0.0043}
"""On two cores: the driver's CPU as ``--measure`` prints it, the rest of the CPU of `benchmarks.overhead` beyond the
cells' own, the gap between fits of `benchmarks.scaling`, and the 5% quantile of the commits of an inline run."""

MLFLOW: Mapping[str, float] = {"none": 0.0, "SQLite file": 0.0028, "PostgreSQL and S3": 0.58}
"""Seconds of MLflow's thread for a cell: `benchmarks.monitoring` and `benchmarks.team_servers`."""

GRID: Mapping[str, float] = {
    "naive Bayes": 0.03,
    "InterVA": 0.04,
    "Tariff": 0.8,
    "XGBoost": 2.0,
    "random forest": 2.4,
    "extra trees": 2.4,
    "logistic regression": 3.1,
    "LightGBM": 7.1,
    "stacking": 45.0,
    "InSilicoVA": 70.0,
}
"""Seconds of a fit to the 7,841 PHMRC adults: deaths times `va_experiments.models.typical_costs`."""

IDLE = ({"workers": 1, "cells_a_second": 0.98}, {"workers": 2, "cells_a_second": 1.83})
"""What `benchmarks.scaling` measured on an idle machine of two cores: 24 cells of 1 s in 24.5 and 13.1 s."""

PENDING = 200
"""Cells that may wait for the store before the driver waits for it (`va_experiments.engine.batch`)."""


@dataclass(frozen=True)
class Simulated:
    """What came out."""

    wall: float
    """Seconds from the first submission to the last commit."""
    mlflow_lag: float
    """Seconds that MLflow's thread needs after it."""
    busy: float
    """Share of the workers' time spent in fits."""
    used: Mapping[str, float]
    """Share of the wall time that each server works."""


def simulate(fits: Floats, workers: int, costs: Costs, *, window: int = 3, cells_per_fit: int = 1) -> Simulated:
    """Run all fits, event by event.

    Parameters
    ----------
    fits : array, shape (n_fits,)
        Seconds of each fit, in the order in which they are submitted.
    workers : int
    costs : Costs
    window : int
        Fits submitted for each worker at a time (``execution.window``).
    cells_per_fit : int
        Cells that share a fit.
    """
    seconds = fits.tolist()
    n, submitted = len(seconds), 0
    driver = head = mlflow = last_commit = 0.0
    store = [0.0, 0.0]
    commits: deque[float] = deque()
    queue: deque[tuple[float, float]] = deque()  # submitted fits: when Ray's head has them ready, seconds
    idle: list[float] = [0.0] * workers
    running: list[float] = []  # a heap: when fits end
    taking = costs.driver * cells_per_fit

    def submit(now: float) -> None:
        nonlocal submitted, head
        head = max(head, now) + costs.head
        queue.append((head, seconds[submitted]))
        submitted += 1

    def start() -> None:
        while queue and idle:
            ready, length = queue.popleft()
            heapq.heappush(running, max(ready, heapq.heappop(idle)) + costs.dispatch + length)

    for _ in range(min(window * workers, n)):
        submit(0.0)
    start()
    for _ in range(n):
        ended = heapq.heappop(running)
        heapq.heappush(idle, ended)
        start()  # the fits that Ray has do not wait for the driver
        driver = max(driver, ended) + taking
        for _ in range(cells_per_fit):
            free = heapq.heappop(store)
            done = max(free, driver) + costs.commit
            heapq.heappush(store, done)
            commits.append(done)
            last_commit = max(last_commit, done)
            mlflow = max(mlflow, done) + costs.mlflow
        while len(commits) > PENDING:
            driver = max(driver, commits.popleft())
        if submitted < n:
            submit(driver)
            start()
    wall, cells = max(driver, last_commit), n * cells_per_fit
    used = {
        "driver": cells * costs.driver / wall,
        "Ray's head": n * costs.head / wall,
        "store": cells * costs.commit / 2 / wall,
        "MLflow": cells * costs.mlflow / max(wall, mlflow),
    }
    return Simulated(wall, max(0.0, mlflow - wall), float(fits.sum()) / (workers * wall), used)


def costs_of(figures: Mapping[str, float], mlflow: str = "none") -> Costs:
    """Return the costs of a cell with MLflow at one of the places of `MLFLOW`."""
    return Costs(**figures, mlflow=MLFLOW[mlflow])


def row(name: str, fits: Floats, workers: int, costs: Costs, **more: int) -> dict[str, Any]:
    """Return one row of a table."""
    simulated = simulate(fits, workers, costs, **more)
    cells = len(fits) * more.get("cells_per_fit", 1)
    limit = max(simulated.used, key=lambda k: simulated.used[k])
    return {
        "fits": name,
        "workers": workers,
        "cells_a_second": cells / simulated.wall,
        "hours": simulated.wall / 3600,
        "workers_busy": simulated.busy,
        **{f"{k}_used": v for k, v in simulated.used.items()},
        "MLflow_hours_after": simulated.mlflow_lag / 3600,
        "limit": limit if simulated.used[limit] > 0.9 else "workers" if simulated.busy > 0.9 else "end of the queue",
    }


def grid(cells: int) -> Floats:
    """Return the seconds of the fits of `GRID`, as many of each model, the longest first."""
    each = -(-cells // len(GRID))
    return np.sort(np.repeat(np.array(list(GRID.values())), each))[::-1][:cells]


def measure() -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Run real cells; return the costs of this machine, and throughputs by number of workers."""
    from benchmarks.overhead import run

    points = []
    with tempfile.TemporaryDirectory(prefix="va-simulation-") as name:
        few, _ = run(Path(name) / "few", 100, "tracking=none", "execution.num_workers=2", every=0.3)
        many, table = run(Path(name) / "many", 600, "tracking=none", "execution.num_workers=2", every=0.3)
        by_worker = table.sort_values("started").groupby("worker")
        gaps = (by_worker["started"].shift(-1) - table["ended"]).dropna()
        first, last = table["ended"].min(), table["ended"].max()
        beside = (many.cpu_until(last) - many.cpu_until(first) - table["cpu_seconds"].sum()) / len(table)
        driver = (many.cpu_by_role["driver"] - few.cpu_by_role["driver"]) / 500
        figures = {
            "driver": driver,
            "head": max(0.0, beside - driver),
            "dispatch": float(np.median(gaps)),
            "commit": float(table["commit_seconds"].median()),
        }
        for workers in (2, 4, 8):
            more = ("tracking=none", f"execution.num_workers={workers}", "+model.seconds=1.0", "n_bootstrap=0")
            try:
                _, table = run(Path(name) / str(workers), 10 * workers, *more, every=1.0, target="Wait")
            except SystemExit as error:
                print(f"{workers} workers could not be measured: {str(error)[-300:]}", file=sys.stderr)
                continue
            ended, began = table.groupby("worker")["ended"].max().min(), table.groupby("worker")["started"].min().max()
            inside = table[(table["ended"] > began) & (table["ended"] <= ended)]
            seconds = float((inside["ended"] - inside["started"]).mean())
            rate = float(len(inside) / (ended - began))
            points.append({"workers": workers, "seconds": seconds, "cells_a_second": rate})
    return figures, points


def plot(lines: Sequence[Mapping[str, Any]], points: Sequence[Mapping[str, Any]], figures: Any, file: Path) -> None:
    """Draw cells a second against workers: the simulation's lines, the driver's limit, and real runs as points."""
    import altair as alt
    import pandas as pd

    scale = alt.Scale(type="log")
    x = alt.X("workers:Q", scale=scale, title="workers", axis=alt.Axis(values=[1, 10, 100, 1000], format=",d"))
    y = alt.Y("cells_a_second:Q", scale=scale, title="cells a second", axis=alt.Axis(values=[0.1, 1, 10, 100]))
    colour = alt.Color("fits:N", title="one fit takes", sort=None)
    drawn = alt.Chart(pd.DataFrame(lines)).mark_line().encode(x=x, y=y, color=colour)
    limits = pd.DataFrame(
        [{"cells_a_second": 1 / figures["driver"], "what": "limit of one driver"},
         {"cells_a_second": 1 / MLFLOW["PostgreSQL and S3"], "what": "limit of MLflow on PostgreSQL and S3"}]
    )  # fmt: skip
    rules = alt.Chart(limits).mark_rule(strokeDash=[5, 4], color="#666").encode(y=y)
    words = alt.Chart(limits).mark_text(align="right", dy=-7, color="#444").encode(y=y, text="what:N", x=alt.value(555))
    layers = [rules, words, drawn]
    runs = [{**p, "what": "real runs of fits of 1 s, idle machine"} for p in IDLE]
    runs += [{**p, "what": "real runs of fits of 1 s, busy machine"} for p in points]
    shape = alt.Shape("what:N", title=None, sort=None, legend=alt.Legend(labelLimit=300))
    layers.append(
        alt.Chart(pd.DataFrame(runs)).mark_point(filled=True, size=70, color="black").encode(x=x, y=y, shape=shape)
    )
    chart = alt.layer(*layers).properties(width=560, height=340, title="A million cells: throughput by workers")
    file.parent.mkdir(parents=True, exist_ok=True)
    chart.save(file, **({"scale_factor": 2} if file.suffix == ".png" else {}))


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = options(
        __doc__,
        cells={"type": int, "default": 1_000_000},
        plot={"metavar": "FILE"},
        measure={"action": "store_true", "help": "run real cells to compare with"},
        points={"metavar": "FILE", "help": "read the real runs that an earlier --json of --measure wrote"},
    )
    chosen = parser.parse_args(arguments)
    figures, measured, points = dict(RECORDED), dict(RECORDED), []
    if chosen.points:
        content = json.loads(Path(chosen.points).read_text(encoding="utf-8"))
        measured, points = content["measured"], content["points"]
    if chosen.measure:
        measured, points = measure()
    show("Costs of a cell, in seconds", [{"costs": "recorded", **figures}, {"costs": "of this machine", **measured}])
    if points:
        compared = []
        for point in points:
            fits = np.full(60 * point["workers"], point["seconds"])
            simulated = simulate(fits, point["workers"], costs_of(measured))
            compared.append(point | {"simulated": len(fits) / simulated.wall})
        show(
            "Real runs of fits that wait for 1 s (seconds: with all that a cell does), and the same simulated", compared
        )
    whole = grid(chosen.cells)
    rows = []
    for workers in (10, 100, 1000):
        rows.append(row("ten models (InSilicoVA to naive Bayes)", whole, workers, costs_of(figures)))
        for seconds in (1.0, 0.1):
            rows.append(row(f"{seconds:g} s", np.full(chosen.cells, seconds), workers, costs_of(figures)))
    show(f"{chosen.cells:,} cells without MLflow", rows)
    ones = np.full(chosen.cells, 1.0)
    mlflow = [{"MLflow": name, **row("1 s", ones, 1000, costs_of(figures, name))} for name in MLFLOW]
    show("Fits of 1 s on 1,000 workers, with an MLflow run for each cell", mlflow)
    base, quarter = costs_of(figures), ones[: chosen.cells // 4]
    turned = [
        {"turned": "nothing", **row("1 s", ones, 1000, base)},
        {"turned": "execution.window=10", **row("1 s", ones, 1000, base, window=10)},
        {"turned": "4 cells share a fit", **row("1 s", quarter, 1000, base, cells_per_fit=4)},
        {"turned": "a driver of half the cost", **row("1 s", ones, 1000, replace(base, driver=base.driver / 2))},
        {"turned": "4 drivers, each with a quarter", **row("1 s", quarter, 250, base)},
    ]
    show("What to turn", turned)
    if chosen.plot:
        few = max(20_000, chosen.cells // 50)
        lines = [
            row(f"{s:g} s", np.full(min(few, 40 * w), s), w, base)
            for s in (10.0, 1.0, 0.1)
            for w in (1, 2, 4, 8, 16, 32, 64, 100, 150, 200, 316, 600, 1000, 1500, 2000, 3162)
        ]
        plot(lines, points, figures, Path(chosen.plot))
    tell(
        {
            "machine": machine(),
            "costs": figures,
            "measured": measured,
            "points": points,
            "tables": [rows, mlflow, turned],
        },
        chosen.json,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
