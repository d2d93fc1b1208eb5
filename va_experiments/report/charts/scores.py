"""Draw scores: leaderboard, models by sites, paired differences, learning curves."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from va_experiments.analysis.comparable_groups import of_setting
from va_experiments.analysis.intervals import mean, t_interval
from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import lower_is_better, metric_label
from va_experiments.report.charts.style import (
    GREY,
    OKABE_ITO,
    Figure,
    heat_map,
    inline,
    left_out,
    model_axis,
    value_axis,
)
from va_experiments.report.charts.vega import Chart, field, layer

__all__ = ["difference_rows", "differences_figure", "leaderboard_figure", "matrix_figure"]

LONGEST_NAME = 30
"""Characters of a model's name in a figure, so that no two are cut to the same text; the rank is the table's."""

MEAN = "mean "
"""Last column of the matrix; its space keeps it apart from a site that is called so."""


def named(board: Leaderboard) -> dict[str, str]:
    """Return what each model is called in figures: trivial ones say so; a long name is cut and gets its rank."""
    names = {}
    for place, row in enumerate(board.records(), start=1):
        label = row["label"]
        names[label] = f"{label} (baseline)" if row["trivial"] else label
        if len(label) > LONGEST_NAME:
            rank = f"#{row['rank']:.0f}" if row["rank"] == row["rank"] else f"row {place}"
            names[label] = f"{label[: LONGEST_NAME - 8]}... {rank}"
    return names


def _long(values: pd.DataFrame, name: dict[str, str]) -> pd.DataFrame:
    """Return models by sites as rows of ``model``, ``site``, ``value``, whatever the sites are called."""
    cells = [
        (name[str(m)], str(s), v)
        for m, row in zip(values.index, values.to_numpy(), strict=True)
        for s, v in zip(values.columns, row, strict=True)
    ]
    frame = pd.DataFrame(cells, columns=["model", "site", "value"])
    return frame[np.isfinite(frame["value"])]


MOST_PAIRS = 21
"""All pairs of up to 7 models are drawn."""

_PAIR_COLUMNS = ["pair", "first", "second", "difference", "low", "high", "p", "method"]


def leaderboard_figure(board: Leaderboard, key: str) -> Figure:
    """Return means with their intervals, one row a model, every site a tick, the best baseline a dashed line."""
    title, setting = "Leaderboard", board.setting.heading
    rows = board.rows[board.rows["mean"].notna()]
    if not len(rows):
        return left_out(
            key, "leaderboard", title, "No model finished every cell, so there is no mean to draw.", setting
        )
    name = named(board)
    order = [name[m] for m in rows.index]
    points = pd.DataFrame(
        {
            "model": order,
            "mean": rows["mean"].to_numpy(),
            "low": rows["low"].to_numpy(),
            "high": rows["high"].to_numpy(),
            "kind": ["trivial" if t else "model" for t in rows["trivial"]],
            "cells": [f"{d} of {c}" for d, c in rows[["done", "cells"]].to_numpy()],
        }
    )
    sites = _long(board.values.loc[rows.index], name)
    y = field("model:N", sort=order, axis=model_axis())
    scale = {"zero": False, "nice": True}
    colour = field("kind:N", scale={"domain": ["model", "trivial"], "range": [OKABE_ITO[0], GREY]}, legend=None)
    layers = []
    trivial = points[points["kind"] == "trivial"]
    if len(trivial):
        best = trivial.head(1)
        layers.append(
            Chart(inline(best)).mark("rule", strokeDash=[5, 4], color=GREY).encode(x=field("mean:Q", scale=scale))
        )
    layers.append(
        Chart(inline(sites))
        .mark("tick", color="#9a9a9a", thickness=1.5, size=11)
        .encode(x=field("value:Q", scale=scale), y=y, tooltip=["model:N", "site:N", field("value:Q", format=".3f")])
    )
    whiskers = points[points["low"].notna()]
    if len(whiskers):
        layers.append(
            Chart(inline(whiskers))
            .mark("rule", strokeWidth=2)
            .encode(x=field("low:Q", scale=scale), x2="high:Q", y=y, color=colour)
        )
    layers.append(
        Chart(inline(points))
        .mark("point", filled=True, size=90, opacity=1)
        .encode(
            x=field("mean:Q", scale=scale, title=metric_label(board.metric), axis=value_axis()),
            y=y,
            color=colour,
            shape=field("kind:N", scale={"domain": ["model", "trivial"], "range": ["circle", "diamond"]}, legend=None),
            tooltip=["model:N", *(field(f"{c}:Q", format=".3f") for c in ("mean", "low", "high")), "cells:N"],
        )
    )
    kinds = sorted({k for k in board.rows["interval"] if k})
    caption = (
        f"Points are means over {len(board.sites)} sites, ticks the sites, bars the interval of the mean "
        f"({'; '.join(kinds) or 'none: too few sites'}). Grey diamonds are baselines, which use no symptoms; the "
        "dashed line is the best of them."
    )
    return Figure(key, "leaderboard", title, caption, layer(*layers).height(28 * len(order)), setting=setting)


def matrix_figure(board: Leaderboard, key: str) -> Figure:
    """Return the models x test sites heat map with printed values and the mean as its last column."""
    title, setting = "Model by test site", board.setting.heading
    values = board.values.copy()
    if len(board.sites) > 1:
        values[MEAN] = board.rows["mean"]
    name = named(board)
    frame = _long(values, name)
    if not len(frame):
        return left_out(key, "matrix", title, "No cell of this setting is done.", setting)
    frame["text"] = [format_number(v, 2) for v in frame["value"]]
    chart = heat_map(
        frame,
        x="site",
        y="model",
        x_order=list(values.columns),
        y_order=[name[m] for m in values.index],
        legend_title=metric_label(board.metric),
        step=28,
    )
    better = "Lower" if lower_is_better(board.metric) else "Higher"
    caption = (
        f"{metric_label(board.metric)} by test site. {better} is better. A blank is a cell that failed or was not "
        "run. Columns with different numbers of deaths have different ceilings; compare down a column."
    )
    return Figure(key, "matrix", title, caption, chart, setting=setting)


def difference_rows(board: Leaderboard, comparisons: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return paired differences: those given for this metric, else every model minus the best trivial one, by site.

    Columns ``pair``, ``first``, ``second``, ``difference``, ``low``, ``high``, ``p``, ``method``. Positive: the first
    is the better.
    """
    sign = -1.0 if lower_is_better(board.metric) else 1.0
    rows = of_setting(comparisons, board.setting, board.metric)
    if len(rows):
        place = {str(label): i for i, label in enumerate(board.rows.index)}
        pairs = [(str(a), str(b)) for a, b in rows[["model_a", "model_b"]].to_numpy()]
        swap = np.array([place.get(a, len(place)) > place.get(b, len(place)) for a, b in pairs])
        signs = np.where(swap, -sign, sign)  # the better one of the leaderboard stands first
        ends = signs[:, None] * rows[["low", "high"]].astype(float).to_numpy()
        extra = {
            c: rows[c].to_numpy()
            for c in ("p_holm", "p_max_t", "smallest_p", "first_better", "equivalent")
            if c in rows
        }
        if {"first_better", "equivalent"} <= set(extra):
            first, same = (extra[c].astype(float) for c in ("first_better", "equivalent"))
            extra["first_better"] = np.where(swap, 1 - first - same, first)
        ordered = [(b, a) if s else (a, b) for (a, b), s in zip(pairs, swap, strict=True)]
        return pd.DataFrame(
            {
                "pair": [f"{a} - {b}" for a, b in ordered],
                "first": [a for a, _ in ordered],
                "second": [b for _, b in ordered],
                "difference": signs * rows["difference"].astype(float).to_numpy(),
                "low": ends.min(axis=1),
                "high": ends.max(axis=1),
                "p": rows["p"].to_numpy() if "p" in rows else math.nan,
                "method": rows["method"].to_numpy() if "method" in rows else "",
                **extra,
            }
        )
    complete = board.rows[board.rows["mean"].notna()]
    trivial = complete[complete["trivial"]]
    if not len(trivial):
        return pd.DataFrame(columns=_PAIR_COLUMNS)
    base = trivial.index[0]
    differences = []
    for label in complete.index.drop(base):
        both = [sign * d for d in board.paired(str(label), str(base))]
        low, high = t_interval(both) if len(both) >= 3 else (math.nan, math.nan)
        differences.append(
            {
                "pair": f"{label} - {base}",
                "first": label,
                "second": base,
                "difference": mean(both),
                "low": low,
                "high": high,
                "p": math.nan,
                "method": f"t over {len(both)} sites, paired",
            }
        )
    return pd.DataFrame(differences, columns=_PAIR_COLUMNS)


def _telling(board: Leaderboard, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs that are drawn: where there are many, those of the first model and of the best trivial one."""
    if len(rows) <= MOST_PAIRS:
        return rows
    complete = board.rows[board.rows["mean"].notna()]
    ends = {str(group.index[0]) for _, group in complete.groupby("trivial")}
    telling = rows[rows["first"].isin(ends) | rows["second"].isin(ends)]
    return telling.sort_values("difference", key=abs, ascending=False).head(40)


def differences_figure(board: Leaderboard, comparisons: pd.DataFrame | None, key: str) -> Figure:
    """Return the paired differences with their intervals and a line at zero."""
    title, setting = "Paired differences", board.setting.heading
    rows = difference_rows(board, comparisons)
    rows = rows[rows["difference"].notna()]  # pairs that were not tested on identical test sets stand in the table
    if not len(rows):
        why = "Needs two models that finished every cell, one of them a baseline, tested on identical test sets."
        return left_out(key, "differences", title, why, setting)
    shown = _telling(board, rows).sort_values("difference", ascending=False)
    order = shown["pair"].tolist()
    y = field("pair:N", sort=order, axis=model_axis())
    layers = [Chart(inline(pd.DataFrame({"zero": [0.0]}))).mark("rule", color="#444").encode(x="zero:Q")]
    whiskers = shown[shown["low"].notna()]
    if len(whiskers):
        layers.append(
            Chart(inline(whiskers)).mark("rule", strokeWidth=2, color=OKABE_ITO[0]).encode(x="low:Q", x2="high:Q", y=y)
        )
    layers.append(
        Chart(inline(shown))
        .mark("point", filled=True, size=80, color=OKABE_ITO[0], opacity=1)
        .encode(
            x=field("difference:Q", title=f"Difference in {metric_label(board.metric)}", axis=value_axis()),
            y=y,
            tooltip=[
                "pair:N",
                *(field(f"{c}:Q", format=".3f") for c in ("difference", "low", "high", "p")),
                "method:N",
            ],
        )
    )
    cut = (
        f" Drawn are those of the first model and of the best baseline, {len(shown)} of {len(rows)} pairs; the "
        "table has all."
        if len(shown) < len(rows)
        else ""
    )
    caption = (
        f"On the same splits, the first minus the second; right of zero the first is the better. Intervals: "
        f"{'; '.join(sorted(set(map(str, rows['method']))))}.{cut}"
    )
    return Figure(key, "differences", title, caption, layer(*layers).height(24 * len(order)), setting=setting)
