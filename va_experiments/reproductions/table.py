"""What a replay is and what it prints: a published figure, ours, the difference with its interval, and why."""

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

__all__ = ["Compared", "Given", "Reproduction", "markdown", "median_and_interval", "over_sites"]


@dataclass(frozen=True)
class Given:
    """What a person chose for a replay."""

    resamples: int = 20
    """Test sets of models that are fitted anew for each (InSilicoVA, and all that need a fit for each split)."""
    seed: int = 1
    say: Callable[[str], None] = field(default=lambda text: None)
    """Told of progress, a line at a time."""
    workers: int = 1
    """Processes that divisions are shared out to."""
    keep: Path | None = None
    """Folder in which finished divisions are kept and from which they are taken."""


@dataclass(frozen=True)
class Compared:
    """One row: a published figure and ours."""

    method: str
    """As the publication calls it."""
    model: str
    """What stands for it here, with its parameters."""
    setting: str
    """Training and test deaths, symptoms."""
    metric: str
    published: float
    """NaN where the publication gives none: ours stands alone."""
    obtained: float
    low: float
    """95% interval of `obtained`; what it is over is said by the replay."""
    high: float
    published_interval: str = ""
    n: int = 1
    """Splits or test sets behind `obtained`."""

    @property
    def difference(self) -> float:
        """Ours less the published figure."""
        return self.obtained - self.published

    @property
    def difference_interval(self) -> tuple[float, float]:
        """Interval of the difference; the published figure is taken as it is printed, without its own error."""
        return self.low - self.published, self.high - self.published


@dataclass(frozen=True)
class Reproduction:
    """A published table, how it is computed again, and what is not the same."""

    name: str
    title: str
    source: str
    protocol: str
    """What is done here."""
    intervals: str
    """What the intervals are over."""
    differences: tuple[str, ...]
    """How protocol, data and models differ from the publication."""
    run: Callable[[Deaths, Given], list[Compared]]
    reading: dict[str, Any]
    """Options of the PHMRC reader beside the path."""
    explanation: tuple[str, ...] = ()
    """Why the figures differ, where they do."""
    divisions: int = 0
    """Of the publication, where there are such; those here are chosen by `Given.resamples`."""


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


def markdown(replay: Reproduction, rows: Sequence[Compared], *, data: str, given: Given, date: str) -> str:
    """Return the page of a replay."""
    chosen = f" --resamples {given.resamples}" if replay.divisions else ""
    differences = list(replay.differences)
    if replay.divisions > given.resamples:
        differences.insert(0, f"The publication has {replay.divisions} divisions, this page {given.resamples}.")
    lines = [
        f"# {replay.title}",
        "",
        f"Source of the published figures: {replay.source}.",
        "",
        f"Printed by `python -m va_experiments.reproductions {replay.name}{chosen}` on {date}, from {data}; "
        f"seed {given.seed}.",
        "",
        f"**Protocol here.** {replay.protocol}",
        "",
        f"**Intervals.** {replay.intervals} The published figure is taken as printed; where the publication gives an "
        "interval it stands beside it.",
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
        own = "" if math.isnan(row.low) or not math.isnan(row.published) else f" ({row.low:.3f} to {row.high:.3f})"
        lines.append(
            f"| {row.method} | {row.model} | {row.setting} | {row.metric} | {published} | {row.obtained:.3f}{own} | "
            f"{difference} | {between if difference else ''} | {row.n} |"
        )
    lines += ["", "**What is not the same.**", "", *[f"- {text}" for text in differences]]
    if replay.explanation:
        lines += ["", "**Where the figures differ, and why.**", "", *[f"- {text}" for text in replay.explanation]]
    return "\n".join(lines) + "\n"
