"""Draw mean ranks over sites, with the smallest significant difference."""

from __future__ import annotations

import pandas as pd

from va_experiments.analysis.comparable_groups import of_setting
from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.formatting import format_p_value
from va_experiments.report.charts.scores import named
from va_experiments.report.charts.style import OKABE_ITO, Figure, inline, model_axis
from va_experiments.report.charts.vega import Chart, field, layer

__all__ = ["ranks_figure"]


def ranks_figure(board: Leaderboard, ranks: pd.DataFrame | None, key: str) -> list[Figure]:
    """Return the mean ranks with bars half a critical difference to each side, or nothing where there are none.

    Two models differ significantly at 5% (Nemenyi) where their bars do not overlap: Demsar's diagram (2006), with
    room for names.
    """
    rows = of_setting(ranks, board.setting, board.metric)
    if not len(rows):
        return []
    name = named(board)
    half = rows["critical_difference"].astype(float) / 2
    frame = pd.DataFrame(
        {"model": [name.get(str(m), str(m)) for m in rows["model"]], "rank": rows["mean_rank"].astype(float)}
    )
    frame = frame.assign(low=frame["rank"] - half, high=frame["rank"] + half).sort_values(["rank", "model"])
    y = field("model:N", sort=frame["model"].tolist(), axis=model_axis())
    base = Chart(inline(frame)).encode(y=y)
    scale = {"zero": False, "nice": False, "padding": 10}  # bars reach beyond the first and the last rank, ticks do not
    ranks_there = list(range(1, len(frame) + 1, 1 + len(frame) // 12))
    bars = base.mark("rule", strokeWidth=2, color=OKABE_ITO[0]).encode(x=field("low:Q", scale=scale), x2="high:Q")
    dots = base.mark("point", filled=True, size=80, opacity=1, color=OKABE_ITO[0]).encode(
        x=field(
            "rank:Q",
            scale=scale,
            title="Mean rank over sites (1 is best)",
            axis={"values": ranks_there, "format": "d", "labelFlush": False},
        ),
        tooltip=["model:N", field("rank:Q", format=".2f")],
    )
    n = f" over {int(rows['n'].iloc[0])} sites" if "n" in rows else ""
    value = format_p_value(float(rows["p"].iloc[0])) if "p" in rows else ""
    equals = "" if value.startswith("<") else "= "
    p = f" Friedman test that all rank alike: p {equals}{value}." if value else ""
    caption = (
        f"Mean ranks{n}. Two models whose bars overlap do not differ significantly at 5% (Nemenyi; Demsar 2006).{p}"
    )
    chart = layer(bars, dots).height(26 * len(frame))
    return [Figure(key, "differences", "Mean ranks", caption, chart)]
