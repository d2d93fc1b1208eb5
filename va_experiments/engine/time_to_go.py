"""Estimate the time that is left in a run, from what fits cost before and now, and from the progress inside them.

In: expected seconds by model, seconds of finished fits, progress of running ones. Out: seconds that are left.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from va_experiments.execute import Running

__all__ = ["Shown", "TimeToGo"]

LEAST_SHARE = 0.05
"""Share of a running fit that must be done before its own speed counts."""

TRUSTED_SHARE = 0.25
"""Share of a running fit from which on its own speed alone counts; before, what was expected counts too."""

LAST = 30
"""Finished fits of a model that say how fast it is now."""

MOST_PLACED = 2000
"""Fits to come that are placed on workers one by one; of more, the work is divided by the workers."""

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
    last: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=LAST))
    """Observed and expected seconds of the last fits."""

    running: list[Running] = field(default_factory=list)
    ratio: float | None = None
    """Observed to expected seconds, of finished fits and of the finished parts of running ones; None before them."""
    trust: float = 0.0
    """How much the ratio counts, 0 to 1."""

    @property
    def mean(self) -> float:
        """Expected seconds of a fit that has not ended."""
        return max(self.expected - self.expected_done, 0.0) / max(self.fits - self.fits_done, 1)

    def look(self, running: list[Running], now: float) -> None:
        """Take note of the running fits, and compare what is done with what was expected."""
        self.running = running
        pairs = list(self.last)
        if len(pairs) > 2:  # the first fit of a process imports libraries and compiles
            pairs.remove(max(pairs, key=lambda pair: pair[0] / max(pair[1], 1e-9)))
        shares = [(max(now - f.started, 0.0), _share(f) * self.mean) for f in running if _share(f) >= LEAST_SHARE]
        observed, expected = (sum(values) for values in zip((0.0, 0.0), *pairs, *shares, strict=True))
        self.ratio = observed / expected if expected > 0 and observed > 0 else None
        self.trust = 1.0 if pairs else min(1.0, sum(map(_share, running)) / TRUSTED_SHARE)


class TimeToGo:
    """Estimates when the fits that are left will have run."""

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
            found.last.append((observed, expected))
            found.look(found.running, 0.0)

    def drop(self, model: str) -> float:
        """Take note that a fit is not needed any more, and return the seconds that it was expected to take."""
        if (found := self._models.get(model)) is None or found.fits <= found.fits_done:
            return 0.0
        expected = found.expected / found.fits
        found.fits -= 1
        found.expected -= expected
        return expected

    @property
    def planned(self) -> bool:
        """Whether any fit is known by its model."""
        return bool(self._models)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Names of models that have fits to run and whose cost is known from no earlier run and not from this one."""
        return tuple(
            m.name for m in self._models.values() if m.fits_done < m.fits and not m.recorded and m.ratio is None
        )

    def left(self, running: Iterable[Running], now: float, workers: int = 1) -> float:
        """Return the seconds that are left, with these fits at work and the others placed on free workers in turn.

        Parameters
        ----------
        running : iterable of Running
        now : float
            Seconds since 1970.
        workers : int
            Fits that run at once.
        """
        by_model: dict[str, list[Running]] = {key: [] for key in self._models}
        for fit in running:
            if (key := self._key_of(fit)) is not None:
                by_model[key].append(fit)
        for key, model in self._models.items():
            model.look(by_model[key], now)
        busy: list[float] = []
        waiting: list[tuple[float, int]] = []
        for model in self._models.values():
            mean = self._rate(model) * model.mean
            slowest = max((now - f.started for f in model.running if _share(f) < LEAST_SHARE), default=0.0)
            busy += [_remaining(fit, mean, now) for fit in model.running]
            waiting.append((max(mean, slowest), max(model.fits - model.fits_done - len(model.running), 0)))
        return _makespan(busy, waiting, workers)

    def slowest_change(self) -> str:
        """Return which model takes longer than expected and by how much, in words; empty where none does."""
        found = [(m.ratio, m) for m in self._models.values() if m.ratio is not None and m.fits_done < m.fits]
        ratio, model = max(found, key=lambda pair: pair[0], default=(1.0, None))
        return f"{model.name} takes {ratio:.1f} times its estimate" if model is not None and ratio > 1.1 else ""

    def _rate(self, model: _Model) -> float:
        """Return by how much the expected seconds of a model are to be multiplied."""
        machine = 1.0  # how fast it is, by the models of which nothing was known either
        ratios = [math.log(m.ratio) for m in self._models.values() if m.ratio and m.trust == 1 and not m.recorded]
        if ratios and not model.recorded:
            machine = min(4.0, max(0.25, math.exp(sum(ratios) / len(ratios))))
        return machine if model.ratio is None else model.trust * model.ratio + (1 - model.trust) * machine

    def _key_of(self, fit: Running) -> str | None:
        """Return the model of a fit: that of its digest, else the one whose name begins its label, the longest such."""
        if fit.model in self._models:
            return fit.model
        found = [key for key, m in self._models.items() if fit.label.startswith(m.name)]
        return max(found, key=lambda key: len(self._models[key].name), default=None)


def _share(fit: Running) -> float:
    """Return the share of a running fit that is done, as far as it says."""
    return fit.done / fit.total if fit.total else 0.0


def _remaining(fit: Running, expected: float, now: float) -> float:
    """Return the seconds that a running fit still takes."""
    elapsed, share = max(now - fit.started, 0.0), _share(fit)
    if share >= LEAST_SHARE:
        trust = min(1.0, share / TRUSTED_SHARE)
        return (trust * elapsed / share + (1 - trust) * expected) * (1 - share)
    return max(expected - elapsed, 0.1 * expected)


def _makespan(busy: Sequence[float], waiting: Iterable[tuple[float, int]], workers: int) -> float:
    """Return when the last fit ends, if waiting fits go to the workers as these become free, the longest first.

    Parameters
    ----------
    busy : sequence of float
        Seconds until each running fit ends.
    waiting : iterable of (float, int)
        Seconds and number of fits that wait.
    workers : int
    """
    ordered = sorted(waiting, reverse=True)
    if sum(number for _, number in ordered) > MOST_PLACED:
        return max(sum(busy) + sum(seconds * number for seconds, number in ordered), 0.0) / workers
    free = [*busy, *[0.0] * (workers - len(busy))]
    heapq.heapify(free)
    for seconds, number in ordered:
        for _ in range(number):
            heapq.heapreplace(free, free[0] + seconds)
    return max(free, default=0.0)


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
