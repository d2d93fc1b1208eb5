"""Show how good the time to go was at half time of recorded runs, without running them.

``python -m benchmarks time_to_go [--workers N]``, ``python -m benchmarks time_to_go --record NAME KEY=VALUE ...``

Each file of `benchmarks/recorded_runs` holds the fits of one run: model, deaths, CPU seconds, and what the fit reported
of its progress, and when. A run is replayed by a clock that is only counted: its fits go to the workers in the order in
which a run starts them, and the estimate is that of the progress bar. The runs follow one another as on one machine:
what an earlier one of them spent on a model is known to the later ones. Seconds are of the CPU, so that what else a
machine does while a run is recorded plays no part; nor does the first use of a library, which imports and compiles.
``--record`` runs a command and adds a file.
"""

from __future__ import annotations

import argparse
import bisect
import dataclasses
import heapq
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from va_experiments import callbacks
from va_experiments.cell import Fit, ModelSpec, Result, run_fit
from va_experiments.data.deaths import Deaths
from va_experiments.engine.time_to_go import TimeToGo
from va_experiments.execute import Running
from va_experiments.typical_costs import Cost

__all__ = ["WITHIN", "main", "record", "recorded_runs", "replay"]

FOLDER = Path(__file__).parent / "recorded_runs"

WITHIN = 0.3
"""An estimate that is off by no more than this share of the truth is good."""

MOST_POINTS, SHORT_SECONDS = 40, 0.3
"""Points that are kept of what a fit reported of its progress; of a shorter fit none."""


def recorded_runs(*, unseen: bool = False) -> dict[str, dict[str, Any]]:
    """Return the recorded runs by name, in the order in which they were run; `unseen`: those that tuned nothing."""
    folder = FOLDER / "unseen" if unseen else FOLDER
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def replay(
    runs: Mapping[str, Mapping[str, Any]], *, workers: int = 2, learn: bool = True, at: float = 0.5
) -> Iterator[tuple[str, float, float]]:
    """Yield the name, the true and the estimated time to go of each run, in seconds.

    Parameters
    ----------
    runs : mapping of str to mapping
    workers : int
    learn : bool
        Whether a run knows what the runs before it have recorded.
    at : float
        When to look, as a share of the run's time.
    """
    known: dict[str, float] = {}
    for name, run in runs.items():
        costs = {key: _cost(model, known.get(key)) for key, model in run["models"].items()}
        fits = sorted(run["fits"], key=lambda fit: -_expected(costs, fit))
        begun = _schedule([fit["seconds"] for fit in fits], workers)
        whole = max(start + fit["seconds"] for fit, start in zip(fits, begun, strict=True))
        yield name, whole * (1 - at), _estimate(run, fits, begun, costs, known, whole * at, workers)
        if learn:
            for key, cost in costs.items():
                of_model = [fit for fit in fits if fit["model"] == key]
                rates = [cost.rate(f["seconds"], f["deaths"], f.get("tests", 1)) for f in of_model]
                known[key] = statistics.median_low(rates)


def _cost(model: Mapping[str, Any], recorded: float | None) -> Cost:
    """Return what a fit costs of a model that was recorded by its class and parameters."""
    spec = ModelSpec.from_config({"name": model["name"], "_target_": model["target"], **model["params"]})
    return spec.typical_cost if recorded is None else dataclasses.replace(spec.typical_cost, by_death=recorded)


def _expected(costs: Mapping[str, Cost], fit: Mapping[str, Any]) -> float:
    """Return the expected seconds of a fit."""
    return costs[fit["model"]].seconds(fit["deaths"], fit.get("tests", 1))


def _schedule(seconds: Sequence[float], workers: int) -> list[float]:
    """Return when each fit begins, if each goes to the first worker that is free, in order."""
    free, begun = [0.0] * workers, []
    for seconds_of_fit in seconds:
        begun.append(free[0])
        heapq.heapreplace(free, free[0] + seconds_of_fit)
    return begun


def _estimate(
    run: Mapping[str, Any],
    fits: Sequence[Mapping[str, Any]],
    begun: Sequence[float],
    costs: Mapping[str, Cost],
    known: Mapping[str, float],
    now: float,
    workers: int,
) -> float:
    """Return the seconds to go that are shown at a moment of the run."""
    left, running = TimeToGo(), []
    for fit in fits:
        key = fit["model"]
        left.plan(key, run["models"][key]["name"], 1, _expected(costs, fit), recorded=key in known)
    for fit, start in zip(fits, begun, strict=True):
        if start + fit["seconds"] <= now:
            left.done(fit["model"], _expected(costs, fit), fit["seconds"])
        elif start <= now:
            point = bisect.bisect([seconds for seconds, _ in fit["progress"]], now - start) - 1
            share = fit["progress"][point][1] if point >= 0 else 0.0
            label, key = f"{run['models'][fit['model']]['name']} · site", fit["model"]
            running.append(Running("", label, started=start, done=round(1000 * share), total=1000, model=key))
    return left.left(running, now, workers)


class _Notes:
    """Keeps the progress of a fit, by CPU seconds since its start."""

    def __init__(self) -> None:
        self._start = time.process_time()
        self.points: list[tuple[float, float]] = []

    def progress(self, done: int, total: int, info: Mapping[str, object]) -> None:
        """Keep a point."""
        if total:
            self.points.append((time.process_time() - self._start, done / total))

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Keep no state."""

    def resume(self) -> None:
        """Return no state."""

    def kept(self, seconds: float) -> list[tuple[float, float]]:
        """Return some of the points of a fit that took so long: where the share rose, evenly chosen."""
        if seconds < SHORT_SECONDS:
            return []
        rising = [p for last, p in zip([(0.0, 0.0), *self.points], self.points, strict=False) if p[1] > last[1]]
        step = max(len(rising) // MOST_POINTS, 1)
        return [(round(at, 3), round(share, 3)) for at, share in rising[::step]]


def record(overrides: Sequence[str]) -> dict[str, Any]:
    """Run a command in this process, and return what can be replayed of it."""
    from va_experiments.__main__ import main as run_command

    models: dict[str, Any] = {}
    fits: list[dict[str, Any]] = []

    def noted(fit: Fit, deaths: Deaths, *, attempt: int = 1) -> list[Result]:
        key = fit.model.digest.hex()[:16]
        if key not in models:  # importing and compiling are no part of a fit, and which fit comes first may change
            run_fit(fit, deaths, attempt=attempt)
        notes, start = _Notes(), time.process_time()
        with callbacks.listening(notes):
            results = run_fit(fit, deaths, attempt=attempt)
        seconds = time.process_time() - start
        models[key] = {"name": fit.model.name, "target": fit.model.target, "params": dict(fit.model.params)}
        tested = sum(r.facts["n_test"] for r in results)
        fits.append({"model": key, "deaths": results[0].facts["n_train"] + tested, "tests": len(results),
                     "seconds": round(seconds, 3), "progress": notes.kept(seconds)})  # fmt: skip
        return results

    with tempfile.TemporaryDirectory() as outputs, mock.patch("va_experiments.execute.inline.run_fit", noted):
        more = ("execution=inline", "tracking=none", "report=false", f"paths.outputs={outputs}", "-m")
        with mock.patch.object(sys, "argv", ["va_experiments", *overrides, *more]):
            if code := run_command():
                raise SystemExit(code)
    return {"command": list(overrides), "models": models, "fits": fits}


def main(arguments: list[str] | None = None) -> int:
    """Print one line for each recorded run, or record one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks time_to_go", description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="workers of the replayed runs (2)")
    parser.add_argument("--unseen", action="store_true", help="replay the runs with which no rule was tuned")
    parser.add_argument("--record", metavar="NAME", help="run a command and record it under this name")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="of the command to record")
    parsed = parser.parse_args(arguments)
    if parsed.record:
        (FOLDER / f"{parsed.record}.json").write_text(json.dumps(record(parsed.overrides)) + "\n")
        return 0
    runs = recorded_runs(unseen=parsed.unseen)
    first = {name: shown for name, _, shown in replay(runs, workers=parsed.workers, learn=False)}
    good = 0
    print("| run | fits | to go at half time | first estimate | with costs of the runs before |")
    print("|---|---|---|---|---|")
    for name, truth, shown in replay(runs, workers=parsed.workers):
        good += abs(shown - truth) <= WITHIN * truth
        both = " | ".join(f"{e:.1f} s ({e / truth - 1:+.0%})" for e in (first[name], shown))
        print(f"| {name} | {len(runs[name]['fits'])} | {truth:.1f} s | {both} |")
    print(f"\nwithin {WITHIN:.0%} at half time: {good} of {len(runs)} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
