"""Figures that a run may bring along: mean ranks, parts of a transfer's loss, how alike the sites are."""

from __future__ import annotations

import pandas as pd

from va_experiments.report.chart_scores import named
from va_experiments.report.chart_style import OKABE_ITO, Figure, heat_map, inline, legend, model_axis
from va_experiments.report.leaderboard import Leaderboard
from va_experiments.report.settings import metric_label, of_setting
from va_experiments.report.terminal import number

__all__ = ["PARTS", "drops_figure", "ranks_figure", "similarity_figure"]

PARTS = {
    "prior_shift": "another mix of causes",
    "symptom_shift": "symptoms told otherwise",
    "missingness_shift": "other questions unanswered",
    "label_coverage": "causes not seen in training",
}
"""The parts into which the loss of a transfer is split, in words."""


def ranks_figure(board: Leaderboard, ranks: pd.DataFrame | None, key: str) -> list[Figure]:
    """Return the mean ranks with bars half a critical difference to each side, or nothing where there are none.

    Two models are told apart at 5% (Nemenyi) where their bars do not overlap: Demsar's diagram (2006), with room for
    names.
    """
    import altair as alt

    rows = of_setting(ranks, board.setting, board.metric)
    if not len(rows):
        return []
    name = named(board)
    half = rows["critical_difference"].astype(float) / 2
    frame = pd.DataFrame(
        {"model": [name.get(str(m), str(m)) for m in rows["model"]], "rank": rows["mean_rank"].astype(float)}
    )
    frame = frame.assign(low=frame["rank"] - half, high=frame["rank"] + half).sort_values(["rank", "model"])
    y = alt.Y("model:N", sort=frame["model"].tolist(), axis=model_axis())
    base = alt.Chart(inline(frame)).encode(y=y)
    scale = alt.Scale(zero=False, nice=False, padding=10)
    bars = base.mark_rule(strokeWidth=2, color=OKABE_ITO[0]).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1, color=OKABE_ITO[0]).encode(
        x=alt.X(
            "rank:Q",
            scale=scale,
            title="Mean rank over sites (1 is best)",
            axis=alt.Axis(tickCount=6, labelFlush=False),
        ),
        tooltip=["model:N", alt.Tooltip("rank:Q", format=".2f")],
    )
    n = f" over {int(rows['n'].iloc[0])} sites" if "n" in rows else ""
    p = f" Friedman test that all rank alike: p = {number(float(rows['p'].iloc[0]))}." if "p" in rows else ""
    caption = f"Mean ranks{n}. Two models whose bars overlap are not told apart at 5% (Nemenyi; Demsar 2006).{p}"
    chart = alt.layer(bars, dots).properties(height=26 * len(frame))
    return [Figure(key, "differences", "Mean ranks", caption, chart)]


def drops_figure(board: Leaderboard, drops: pd.DataFrame | None) -> list[Figure]:
    """Return the parts of the loss by model, averaged over transfers, or nothing where they were not computed."""
    import altair as alt

    if drops is None or not len(drops):
        return []
    name = named(board)
    metric = str(drops["metric"].iloc[0]) if "metric" in drops else board.metric
    rows = drops[drops["metric"] == metric] if "metric" in drops else drops
    present = [p for p in PARTS if p in rows.columns]
    means = rows.groupby("model", sort=True)[present].mean().reset_index()
    frame = means.melt("model", present, "part", "loss")
    frame["part"] = frame["part"].map(PARTS)
    frame["model"] = [name.get(str(m), str(m)) for m in frame["model"]]
    order = [n for n in name.values() if n in set(frame["model"])]
    order += sorted(set(frame["model"]) - set(order))
    words = [PARTS[p] for p in present]
    tint = alt.Scale(domain=words, range=list(OKABE_ITO[: len(words)]))
    bars = (
        alt.Chart(inline(frame))
        .mark_bar(height=16)
        .encode(
            x=alt.X("loss:Q", title=f"Loss in {metric_label(metric)}", axis=alt.Axis(tickCount=6, labelFlush=False)),
            y=alt.Y("model:N", sort=order, axis=model_axis()),
            color=alt.Color("part:N", scale=tint, sort=words, legend=legend(words)),
            tooltip=["model:N", "part:N", alt.Tooltip("loss:Q", format=".3f")],
        )
    )
    caption = (
        f"What a model loses in {metric_label(metric)} between deaths like those it was trained on and the test site, "
        f"split into parts; mean over {rows.groupby('model').size().max()} transfers. Left of zero a part helped."
    )
    zero = alt.Chart(inline(pd.DataFrame({"zero": [0.0]}))).mark_rule(color="#444").encode(x="zero:Q")
    chart = alt.layer(bars, zero).properties(height=28 * len(order))
    return [Figure("drops", "transfer", "Where the loss comes from", caption, chart)]


def similarity_figure(similarity: pd.DataFrame | None) -> list[Figure]:
    """Return how well a classifier tells two sites apart, or nothing where that was not computed."""
    if similarity is None or not len(similarity):
        return []
    both = [
        similarity[["site_a", "site_b", "auc"]],
        similarity.rename(columns={"site_a": "site_b", "site_b": "site_a"}),
    ]
    frame = pd.concat([b[["site_a", "site_b", "auc"]] for b in both]).drop_duplicates(["site_a", "site_b"])
    frame = frame.rename(columns={"site_a": "site", "site_b": "other site", "auc": "value"})
    frame["text"] = [number(v, 2) for v in frame["value"]]
    sites = sorted(map(str, set(frame["site"])))
    chart = heat_map(
        frame, x="other site", y="site", x_order=sites, y_order=sites, legend_title="AUC", domain=(0.5, 1.0), step=30
    )
    caption = "AUC of a classifier that tells two sites' deaths apart by their symptoms: .5 is alike, 1 another world."
    return [Figure("similarity", "transfer", "How alike the sites are", caption, chart)]
