"""Format where a run's time went as plain text, for ``va-experiments profile``."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

from va_experiments.analysis.performance import (
    cost_by_model,
    critical_path,
    parallel_efficiency,
    slowest_cells,
)
from va_experiments.analysis.run_tables import RunTables, checked_cells, records
from va_experiments.formatting import format_duration

__all__ = ["profile_text"]

SHORTEST_NAME = 12
"""Characters to which names are cut at most, however narrow the terminal."""


def profile_text(cells: pd.DataFrame, width: int = 80, *, n: int = 10) -> str:
    """Return parallel efficiency, cost by model, the `n` slowest cells and the end of the critical path.

    Parameters
    ----------
    cells : DataFrame
        One row a cell, as in :class:`~va_experiments.analysis.run_tables.RunTables`.
    width : int
        Characters of a line; first columns are left out from the right, then names are cut.
    """
    cells = cells.assign(_none=float("nan"))
    checked = checked_cells(RunTables(title="", cells=cells, primary_metric="_none"))
    parts = [textwrap.fill(parallel_efficiency(checked).sentence, width)]
    cost = [
        [r["model"], str(r["cells"]), *(format_duration(r[f"{s}_seconds_median"]) for s in ("fit", "predict")),
         format_duration(r["cpu_seconds_total"]), _megabytes(r["peak_memory_mb_max"])]
        for r in records(cost_by_model(checked))
    ]  # fmt: skip
    parts.append(
        _grid(
            "Cost by model (fit, predict: medians)",
            ["model", "cells", "fit", "predict", "CPU in all", "memory"],
            cost,
            width,
        )
    )
    slow = [
        [r["model"], r["test_site"], format_duration(r["total_seconds"]),
         *(format_duration(r[f"{s}_seconds"]) for s in ("queue", "load", "fit", "predict", "score", "commit"))]
        for r in records(slowest_cells(checked, n))
    ]  # fmt: skip
    head = ["model", "tested on", "time", "queue", "load", "fit", "predict", "score", "commit"]
    parts.append(_grid("Slowest cells (time: load to commit)", head, slow, width))
    path = [
        [
            r["model"],
            r["test_site"],
            format_duration(r["waited"]),
            format_duration(r["seconds"]),
            format_duration(r["end"]),
        ]
        for r in records(critical_path(checked).tail(n))
    ]
    head = ["model", "tested on", "idle before", "took", "ended at"]
    parts.append(_grid("Critical path (its end)", head, path, width))
    return "\n\n".join(p for p in parts if p)


def _grid(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], width: int) -> str:
    """Return a table of text: the first column left, the others right; empty where there are no rows."""
    if not rows:
        return ""
    lines = [[str(c) for c in row] for row in [head, *rows]]
    sizes = [max(len(line[i]) for line in lines) for i in range(len(head))]
    while len(sizes) > 3 and SHORTEST_NAME + sum(sizes[1:]) + 2 * (len(sizes) - 1) > width:
        sizes.pop()
    room = width - sum(sizes[1:]) - 2 * (len(sizes) - 1)
    sizes[0] = min(sizes[0], max(room, SHORTEST_NAME))
    text = []
    for line in lines:
        name = line[0] if len(line[0]) <= sizes[0] else line[0][: sizes[0] - 3] + "..."
        cells = [f"{name:<{sizes[0]}}", *(f"{c:>{s}}" for c, s in zip(line[1:], sizes[1:], strict=False))]
        text.append("  ".join(cells).rstrip())
    return "\n".join([title, *text])


def _megabytes(value: float) -> str:
    return "" if math.isnan(value) else f"{value:,.0f} MB"
