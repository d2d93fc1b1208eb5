"""Draw calibrated cause fractions beside uncalibrated ones, and the misclassification matrix behind them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from va_experiments.analysis.run_tables import records
from va_experiments.formatting import format_number
from va_experiments.report.charts.style import OKABE_ITO, Figure, heat_map, inline, model_axis, value_axis
from va_experiments.report.charts.vega import Chart, field, layer

__all__ = ["calibrated_figures"]

MOST_CELLS = 4
_BEFORE, _AFTER = "as named", "calibrated"


def calibrated_figures(table: pd.DataFrame | None, cells: pd.DataFrame) -> list[Figure]:
    """Return two figures for each of the first cells with ``csmf=vacalibration``: bars, and the matrix as a heat map.

    Parameters
    ----------
    table : DataFrame or None
        From `va_experiments.analysis.calibrated_cells`.
    cells : DataFrame
        With ``label`` and ``test_site``; their order decides which come first.
    """
    if table is None or not len(table):
        return []
    figures: list[Figure] = []
    known = cells[cells["cell_key"].isin(set(table["cell_key"]))]
    for number, row in enumerate(known.head(MOST_CELLS).itertuples()):
        of_cell = table[table["cell_key"] == row.cell_key]
        fractions, pairs = of_cell[of_cell["named"] == ""], of_cell[of_cell["named"] != ""]
        title = f"{row.label} at {row.test_site}"
        suffix = f"-{number + 1}" if number else ""
        figures += [
            _bars(fractions, f"calibrated{suffix}", f"Calibrated cause fractions, {title}"),
            _matrix(pairs, f"misclassification{suffix}", f"Misclassification matrix used, {title}"),
        ]
    return figures


def _bars(fractions: pd.DataFrame, key: str, title: str) -> Figure:
    rows: list[dict[str, Any]] = []
    for r in records(fractions):
        cause = str(r["cause"])
        before = {"bar": f"{cause} ({_BEFORE})", "kind": _BEFORE, "cause": cause, "fraction": r["uncalibrated"]}
        after = {"bar": f"{cause} ({_AFTER})", "kind": _AFTER, "cause": cause, "fraction": r["calibrated"]}
        valid = not math.isnan(r["low"])
        rows += [before | {"low": None}, after | ({"low": r["low"], "high": r["high"]} if valid else {"low": None})]
    most = max([0.05, *(r["fraction"] for r in rows), *(r["high"] for r in rows if r["low"] is not None)])
    scale = {"domain": [0, min(1.0, float(most) * 1.05)]}
    y = field("bar:N", sort=[r["bar"] for r in rows], title=None, axis=model_axis())
    colours = {"domain": [_BEFORE, _AFTER], "range": list(OKABE_ITO[:2])}
    bars = (
        Chart(inline(pd.DataFrame([{k: r[k] for k in ("bar", "kind", "cause", "fraction")} for r in rows])))
        .mark("bar")
        .encode(
            x=field("fraction:Q", scale=scale, title="fraction of the deaths", axis=value_axis()),
            y=y,
            color=field("kind:N", scale=colours, legend=None),
            tooltip=["kind:N", "cause:N", field("fraction:Q", format=".3f")],
        )
    )
    layers = [bars]
    if lines := [{"bar": r["bar"], "low": r["low"], "high": r["high"]} for r in rows if r["low"] is not None]:
        rule = Chart(inline(pd.DataFrame(lines))).mark("rule", color="#444")
        layers.append(rule.encode(x=field("low:Q", scale=scale), x2="high:Q", y=y))
    weight = float(fractions["weight"].iloc[0])
    caption = (
        "Shares of the causes as named, and calibrated with 95% intervals where they are valid. Lambda is "
        f"{weight:.2f}: "
        "the weight of the identity in the matrix; near 1 nothing is calibrated."
    )
    return Figure(key, "csmf", title, caption, layer(*layers).height(max(120, 15 * len(rows))))


def _matrix(pairs: pd.DataFrame, key: str, title: str) -> Figure:
    order = list(dict.fromkeys(pairs["cause"]))
    frame = pd.DataFrame(
        {
            "true cause": pairs["cause"].to_numpy(),
            "named": pairs["named"].to_numpy(),
            "value": pairs["share"].to_numpy(dtype=float),
            "text": [format_number(float(v), 2) for v in pairs["share"]],
        }
    )
    chart = heat_map(
        frame,
        x="named",
        y="true cause",
        x_order=order,
        y_order=order,
        x_title="Named cause",
        y_title="True cause",
        legend_title="Share",
        domain=(0.0, 1.0),
        printed=len(order) <= 12,
    )
    caption = "Share of the deaths of each cause (rows) that are named so (columns), as the calibration used it."
    return Figure(key, "csmf", title, caption, chart)
