"""Measure where a run's time went: use of the workers, cost by model, the slowest cells.

Everything here is a pure function of the cells' timings (seconds; ``started`` and ``ended`` since 1970). Reused cells
did no work in this run and are left out.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd

from va_experiments.formatting import format_duration
from va_experiments.results.schema import TABLES, TIMING_COLUMNS

__all__ = ["Efficiency", "cost_by_model", "critical_path", "gantt_rows", "parallel_efficiency", "slowest_cells"]

STAGES = tuple(name for name in TABLES["slowest cells"] if name in TIMING_COLUMNS and name != "cpu_seconds")
"""Timings that add up to the time of a cell."""


@dataclasses.dataclass(frozen=True)
class Efficiency:
    """How well the workers were used.

    ``efficiency`` is busy time over workers times wall time. ``bound_seconds`` is the shortest wall time that these
    cells allow on as many workers: the longest cell, or all work shared out evenly, whichever is longer.
    """

    workers: int
    wall_seconds: float
    busy_seconds: float
    efficiency: float
    bound_seconds: float
    cpu_seconds: float

    @property
    def sentence(self) -> str:
        """The figures in words."""
        if not self.workers:
            return "No cell was computed in this run (all reused, or no timings recorded)."
        plural = "s" if self.workers > 1 else ""
        return (
            f"{self.workers} worker{plural}, {format_duration(self.wall_seconds)} of wall time, "
            f"{format_duration(self.busy_seconds)} of work: parallel efficiency {self.efficiency:.0%}. "
            f"The fastest possible schedule takes {format_duration(self.bound_seconds)}."
        )


def gantt_rows(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the computed cells with ``start`` and ``end`` in seconds since the first began, by worker and start."""
    rows = _computed(cells)
    origin = rows["started"].min() if len(rows) else 0.0
    return pd.DataFrame(
        {
            "worker": rows["worker"].astype(str),
            "start": rows["started"] - origin,
            "end": rows["ended"] - origin,
            "seconds": rows["ended"] - rows["started"],
            "model": rows["label"] if "label" in rows else rows["model"],
            "test_site": rows["test_site"],
            "status": rows["status"],
            "cell_key": rows["cell_key"],
        }
    ).sort_values(["worker", "start", "end", "cell_key"], kind="stable", ignore_index=True)


def parallel_efficiency(cells: pd.DataFrame) -> Efficiency:
    """Return how much of the workers' time was work.

    Cells that share a fit may overlap on their worker; time is counted once (the union of the intervals).
    """
    rows = gantt_rows(cells)
    if not len(rows):
        return Efficiency(0, 0.0, 0.0, math.nan, 0.0, 0.0)
    wall = float(rows["end"].max())
    busy = math.fsum(_union(group["start"].to_numpy(), group["end"].to_numpy()) for _, group in rows.groupby("worker"))
    workers = rows["worker"].nunique()
    cpu = _computed(cells)["cpu_seconds"].sum() if "cpu_seconds" in cells else 0.0
    bound = max(float(rows["seconds"].max()), busy / workers)
    return Efficiency(workers, wall, busy, busy / (workers * wall) if wall > 0 else math.nan, bound, float(cpu))


def critical_path(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the chain of cells that decided when the run ended, first to last.

    From the cell that ended last, backwards: on the same worker, the cell that ended last before it began.
    ``waited`` is the gap in seconds before each cell in which that worker did nothing.
    """
    rows = gantt_rows(cells)
    if not len(rows):
        return rows.assign(waited=pd.Series(dtype=float))
    last = rows.loc[int(rows["end"].to_numpy().argmax()), "worker"]
    of_worker = rows[rows["worker"] == last].sort_values(["end", "start"], kind="stable")
    start, end = of_worker["start"].to_numpy(), of_worker["end"].to_numpy()
    chain = [len(of_worker) - 1]
    while chain[-1] > 0:
        # Clocks tick in steps: a microsecond of overlap still counts as one after the other.
        before = int(np.searchsorted(end[: chain[-1]], start[chain[-1]] + 1e-6, side="right")) - 1
        if before < 0:
            break
        chain.append(before)
    path = of_worker.iloc[chain[::-1]].reset_index(drop=True)
    earlier = np.concatenate([[0.0], path["end"].to_numpy()[:-1]])
    return path.assign(waited=np.maximum(path["start"].to_numpy() - earlier, 0.0))


def slowest_cells(cells: pd.DataFrame, n: int = 10) -> pd.DataFrame:
    """Return the `n` computed cells with most time, with what each stage took."""
    rows = cells[~cells["reused"].astype(bool)].copy()
    stages = [s for s in STAGES if s in rows.columns]
    work = [s for s in stages if s != "queue_seconds"]
    rows["total_seconds"] = rows[work].sum(axis=1, min_count=1)
    if {"started", "ended"} <= set(rows.columns):
        rows["total_seconds"] = rows["total_seconds"].fillna(rows["ended"] - rows["started"])
    rows["model"] = rows["label"] if "label" in rows else rows["model"]
    shown = list(TABLES["slowest cells"])
    shown.insert(shown.index(STAGES[0]), "total_seconds")
    rows = rows[rows["total_seconds"].notna()].sort_values(["total_seconds", "cell_key"], ascending=[False, True])
    return rows[[c for c in shown if c in rows.columns]].head(n).reset_index(drop=True)


def cost_by_model(cells: pd.DataFrame) -> pd.DataFrame:
    """Return what each model cost: cells, seconds and peak memory of a cell (median and most), CPU seconds in all.

    Reused cells count with the timings recorded when they were computed; failed ones are left out.
    """
    done = cells[cells["status"] == "done"].sort_values("cell_key")
    name = "label" if "label" in done else "model"
    rows = []
    for model, group in done.groupby(name, sort=True):
        row: dict[str, object] = {"model": model, "cells": len(group)}
        for stage in ("fit_seconds", "predict_seconds", "cpu_seconds"):
            values = group[stage].dropna() if stage in group else pd.Series(dtype=float)
            row[f"{stage}_median"] = float(values.median()) if len(values) else math.nan
            row[f"{stage}_total"] = math.fsum(values) if len(values) else math.nan
        memory = group["peak_memory_mb"].dropna() if "peak_memory_mb" in group else pd.Series(dtype=float)
        row["peak_memory_mb_median"] = float(memory.median()) if len(memory) else math.nan
        row["peak_memory_mb_max"] = float(memory.max()) if len(memory) else math.nan
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.sort_values("cpu_seconds_total", ascending=False, ignore_index=True) if len(table) else table


def _computed(cells: pd.DataFrame) -> pd.DataFrame:
    if not {"started", "ended"} <= set(cells.columns):
        return cells.iloc[:0].assign(started=pd.Series(dtype=float), ended=pd.Series(dtype=float))
    times = cells["started"].notna() & cells["ended"].notna()
    rows = cells[~cells["reused"].astype(bool) & times]
    return rows[rows["ended"] >= rows["started"]]


def _union(start: np.ndarray, end: np.ndarray) -> float:
    """Return the length of the union of intervals that are sorted by their start."""
    reach = np.maximum.accumulate(end)
    fresh = np.maximum(start, np.concatenate([[-math.inf], reach[:-1]]))
    return math.fsum(np.maximum(end - fresh, 0.0))
