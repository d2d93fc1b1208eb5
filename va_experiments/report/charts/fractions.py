"""Draw the cause fractions of deaths to which causes were assigned: bars by model, the largest first, zeros last."""

from __future__ import annotations

import pandas as pd

from va_experiments.report.charts.style import GREY, OKABE_ITO, Figure, inline, left_out

__all__ = ["fractions_figures"]

MOST_CAUSES = 40
MOST_DATA = 4
KEY, SECTION, TITLE = "fractions", "assigned", "Cause fractions by model"


def fractions_figures(fractions: pd.DataFrame | None) -> list[Figure]:
    """Return one figure a data set; none where no causes were assigned.

    Parameters
    ----------
    fractions : DataFrame or None
        Columns ``model``, ``stratum``, ``cause``, ``fraction``, ``low``, ``high``, ``deaths``, ``data``.
    """
    if fractions is None or not len(fractions):
        return []
    figures = []
    for number, (data, own) in enumerate(fractions.groupby("data", sort=True)):
        if number == MOST_DATA:
            break
        first = own.groupby("model", sort=False)["stratum"].transform("first")
        whole = own[own["stratum"] == first]
        suffix = f"-{number + 1}" if number else ""
        figures.append(_figure(str(data), whole, f"{KEY}{suffix}", several=fractions["data"].nunique() > 1))
    return figures


def _figure(data: str, whole: pd.DataFrame, key: str, *, several: bool) -> Figure:
    import altair as alt

    title = f"{TITLE}, {data}" if several else TITLE
    largest = whole.groupby("cause", sort=False)["fraction"].max().sort_values(ascending=False, kind="stable")
    order = [*largest[largest > 0].index.astype(str), *sorted(largest[largest == 0].index.astype(str))]
    if not order:
        return left_out(key, SECTION, title, "No deaths were assigned a cause.")
    shown = order[:MOST_CAUSES]
    models = sorted(whole["model"].astype(str).unique())
    rows = whole[whole["cause"].astype(str).isin(shown)]
    x = alt.Scale(domain=[0, min(1.0, float(max(rows["high"].max(), rows["fraction"].max(), 0.05)) * 1.05)])
    y = alt.Y("cause:N", sort=shown, title=None, axis=alt.Axis(labelLimit=260))
    colours = alt.Scale(domain=models, range=[OKABE_ITO[k % len(OKABE_ITO)] for k in range(len(models))])
    base = alt.Chart(inline(rows[["model", "cause", "fraction", "low", "high", "deaths"]]))
    tips = [*("model:N", "cause:N"), *(alt.Tooltip(f"{c}:Q", format=".3f") for c in ("fraction", "low", "high"))]
    offset = alt.YOffset("model:N", sort=models)
    bars = base.mark_bar().encode(
        x=alt.X("fraction:Q", scale=x, title="fraction of the deaths", stack=None),
        y=y,
        yOffset=offset,
        color=alt.Color("model:N", scale=colours, sort=models, title=None, legend=alt.Legend(orient="top")),
        tooltip=[*tips, "deaths:Q"],
    )
    lines = base.mark_rule(color=GREY).encode(x=alt.X("low:Q", scale=x), x2="high:Q", y=y, yOffset=offset)
    left = len(order) - len(shown)
    caption = (
        "Fractions of the deaths by cause, with 95% intervals; the causes are sorted by the largest fraction that any "
        "model gives, those with none last."
    )
    caption += f" {left} causes with smaller fractions stand in the table." if left else ""
    height = max(120, len(shown) * (10 + 8 * len(models)))
    return Figure(key, SECTION, title, caption, alt.layer(bars, lines).properties(height=height))
