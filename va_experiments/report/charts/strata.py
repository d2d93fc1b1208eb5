"""Draw small multiples by stratum: one figure a column and setting, all on one axis from 0 to 1."""

from __future__ import annotations

import pandas as pd

from va_experiments.report.charts.style import OKABE_ITO, Figure, inline, model_axis, value_axis
from va_experiments.report.charts.vega import Chart, field, layer
from va_experiments.results.schema import SETTING_COLUMNS

__all__ = ["strata_figures"]

MOST_FIGURES = 8
MOST_ROWS = 80


def strata_figures(scores: pd.DataFrame | None) -> list[Figure]:
    """Return a figure of top-1 accuracy for each column that deaths are divided by; none without strata.

    Parameters
    ----------
    scores : DataFrame or None
        Columns of `va_experiments.analysis.strata_tables.STRATA_COLUMNS`.
    """
    if scores is None or not len(scores):
        return []
    by_stratum = scores[scores["stratum"] != "all"]
    setting = by_stratum[[c for c in SETTING_COLUMNS if c != "testset"]].astype(str).agg(" ".join, axis=1)
    column = by_stratum["stratum"].str.partition("=")[0]
    figures = []
    for number, ((_, name), part) in enumerate(by_stratum.groupby([setting, column], sort=False)):
        if number == MOST_FIGURES:
            break
        figures.append(_figure(part.head(MOST_ROWS), str(name), f"strata-{number + 1}"))
    return figures


def _figure(part: pd.DataFrame, name: str, key: str) -> Figure:
    models = sorted(part["model"].astype(str).unique())
    few = part["note"] != ""
    labels = part["stratum"].str.partition("=")[2] + " (" + part["model"].astype(str) + ")"
    labels = labels.where(~few, labels + ": " + part["note"])  # in place of an interval
    rows = part.assign(row=labels).sort_values(["stratum", "model"], kind="stable")
    y = field("row:N", sort=rows["row"].tolist(), title=None, axis=model_axis())
    scale = {"domain": [0, 1]}
    colours = {"domain": models, "range": [OKABE_ITO[k % len(OKABE_ITO)] for k in range(len(models))]}
    colour = field("model:N", scale=colours, legend=None)
    layers = []
    wide = rows[rows["top1_low"].notna()]
    if len(wide):
        lines = Chart(inline(wide[["row", "model", "top1_low", "top1_high"]])).mark("rule", strokeWidth=2)
        layers.append(lines.encode(x=field("top1_low:Q", scale=scale), x2="top1_high:Q", y=y, color=colour))
    points = Chart(inline(rows[["row", "model", "stratum", "top1", "csmf_accuracy_top", "deaths", "note"]]))
    layers.append(
        points.mark("point", filled=True, size=70, opacity=1).encode(
            x=field("top1:Q", scale=scale, title="top-1 accuracy", axis=value_axis()),
            y=y,
            color=colour,
            tooltip=["model:N", "stratum:N", field("top1:Q", format=".3f"), "deaths:Q", "note:N"],
        )
    )
    caption = f"Share of deaths named rightly, by {name}, with Wilson's 95% interval; all on one axis from 0 to 1."
    caption += f" {int(few.sum())} rows have no interval: n too small." if few.any() else ""
    return Figure(key, "strata", f"By {name}", caption, layer(*layers).height(max(80, 18 * len(rows))))
