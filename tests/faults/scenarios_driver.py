"""What happens to the driver: killed at random, killed in the middle of a commit, locked out, told to stop."""

from __future__ import annotations

import json
import random
import signal
import time

from tests.faults.commit_faults import POINTS
from tests.faults.harness import (
    INLINE,
    RAY,
    SMALL,
    Place,
    Row,
    alive,
    children,
    commit_times,
    compare,
    undisturbed,
    until,
)

GRID = ("model=toy", "model.level=0,1", "model.seconds=0.05", "protocol=one_to_one")
"""60 cells."""
FEW = ("model=toy", "model.seconds=0.2")
"""6 cells."""


def recomputed_after_commit(place: Place) -> int:
    """Return how many predictions were begun after their cell had been committed."""
    offset = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
    cells = {}
    for key, when in commit_times(place.outputs).items():
        manifest = json.loads((place.outputs / "checkpoints" / "cells" / key[:2] / key / "manifest.json").read_text())
        cells[manifest["prediction_sha256"]] = when
        cells[key] = when
    from va_experiments.seeds import integer_seed

    when_of = {integer_seed(key, "predict"): when for key, when in cells.items() if len(key) == 64}
    begun = [r for r in place.journal() if r["event"] == "begin"]
    return sum(r["time"] + offset > when_of.get(r["seed"], float("inf")) + 0.05 for r in begun)


def f3_driver_killed(kills: int = 50, seed: int = 3, *, ray: bool = False) -> Row:
    """SIGKILL the driver again and again, at random moments."""
    base = (*SMALL, *(RAY if ray else INLINE))
    grid = GRID if not ray else ("model=toy", "model.seconds=1.5", "protocol=one_to_one")
    row = Row("F3", f"driver killed at random{', on Ray' if ray else ''}", 0, 0, 0)
    right, rng = undisturbed(*grid), random.Random(seed)
    workers = 2 if ray else 1
    with Place.new(*base) as place:
        spent = 0
        while row.injected < kills:
            process = place.start(*grid, real=ray)
            enough = rng.uniform(0.5, 5.0)
            begun = place.begun()
            # the clock starts when the driver is at work: before that there is nothing to lose
            until(lambda p=process, b=begun: p.code is not None or place.begun() > b, timeout=120)
            end = time.monotonic() + (enough if ray else enough / 4)
            while time.monotonic() < end and process.code is None:
                time.sleep(0.005)
            if process.code is None:
                process.kill()
                process.wait(20)
                row.injected += 1
            elif process.code != 0:
                row.expect(False, f"code {process.code}: {process.err[-500:]}")
                break
            if process.code == 0:  # all is done: begin afresh, so that every kill has something to hit
                compare(row, right, place)
                row.recomputed += recomputed_after_commit(place)
                spent += place.begun() - len(right)
                for path in (place.outputs, place.root / "marks"):
                    __import__("shutil").rmtree(path)
                (place.root / "marks").mkdir(mode=0o777)
        last = place.run(*grid, real=ray, timeout=200)
        row.expect(last.code == 0, f"the last run ended with {last.code}: {last.err[-500:]}")
        compare(row, right, place)
        row.recomputed += recomputed_after_commit(place)
        spent += place.begun() - len(right)
        # what may be lost: a cell on each worker, and one in each of the two committing threads
        row.expect(spent <= row.injected * (workers + 2), f"{spent} predictions begun again for {row.injected} kills")
        row.note = f"{spent} unfinished predictions begun again"
    return row


def f5_second_driver_at_once(times: int = 20, seed: int = 5) -> Row:
    """Kill the driver on Ray and start the next one at once, while its workers may still be at work."""
    row = Row("F5", "next driver at once, with orphaned workers", 0, 0, 0)
    grid = ("model=toy", "model.seconds=1.0", f"model.level={','.join(map(str, range(12)))}")
    right, rng = undisturbed("model=toy", "model.seconds=1.0", grid[2]), random.Random(seed)
    with Place.new(*SMALL, *RAY) as place:
        orphans: list[int] = []
        beside = 0
        while row.injected < times:
            process = place.start(*grid, real=True)
            begun = place.begun()
            until(lambda p=process, b=begun: p.code is not None or place.begun() > b, timeout=120)
            time.sleep(rng.uniform(0, 1.5))  # at work, between two commits, or in one
            if process.code is not None:
                break
            family = children(process.pid)
            orphans += family
            process.kill()
            row.injected += 1
            beside += bool(alive(family))
        last = place.run(*grid, real=True, timeout=300)
        row.expect(last.code == 0, f"code {last.code}: {last.err[-500:]}")
        row.expect(row.injected == times, f"the grid was done after {row.injected} kills")
        compare(row, right, place)
        row.recomputed += recomputed_after_commit(place)
        row.expect(until(lambda: not alive(orphans), 15), f"left behind: {alive(orphans)}")
        row.note = f"orphans were alive when the next driver started in {beside} of {row.injected}"
    return row


def f6_commit_steps(times: int = 3) -> Row:
    """End the process at each step of a commit."""
    row = Row("F6", "process ended at a step of a commit", 0, 0, 0)
    right = undisturbed("model=toy")
    with Place.new() as place:
        for point in POINTS:
            for number in range(times):
                outputs = place.root / f"o-{point}-{number}"
                place_there = Place(outputs.parent, place.base, place.toys, started=1000 + row.injected * 10)
                ended = place_there.run("model=toy", outputs=outputs, request={"commit_fault": point})
                row.injected += 1
                row.expect(ended.code == 137, f"{point}: code {ended.code}")
                from tests.faults.harness import stored

                half = stored(outputs)
                row.expect(all(right.get(k) == v for k, v in half.items()), f"{point}: a half-written cell is visible")
                after = place_there.run("model=toy", outputs=outputs)
                row.expect(after.code == 0, f"{point}: code {after.code} afterwards: {after.err[-300:]}")
                row.lost += len(set(right.items()) - set(stored(outputs).items()))
                left = list((outputs / "checkpoints").rglob(".tmp-*"))
                row.expect(not left, f"{point}: temporary files are left: {left}")
    return row


def f10_two_drivers(times: int = 20) -> Row:
    """Start a second driver on the outputs of a running one."""
    row = Row("F10", "second driver on one outputs folder", 0, 0, 0)
    grid = ("model=toy", "model.seconds=0.6", "model.level=0,1")
    slowest = 0.0
    with Place.new() as place:
        first = place.start(*grid)
        until(lambda: place.begun() > 0)
        while row.injected < times:
            if first.code is not None:
                row.expect(first.code == 0, f"the first ended with {first.code}")
                first = place.start(*grid, f"seed={row.injected + 2}")
                begun = place.begun()
                until(lambda b=begun: place.begun() > b)
            began = time.monotonic()
            second = place.run(*grid)
            if first.code is not None:
                continue  # the first ended in between: no collision
            slowest = max(slowest, time.monotonic() - began)
            row.injected += 1
            row.expect(second.code == 4, f"code {second.code} instead of 4")
            row.expect(f"process {first.pid} on" in second.err, f"the first is not named: {second.err[-200:]}")
        first.wait(60)
        row.expect(first.code == 0, f"the first ended with {first.code}")
        row.lost += len(set(undisturbed(*grid)) - set(place.store()))
    row.note = f"reported after at most {slowest:.1f} s, imports left out"
    return row


def f11_stale_lock(times: int = 20) -> Row:
    """Kill the holder of the lock; the next run must not need to unlock anything."""
    row = Row("F11", "lock of a killed driver", 0, 0, 0)
    right = undisturbed(*FEW)
    with Place.new() as place:
        for _ in range(times):
            process = place.start(*FEW)
            until(lambda p=process: (place.outputs / "lock").exists() or p.code is not None)
            process.kill()
            process.wait()
            row.injected += 1
        last = place.run(*FEW)
        row.expect(last.code == 0, f"code {last.code}: {last.err[-300:]}")
        compare(row, right, place)
    return row


def f12_signals(*, ray: bool = True) -> Row:
    """Ctrl-C, SIGTERM and SIGHUP once; Ctrl-C twice; while fits run and while Ray starts."""
    where = "inline, on Ray, while Ray starts" if ray else "inline"
    row = Row("F12", f"Ctrl-C, SIGTERM, SIGHUP, Ctrl-C twice: {where}", 0, 0, 0)
    slowest = {"once": 0.0, "twice": 0.0}
    once = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
    cases = [(name, [getattr(signal, name)], code) for name, code in once.items()]
    cases.append(("SIGINT twice", [signal.SIGINT, signal.SIGINT], 130))
    for when in ("inline", "on Ray", "while Ray starts")[: 3 if ray else 1]:
        on_ray = when != "inline"
        grid = ("model=toy", f"model.seconds={2 if on_ray else 0.4}", "model.level=0,1")
        right = undisturbed(*grid)
        for signals_name, signals, code in cases:
            name = f"{signals_name} {when}"
            with Place.new(*SMALL, *(RAY if on_ray else INLINE)) as place:
                process = place.start(*grid, real=on_ray)
                if when == "while Ray starts":
                    until(lambda p=process: any("gcs_server" in c for c in alive(children(p.pid))), timeout=120)
                else:
                    until(lambda p=place: len(p.journal()) >= 3, timeout=120)
                family = children(process.pid)
                began = time.monotonic()
                for number in signals:
                    process.kill(number)
                    time.sleep(0.3)
                process.wait(60)
                took = time.monotonic() - began
                kind = "twice" if len(signals) > 1 else "once"
                slowest[kind] = max(slowest[kind], took)
                row.injected += 1
                row.expect(process.code == code, f"{name}: code {process.code}, not {code}: {process.err[-400:]}")
                row.expect(took < 30, f"{name}: took {took:.0f} s")
                row.expect("Traceback" not in process.err, f"{name}: a traceback: {process.err[-600:]}")
                row.expect("same command" in process.out + process.err, f"{name}: no word on how to go on")
                row.expect(until(lambda f=family: not alive(f), 10), f"{name}: left behind: {alive(family)}")
                after = place.run(*grid, *INLINE)
                row.expect(after.code == 0, f"{name}: code {after.code} afterwards")
                compare(row, right, place)
                row.recomputed += recomputed_after_commit(place)
    row.note = (
        f"ended {slowest['once']:.0f} s after one signal and {slowest['twice']:.0f} s after the first of two, at most; "
        f"no process left"
    )
    return row
