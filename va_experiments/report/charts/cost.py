"""Draw cost: time and memory by model, and the use of each worker over time."""

from __future__ import annotations

import math

import pandas as pd

from va_experiments.analysis.performance import cost_by_model, gantt_rows
from va_experiments.report.charts.style import Figure, inline, left_out, legend, model_axis, model_colours
from va_experiments.report.charts.vega import Chart, field

__all__ = ["gantt_figure", "memory_figure", "time_figure"]

MOST_BARS = 1500
"""Bars of a Gantt chart; of more cells the longest are drawn, to keep the page small."""


def time_figure(cells: pd.DataFrame) -> Figure:
    """Return fit, predict and CPU seconds of a cell, the median by model, on a log scale."""
    title = "Time by model"
    cost = cost_by_model(cells)
    stages = {"fit_seconds_median": "fit", "predict_seconds_median": "predict", "cpu_seconds_median": "CPU"}
    if not len(cost) or not cost[list(stages)].gt(0).any().any():
        return left_out("time", "cost", title, "No timings were recorded.")
    frame = cost.rename(columns=stages).melt("model", list(stages.values()), "stage", "seconds")
    frame = frame[frame["seconds"] > 0]
    colour, shape = model_colours(list(stages.values()), [False] * 3)
    ends = [math.floor(math.log10(frame["seconds"].min())), math.ceil(math.log10(frame["seconds"].max()))]
    decades = [10.0**k for k in range(ends[0], max(ends[1], ends[0] + 1) + 1)]
    chart = (
        Chart(inline(frame))
        .mark("point", filled=True, size=85, opacity=1)
        .encode(
            x=field(
                "seconds:Q",
                scale={"type": "log", "domain": [decades[0], decades[-1]]},
                title="Seconds a cell (median, log scale)",
                axis={"format": "~g", "values": decades, "labelOverlap": True, "labelFlush": False},
            ),
            y=field("model:N", sort=cost["model"].tolist(), axis=model_axis()),
            color=field("stage:N", scale=colour, legend=legend(list(stages.values())), sort=list(stages.values())),
            shape=field("stage:N", scale=shape, legend=legend(list(stages.values())), sort=list(stages.values())),
            tooltip=["model:N", "stage:N", field("seconds:Q", format=".3g")],
        )
    )
    caption = (
        "Median seconds of a cell by model: fitting, predicting (wall time) and CPU. A fit that several cells share "
        "counts in each; reused cells count with the time they took when they were computed."
    )
    return Figure("time", "cost", title, caption, chart.height(26 * frame["model"].nunique()))


def memory_figure(cells: pd.DataFrame) -> Figure:
    """Return the largest peak memory of a cell by model."""
    title = "Memory by model"
    cost = cost_by_model(cells)
    if not len(cost) or not cost["peak_memory_mb_max"].gt(0).any():
        return left_out("memory", "cost", title, "No peak memory was recorded.")
    frame = cost[cost["peak_memory_mb_max"] > 0][["model", "peak_memory_mb_max", "peak_memory_mb_median"]]
    frame = frame.rename(columns={"peak_memory_mb_max": "most", "peak_memory_mb_median": "median"})
    chart = (
        Chart(inline(frame))
        .mark("bar", color="#0072B2", height=14)
        .encode(
            x=field("most:Q", title="Peak memory of a cell, MB", axis={"tickCount": 6, "labelFlush": False}),
            y=field("model:N", sort=cost["model"].tolist(), axis=model_axis()),
            tooltip=["model:N", field("most:Q", format=".0f"), field("median:Q", format=".0f")],
        )
    )
    return Figure(
        "memory",
        "cost",
        title,
        "Most memory that one cell's worker held, by model.",
        chart.height(26 * len(frame)),
    )


def gantt_figure(cells: pd.DataFrame) -> Figure:
    """Return one bar a computed cell, by worker, coloured by model."""
    title = "Who worked when"
    rows = gantt_rows(cells)
    if not len(rows):
        return left_out(
            "gantt", "performance", title, "No cell was computed in this run, so there are no workers to show."
        )
    cut = f" Of {len(rows)} cells the {MOST_BARS} longest are drawn." if len(rows) > MOST_BARS else ""
    rows = rows.sort_values("seconds", ascending=False, kind="stable").head(MOST_BARS).sort_values(["worker", "start"])
    labels = cells.drop_duplicates("label").sort_values("label")
    models = [m for m in labels["label"] if m in set(rows["model"])]
    trivial = labels.set_index("label")["trivial"]
    colour, _ = model_colours(models, [bool(trivial[m]) for m in models])
    chart = (
        Chart(inline(rows))
        .mark("bar", stroke="white", strokeWidth=0.5 if len(rows) < 150 else 0, height=16)
        .encode(
            x=field("start:Q", title="Seconds since the first cell began", axis={"tickCount": 8, "labelFlush": False}),
            x2="end:Q",
            y=field("worker:N", axis={"title": None, "labelLimit": 110, "ticks": False, "domain": False}),
            color=field("model:N", scale=colour, legend=legend(models)),
            tooltip=["model:N", "test_site:N", "status:N", field("seconds:Q", format=".2f"), "worker:N"],
        )
    )
    caption = f"One bar a computed cell, one row a worker, coloured by model.{cut}"
    return Figure("gantt", "performance", title, caption, chart.height(24 * rows["worker"].nunique()))
