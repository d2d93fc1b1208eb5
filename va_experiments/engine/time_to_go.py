"""Estimate the work that is left in a run, from what fits cost before and now, and from the progress inside them.

In: expected seconds by model, seconds of finished fits, progress of running ones. Out: seconds that are left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from va_experiments.execute import Running

__all__ = ["Shown", "TimeToGo"]

LEAST_SHARE = 0.05
"""Share of a running fit that must be done before its own speed counts."""

SLACK_SHARE, SLACK_SECONDS = 0.15, 5.0
"""By how much an estimate may rise without being shown: the larger of the two."""


@dataclass
class _Model:
    """The fits of one model: how many, what they were expected to take in seconds, and what finished ones took."""

    name: str
    recorded: bool
    fits: int = 0
    fits_done: int = 0
    expected: float = 0.0
    expected_done: float = 0.0
    observed: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Observed to expected seconds of finished fits; None before the first."""
        return self.observed / self.expected_done if self.expected_done > 0 and self.observed > 0 else None


class TimeToGo:
    """Work that is left, in seconds of one worker."""

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}

    def plan(self, model: str, name: str, fits: int, seconds: float, *, recorded: bool) -> None:
        """Take note of the fits of a model that are to run.

        Parameters
        ----------
        model : str
            Digest of the model.
        name : str
        fits : int
        seconds : float
            Expected duration of all of them.
        recorded : bool
            Whether an earlier run recorded what this model costs.
        """
        found = self._models.setdefault(model, _Model(name, recorded))
        found.fits += fits
        found.expected += seconds

    def done(self, model: str, expected: float, observed: float) -> None:
        """Take note of a fit that has ended, with its expected and observed seconds."""
        if (found := self._models.get(model)) is not None:
            found.fits_done += 1
            found.expected_done += min(expected, found.expected - found.expected_done)
            found.observed += observed

    @property
    def planned(self) -> bool:
        """Whether any fit is known by its model."""
        return bool(self._models)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Names of models with fits to run of which neither an earlier run nor this one knows what they cost."""
        return tuple(
            m.name for m in self._models.values() if m.fits_done < m.fits and not m.recorded and m.ratio is None
        )

    def left(self, running: Iterable[Running], now: float) -> tuple[float, float]:
        """Return the seconds of work that are left, and those of the longest fit among the running ones.

        Parameters
        ----------
        running : iterable of Running
        now : float
            Seconds since 1970.
        """
        remaining = {key: self._rate(m) * max(m.expected - m.expected_done, 0.0) for key, m in self._models.items()}
        longest = 0.0
        for fit in running:
            key = self._key_of(fit.label)
            if key is None:
                continue
            model = self._models[key]
            mean = remaining[key] / max(model.fits - model.fits_done, 1)
            own = _remaining(fit, mean, now)
            remaining[key] = max(remaining[key] - mean, 0.0) + own
            longest = max(longest, own)
        return sum(remaining.values()), longest

    def slowest_change(self) -> str:
        """Return which model takes longer than expected and by how much, in words; empty where none does."""
        found = [(m.ratio, m) for m in self._models.values() if m.ratio is not None and m.fits_done < m.fits]
        ratio, model = max(found, key=lambda pair: pair[0], default=(1.0, None))
        return f"{model.name} takes {ratio:.1f} times its estimate" if model is not None and ratio > 1.1 else ""

    def _rate(self, model: _Model) -> float:
        """Return by how much the expected seconds of a model are to be multiplied."""
        if model.ratio is not None:
            return model.ratio
        if model.recorded:
            return 1.0
        ratios = [math.log(m.ratio) for m in self._models.values() if m.ratio is not None and not m.recorded]
        return min(4.0, max(0.25, math.exp(sum(ratios) / len(ratios)))) if ratios else 1.0  # the speed of this machine

    def _key_of(self, label: str) -> str | None:
        """Return the model whose name begins a fit's label; the longest such name."""
        found = [key for key, m in self._models.items() if label.startswith(m.name)]
        return max(found, key=lambda key: len(self._models[key].name), default=None)


def _remaining(fit: Running, expected: float, now: float) -> float:
    """Return the seconds that a running fit still takes."""
    elapsed = max(now - fit.started, 0.0)
    share = fit.done / fit.total if fit.total else 0.0
    if share >= LEAST_SHARE:
        return elapsed * (1 - share) / share
    return max(expected - elapsed, 0.1 * expected)


class Shown:
    """The estimate as it is shown: it does not rise without a reason."""

    def __init__(self) -> None:
        self._end: float | None = None
        self.reason = ""

    def update(self, left: float | None, now: float, reasons: Sequence[str]) -> float | None:
        """Return the seconds to show.

        A small rise is not shown; after a larger one `reason` is the first of `reasons` until the estimate falls.

        Parameters
        ----------
        left : float or None
            New estimate in seconds.
        now : float
            Seconds since 1970.
        reasons : sequence of str
            Why the estimate may have risen; empty ones are passed over.
        """
        if left is None:
            return None
        before = None if self._end is None else max(self._end - now, 0.0)
        if before is None or left <= before:
            self._end = now + left
            self.reason = "" if before is None or left < 0.9 * before else self.reason
            return left
        if left - before <= max(SLACK_SHARE * before, SLACK_SECONDS):
            return before
        self._end = now + left
        self.reason = next(filter(None, reasons), "fits take longer than expected")
        return left
