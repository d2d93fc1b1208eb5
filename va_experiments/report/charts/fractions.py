"""Draw the cause fractions of deaths to which causes were assigned: bars by model, the largest first, zeros last."""

from __future__ import annotations

import pandas as pd

from va_experiments.report.charts.style import OKABE_ITO, Figure, inline, left_out, model_axis, value_axis
from va_experiments.report.charts.vega import Chart, field, layer

__all__ = ["fractions_figures"]

MOST_ROWS = 72
MOST_DATA = 4
LONG_LABELS = 320
"""Pixels of a label, which ends with the name of the model."""
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
    for number, (data, of_data) in enumerate(fractions.groupby("data", sort=True)):
        if number == MOST_DATA:
            break
        first = of_data.groupby("model", sort=False)["stratum"].transform("first")
        whole = of_data[of_data["stratum"] == first]
        suffix = f"-{number + 1}" if number else ""
        figures.append(_figure(str(data), whole, f"{KEY}{suffix}", several=fractions["data"].nunique() > 1))
    return figures


def _figure(data: str, whole: pd.DataFrame, key: str, *, several: bool) -> Figure:
    title = f"{TITLE}, {data}" if several else TITLE
    largest = whole.groupby("cause", sort=False)["fraction"].max().sort_values(ascending=False, kind="stable")
    order = [*largest[largest > 0].index.astype(str), *sorted(largest[largest == 0].index.astype(str))]
    if not order:
        return left_out(key, SECTION, title, "No deaths were assigned a cause.")
    models = sorted(whole["model"].astype(str).unique())
    shown = order[: max(MOST_ROWS // len(models), 5)]
    place = {cause: k for k, cause in enumerate(shown)}
    rows = whole[whole["cause"].astype(str).isin(place)]
    rows = rows.assign(_place=rows["cause"].map(place)).sort_values(["_place", "model"], kind="stable")
    names = rows["cause"].astype(str)
    rows = rows.assign(bar=names if len(models) == 1 else names + " (" + rows["model"].astype(str) + ")")
    scale = {"domain": [0, min(1.0, float(max(rows["high"].max(), rows["fraction"].max(), 0.05)) * 1.05)]}
    y = field("bar:N", sort=rows["bar"].tolist(), title=None, axis=model_axis() | {"labelLimit": LONG_LABELS})
    colours = {"domain": models, "range": [OKABE_ITO[k % len(OKABE_ITO)] for k in range(len(models))]}
    table = inline(rows[["bar", "model", "cause", "fraction", "low", "high", "deaths"]])
    numbers = [field(f"{c}:Q", format=".3f") for c in ("fraction", "low", "high")]
    bars = (
        Chart(table)
        .mark("bar")
        .encode(
            x=field("fraction:Q", scale=scale, title="fraction of the deaths", axis=value_axis()),
            y=y,
            color=field("model:N", scale=colours, legend=None),
            tooltip=["model:N", "cause:N", *numbers, "deaths:Q"],
        )
    )
    layers = [bars]
    if rows["low"].notna().any():
        lines = Chart(inline(rows.loc[rows["low"].notna(), ["bar", "low", "high"]]))
        layers.append(lines.mark("rule", color="#444").encode(x=field("low:Q", scale=scale), x2="high:Q", y=y))
    left = len(order) - len(shown)
    caption = (
        "Fractions of the deaths by cause, with 95% intervals; the causes are sorted by the largest fraction that any "
        "model gives, those with none last."
    )
    caption += f" {left} causes with smaller fractions are in the table." if left else ""
    return Figure(key, SECTION, title, caption, layer(*layers).height(max(120, 15 * len(rows))))
