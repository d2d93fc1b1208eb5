"""Scales of a static figure: data to pixels, round ticks, numbers as axes print them, colours of a ramp."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

__all__ = ["Band", "Continuous", "continuous", "format_tick", "ramp", "text_width", "ticks"]

VIRIDIS = ("#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725")


@dataclasses.dataclass(frozen=True)
class Band:
    """One band of equal width for each name, from `start` to `end` in pixels."""

    names: tuple[str, ...]
    start: float
    end: float

    @property
    def step(self) -> float:
        """Width of a band in pixels."""
        return (self.end - self.start) / max(1, len(self.names))

    def __call__(self, name: object) -> float:
        """Return the middle of a name's band."""
        return self.start + (self.names.index(str(name)) + 0.5) * self.step


@dataclasses.dataclass(frozen=True)
class Continuous:
    """Numbers from `low` to `high`, drawn from `start` to `end` in pixels: linear, log or sqrt."""

    low: float
    high: float
    start: float
    end: float
    kind: str = "linear"

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, at = (self._bent(v) for v in (self.low, self.high, value))
        return self.start + (at - low) / ((high - low) or 1.0) * (self.end - self.start)

    def _bent(self, value: float) -> float:
        if self.kind == "log":
            return math.log(max(value, 1e-300))
        return math.copysign(math.sqrt(abs(value)), value) if self.kind == "sqrt" else value

    def ticks(self, count: int) -> list[float]:
        """Return round values within the scale; of a log scale, the decades or 1, 2, 5 times them."""
        if self.kind != "log":
            return ticks(self.low, self.high, count)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for parts in ((1,), (1, 2, 5)):
            values = [p * 10.0**d for d in decades for p in parts if self.low <= p * 10.0**d <= self.high]
            if len(values) >= min(count, 3):
                break
        return values


def continuous(
    values: Sequence[float],
    start: float,
    end: float,
    *,
    kind: str = "linear",
    domain: Sequence[float] | None = None,
    zero: bool = True,
    nice: bool = True,
    padding: float = 0,
) -> Continuous:
    """Return a scale that holds all `values`.

    Parameters
    ----------
    domain : sequence of float, optional
        Both ends, whatever the values are.
    zero : bool
        Whether a linear scale must hold zero.
    nice : bool
        Whether its ends are round.
    padding : float
        Pixels beyond the values on both sides.
    """
    if domain is not None:
        return Continuous(float(domain[0]), float(domain[-1]), start, end, kind)
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if kind == "linear" and zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if not high > low:
        low, high = (low / 2, low * 2) if kind == "log" else (low - 0.5, low + 0.5)
    if padding:
        inner = Continuous(low, high, 0, 1, kind)
        a, b = inner._bent(low), inner._bent(high)
        more = (b - a) * padding / max(1.0, abs(end - start) - 2 * padding)
        low, high = (math.exp(a - more), math.exp(b + more)) if kind == "log" else (a - more, b + more)
    elif nice and kind == "linear":
        step = _step(low, high, 10)
        low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Continuous(low, high, start, end, kind)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round values (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    step = _step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _step(low: float, high: float, count: int) -> float:
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    error = rough / power
    return power * (10 if error >= 50**0.5 else 5 if error >= 10**0.5 else 2 if error >= 2**0.5 else 1)


def format_tick(value: float, form: str = "", step: float = 0.0) -> str:
    """Format a number as an axis does.

    Parameters
    ----------
    form : str
        One of d3's formats that the report uses: ``.3~f``, ``.0%``, ``~g``, ``~s``, ``d``; by default as many digits
        as ticks that are `step` apart need.
    """
    if form.endswith("%"):
        text = f"{100 * value:.0f}%"
    elif form == "~s" and abs(value) >= 1000:
        power = min(3, int(math.log10(abs(value)) // 3))
        text = f"{value / 1000**power:.6g}{' kMG'[power]}"
    elif form in ("~g", "~s"):
        text = f"{value:.6g}"
    elif form == "d":
        text = f"{value:.0f}"
    elif form:
        text = f"{value:.3f}".rstrip("0").rstrip(".")
    else:
        digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
        text = f"{value:,.{digits}f}"
    return "0" if text.strip("-0.") == "" and not form.endswith("%") else text.replace("-", "\u2212")


def ramp(value: float, stops: Sequence[tuple[float, str]]) -> str:
    """Return the colour of a value between stops of value and colour, in ascending order; the ends hold beyond."""
    value = min(max(value, stops[0][0]), stops[-1][0])
    for (low, first), (high, second) in itertools.pairwise(stops):
        if value <= high:
            share = (value - low) / ((high - low) or 1.0)
            both = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (first, second)]
            return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in zip(*both, strict=True))
    return stops[-1][1]


def text_width(text: str, size: float) -> float:
    """Return about how many pixels a text of Arial takes, from the widths of its kinds of letters."""
    narrow, wide = "fijlrtI.,:;'|()[]! -/", "mwMW@%"
    return size * sum(0.3 if c in narrow else 0.86 if c in wide else 0.68 if c.isupper() else 0.55 for c in text)
