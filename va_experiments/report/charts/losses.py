"""Draw the loss of a transfer: its parts by site and by model, and the similarity of the sites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from va_experiments.analysis.comparable_groups import of_setting
from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import metric_label
from va_experiments.report.charts.scores import named
from va_experiments.report.charts.style import (
    OKABE_ITO,
    Figure,
    heat_map,
    inline,
    left_out,
    legend,
    model_axis,
    picker,
    value_axis,
)
from va_experiments.report.charts.vega import Chart, Layers, field, layer

__all__ = ["PARTS", "drops_by_model_figure", "drops_figure", "drops_shown", "similarity_figure"]

PARTS = {
    "prior_shift": "different mix of causes",
    "symptom_shift": "symptoms reported differently",
    "missingness_shift": "different answers missing",
    "label_coverage": "causes absent from training",
}
"""Part of a transfer loss -> its name in the report."""

FIRST_METRIC = "top1"


def drops_shown(board: Leaderboard, drops: pd.DataFrame | None) -> pd.DataFrame:
    """Return the drops of this setting in one metric, with ``total`` and the model's name in figures; may be empty."""
    if drops is None or not len(drops):
        return pd.DataFrame()
    metric = FIRST_METRIC
    if "metric" in drops and metric not in set(drops["metric"]):
        metric = str(drops["metric"].iloc[0])
    rows = of_setting(drops, board.setting, metric)
    if not len(rows):
        return rows
    present = [p for p in PARTS if p in rows.columns]
    short = named(board)
    return rows.assign(
        total=rows[present].astype(float).sum(axis=1),
        model=[short.get(str(m), str(m)) for m in rows["model"]],
        metric=metric if "metric" in rows else board.metric,
    )


def drops_figure(board: Leaderboard, drops: pd.DataFrame | None, why: str = "") -> Figure:
    """Return the parts of the loss at each test site (or from one site to another), one model at a time."""
    title = "Where the loss comes from, by site"
    rows = drops_shown(board, drops)
    if not len(rows):
        return left_out("drops", "transfer", title, why or "The parts of the loss were not computed.")
    single = "train_sites" in rows and not rows["train_sites"].astype(str).str.contains("+", regex=False).any()
    several = single and rows.groupby(["model", "test_site"]).size().max() > 1
    rows["transfer"] = rows["train_sites"].astype(str) + " → " + rows["test_site"] if several else rows["test_site"]
    options = [m for m in named(board).values() if m in set(rows["model"])]
    options += sorted(set(rows["model"]) - set(options))
    chart = _stacked(rows, "transfer", sorted(set(rows["transfer"])), picker("model", options, options[0], "Model"))
    metric = metric_label(str(rows["metric"].iloc[0]))
    caption = (
        f"{metric} on held-out deaths of the training sites less {metric} at the test site (the dot), split into parts "
        "that add up to it; bars to the left of zero are gains. The model was fitted once more to a part of its "
        f"training deaths for this. The static figure shows {options[0]}."
    )
    return Figure("drops", "transfer", title, f"{caption} {why}".strip(), chart)


def drops_by_model_figure(board: Leaderboard, drops: pd.DataFrame | None) -> list[Figure]:
    """Return the parts of the loss by model, averaged over transfers; nothing where fewer than two models have them."""
    rows = drops_shown(board, drops)
    if not len(rows) or rows["model"].nunique() < 2:
        return []
    means = rows.groupby("model", sort=True)[[p for p in [*PARTS, "total"] if p in rows]].mean().reset_index()
    order = [n for n in named(board).values() if n in set(means["model"])]
    order += sorted(set(means["model"]) - set(order))
    n = rows.groupby("model").size().max()
    caption = f"The same parts by model, mean over {n} transfer{'s' if n > 1 else ''}; the dot is their sum."
    title = "Where the loss comes from, by model"
    chart = _stacked(means.assign(metric=rows["metric"].iloc[0]), "model", order)
    return [Figure("drops-by-model", "transfer", title, caption, chart)]


def _stacked(rows: pd.DataFrame, y: str, order: list[str], choose: tuple[dict[str, Any], str] | None = None) -> Layers:
    """Return stacked bars of the parts by `y`, with a line at zero and a dot at their sum."""
    present = [p for p in PARTS if p in rows.columns]
    keep = [y, *({"model"} & set(rows.columns) - {y})]
    frame = rows.melt(keep, present, "part", "loss")
    frame["part"] = frame["part"].map(PARTS)
    frame["loss"] = frame["loss"].astype(float)
    words = [PARTS[p] for p in present]
    axis = field(f"{y}:N", sort=order, scale={"domain": order}, axis=model_axis())
    title = f"Loss in {metric_label(str(rows['metric'].iloc[0]))}"
    bars = (
        Chart(inline(frame))
        .mark("bar", height=15)
        .encode(
            x=field("loss:Q", title=title, axis=value_axis()),
            y=axis,
            color=field(
                "part:N",
                scale={"domain": words, "range": list(OKABE_ITO[: len(words)])},
                sort=words,
                legend=legend(words),
            ),
            tooltip=[f"{y}:N", "part:N", field("loss:Q", format="+.3f")],
        )
    )
    zero = Chart(inline(pd.DataFrame({"zero": [0.0]}))).mark("rule", color="#444").encode(x="zero:Q")
    sums = (
        Chart(inline(rows[[*keep, "total"]]))
        .mark("point", filled=True, size=55, color="black", opacity=1, stroke="white", strokeWidth=1)
        .encode(x="total:Q", y=axis, tooltip=[f"{y}:N", field("total:Q", format="+.3f")])
    )
    if choose is not None:
        parameter, only = choose
        bars, sums = bars.only(only), sums.only(only)
        return layer(bars, zero, sums).choose(parameter).height(24 * len(order))
    return layer(bars, zero, sums).height(24 * len(order))


def similarity_figure(similarity: pd.DataFrame | None, why: str = "") -> Figure:
    """Return how well a classifier distinguishes two sites, from all answers or from what is missing alone."""
    title = "How alike the sites are"
    if similarity is None or not len(similarity):
        return left_out("similarity", "transfer", title, why or "The sites were not compared.")
    kinds = {"auc": "all answers", "auc_missing": "what is missing alone"}
    kinds = {c: name for c, name in kinds.items() if c in similarity and similarity[c].notna().any()}
    parts = []
    for column, name in kinds.items():
        for a, b in (("site_a", "site_b"), ("site_b", "site_a")):
            parts.append(
                pd.DataFrame(
                    {
                        "site": similarity[a].astype(str),
                        "other site": similarity[b].astype(str),
                        "value": similarity[column].astype(float),
                        "told by": name,
                    }
                )
            )
    frame = pd.concat(parts).drop_duplicates(["site", "other site", "told by"]).rename(columns={"told by": "by"})
    frame["text"] = [format_number(v, 2) for v in frame["value"]]
    sites = sorted(map(str, set(frame["site"])))
    options = list(kinds.values())
    spread = {c: float(np.nanstd(similarity[c].to_numpy(dtype=float))) for c in kinds}
    first = kinds[max(spread, key=lambda c: spread[c])]  # where there is most to see
    chart = heat_map(
        frame,
        x="other site",
        y="site",
        x_order=sites,
        y_order=sites,
        legend_title="AUC",
        domain=(0.5, 1.0),
        step=30,
        choose=picker("by", options, first, "Told apart by") if len(options) > 1 else None,
    )
    caption = (
        "AUC of a classifier that tells the deaths of two sites apart: .5 is no better than chance, 1 without error. "
        f"From the answers present and missing, or from what is missing alone; the static figure: {first}. {why}"
    )
    return Figure("similarity", "transfer", title, caption.strip(), chart)
