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

LEAST_GAIN = 0.02
"""Share of a fit that must be done since its first note before its own speed counts."""

DOUBT_OF_FIT, DOUBT_OF_MODEL, DOUBT_OF_CLASS, DOUBT_OF_MACHINE = 0.1, 0.2, 0.05, 0.5
"""How much the expectation counts against what is observed: of a running fit (in shares of it), of the fits of a model
that has a record (in fits), of one for which only the typical cost of its class is known, and of how fast the machine
is (in models)."""

LOAD_COUNTS = 0.5
"""How much the load of the machine slows fits of which nothing is known, in logarithms."""

FIRST_WEIGHT = 0.25
"""How much the slowest finished fits count, one for each worker: the first of a process imports and compiles."""

LAST = 30
"""Finished fits of a model that say how fast it is now."""

LEAST_FITS_BETWEEN = 10
"""Fits for each worker that must have ended before the seconds between two fits are observed."""

OVERDUE = 0.1
"""Share of its expected time that a fit is taken to need still, at least."""

MOST_PLACED = 2000
"""Fits to come that are placed on workers one by one; of more, the work is divided by the workers."""

SLACK_SHARE, SLACK_SECONDS = 0.15, 5.0
"""By how much an estimate may rise without being shown: the larger of the two."""


@dataclass
class _Track:
    """The notes of a running fit: what it had done when it was first heard of, and last.

    The seconds before the first note are left out of its speed, and the longest step between two notes of a fit that
    may be the first of a process: it imports and compiles.
    """

    first: tuple[float, float]
    last: tuple[float, float]
    """Seconds since 1970 and share done."""
    imports: bool = False
    """Whether it may be the first fit of a process."""
    longest: tuple[float, float] = (0.0, 0.0)
    """Seconds of the longest step between two notes, and the share that it brought."""

    def add(self, now: float, share: float) -> None:
        """Take note of a greater share."""
        self.longest = max(self.longest, (now - self.last[0], share - self.last[1]))
        self.last = now, share

    @property
    def gain(self) -> float:
        """Share that was done between the two notes."""
        return self.last[1] - self.first[1]

    @property
    def whole(self) -> float | None:
        """Seconds of a whole fit at this speed; None while too little is done."""
        seconds, gain = self.last[0] - self.first[0], self.gain
        if self.imports and gain - self.longest[1] >= LEAST_GAIN:
            seconds, gain = seconds - self.longest[0], gain - self.longest[1]
        return seconds / gain if gain >= LEAST_GAIN else None


@dataclass
class _Model:
    """The fits of one model: how many, what they were expected to take in seconds, and what finished ones took."""

    name: str
    recorded: bool
    start: float = 0.0
    """Seconds that the first fit of a process takes longer: it imports and compiles."""
    begun: set[tuple[str, float]] = field(default_factory=set)
    """Key and start of the fits that have been seen at work."""
    firsts: set[tuple[str, float]] = field(default_factory=set)
    """Of these, the first of each worker."""
    fits: int = 0
    fits_done: int = 0
    expected: float = 0.0
    expected_done: float = 0.0
    last: deque[float] = field(default_factory=lambda: deque(maxlen=LAST))
    """Observed to expected seconds of the last fits."""

    running: list[Running] = field(default_factory=list)
    tracks: dict[tuple[str, float], _Track] = field(default_factory=dict)
    """Notes of running fits, by key and start."""
    speeds: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=LAST))
    """Observed to expected seconds by the notes of fits that have ended, each with the share that these notes saw."""
    ratio: float | None = None
    """Observed to expected seconds, of finished fits and of the finished parts of running ones; None before them."""
    trust: float = 0.0
    """How much the ratio counts, 0 to 1."""

    @property
    def mean(self) -> float:
        """Expected seconds of a fit that has not ended."""
        return max(self.expected - self.expected_done, 0.0) / max(self.fits - self.fits_done, 1)

    def look(self, running: list[Running], now: float, workers: int) -> None:
        """Take note of the running fits, and compare what is done with what was expected."""
        self.running, mean = running, max(self.mean, 1e-9)
        current = {(fit.fit_key, fit.started): fit for fit in running}
        for key in set(self.tracks) - set(current):
            track = self.tracks.pop(key)
            if track.whole is not None:
                self.speeds.append((track.whole / mean, track.gain))
        for key, fit in current.items():
            imports = len(self.begun) < workers or key in self.firsts
            if key not in self.begun and len(self.begun) < workers:
                self.firsts.add(key)
            self.begun.add(key)
            if (share := _share(fit)) > 0:
                track = self.tracks.setdefault(key, _Track((now, share), (now, share), imports))
                if share > track.last[1]:
                    track.add(now, share)
        tracks = [(t.whole / mean, t.gain) for t in self.tracks.values() if t.whole is not None]
        ordered = sorted(self.last)
        ends = [(ratio, FIRST_WEIGHT if n >= len(ordered) - workers else 1.0) for n, ratio in enumerate(ordered)]
        self.ratio, weight = _weighted_median([*self.speeds, *tracks, *ends])
        self.trust = weight / (weight + (DOUBT_OF_MODEL if self.recorded else DOUBT_OF_CLASS))

    def to_start(self, workers: int) -> int:
        """Return how many fits are still to come that import and compile."""
        return max(min(workers, self.fits) - max(len(self.begun), self.fits_done), 0) if self.start else 0


class TimeToGo:
    """Estimates when the fits that are left will have run."""

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}
        self._since: tuple[float, float, int] | None = None
        """When the first fit had ended, and the seconds and number of fits that had ended by then."""
        self._spent, self._ended = 0.0, 0
        self._load = 1.0

    def plan(self, model: str, name: str, fits: int, seconds: float, *, recorded: bool, start: float = 0.0) -> None:
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
        start : float
            Seconds that the first fit of a process takes longer.
        """
        state = self._models.setdefault(model, _Model(name, recorded, start))
        state.fits += fits
        state.expected += seconds

    def done(self, model: str, expected: float, observed: float) -> None:
        """Take note of a fit that has ended, with its expected and observed seconds."""
        if (state := self._models.get(model)) is not None:
            state.fits_done += 1
            self._spent, self._ended = self._spent + observed, self._ended + 1
            state.expected_done += min(expected, state.expected - state.expected_done)
            if expected > 0 and observed > 0:
                state.last.append(observed / expected)

    def drop(self, model: str) -> float:
        """Take note that a fit is not needed any more, and return the seconds that it was expected to take."""
        if (state := self._models.get(model)) is None or state.fits <= state.fits_done:
            return 0.0
        expected = state.expected / state.fits
        state.fits -= 1
        state.expected -= expected
        return expected

    @property
    def planned(self) -> bool:
        """Whether any fit is known by its model."""
        return bool(self._models)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Names of models that have fits to run and whose cost is known from no earlier run and not from this one."""
        return tuple(
            m.name
            for m in self._models.values()
            if m.fits_done < m.fits and not m.recorded and m.ratio is None and not m.last
        )

    def left(self, running: Iterable[Running], now: float, workers: int = 1, load: float = 1.0) -> float:
        """Return the seconds that are left, with these fits at work and the others placed on free workers in turn.

        Parameters
        ----------
        running : iterable of Running
        now : float
            Seconds since 1970.
        workers : int
            Fits that run at once.
        load : float
            Programs at work for each core of this machine. Above 1 the machine is shared, by session or container: then
            one fit alone is given what several were given together, and idle workers cost little.
        """
        self._load = max(load, 1.0)
        by_model: dict[str, list[Running]] = {key: [] for key in self._models}
        for fit in running:
            if (key := self._key_of(fit)) is not None:
                by_model[key].append(fit)
        for key, model in self._models.items():
            model.look(by_model[key], now, workers)
        busy: list[float] = []
        waiting: list[tuple[float, int]] = []
        for model in self._models.values():
            mean, start = self._rate(model) * model.mean, self._rate(model) * model.start
            silent = (now - f.started for f in model.running if _share(f) == 0)
            slowest = max(silent, default=0.0) if model.ratio is None else 0.0
            slowest = slowest if slowest > mean + start else 0.0  # longer than expected: so may be the others
            for fit in model.running:
                place = fit.fit_key, fit.started
                compiles = place in model.firsts and place not in model.tracks
                expected = mean + start if compiles else mean
                busy.append(_remaining(fit, model.tracks.get(place), expected, now, recorded=model.recorded))
            number = max(model.fits - model.fits_done - len(model.running), 0)
            first = min(model.to_start(workers), number)
            waiting += [(max(mean, slowest), number - first), (max(mean, slowest) + start, first)]
        between = self._between_fits(now, workers)
        placed = [(seconds + between, number) for seconds, number in waiting]
        divided = (sum(busy) + sum(seconds * number for seconds, number in placed)) / workers
        alone = 1 / self._load
        return alone * _makespan(busy, placed, workers) + (1 - alone) * divided

    def _between_fits(self, now: float, workers: int) -> float:
        """Return the seconds of a worker for each fit beyond the fit itself: messages, waiting, work of the driver."""
        if self._since is None:
            if self._ended:
                self._since = now, self._spent, self._ended
            return 0.0
        since, spent, ended = self._since
        if (number := self._ended - ended) < LEAST_FITS_BETWEEN * workers:
            return 0.0
        return max((now - since) * workers - (self._spent - spent), 0.0) / number

    def slowest_change(self) -> str:
        """Return which model takes longer than expected and by how much, in words; empty where none does."""
        ratios = [(m.ratio, m) for m in self._models.values() if m.ratio is not None and m.fits_done < m.fits]
        ratio, model = max(ratios, key=lambda pair: pair[0], default=(1.0, None))
        return f"{model.name} takes {ratio:.1f} times its estimate" if model is not None and ratio > 1.1 else ""

    def _rate(self, model: _Model) -> float:
        """Return by how much the expected seconds of a model are to be multiplied."""
        machine = 0.0  # logarithm of how fast it is, by the models of which nothing was known either
        if not model.recorded:
            known = [(math.log(m.ratio), m.trust) for m in self._models.values() if m.ratio and not m.recorded]
            before = LOAD_COUNTS * math.log(self._load) * DOUBT_OF_MACHINE
            machine = (sum(r * t for r, t in known) + before) / (sum(t for _, t in known) + DOUBT_OF_MACHINE)
        log_rate = machine if not model.ratio else model.trust * math.log(model.ratio) + (1 - model.trust) * machine
        return math.exp(log_rate)

    def _key_of(self, fit: Running) -> str | None:
        """Return the model of a fit: that of its digest, else the one whose name begins its label, the longest such."""
        if fit.model in self._models:
            return fit.model
        keys = [key for key, m in self._models.items() if fit.label.startswith(m.name)]
        return max(keys, key=lambda key: len(self._models[key].name), default=None)


def _share(fit: Running) -> float:
    """Return the share of a running fit that is done, as far as it says."""
    return fit.done / fit.total if fit.total else 0.0


def _weighted_median(pairs: Iterable[tuple[float, float]]) -> tuple[float | None, float]:
    """Return the median of values that have weights, None without any, and the sum of the weights."""
    ordered = sorted(pairs)
    weight, passed = sum(w for _, w in ordered), 0.0
    for value, value_weight in ordered:
        passed += value_weight
        if passed >= weight / 2:
            return value, weight
    return None, 0.0


def _remaining(fit: Running, track: _Track | None, expected: float, now: float, *, recorded: bool) -> float:
    """Return the seconds that a running fit still takes."""
    doubt = DOUBT_OF_FIT if recorded else DOUBT_OF_CLASS
    elapsed = max(now - fit.started, 0.0)
    if track is None:
        return max(expected - elapsed, OVERDUE * max(expected, elapsed))
    (since, share), whole = track.last, track.whole
    speed = 0.0 if whole is None else track.gain / (track.gain + doubt)
    total = speed * (whole or 0.0) + (1 - speed) * expected
    return max((1 - share) * total - (now - since), OVERDUE * (1 - share) * total)


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
