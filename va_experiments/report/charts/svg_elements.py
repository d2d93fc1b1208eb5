"""Elements of an SVG as text: words, lines, boxes and the symbols of the report's figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["LABEL", "TITLE", "Elements", "dashes", "number"]

LABEL, TITLE = 11, 12
"""Sizes of text in pixels."""

INK = "#222"

OUTLINES = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "diamond": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "triangle-up": ((0, -1.1), (1.1, 0.9), (-1.1, 0.9)),
    "triangle-down": ((0, 1.1), (1.1, -0.9), (-1.1, -0.9)),
    "cross": (
        *((-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4)),
        *((0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4)),
    ),
}
"""Corners of symbols, in halves of the root of their area."""


class Elements:
    """The elements drawn so far, in order: later ones lie above."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        """Add an element as it is."""
        self.texts.append(text)

    def say(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = LABEL,
        anchor: str = "start",
        fill: str = INK,
        more: str = "",
    ) -> None:
        """Write a text."""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        style = f'font-size="{size}" fill="{fill}"{place} {more}'
        self.add(f'<text x="{number(x)}" y="{number(y)}" {style}>{escape(str(text))}</text>')

    def line(
        self, x: float, y: float, x2: float, y2: float, colour: str, wide: float = 1, dash: list[int] | None = None
    ) -> None:
        """Draw a straight line."""
        ends = f'x1="{number(x)}" y1="{number(y)}" x2="{number(x2)}" y2="{number(y2)}"'
        self.add(f'<line {ends} stroke="{colour}" stroke-width="{wide}"{dashes(dash)}/>')

    def box(
        self, x: float, y: float, wide: float, high: float, fill: str, stroke: str = "none", line: float = 0
    ) -> None:
        """Draw a filled rectangle."""
        edge = f' stroke="{stroke}" stroke-width="{line}"' if stroke != "none" and line else ""
        size = f'x="{number(x)}" y="{number(y)}" width="{number(wide)}" height="{number(high)}"'
        self.add(f'<rect {size} fill="{fill}"{edge}/>')

    def symbol(self, x: float, y: float, area: float, shape: str, colour: str, mark: Mapping[str, Any]) -> None:
        """Draw a symbol of this area in square pixels around a point."""
        r = math.sqrt(area) / 2
        more = f' fill="{colour}" fill-opacity="{mark.get("opacity", 1)}"'
        if "stroke" in mark:
            more += f' stroke="{mark["stroke"]}" stroke-width="{mark.get("strokeWidth", 1)}"'
        if shape == "circle":
            self.add(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(math.sqrt(area / math.pi))}"{more}/>')
        elif shape == "stroke":
            self.line(x - r, y, x + r, y, colour, 2.5)
        else:
            points = " ".join(f"{number(x + r * a)},{number(y + r * b)}" for a, b in OUTLINES[shape])
            self.add(f'<polygon points="{points}"{more}/>')


def number(value: float) -> str:
    """Return a number of pixels in few characters."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def dashes(pattern: list[int] | None) -> str:
    """Return the attribute of a dashed line, empty for a solid one."""
    return f' stroke-dasharray="{",".join(map(str, pattern))}"' if pattern else ""
