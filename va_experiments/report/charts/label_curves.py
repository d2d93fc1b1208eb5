"""Draw how much labelled deaths of the test site help: CSMF accuracy against their number."""

from __future__ import annotations

import pandas as pd

from va_experiments.analysis.label_curves import label_curves
from va_experiments.metrics.registry import metric_label
from va_experiments.report.charts.style import Figure, inline, legend, model_colours
from va_experiments.report.charts.vega import Chart, field, layer

__all__ = ["SAMPLES", "curve_groups", "label_curve_figures"]

MOST_LINES = 8
SAMPLES = {"random": "a random sample", "dirichlet": "a biased sample, its cause mix drawn by Dirichlet(1)"}


def curve_groups(cells: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Return the curves of each setting and kind of sample, with both."""
    curves = label_curves(cells)
    return [(str(s), str(m), group) for (s, m), group in curves.groupby(["setting", "mix"], sort=True)]


def label_curve_figures(cells: pd.DataFrame) -> list[Figure]:
    """Return a figure for each setting and kind of sample; none for a run without labelled deaths."""
    figures = []
    for number, (setting, mix, curves) in enumerate(curve_groups(cells)):
        if curves["n"].nunique() < 2:
            continue
        order = curves.groupby("estimate")["mean"].max().sort_values(ascending=False).index[:MOST_LINES].tolist()
        shown = curves[curves["estimate"].isin(order)]
        colour, shape = model_colours(order, [False] * len(order))  # more baselines than greys
        table = shown[["estimate", "n", "mean", "low", "high"]].rename(columns={"estimate": "model"})
        x = field(
            "n:Q",
            scale={"type": "log", "nice": False, "padding": 12},
            title="Labelled deaths of the test site (log scale)",
            axis={"values": sorted(set(shown["n"].tolist()))},
        )
        y = field("mean:Q", scale={"zero": False}, title=metric_label("csmf_accuracy_model"))
        base = Chart(inline(table))
        line = base.mark("line", strokeWidth=2).encode(
            x=x, y=y, color=field("model:N", scale=colour, legend=legend(order))
        )
        dots = base.mark("point", filled=True, size=60, opacity=1).encode(
            x=x,
            y=y,
            color=field("model:N", scale=colour, legend=legend(order)),
            shape=field("model:N", scale=shape, legend=legend(order)),
            tooltip=["model:N", "n:Q", field("mean:Q", format=".3f")],
        )
        sites = int(shown["sites"].min())
        caption = (
            f"CSMF accuracy of the deaths that are left, mean over {sites} site{'s' if sites > 1 else ''}, after so "
            f"many deaths of the site were labelled: {SAMPLES[mix]} ({setting})."
        )
        more = len(set(curves["estimate"])) - len(order)
        caption += f" The {len(order)} best curves; the table has {more} more." if more else ""
        key = "label-curves" if not number else f"label-curves-{number + 1}"
        figures.append(
            Figure(key, "learning", f"Labelled deaths: {SAMPLES[mix]}", caption, layer(line, dots).height(320))
        )
    return figures
