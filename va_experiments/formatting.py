"""Format figures for people: metrics, p values, intervals, durations and sizes."""

from __future__ import annotations

import math

__all__ = ["format_bytes", "format_duration", "format_interval", "format_number", "format_p_value"]


def format_number(value: float, digits: int = 3) -> str:
    """Format a figure as the field prints it: ``.710``, ``-.031``, ``1.000``; empty when there is none."""
    if value is None or math.isnan(value):
        return ""
    text = f"{value:.{digits}f}"
    text = text.lstrip("-") if float(text) == 0 else text
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def format_p_value(value: float) -> str:
    """Format a p value as the field prints it: ``.031``, ``< .001``; empty when there is none."""
    return "< .001" if value < 0.0005 else format_number(value)


def format_interval(low: float, high: float) -> str:
    """Format an interval as ``.701 to .785``, or as nothing where a bound is missing."""
    return "" if math.isnan(low) or math.isnan(high) else f"{format_number(low)} to {format_number(high)}"


def format_duration(seconds: float, *, compact: bool = False) -> str:
    """Format seconds: ``1.2 ms``, ``0.35 s``, ``12 s``, ``3 min 20 s``, ``2 h 05 min``; ``?`` for NaN.

    Parameters
    ----------
    seconds : float
    compact : bool
        Whole seconds in few characters, for a progress bar: ``8s``, ``3m20s``, ``2h05m``.
    """
    if math.isnan(seconds):
        return "?"
    if compact:
        whole = max(0, round(seconds))
        if whole < 60:
            return f"{whole}s"
        return f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    if 0 < seconds < 0.01:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_bytes(count: float) -> str:
    """Format a number of bytes: ``512 B``, ``1.5 kB``, ``2.0 GB``."""
    for unit in ("B", "kB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"
