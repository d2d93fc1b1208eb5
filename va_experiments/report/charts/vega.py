"""Build Vega-Lite specifications as plain data: marks, encodings and layers, which the page and the files draw.

A specification is a dictionary that follows from its parts without further rules, so that a page of figures is made in
hundredths of a second. The tests hold every figure of the report against Vega-Lite's published schema.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self

__all__ = ["Chart", "Layers", "condition", "field", "layer", "value"]

Options = dict[str, Any]
Rows = list[dict[str, Any]]

TYPES = {"Q": "quantitative", "N": "nominal", "O": "ordinal", "T": "temporal"}


def field(shorthand: str, **options: Any) -> Options:
    """Return the encoding of a field, such as ``field("mean:Q", title="Mean")``.

    Parameters
    ----------
    shorthand : str
        Name of the column and the letter of its type: Q (a number) or N (a name).
    **options
        As in Vega-Lite: ``title``, ``axis``, ``scale``, ``sort``, ``legend``, ``format``.
    """
    name, _, kind = shorthand.rpartition(":")
    # Vega-Lite reads dots and brackets in the name of a field as a path into it.
    return {"field": "".join(f"\\{c}" if c in ".[]" else c for c in name), "type": TYPES[kind], **options}


def value(constant: Any) -> Options:
    """Return an encoding that is the same for every row."""
    return {"value": constant}


def condition(test: str, then: Options, otherwise: Options) -> Options:
    """Return an encoding that depends on an expression over the row, such as ``datum.value > 0.5``."""
    return {"condition": {"test": test, **then}, **otherwise}


@dataclasses.dataclass(frozen=True)
class Chart:
    """One mark over one table of rows; every method returns a new chart.

    Parameters
    ----------
    rows : list of dict
        Rows of the table, as `va_experiments.report.charts.style.inline` returns them.
    options : dict
        What else the specification has.
    """

    rows: Rows
    options: Options = dataclasses.field(default_factory=dict)

    def _with(self, **options: Any) -> Self:
        return dataclasses.replace(self, options=self.options | options)

    def mark(self, kind: str, **options: Any) -> Self:
        """Return the chart with this mark, such as ``mark("point", filled=True)``."""
        return self._with(mark={"type": kind, **options})

    def encode(self, **channels: Options | str | list[Any]) -> Self:
        """Return the chart with these encodings added, by channel; a text is the shorthand of `field`."""
        encoding = dict(self.options.get("encoding", {}))
        for name, channel in channels.items():
            encoding[name] = [_channel(c) for c in channel] if isinstance(channel, list) else _channel(channel)
        if "x2" in encoding or "y2" in encoding:  # the second end has the type of the first
            encoding |= {n: {"field": encoding[n]["field"]} for n in ("x2", "y2") if n in encoding}
        return self._with(encoding=encoding)

    def only(self, test: str) -> Self:
        """Return the chart of the rows for which an expression is true."""
        return self._with(transform=[*self.options.get("transform", []), {"filter": test}])

    def height(self, pixels: int) -> Layers:
        """Return the figure of this chart alone."""
        return layer(self).height(pixels)


@dataclasses.dataclass(frozen=True)
class Layers:
    """Charts drawn over one another, with the choices that a reader has."""

    charts: tuple[Chart, ...]
    params: tuple[Options, ...] = ()
    pixels: int = 300

    def choose(self, parameter: Options) -> Self:
        """Return the layers with a choice, as `va_experiments.report.charts.style.picker` returns it."""
        return dataclasses.replace(self, params=(*self.params, parameter))

    def height(self, pixels: int) -> Self:
        """Return the layers at this height of the plot."""
        return dataclasses.replace(self, pixels=pixels)

    def specification(self) -> Options:
        """Return the Vega-Lite specification; each table of rows stands in it once."""
        names: dict[int, str] = {}
        datasets: dict[str, Rows] = {}
        parts = []
        for chart in self.charts:
            name = names.setdefault(id(chart.rows), f"rows-{len(names) + 1}")
            datasets[name] = chart.rows
            parts.append({"data": {"name": name}, **chart.options})
        spec: Options = {"layer": parts} if len(parts) > 1 else parts[0]
        spec = {**spec, "height": self.pixels, "datasets": datasets}
        return spec | ({"params": list(self.params)} if self.params else {})


def layer(*charts: Chart) -> Layers:
    """Return charts drawn over one another, the first below."""
    return Layers(tuple(charts))


def _channel(channel: Options | str) -> Options:
    if not isinstance(channel, str):
        return channel
    # A second end of an interval is given by its field alone.
    return field(channel if ":" in channel else f"{channel}:Q")
