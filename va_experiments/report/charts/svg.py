"""Draw a figure as a static SVG: a Vega-Lite specification of the report's own kinds in, text out.

The page needs every figure at rest: for print, without scripts, and until the live figure stands. Drawing them here
takes a tenth of what starting a JavaScript engine would, and works under a limit of address space. What the report's
figures use is drawn (layers of points, bars, lines, areas, ticks, rules, rectangles and text, with axes and legends);
a figure of another kind raises KeyError.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from va_experiments.report.charts.scales import (
    Band,
    Continuous,
    continuous,
    format_tick,
    ramp,
    text_width,
    ticks,
)
from va_experiments.report.charts.svg_elements import LABEL, TITLE, Elements, dashes, number
from va_experiments.report.charts.svg_layers import Part, Row, Spec, by_colour, colour_of, shape_of, stops_of

__all__ = ["WIDTH", "draw"]

WIDTH = 640
"""Width in pixels of the plot; the page's live figures take the width there is."""

GRID, LINE = "#e4e4e4", "#888"
FONT = "Arial, Helvetica, sans-serif"
MARGIN = 6
NARROWEST_NUMBER = 24
"""Pixels that a number of two digits needs in a cell of a heat map."""


def draw(spec: Spec) -> str:
    """Return the SVG of a specification, as `va_experiments.report.charts.style.specification` returns it."""
    return _Drawing(spec).text()


class _Drawing:
    """The parts of a figure, its scales, and the elements drawn so far."""

    def __init__(self, spec: Spec) -> None:
        choices = {p["name"]: p["value"] for p in spec.get("params", ())}
        parts = spec.get("layer", [spec])
        self.parts = [Part(p, spec["datasets"], choices) for p in parts]
        self.height = float(spec["height"])
        self.x, self.y = self._scale("x", 0, WIDTH), self._scale("y", self.height, 0)
        self.out = Elements()
        self.left = self.top = self.bottom = self.right = 0.0

    def text(self) -> str:
        """Return the whole figure."""
        self._axis("y")
        self._axis("x")
        for part in self.parts:
            getattr(self, f"_draw_{part.mark['type']}")(part)
        self._legends()
        left, top = self.left + MARGIN, self.top + MARGIN
        width, height = WIDTH + left + self.right + MARGIN, self.height + top + self.bottom + MARGIN
        body = "".join(self.out.texts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(width)}" height="{number(height)}" '
            f'viewBox="0 0 {number(width)} {number(height)}" font-family="{FONT}">'
            '<rect width="100%" height="100%" fill="white"/>'
            f'<g transform="translate({number(left)},{number(top)})">{body}</g></svg>'
        )

    # --- scales and axes ------------------------------------------------------------------------------------------

    def _channels(self, axis: str) -> list[Spec]:
        return [p.encoding[axis] for p in self.parts if axis in p.encoding]

    def _option(self, axis: str, name: str) -> Any:
        """Return an option of an axis, of the first layer that has it."""
        return next((c[name] for c in self._channels(axis) if c.get(name) is not None), None)

    def _scale(self, axis: str, start: float, end: float) -> Band | Continuous:
        options: Spec = {}
        for channel in self._channels(axis):
            options = channel.get("scale", {}) | options
        if any(c["type"] == "nominal" for c in self._channels(axis)):
            names = options.get("domain") or self._option(axis, "sort")
            if names is None:
                columns = [(p, p.field(axis)) for p in self.parts if p.field(axis)]
                names = sorted({str(r[c]) for p, c in columns for r in p.rows})
            return Band(tuple(map(str, names)), min(start, end), max(start, end))
        values = [v for p in self.parts for v in p.numbers(axis)]
        chosen = {k: options[k] for k in ("domain", "zero", "nice", "padding") if k in options}
        return continuous(values, start, end, kind=options.get("type", "linear"), **chosen)

    def _axis(self, axis: str) -> None:
        options, title = self._option(axis, "axis") or {}, self._option(axis, "title")
        scale = self.x if axis == "x" else self.y
        if isinstance(scale, Band):
            self._names(axis, scale, options)
        else:
            self._values(axis, scale, options)
        if title and axis == "x" and options.get("orient") == "top":
            self.top += TITLE + 6
            self.out.say(WIDTH, -self.top + TITLE, title, size=TITLE, anchor="end")
        elif title and axis == "x":
            self.bottom += TITLE + 8
            self.out.say(WIDTH, self.height + self.bottom, title, size=TITLE, anchor="end")
        elif title:
            self.left += TITLE + 8
            turned = f'transform="rotate(-90 {number(-self.left + TITLE)} {number(self.height / 2)})"'
            self.out.say(-self.left + TITLE, self.height / 2, title, size=TITLE, anchor="middle", more=turned)

    def _names(self, axis: str, scale: Band, options: Spec) -> None:
        limit = options.get("labelLimit", 180)
        shown = {name: _cut(name, limit) for name in scale.names}
        widest = max((text_width(t, LABEL) for t in shown.values()), default=0)
        if axis == "y":
            for name, text in shown.items():
                self.out.say(-MARGIN, scale(name) + 4, text, anchor="end")
            self.left += widest + 2 * MARGIN
            return
        level = widest + 8 <= scale.step
        for name, text in shown.items():
            turned = "" if level else f'transform="rotate(-90 {number(scale(name) + 4)} -6)"'
            at = scale(name) if level else scale(name) + 4
            self.out.say(at, -6, text, anchor="middle" if level else "start", more=turned)
        self.top += LABEL + MARGIN if level else widest + MARGIN

    def _values(self, axis: str, scale: Continuous, options: Spec) -> None:
        length = WIDTH if axis == "x" else self.height
        values = options.get("values") or scale.ticks(options.get("tickCount") or math.ceil(length / 40))
        least = options.get("tickMinStep", 0)
        values = [v for v in values if not least or abs(v / least - round(v / least)) < 1e-9]
        step = min((b - a for a, b in itertools.pairwise(values)), default=1.0)
        widest, last = 0.0, -math.inf
        for value in values:
            text, at = format_tick(value, options.get("format", ""), step), scale(value)
            half = text_width(text, LABEL) / 2
            widest = max(widest, 2 * half)
            if axis == "x":
                self.out.line(at, 0, at, self.height, GRID)
                self.out.line(at, self.height, at, self.height + 5, LINE)
                if at - half > last + 4:  # labels that would overlap the one before are left out
                    self.out.say(at, self.height + 16, text, anchor="middle")
                    last = at + half
            else:
                self.out.line(0, at, WIDTH, at, GRID)
                self.out.say(-MARGIN, at + 4, text, anchor="end")
        if axis == "x":
            self.out.line(0, self.height, WIDTH, self.height, LINE)
            self.bottom += 20
            self.right = max(self.right, widest / 2)
        else:
            self.out.line(0, 0, 0, self.height, LINE)
            self.left += widest + 2 * MARGIN

    # --- marks ----------------------------------------------------------------------------------------------------

    def _at(self, part: Part, row: Row, channel: str) -> float | None:
        """Return the pixel of a row on a channel, None where it has no value or no place."""
        column = part.field(channel)
        scale = self.x if channel[0] == "x" else self.y
        value = row.get(column)
        if value is None or (isinstance(scale, Band) and str(value) not in scale.names):
            return None
        return scale(value)

    def _places(self, part: Part, *channels: str) -> Iterator[tuple[Row, list[float]]]:
        """Yield the rows that have a place on all of these channels."""
        for row in part.rows:
            places = [self._at(part, row, c) for c in channels]
            if None not in places:
                yield row, places  # type: ignore[misc]

    def _draw_point(self, part: Part) -> None:
        scale = part.encoding.get("size", {}).get("scale")
        most = max((r[part.field("size")] for r in part.rows), default=1) if scale else 1
        for row, (x, y) in self._places(part, "x", "y"):
            area = part.mark.get("size", 30)
            if scale:
                low, high = scale["range"]
                area = low + (high - low) * row[part.field("size")] / most
            self.out.symbol(x, y, area, shape_of(part, row), colour_of(part, row), part.mark)

    def _draw_tick(self, part: Part) -> None:
        half = part.mark.get("size", 11) / 2
        for row, (x, y) in self._places(part, "x", "y"):
            self.out.line(x, y - half, x, y + half, colour_of(part, row), part.mark.get("thickness", 1))

    def _draw_rule(self, part: Part) -> None:
        wide, dash = part.mark.get("strokeWidth", 1), part.mark.get("strokeDash")
        if part.field("y"):
            for row, (x, x2, y) in self._places(part, "x", "x2", "y"):
                self.out.line(x, y, x2, y, colour_of(part, row), wide, dash)
            return
        for row, (x,) in self._places(part, "x"):
            self.out.line(x, 0, x, self.height, colour_of(part, row), wide, dash)

    def _draw_line(self, part: Part) -> None:
        for colour, rows in by_colour(part):
            places = sorted(
                (x, y) for r in rows for x, y in [(self._at(part, r, "x"), self._at(part, r, "y"))] if x is not None
            )
            points = " ".join(f"{number(x)},{number(y)}" for x, y in places if y is not None)
            dash = dashes(part.mark.get("strokeDash"))
            wide = part.mark.get("strokeWidth", 1)
            self.out.add(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{wide}"{dash}/>')

    def _draw_area(self, part: Part) -> None:
        for colour, rows in by_colour(part):
            paths = []
            for row in rows:
                places = [self._at(part, row, c) for c in ("x", "y", "y2")]
                if None not in places:
                    paths.append(places)
            paths.sort()
            edge = [(x, low) for x, low, _ in paths] + [(x, high) for x, _, high in reversed(paths)]
            points = " ".join(f"{number(x)},{number(y)}" for x, y in edge)  # type: ignore[arg-type]
            opacity = part.mark.get("opacity", 1)
            self.out.add(f'<polygon points="{points}" fill="{colour}" fill-opacity="{opacity}"/>')

    def _draw_bar(self, part: Part) -> None:
        assert isinstance(self.x, Continuous)
        assert isinstance(self.y, Band)
        thick = part.mark.get("height", 0.9 * self.y.step)
        stroke = part.mark.get("stroke", "none"), part.mark.get("strokeWidth", 1)
        for i, row in enumerate(part.rows):
            y = self._at(part, row, "y")
            if y is None:
                continue
            begin, end = part.stacked[i] if part.stacked is not None else (row[part.field("x")], row[part.field("x2")])
            a, b = sorted((self.x(begin), self.x(end)))
            self.out.box(a, y - thick / 2, b - a, thick, colour_of(part, row), *stroke)

    def _draw_rect(self, part: Part) -> None:
        assert isinstance(self.x, Band)
        assert isinstance(self.y, Band)
        wide, high = self.x.step, self.y.step
        for row, (x, y) in self._places(part, "x", "y"):
            self.out.box(x - wide / 2, y - high / 2, wide, high, colour_of(part, row), "white", 1)

    def _draw_text(self, part: Part) -> None:
        assert isinstance(self.x, Band)
        if self.x.step < NARROWEST_NUMBER:
            return
        column = part.field("text")
        for row, (x, y) in self._places(part, "x", "y"):
            if row[column]:
                self.out.say(x, y + 4, row[column], size=10.5, anchor="middle", fill=colour_of(part, row))

    # --- legends --------------------------------------------------------------------------------------------------

    def _legends(self) -> None:
        for part in self.parts:
            colour = part.encoding.get("color", {})
            if "field" not in colour or colour.get("legend") is None:
                continue
            if colour["type"] == "quantitative":
                self._gradient(colour)
            else:
                self._key(colour)
            return

    def _key(self, colour: Spec) -> None:
        """Draw the symbols of the names, in columns under the plot."""
        shapes = self._option("shape", "scale")
        names, colours = colour["scale"]["domain"], colour["scale"]["range"]
        names = names[: colour["legend"].get("symbolLimit", 60)]
        bars = any(p.mark["type"] == "bar" for p in self.parts)
        columns = colour["legend"].get("columns", 2)
        rows = math.ceil(len(names) / columns)
        wide = max(text_width(_cut(n, 180), LABEL) for n in names) + 34
        for i, name in enumerate(names):
            x, y = 6 + (i // rows) * wide, self.height + self.bottom + 18 + 16 * (i % rows)
            shape = shapes["range"][i % len(shapes["range"])] if shapes else "square" if bars else "circle"
            self.out.symbol(x, y - 4, 90, shape, colours[i % len(colours)], {"filled": True})
            self.out.say(x + 12, y, _cut(name, 180))
        self.bottom += 18 + 16 * rows

    def _gradient(self, colour: Spec) -> None:
        """Draw the ramp of a heat map with its title and values under the plot."""
        stops = stops_of(colour["scale"])
        low, high = stops[0][0], stops[-1][0]
        top, length = self.height + self.bottom + 14, colour["legend"].get("gradientLength", 130)
        self.out.say(0, top + 2, colour["legend"].get("title", ""), size=TITLE)
        for i in range(length):
            self.out.box(i, top + 8, 1.5, 14, ramp(low + (high - low) * i / (length - 1), stops))
        scale = Continuous(low, high, 0, length)
        values = ticks(low, high, 4)
        step = values[1] - values[0] if len(values) > 1 else 1.0
        for value in values:
            self.out.say(scale(value), top + 34, format_tick(value, "", step), anchor="middle", size=10)
        self.bottom += 52


def _cut(text: str, limit: float) -> str:
    """Return a label that is at most `limit` pixels wide."""
    if text_width(text, LABEL) <= limit:
        return text
    while text and text_width(text + "\u2026", LABEL) > limit:
        text = text[:-1]
    return text + "\u2026"
