"""Format where a run's time went as plain text, for ``va-experiments profile``."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import pandas as pd

from va_experiments.analysis.performance import (
    cost_by_model,
    critical_path,
    parallel_efficiency,
    slowest_cells,
)
from va_experiments.analysis.run_tables import RunTables, checked_cells, records
from va_experiments.formatting import format_duration
from va_experiments.terminal import cell_len, cut_text, text_table

__all__ = ["profile_text"]

SHORTEST_NAME = 12
"""Characters to which names are cut at most, however narrow the terminal."""


def profile_text(cells: pd.DataFrame, width: int = 80, *, n: int = 10, styled: bool = False) -> str:
    """Return parallel efficiency, cost by model, the `n` slowest cells and the end of the critical path.

    Parameters
    ----------
    cells : DataFrame
        One row a cell, as in :class:`~va_experiments.analysis.run_tables.RunTables`.
    width : int
        Characters of a line; first columns are left out from the right, then names are cut.
    n : int
    styled : bool
        Whether titles and headings are bold, by escape sequences of a terminal.
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
            styled,
        )
    )
    slow = [
        [r["model"], r["test_site"], format_duration(r["total_seconds"]),
         *(format_duration(r[f"{s}_seconds"]) for s in ("queue", "load", "fit", "predict", "score", "commit"))]
        for r in records(slowest_cells(checked, n))
    ]  # fmt: skip
    head = ["model", "tested on", "time", "queue", "load", "fit", "predict", "score", "commit"]
    parts.append(_grid("Slowest cells (time: load to commit)", head, slow, width, styled))
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
    parts.append(_grid("Critical path (its end)", head, path, width, styled))
    return "\n\n".join(p for p in parts if p)


def _grid(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], width: int, styled: bool) -> str:
    """Return a table of text: the first column left, the others right; empty where there are no rows."""
    if not rows:
        return ""
    sizes = [max(cell_len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    while len(sizes) > 3 and SHORTEST_NAME + sum(sizes[1:]) + 2 * (len(sizes) - 1) > width:
        sizes.pop()
    room = max(width - sum(sizes[1:]) - 2 * (len(sizes) - 1), SHORTEST_NAME)
    shown = [[cut_text(row[0], room), *row[1 : len(sizes)]] for row in rows]
    lines = text_table(head[: len(sizes)], shown, style=_style if styled else None)
    return "\n".join([f"\x1b[1m{title}\x1b[0m" if styled else title, *lines])


def _style(row: int) -> str:
    return "bold" if row < 0 else ""


def _megabytes(value: float) -> str:
    return "" if math.isnan(value) else f"{value:,.0f} MB"
