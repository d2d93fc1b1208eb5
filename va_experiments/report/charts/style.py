"""Share what all figures need: colours that colour-blind readers can tell apart, inline data, heat map, widths."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.report.charts.vega import Chart, Layers, condition, field, layer, value
from va_experiments.text_sanitizing import as_objects, plain_tree

__all__ = [
    "GREY",
    "OKABE_ITO",
    "Figure",
    "heat_map",
    "inline",
    "left_out",
    "model_axis",
    "model_colours",
    "picker",
    "specification",
    "value_axis",
]

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
"""Okabe and Ito's palette without its yellow, which is too faint for lines on white."""

MORE = ("#332288", "#882255", "#44AA99", "#999933", "#661100", "#AA4499", "#117733")
"""From Paul Tol's muted scheme: for models after the seventh, so that no two lines of up to 14 are of one colour."""

SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
BLUES = ("#f5f9fd", "#5fa3d0", "#08306b")
"""From almost white to dark: in Vega's own blues a share of .1 can hardly be distinguished from 0."""
GREY = "#767676"
GREYS = (GREY, "#ababab")
FONT = "Arial, Helvetica, sans-serif"
LABEL_LIMIT = 180
"""Pixels of a name on an axis: the longest PHMRC cause fits, and half of a 400-pixel page is left for the plot."""
STATIC_WIDTH = 640
"""Width in pixels of the plot of a static figure; the page's figures take the width there is."""


@dataclasses.dataclass(frozen=True, eq=False)
class Figure:
    """One figure of the report, or the sentence that says why there is none.

    ``chart`` has its layers, or is None; ``missing`` is the sentence in its place. ``section`` is the page's section,
    ``setting`` the heading of the setting drawn, where several settings have this figure.
    """

    key: str
    section: str
    title: str
    caption: str = ""
    chart: Layers | None = None
    missing: str = ""
    setting: str = ""


def left_out(key: str, section: str, title: str, why: str, setting: str = "") -> Figure:
    """Return the place of a figure that cannot be drawn, with the reason."""
    return Figure(key, section, title, missing=why, setting=setting)


def inline(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a chart: numbers to 5 significant digits, missing ones as null."""
    columns: dict[str, list[Any]] = {}
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_bool_dtype(values):
            columns[name] = [bool(v) for v in values]
        elif pd.api.types.is_numeric_dtype(values):
            columns[name] = [_rounded(v) for v in values.to_numpy(dtype=float, na_value=np.nan)]
        else:
            columns[name] = [None if v is None or v is pd.NA else str(v) for v in as_objects(values)]
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def specification(chart: Layers) -> dict[str, Any]:
    """Return the chart as a Vega-Lite specification that is as wide as its container."""
    spec: dict[str, Any] = plain_tree(chart.specification())
    spec["width"] = "container"
    # fit-x keeps axis labels and legend inside the width, which matters at 400 px.
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["background"] = "white"
    spec["config"] = {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelColor": "#222",
            "titleColor": "#222",
            "gridColor": "#e4e4e4",
            "domainColor": "#888",
            "tickColor": "#888",
        },
        # Anchored at its end, a title that is longer than a narrow plot runs under the labels, not off the page.
        "axisX": {"titleAnchor": "end"},
        "legend": {
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelColor": "#222",
            "titleColor": "#222",
            "symbolSize": 90,
        },
        "text": {"font": FONT},
    }
    return spec


def model_colours(labels: Sequence[str], trivial: Sequence[bool]) -> tuple[Any, Any]:
    """Return a colour and a shape scale for models in this order; trivial ones are grey dashes."""
    colours: list[str] = []
    shapes: list[str] = []
    n = 0
    for is_trivial in trivial:
        if is_trivial:
            colours.append(GREYS[(len(colours) - n) % len(GREYS)])
            shapes.append("stroke")
        else:
            colours.append((*OKABE_ITO, *MORE)[n % (len(OKABE_ITO) + len(MORE))])
            shapes.append(SHAPES[n % len(SHAPES)])
            n += 1
    domain = list(labels)
    return {"domain": domain, "range": colours}, {"domain": domain, "range": shapes}


def legend(labels: Sequence[str]) -> Any:
    """Return a legend for `labels` under the plot: two columns where both fit a telephone, else one."""
    columns = 2 if max(map(len, labels), default=0) <= 20 else 1
    return {
        "orient": "bottom",
        "columns": columns,
        "labelLimit": LABEL_LIMIT,
        "title": None,
        "symbolLimit": 60,
        "symbolOpacity": 1,
    }


def model_axis() -> Any:
    """Return the axis for names of models and causes at the left."""
    return {"title": None, "labelLimit": LABEL_LIMIT, "ticks": False, "domain": False, "labelPadding": 6}


def value_axis(form: str = ".3~f") -> Any:
    """Return the axis of a score: few labels, none pushed aside at the ends."""
    return {"format": form, "tickCount": 6, "labelFlush": False, "labelOverlap": True}


def picker(column: str, options: Sequence[str], first: str, label: str) -> tuple[dict[str, Any], str]:
    """Return a drop-down over `options` of `column` (an identifier) and the filter that it drives.

    A static figure shows the option `first`.
    """
    bind = {"input": "select", "options": list(options), "name": label}
    return {"name": f"pick_{column}", "value": first, "bind": bind}, f"datum.{column} === pick_{column}"


def heat_map(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    x_order: Sequence[str],
    y_order: Sequence[str],
    legend_title: str,
    x_title: str | None = None,
    y_title: str | None = None,
    domain: tuple[float, float] | None = None,
    scheme: str = "viridis",
    step: int = 26,
    printed: bool = True,
    tooltip: Sequence[str] = (),
    choose: tuple[dict[str, Any], str] | None = None,
) -> Layers:
    """Return a heat map of ``value`` with ``text`` printed in the cells, in a colour that contrasts.

    Parameters
    ----------
    frame : DataFrame
        Columns `x`, `y`, ``value`` (number), ``text`` and those in `tooltip`.
    domain : tuple of float, optional
        Ends of the colour scale; the data's range where not given.
    choose : tuple, optional
        What :func:`picker` returned.
    """
    low, high = domain or (float(frame["value"].min()), float(frame["value"].max()))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    # Fixed domains: picking another model moves no row. (A height by step would warn on the console.)
    columns, rows = set(frame[x].unique()), set(frame[y].unique())
    x_domain = [name for name in x_order if name in columns]
    y_domain = [name for name in y_order if name in rows]
    angle = _label_angle(x_domain, y_domain)
    base = Chart(inline(frame))
    if choose is not None:
        base = base.only(choose[1])
    base = base.encode(
        x=field(
            f"{x}:N",
            sort=x_domain,
            scale={"domain": x_domain},
            title=x_title,
            axis=dict(
                orient="top",
                labelLimit=LABEL_LIMIT,
                labelPadding=5,
                ticks=False,
                domain=False,
                labelOverlap=False,
                **angle,
            ),
        ),
        y=field(
            f"{y}:N",
            sort=y_domain,
            scale={"domain": y_domain},
            title=y_title,
            axis={"labelLimit": LABEL_LIMIT, "ticks": False, "domain": False, "labelPadding": 6, "labelOverlap": False},
        ),
    )
    rectangles = base.mark("rect", stroke="white", strokeWidth=1).encode(
        color=_cell_colour(scheme, low, high, legend_title),
        tooltip=[
            field(f"{x}:N"),
            field(f"{y}:N"),
            field("value:Q", title=legend_title, format=".3f"),
            *(field(f"{t}:N") for t in tooltip),
        ],
    )
    layers = [rectangles, *([_cell_numbers(base, scheme, low, high, len(x_domain))] if printed else [])]
    chart = layer(*layers).height(step * len(y_domain))
    return chart.choose(choose[0]) if choose is not None else chart


def _label_angle(x_domain: Sequence[str], y_domain: Sequence[str]) -> dict[str, Any]:
    """Return the angle of the labels above a heat map: level where they fit beside one another, else upright.

    That is asked of the page, not of the plot: a plot that shrank to fit its labels would be laid out for the other
    kind.
    """
    across, beside = (min(max((len(str(n)) for n in d), default=0) * 6.5, LABEL_LIMIT) for d in (x_domain, y_domain))
    need = round((across + 8) * max(1, len(x_domain)) + beside + 30)
    level = f"(containerSize()[0] || {STATIC_WIDTH + beside}) > {need}"
    return {
        "labelAngle": _expression(f"{level} ? 0 : -90"),
        "labelAlign": _expression(f"{level} ? 'center' : 'left'"),
        "labelBaseline": _expression(f"{level} ? 'bottom' : 'middle'"),
    }


def _cell_colour(scheme: str, low: float, high: float, title: str) -> dict[str, Any]:
    """Return the colour of the cells of a heat map, with its legend."""
    return field(
        "value:Q",
        scale=(
            {"range": list(BLUES), "domain": [low, (low + high) / 2, high], "clamp": True}
            if scheme == "blues"
            else {"scheme": scheme, "domain": [low, high], "clamp": True}
        ),
        legend={"orient": "bottom", "title": title, "gradientLength": 130, "titleLimit": 300},
    )


def _cell_numbers(base: Chart, scheme: str, low: float, high: float, n_columns: int) -> Chart:
    """Return the layer of the numbers in the cells of a heat map, in a colour that contrasts."""
    # Blues go from light to dark, the others from dark to light.
    dark_high = scheme == "blues"
    middle = low + (0.6 if dark_high else 0.45) * (high - low)
    above, below = ("white", "black") if dark_high else ("black", "white")
    # A figure of two digits needs about 24 pixels: narrower cells show the colour and the tooltip only.
    return base.mark("text", fontSize=10.5, opacity=_expression(f"width < {24 * n_columns} ? 0 : 1")).encode(
        text="text:N",
        color=condition(f"datum.value > {middle}", value(above), value(below)),
    )


def _expression(text: str) -> dict[str, str]:
    return {"expr": text}


def _rounded(value: float) -> float | None:
    return None if not math.isfinite(value) else float(f"{value:.5g}")
