"""Layers of a static figure: the rows that a layer draws, where bars begin and end, and the colour of each row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from va_experiments.report.charts.scales import VIRIDIS, ramp

__all__ = ["Part", "Row", "Spec", "by_colour", "colour_of", "shape_of", "stops_of"]

Spec = dict[str, Any]
Row = dict[str, Any]


class Part:
    """One layer: its mark, its encodings, and the rows that the choices leave."""

    def __init__(self, spec: Spec, datasets: dict[str, list[Row]], choices: dict[str, Any]) -> None:
        self.mark: Spec = spec["mark"]
        self.encoding: Spec = spec.get("encoding", {})
        self.rows = datasets[spec["data"]["name"]]
        for step in spec.get("transform", ()):
            column, name = re.fullmatch(r"datum\.(\w+) === (\w+)", step["filter"]).groups()  # type: ignore[union-attr]
            self.rows = [r for r in self.rows if r[column] == choices[name]]
        self.stacked: list[tuple[float, float]] | None = None
        if self.mark["type"] == "bar" and "x2" not in self.encoding:
            self._stack()

    def _stack(self) -> None:
        """Put bars of one row after one another, to the right of zero and to the left."""
        x, y = self.field("x"), self.field("y")
        colour = self.encoding.get("color", {})
        order = list(colour.get("scale", {}).get("domain", ()))
        self.rows = sorted(self.rows, key=lambda r: order.index(r[colour["field"]]) if order else 0)
        ends: dict[tuple[Any, bool], float] = {}
        self.stacked = []
        for row in self.rows:
            key, length = (row[y], row[x] < 0), row[x]
            begin = ends.get(key, 0.0)
            ends[key] = begin + length
            self.stacked.append((begin, begin + length))

    def field(self, channel: str) -> str:
        """Return the column behind a channel, empty where there is none."""
        return str(self.encoding.get(channel, {}).get("field", "")).replace("\\", "")

    def numbers(self, axis: str) -> Iterator[float]:
        """Yield all numbers that an axis must hold."""
        if axis == "x" and self.stacked is not None:
            yield from (end for both in self.stacked for end in both)
            return
        for channel in (axis, f"{axis}2"):
            if column := self.field(channel):
                yield from (r[column] for r in self.rows if r[column] is not None)


def shape_of(part: Part, row: Row) -> str:
    """Return the shape of a row's symbol."""
    shape = part.encoding.get("shape", {})
    return str(_of_name(shape, row)) if "field" in shape else str(part.mark.get("shape", "circle"))


def colour_of(part: Part, row: Row) -> str:
    """Return the colour of a row: of its name, of its value on a ramp, by a condition on it, or the mark's."""
    colour = part.encoding.get("color")
    if colour is None:
        return str(part.mark.get("color", "#4c78a8"))
    if "condition" in colour:
        column, limit = re.fullmatch(r"datum\.(\w+) > (\S+)", colour["condition"]["test"]).groups()  # type: ignore[union-attr]
        return str(colour["condition"]["value"] if row[column] > float(limit) else colour["value"])
    if colour["type"] == "quantitative":
        return ramp(row[part.field("color")], stops_of(colour["scale"]))
    return str(_of_name(colour, row))


def _of_name(channel: Spec, row: Row) -> Any:
    """Return what a scale of names gives to a row."""
    scale = channel["scale"]
    return scale["range"][scale["domain"].index(row[channel["field"].replace("\\", "")]) % len(scale["range"])]


def stops_of(scale: Spec) -> list[tuple[float, str]]:
    """Return the values and colours of a ramp."""
    colours, domain = scale.get("range", VIRIDIS), scale["domain"]
    low, high = domain[0], domain[-1]
    return [(low + (high - low) * i / (len(colours) - 1), c) for i, c in enumerate(colours)]


def by_colour(part: Part) -> list[tuple[str, list[Row]]]:
    """Return the rows of each line or area, by colour."""
    groups: dict[str, list[Row]] = {}
    for row in part.rows:
        groups.setdefault(colour_of(part, row), []).append(row)
    return list(groups.items())
