"""Record the events of a run on Ray by the clock, and replay its time to go by a clock that is only counted.

``python -m benchmarks event_streams [--at SHARE]``, ``python -m benchmarks event_streams --record NAME KEY=VALUE ...``

Each file of `benchmarks/event_streams` holds what the driver of one run saw and when: fits that were planned (model,
deaths, tests), notes of running fits as they arrived from the workers, and fits that ended. The start of the workers,
the first import of a library, messages and what else the machine did are in it, because a reader of the bar waits for
them too. Runs 11 to 20 also have the load of the machine (programs at work for each core) at each second. A replay
gives these events to the estimator in their order, as often as one likes, with the same figures.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from va_experiments.cell import ModelSpec, Result
from va_experiments.engine.context import Counts, load_of_machine
from va_experiments.engine.time_to_go import TimeToGo
from va_experiments.execute import Running
from va_experiments.plan import Plan
from va_experiments.typical_costs import EVERY_TEST, Cost, usual_rate

__all__ = ["WITHIN", "at_share", "estimates", "learned", "main", "record", "recorded_streams"]

FOLDER = Path(__file__).parent / "event_streams"

WITHIN = 0.3
"""An estimate that is off by no more than this share of the truth is good."""

LOOK_SECONDS, PROBE_SECONDS = 0.2, 1.0
"""Between two looks at the running fits while a run is recorded, and between two at what the machine gives it."""


def recorded_streams() -> dict[str, dict[str, Any]]:
    """Return the recorded streams by name, in the order in which they were recorded."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


class _Recorder:
    """Notes what the counts of a run are given, and when."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.events: list[list[Any]] = []
        self.workers = 1
        self.machine: list[tuple[float, float, float]] = []
        """Each second: the time, programs at work for each core, share of a core that a loop of this process got."""
        self._began: float | None = None
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._stop = threading.Event()

    def at(self, seconds: float | None = None) -> float:
        """Return the seconds since the first fits were planned."""
        now = time.time() if seconds is None else seconds
        self._began = self._began or now
        return round(now - self._began, 2)

    def plan(self, tasks: Any) -> None:
        """Note the fits of a batch: by model their number, deaths and tests."""
        for number, expected in enumerate(tasks.seconds.tolist()):
            fit = tasks[number]
            key, cost = fit.model.digest.hex()[:16], fit.model.typical_cost
            params = {"name": fit.model.name, "target": fit.model.target, "params": dict(fit.model.params)}
            model = self.models.setdefault(key, {**params, "fits": 0, "deaths": 0.0, "tests": 0})
            model["fits"] += 1
            model["deaths"] = round(model["deaths"] + cost.deaths(expected, len(fit.cells)), 1)
            model["tests"] += len(fit.cells)

    def look(self, counts: Counts) -> None:
        """Note what has changed of the running fits, again and again."""
        while not self._stop.wait(LOOK_SECONDS):
            if not self.machine or self.at() - self.machine[-1][0] >= PROBE_SECONDS:
                self.machine.append((self.at(), load_of_machine(), _share_of_core()))
            running = {f"{r.fit_key[:6]}{r.model[:6]}{r.attempt}": r for r in counts.running()}
            for task in set(self._seen) - set(running):
                self.events.append([self.at(), "gone", task])
                del self._seen[task]
            for task, fit in running.items():
                now = (fit.model[:16], self.at(fit.started), fit.done, fit.total)
                if self._seen.get(task) != now:
                    self._seen[task] = now
                    self.events.append([self.at(), "runs", task, *now])

    def ended(self, results: Sequence[Result], planned: Plan) -> None:
        """Note a fit that has ended: its model, deaths, tests and seconds."""
        facts = [r.facts for r in results if "n_train" in r.facts]
        if not facts:
            return
        key = planned.cell(planned.row(results[0].key)).model.digest.hex()[:16]
        deaths = facts[0]["n_train"] + sum(f["n_test"] for f in facts)
        stages = ("load", "fit", "predict", "score")
        spent = sum(r.timings.get(f"{s}_seconds") or 0.0 for r in results for s in stages)
        self.events.append([self.at(), "done", key, deaths, len(facts), round(spent, 3)])

    def stop(self) -> None:
        """End the looks."""
        self._stop.set()


def _share_of_core(seconds: float = 0.02) -> float:
    """Return the share of a core that a loop of so many seconds is given while other programs run too."""
    began, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < seconds:
        pass
    return round(seconds / max(time.perf_counter() - began, seconds), 3)


def record(overrides: Sequence[str], workers: int) -> dict[str, Any]:
    """Run a command with so many workers of Ray, and return what can be replayed of it."""
    from va_experiments.__main__ import main as run_command

    notes, (plan_tasks, begin, fit_done) = _Recorder(), (Plan.tasks, Counts.begin, Counts.fit_done)

    def tasks(plan: Plan, *arguments: Any, **named: Any) -> Any:
        planned = plan_tasks(plan, *arguments, **named)
        notes.plan(planned)
        return planned

    def begun(counts: Counts, *arguments: Any, **named: Any) -> None:
        notes.at()
        threading.Thread(target=notes.look, args=(counts,), daemon=True).start()
        begin(counts, *arguments, **named)

    def done(counts: Counts, results: Sequence[Result], planned: Plan) -> None:
        notes.ended(results, planned)
        fit_done(counts, results, planned)

    patches = ((Plan, "tasks", tasks), (Counts, "begin", begun), (Counts, "fit_done", done))
    with tempfile.TemporaryDirectory() as outputs, contextlib.ExitStack() as stack:
        for owner, name, new in patches:
            stack.enter_context(mock.patch.object(owner, name, new))
        more = (f"execution.num_workers={workers}", "tracking=none", "report=false", f"paths.outputs={outputs}", "-m")
        stack.enter_context(mock.patch.object(sys, "argv", ["va_experiments", *overrides, *more]))
        if code := run_command():
            raise SystemExit(code)
    notes.stop()
    return {"command": list(overrides), "workers": workers, "models": notes.models, "events": notes.events,
            "machine": notes.machine}  # fmt: skip


def _cost(model: Mapping[str, Any], recorded: float | None) -> Cost:
    """Return what a fit costs of a model that was recorded by its class and parameters."""
    spec = ModelSpec.from_config({"name": model["name"], "_target_": model["target"], **model["params"]})
    return spec.typical_cost if recorded is None else dataclasses.replace(spec.typical_cost, by_death=recorded)


def load_at(stream: Mapping[str, Any], now: float) -> float:
    """Return the load of the machine at a moment of a run; 1 where it was not recorded."""
    return next((load for at, load, _ in reversed(stream.get("machine", ())) if at <= now), 1.0)


def estimates(stream: Mapping[str, Any], known: Mapping[str, float]) -> Iterator[tuple[float, TimeToGo, list[Running]]]:
    """Yield the moments of a run with what was known then.

    Parameters
    ----------
    stream : mapping
    known : mapping of str to float
        Recorded seconds for each death, by digest of the model.
    """
    left, running = TimeToGo(), dict[str, Running]()
    costs = {key: _cost(model, known.get(key)) for key, model in stream["models"].items()}
    for key, model in stream["models"].items():
        number, cost = model["fits"], costs[key]
        seconds = cost.seconds(model["deaths"] / number, 1) * number + EVERY_TEST * (model["tests"] - number)
        left.plan(key, model["name"], number, seconds, recorded=key in known, start=0.0 if key in known else cost.start)
    yield 0.0, left, []
    for at, what, *values in stream["events"]:
        if what == "done":
            key, deaths, tests, spent = values
            left.done(key, costs[key].seconds(deaths, tests), spent)
        elif what == "gone":
            running.pop(values[0], None)
        else:
            task, key, started, done, total = values
            running[task] = Running(task, stream["models"][key]["name"], "", 1, started, done, total, {}, key)
        yield at, left, list(running.values())


def at_share(stream: Mapping[str, Any], known: Mapping[str, float], share: float) -> tuple[float, float]:
    """Return the true and the estimated seconds to go when this share of the run's time has passed."""
    end = max(at for at, what, *_ in stream["events"] if what == "done")
    now, shown = share * end, 0.0
    last: tuple[TimeToGo, list[Running]] | None = None
    for at, left, running in estimates(stream, known):
        if at > now:
            break
        last = left, running
        shown = left.left(running, at, stream["workers"], load_at(stream, at))
    if last is not None:
        shown = last[0].left(last[1], now, stream["workers"], load_at(stream, now))
    return end - now, shown


def _halves(stream: Mapping[str, Any], moment: float) -> str:
    """Return the mean load of the machine before and after a moment; a dash where it was not recorded."""
    machine = stream.get("machine", ())
    parts = [[load for at, load, _ in machine if (at > moment) == after] for after in (False, True)]
    return ", ".join(f"{statistics.fmean(errors):.1f}" for errors in parts) if all(parts) else "-"


def learned(stream: Mapping[str, Any]) -> dict[str, float]:
    """Return the seconds for each death that a run records, by digest of the model."""
    rates: dict[str, list[float]] = {}
    costs = {key: _cost(model, None) for key, model in stream["models"].items()}
    for _, what, *values in stream["events"]:
        if what == "done":
            key, deaths, tests, spent = values
            rates.setdefault(key, []).append(costs[key].rate(spent, deaths, tests))
    return {key: usual_rate(rates_of_model, stream["workers"]) for key, rates_of_model in rates.items()}


def main(arguments: list[str] | None = None) -> int:
    """Print one line for each recorded stream, or record one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks event_streams", description=__doc__.splitlines()[0])
    parser.add_argument("--at", type=float, default=0.5, help="when to look, as a share of the run's time (0.5)")
    parser.add_argument("--workers", type=int, default=2, help="workers of a run that is recorded (2)")
    parser.add_argument("--record", metavar="NAME", help="run a command and record it under this name")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="of the command to record")
    parsed = parser.parse_args(arguments)
    if parsed.record:
        FOLDER.mkdir(exist_ok=True)
        text = json.dumps(record(parsed.overrides, parsed.workers))
        (FOLDER / f"{parsed.record}.json").write_text(text + "\n")
        return 0
    streams, known = recorded_streams(), dict[str, float]()
    good = [0, 0]
    print("| run | load before and after | fits | seconds | to go | first estimate | with costs of the runs before |")
    print("|---|---|---|---|---|---|---|")
    for name, stream in streams.items():
        both = [at_share(stream, {}, parsed.at), at_share(stream, known, parsed.at)]
        for column, (truth, shown) in enumerate(both):
            good[column] += abs(shown - truth) <= WITHIN * truth
        known.update(learned(stream))
        fits, truth = sum(m["fits"] for m in stream["models"].values()), both[0][0]
        texts = " | ".join(f"{shown:.1f} s ({shown / truth - 1:+.0%})" for _, shown in both)
        load = _halves(stream, parsed.at * truth / (1 - parsed.at))
        print(f"| {name} | {load} | {fits} | {truth / (1 - parsed.at):.0f} s | {truth:.1f} s | {texts} |")
    print(
        f"\nwithin {WITHIN:.0%}: {good[0]} of {len(streams)} first estimates, {good[1]} with costs of the runs before"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
