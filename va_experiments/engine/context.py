"""Hold what the parts of a run share: its folder, its progress, and the channel to the workers."""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from va_experiments.cell import Result
from va_experiments.checkpoints import DiskFull, OutputsMoved
from va_experiments.config.schema import RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.engine.saved_models import SavedModel
from va_experiments.engine.time_to_go import TimeToGo
from va_experiments.execute import RunChannel, Running
from va_experiments.plan import Costs, Plan
from va_experiments.results.counts import CellCounts

__all__ = ["Counts", "RunContext", "load_of_machine"]


class Counts:
    """How many cells and fits are where. Written by the engine's thread only."""

    def __init__(self) -> None:
        self.cells = self.done = self.reused = self.failed = self.baselines = 0
        self.fits = self.fits_done = 0
        self.seconds_planned = self.seconds_done = 0.0
        self.stage = "starting"
        self.errors: deque[str] = deque(maxlen=5)
        self.began: float | None = None
        self._costs = Costs()
        self._backend: Any = None
        self.time = TimeToGo()
        self.rates: dict[str, list[float]] = {}
        """Seconds for each death of each fit of this run, by digest of the model; without those of any fit."""
        self.running: Callable[[], Iterable[Running]] = tuple
        """Returns the fits at work."""

    def begin(self, fits: int, seconds: Any, costs: Costs, backend: Any, models: Iterable[Any] = ()) -> None:
        """Take note of a batch of fits that is about to run.

        Parameters
        ----------
        fits : int
        seconds : sequence of float
            What each is expected to take.
        costs : Costs
        backend : Backend
        models : iterable of (ModelSpec, int, float)
            Number and expected seconds of the fits of each model.
        """
        self.fits += fits
        self.seconds_planned += float(sum(seconds))
        self._costs, self._backend = costs, backend
        for model, number, expected in models:
            recorded = costs.recorded(model)
            start = 0.0 if recorded else costs.of(model).start
            self.time.plan(model.digest.hex(), model.name, number, expected, recorded=recorded, start=start)
        self.began = self.began or time.time()
        self.stage = "running"

    def fit_done(self, results: Sequence[Result], planned: Plan) -> None:
        """Count a fit that has ended, and what it was expected to take."""
        self.fits_done += 1
        self.fits = max(self.fits, self.fits_done)
        facts = [r.facts for r in results if "n_train" in r.facts]
        if not facts:
            self.seconds_done += self.seconds_planned / self.fits
            return
        deaths = facts[0]["n_train"] + sum(f["n_test"] for f in facts)
        model = planned.cell(planned.row(results[0].key)).model
        expected = self._costs.estimate(model, deaths, len(facts))
        self.seconds_done += expected
        spent = sum(r.timings.get(f"{s}_seconds") or 0.0 for r in results for s in ("load", "fit", "predict", "score"))
        self.time.done(model.digest.hex(), expected, spent)
        rates = self.rates.setdefault(model.digest.hex()[:16], [])
        rates.append(model.typical_cost.rate(spent, deaths, len(facts)))

    def fit_not_needed(self, model: str) -> None:
        """Take a fit off the list, since others have finished all of its cells.

        Parameters
        ----------
        model : str
            Digest of its model.
        """
        self.fits -= 1
        self.seconds_planned -= self.time.drop(model)

    @property
    def workers(self) -> int:
        """Fits that run at once."""
        return max(1, getattr(self._backend, "workers", 1))

    @property
    def share(self) -> float:
        """Share of the cells that are settled, 0 to 1."""
        return (self.done + self.reused + self.failed) / self.cells if self.cells else 0.0

    @property
    def text(self) -> str:
        """The counts of requested cells in a line."""
        return self.now.of_cells

    @property
    def now(self) -> CellCounts:
        """The counts as they are."""
        return CellCounts(self.cells, self.done, self.reused, self.failed, self.baselines, self.fits_done)

    def eta(self) -> float | None:
        """Return the seconds still to go, from what fits cost before and how fast this run is; None if unknown."""
        if self.began is None or not self.fits:
            return None
        if self.fits_done >= self.fits:
            return 0.0
        if self.time.planned:
            now, workers = time.time(), self.workers
            load = load_of_machine() if getattr(self._backend, "local", True) else 1.0
            return self.time.left(self.running(), now, workers, load)
        left = max(self.seconds_planned - self.seconds_done, 0.01 * self.seconds_planned)
        if self.fits_done and self.seconds_done > 0:
            return (time.time() - self.began) * left / self.seconds_done
        known = bool(self._costs.seconds_by_death)
        return left / self.workers if known else None


def load_of_machine() -> float:
    """Return how many programs are at work for each core of this machine, over a minute; 1 where it is not known."""
    try:
        return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    except (AttributeError, OSError):
        return 1.0


@dataclass
class RunContext:
    """One run, as observers see it.

    Parameters
    ----------
    config : RunConfig
    folder : Path
        Of the run.
    outputs : Path
        ``paths.outputs``.
    run_id : str
    channel : RunChannel
        What runs at the moment.
    counts : Counts
    deaths : dict of str to Deaths
        Data sets by fingerprint.
    notes : list of str
        Lines for the end of the run.
    """

    config: RunConfig
    folder: Path
    outputs: Path
    run_id: str
    channel: RunChannel
    counts: Counts = field(default_factory=Counts)
    deaths: dict[str, Deaths] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    saved: list[SavedModel] = field(default_factory=list)
    """Models that were written (``save_model=true``)."""
    interrupted: bool = False
    """Whether a signal asked the run to stop."""

    def unwritable(self, error: OSError, megabytes: float = 1.0) -> DiskFull | OutputsMoved:
        """Stop the run and return the error that says that its outputs cannot be written, and what to do.

        Parameters
        ----------
        error : OSError
            Of the store, of its journal or of the run's rows; one of the workers is not told so.
        megabytes : float
            What the rest of the run needs, about.
        """
        self.channel.stopping.set()
        if error.errno == errno.ENOENT:
            return OutputsMoved(self.outputs)
        limited = error.errno == errno.EFBIG
        way = "raise the limit (ulimit -f)" if limited else f"free some space (about {megabytes:.0f} MB for the rest)"
        return DiskFull(
            f"the outputs at '{self.outputs}' cannot be written ({error.strerror}): {way} and run the same command "
            f"again; {self.counts.text}, all safe"
        )
