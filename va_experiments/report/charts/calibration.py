"""Draw calibration: probabilities against accuracy, CSMF true against estimated, convergence."""

from __future__ import annotations

from typing import Any

import pandas as pd

from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.metrics.registry import ESTIMATES
from va_experiments.report.charts.scores import named
from va_experiments.report.charts.style import (
    OKABE_ITO,
    Figure,
    inline,
    left_out,
    legend,
    model_axis,
    model_colours,
    picker,
)
from va_experiments.report.charts.vega import Chart, field, layer

__all__ = ["calibration_figure", "classwise_figure", "convergence_figure", "csmf_figure"]

LEAST_DEATHS = 10
"""Bins of a reliability curve with fewer deaths are not drawn: their shares are chance."""


def calibration_figure(board: Leaderboard, reliability: pd.DataFrame | None) -> Figure:
    """Return accuracy against mean confidence of the top cause, by bin, one line a model.

    Parameters
    ----------
    reliability : DataFrame or None
        ``label``, ``bin``, ``confidence``, ``accuracy``, ``count``; cells are pooled, weighted by count.
    """
    title = "Calibration of the top cause"
    if reliability is None or not (reliability["count"] > 0).any():
        return left_out("calibration", "calibration", title, "No reliability counts were recorded.")
    caption = (
        "Deaths binned by the probability of their top cause; on the dashed line, stated probabilities match observed "
        f"accuracy. Below it the model is over-confident. Larger points have more deaths; bins below {LEAST_DEATHS} "
        "are left out."
    )
    frame = _pooled(board, reliability.assign(what="top"))
    words = ("Mean probability of the top cause", "Share of top causes that are correct")
    return Figure("calibration", "calibration", title, caption, _reliability_chart(board, frame, words))


def classwise_figure(board: Leaderboard, classwise: pd.DataFrame | None) -> Figure:
    """Return the share that died of a cause against the probability given to it, by bin, for one cause or all.

    Parameters
    ----------
    classwise : DataFrame or None
        As for `calibration_figure`, with ``cause``.
    """
    title = "Calibration of every cause"
    if classwise is None or not (classwise["count"] > 0).any():
        return left_out("calibration-by-cause", "calibration", title, "No reliability by cause was recorded.")
    every = "all causes together"
    frame = pd.concat(
        [
            _pooled(board, classwise.assign(what=every)),
            _pooled(board, classwise.assign(what=classwise["cause"].astype(str))),
        ]
    )
    causes = classwise.assign(died=classwise["accuracy"] * classwise["count"]).groupby("cause")["died"].sum()
    order = causes.sort_values(ascending=False, kind="stable").index.astype(str).tolist()
    choose = picker("what", [every, *order], every, "Cause")
    caption = (
        "The probability of a cause, whatever its rank, against the share of these deaths that it caused "
        "(class-wise reliability); the static figure shows all causes together, each death with each of its causes. "
        "Below the dashed line a cause gets more than it should."
    )
    words = ("Mean probability of the cause", "Share that died of it")
    chart = _reliability_chart(board, frame, words, choose)
    return Figure("calibration-by-cause", "calibration", title, caption, chart)


def _pooled(board: Leaderboard, reliability: pd.DataFrame) -> pd.DataFrame:
    """Return mean confidence and accuracy by ``what``, model and bin, every cell weighted by its deaths."""
    rows = reliability[reliability["count"] > 0]
    rows = rows.assign(c=rows["confidence"] * rows["count"], a=rows["accuracy"] * rows["count"])
    frame = rows.groupby(["what", "label", "bin"], sort=True)[["c", "a", "count"]].sum().reset_index()
    enough = frame["count"] >= LEAST_DEATHS
    frame = frame[enough] if enough.any() else frame
    return pd.DataFrame(
        {
            "what": frame["what"],
            "model": frame["label"].map(named(board)),
            "confidence": frame["c"] / frame["count"],
            "accuracy": frame["a"] / frame["count"],
            "deaths": frame["count"],
        }
    )


def _reliability_chart(
    board: Leaderboard, frame: pd.DataFrame, words: tuple[str, str], choose: tuple[Any, str] | None = None
) -> Any:
    """Return the chart of pooled reliability: the diagonal, a line and dots for each model."""
    models = [n for n in named(board).values() if n in set(frame["model"].unique())]
    colour, shape = model_colours(models, [m.endswith("(baseline)") for m in models])
    unit = {"domain": [0, 1]}
    diagonal = (
        Chart(inline(pd.DataFrame({"p": [0.0, 1.0]})))
        .mark("line", color="#888", strokeDash=[4, 4])
        .encode(x=field("p:Q", scale=unit), y=field("p:Q", scale=unit))
    )
    base = Chart(inline(frame)).encode(
        x=field("confidence:Q", title=words[0], axis={"tickCount": 5, "labelFlush": False}),
        y=field("accuracy:Q", title=words[1]),
        color=field("model:N", scale=colour, legend=legend(models)),
    )
    line = base.mark("line", strokeWidth=2)
    dots = base.mark("point", filled=True, opacity=1).encode(
        shape=field("model:N", scale=shape, legend=legend(models)),
        size=field("deaths:Q", scale={"range": [20, 160]}, legend=None),
        tooltip=["model:N", *(field(f"{c}:Q", format=".3f") for c in ("confidence", "accuracy")), "deaths:Q"],
    )
    if choose is None:
        return layer(diagonal, line, dots).height(340)
    parameter, only = choose
    layers = layer(diagonal, line.only(only), dots.only(only))
    return layers.choose(parameter).height(340)


def csmf_figure(board: Leaderboard, causes: pd.DataFrame) -> Figure:
    """Return estimated against true CSMF, one point a cause and test site, one model at a time.

    The estimate is the one that the metric in use scores: from top causes, mean probability or the model itself.
    """
    title = "CSMF, true against estimated"
    kind = board.metric.rsplit("_", 1)[-1]
    column = f"csmf_{kind}" if f"csmf_{kind}" in causes.columns else "csmf_top"
    if column not in causes.columns or not causes[column].notna().any():
        return left_out("csmf", "csmf", title, "No CSMFs were recorded.")
    frame = causes[causes[column].notna() & causes["csmf_true"].notna()]
    # Several cells of a site (folds, repeats, training sites) are averaged, so that a point is a cause at a site.
    frame = frame.groupby(["label", "test_site", "cause"], sort=True)[["csmf_true", column]].mean().reset_index()
    frame = frame.rename(columns={column: "estimated", "csmf_true": "true", "test_site": "test site"})
    frame["model"] = frame.pop("label").map(named(board))
    options = [n for n in named(board).values() if n in set(frame["model"].unique())]
    first = next((o for o in options if not o.endswith("(baseline)")), options[0])
    parameter, keep = picker("model", options, first, "Model")
    top = float(frame[["true", "estimated"]].to_numpy().max()) * 1.05
    sites = sorted(set(frame["test site"]))
    colour, shape = model_colours(sites, [False] * len(sites))
    scale = {"type": "sqrt", "domain": [0, top], "nice": False}
    axis = {"format": ".0%", "values": [v for v in (0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0) if v <= top]}
    diagonal = (
        Chart(inline(pd.DataFrame({"p": [0.0, top]})))
        .mark("line", color="#888", strokeDash=[4, 4])
        .encode(x=field("p:Q", scale=scale), y=field("p:Q", scale=scale))
    )
    points = (
        Chart(inline(frame))
        .mark("point", filled=True, size=55, opacity=0.85)
        .encode(
            x=field(
                "true:Q",
                scale=scale,
                title="True share of deaths (square-root scale)",
                axis=dict(**axis, labelFlush=False),
            ),
            y=field("estimated:Q", scale=scale, title="Estimated share", axis=dict(**axis)),
            color=field("test site:N", scale=colour, legend=legend(sites)),
            shape=field("test site:N", scale=shape, legend=legend(sites)),
            tooltip=["cause:N", "test site:N", *(field(f"{c}:Q", format=".3f") for c in ("true", "estimated"))],
        )
        .only(keep)
    )
    caption = (
        f"Each point is one cause at one site; above the dashed line it is over-estimated. Estimates are from "
        f"{ESTIMATES[column.removeprefix('csmf_')][0]}. The static figure shows {first}."
    )
    chart = layer(diagonal, points).choose(parameter).height(360)
    return Figure("csmf", "csmf", title, caption, chart)


def convergence_figure(cells: pd.DataFrame) -> Figure:
    """Return how many cells of each iterative model converged."""
    title = "Convergence"
    done = cells[(cells["status"] == "done") & cells["converged"].notna()]
    if not len(done):
        return left_out("convergence", "failures", title, "No model in this run reports convergence.")
    state = done["converged"].map(lambda c: "converged" if bool(c) else "not converged")
    frame = done.assign(state=state).groupby(["label", "state"], sort=True).size().reset_index(name="cells")
    frame = frame.rename(columns={"label": "model"})
    scale = {"domain": ["converged", "not converged"], "range": [OKABE_ITO[0], OKABE_ITO[4]]}
    chart = (
        Chart(inline(frame))
        .mark("bar")
        .encode(
            x=field(
                "cells:Q", title="Cells", axis={"tickMinStep": 1, "format": "d", "tickCount": 5, "labelFlush": False}
            ),
            y=field("model:N", axis=model_axis()),
            color=field("state:N", scale=scale, legend=legend(["not converged"])),
            tooltip=["model:N", "state:N", "cells:Q"],
        )
    )
    caption = "Cells of the models that iterate or sample, by whether they met their own criterion of convergence."
    return Figure("convergence", "failures", title, caption, chart.height(26 * frame["model"].nunique()))
