"""Describe a reproduction and write its page.

A row compares a published figure with ours: the difference, its interval and, below the table, the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.metrics.comparison import t_interval
from va_experiments.metrics.resampling import interval
from va_experiments.seeds import generator

__all__ = ["Compared", "Reproduction", "ReproductionOptions", "markdown", "median_and_interval", "over_sites"]


@dataclass(frozen=True)
class ReproductionOptions:
    """Options of a reproduction that the user chooses."""

    resamples: int = 20
    """Number of divisions, each with one test set and one fit of every model."""
    seed: int = 1
    report: Callable[[str], None] = field(default=lambda text: None)
    """Called with each line about the progress."""
    workers: int = 1
    """Number of processes that compute divisions."""
    cache_folder: Path | None = None
    """Folder in which finished divisions are stored, and from which they are read."""


@dataclass(frozen=True)
class Compared:
    """One row: a published figure and ours."""

    method: str
    """As the publication calls it."""
    model: str
    """The model used here, with its parameters."""
    setting: str
    """Training and test deaths, symptoms."""
    metric: str
    published: float
    """NaN if the publication gives no figure."""
    obtained: float
    low: float
    """95% interval of `obtained`; the reproduction says what it is over."""
    high: float
    published_interval: str = ""
    n: int = 1
    """Splits or test sets behind `obtained`."""

    @property
    def difference(self) -> float:
        """Our figure minus the published one."""
        return self.obtained - self.published

    @property
    def difference_interval(self) -> tuple[float, float]:
        """Interval of the difference; the published figure is taken as printed, without its own error."""
        return self.low - self.published, self.high - self.published


@dataclass(frozen=True)
class Reproduction:
    """A published table, how it is reproduced, and what differs."""

    name: str
    title: str
    source: str
    protocol: str
    """What is done here."""
    intervals: str
    """What the intervals are over."""
    differences: tuple[str, ...]
    """How protocol, data and models differ from the publication."""
    run: Callable[[Deaths, ReproductionOptions], list[Compared]]
    reading: dict[str, Any]
    """Options of the PHMRC reader beside the path."""
    explanation: tuple[str, ...] = ()
    """Why the figures differ, where they do."""
    divisions: int = 0
    """Number of divisions in the publication; `ReproductionOptions.resamples` chooses the number here."""


def median_and_interval(values: npt.ArrayLike, *, seed: int = 0, n_resamples: int = 2000) -> tuple[float, float, float]:
    """Return the median of values over test sets and its 95% bootstrap interval (ends NaN for fewer than 3)."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 3:
        return float(np.median(x)), math.nan, math.nan
    drawn = generator(seed, "median").integers(0, len(x), size=(n_resamples, len(x)))
    low, high = interval(np.median(x), np.median(x[drawn], axis=1))
    return float(np.median(x)), float(low), float(high)


def over_sites(values: npt.ArrayLike) -> tuple[float, float, float]:
    """Return the mean over sites and its 95% t interval."""
    return t_interval(values)


def markdown(
    reproduction: Reproduction, rows: Sequence[Compared], *, data: str, options: ReproductionOptions, date: str
) -> str:
    """Write the page of a reproduction."""
    chosen = f" --resamples {options.resamples}" if reproduction.divisions else ""
    differences = list(reproduction.differences)
    if reproduction.divisions > options.resamples:
        differences.insert(0, f"The publication has {reproduction.divisions} divisions, this page {options.resamples}.")
    lines = [
        f"# {reproduction.title}",
        "",
        f"Source of the published figures: {reproduction.source}.",
        "",
        f"Printed by `python -m va_experiments.reproductions {reproduction.name}{chosen}` on {date}, from {data}; "
        f"seed {options.seed}.",
        "",
        f"**Protocol here.** {reproduction.protocol}",
        "",
        f"**Intervals.** {reproduction.intervals} The published figure is taken as printed; its interval, if the "
        "publication "
        "gives one, is in brackets.",
        "",
        "| published method | here | setting | metric | published | obtained | difference | 95% interval of the "
        "difference | n |",
        "|---|---|---|---|---:|---:|---:|---|---:|",
    ]
    for row in rows:
        low, high = row.difference_interval
        between = "" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}"
        published = (
            "not given" if math.isnan(row.published) else f"{row.published:.3f} {row.published_interval}".strip()
        )
        difference = "" if math.isnan(row.published) else f"{row.difference:+.3f}"
        our_interval = (
            "" if math.isnan(row.low) or not math.isnan(row.published) else f" ({row.low:.3f} to {row.high:.3f})"
        )
        lines.append(
            f"| {row.method} | {row.model} | {row.setting} | {row.metric} | {published} | "
            f"{row.obtained:.3f}{our_interval} | "
            f"{difference} | {between if difference else ''} | {row.n} |"
        )
    lines += ["", "**What differs.**", "", *[f"- {text}" for text in differences]]
    if reproduction.explanation:
        lines += ["", "**Why figures differ.**", "", *[f"- {text}" for text in reproduction.explanation]]
    return "\n".join(lines) + "\n"
