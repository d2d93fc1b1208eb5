"""What happens to the workers, on Ray: killed, poisoned, out of memory, hung, crashed; and how many there are."""

from __future__ import annotations

import json
import os
import time
from collections import Counter

import psutil

from tests.faults.harness import (
    INLINE,
    RAY,
    SITES,
    SMALL,
    Place,
    Row,
    alive,
    cells_of,
    children,
    compare,
    patience,
    undisturbed,
    until,
)

TOY = ("model=toy",)


def _retry_seconds(place: Place) -> float:
    """Return the longest time from a fault to the next beginning of the same cell."""
    longest, open_faults = 0.0, {}
    for record in place.journal():
        if record["event"] == "fault":
            open_faults[record["seed"]] = record["time"]
        elif record["event"] == "begin" and record["seed"] in open_faults:
            longest = max(longest, record["time"] - open_faults.pop(record["seed"]))
    return longest


def f1_worker_killed(cells: int = 120) -> Row:
    """SIGKILL every cell's worker in the middle of its first attempt."""
    row = Row("F1", "worker killed in mid-fit (every cell, once)", 0, 0, 0)
    levels = ",".join(map(str, range(max(1, cells // 30))))
    grid = ("model=toy", f"model.level={levels}", "protocol=one_to_one")
    right = undisturbed(*grid)
    with Place.new(*SMALL, *RAY) as place:
        done = place.run(*grid, plan=[{"fault": "sigkill", "times": 1}], real=True, timeout=900)
        row.injected = place.faults()
        row.expect(row.injected == len(right), f"{row.injected} kills of {len(right)}")
        row.expect(done.code == 0, f"code {done.code}: {done.err[-500:]}")
        compare(row, right, place)
        counts = Counter(a["key"] for a in place.attempts())
        row.expect(set(counts) == set(right), "an attempt that failed is not in attempts.jsonl")
        finished = {cell["cell_key"]: int(cell["attempt"]) for _, cell in cells_of(place).iterrows()}
        other = {key: (finished.get(key), counts[key]) for key in right if finished.get(key) != 1 + counts[key]}
        row.expect(not other, f"attempt that finished a cell, and attempts that failed before it: {other}")
        row.recomputed = max(0, place.begun() - row.injected - len(right))
        row.note = f"{len(right)} cells; begun again within {_retry_seconds(place):.1f} s of the kill"
    return row


def f2_poison() -> Row:
    """A cell that kills its worker every time fails alone, and is named."""
    row = Row("F2", "poison cell kills its worker every time", 0, 0, 0)
    right = undisturbed(*TOY)
    with Place.new(*SMALL, *RAY) as place:
        done = place.run(*TOY, plan=[{"fault": "sigkill", "sites": ["Dar"]}], real=True, timeout=200)
        row.injected = place.faults()
        cells = cells_of(place).set_index("test_site")
        row.expect(done.code == 3, f"code {done.code} instead of 3: {done.err[-400:]}")
        row.expect(row.injected == 4, f"{row.injected} attempts instead of 1 + max_retries 3")
        row.expect((cells["status"] == "done").sum() == 5, "another cell failed with it")
        row.expect(cells.loc["Dar", "status"] == "failed", "it did not fail")
        row.expect("Dar" in done.out and "worker died" in done.out, f"it is not named: {done.out[-500:]}")
        row.expect(len(place.attempts()) == 4, f"{len(place.attempts())} of 4 attempts in attempts.jsonl")
        poison = {k for k, v in right.items() if k not in place.store()}
        compare(row, right, place, missing=poison if len(poison) == 1 else ())
        again = _retry_seconds(place)
        row.expect(again <= 5 * patience(), f"begun again only {again:.1f} s after its worker died")
        row.note = f"begun again within {again:.1f} s each time, at a load of {os.getloadavg()[0]:.0f}"
    return row


def f4_cluster_killed(times: int = 5) -> Row:
    """Kill Ray's node process, and its head process."""
    row = Row("F4", "raylet / GCS killed", 0, 0, 0)
    grid = ("model=toy", "model.seconds=1", "model.level=0,1")
    right, slowest = undisturbed(*grid), 0.0
    for what in ("raylet", "gcs_server") * times:
        with Place.new(*SMALL, *RAY) as place:
            process = place.start(*grid, real=True)
            until(lambda p=place, q=process: len(p.journal()) >= 3 or q.code is not None, timeout=120)
            family = children(process.pid)
            for pid in family:
                if what in psutil.Process(pid).name():
                    psutil.Process(pid).kill()
                    row.injected += 1
            began = time.monotonic()
            reported = until(lambda q=process: "has died" in q.err or q.code is not None, timeout=90)
            slowest = max(slowest, time.monotonic() - began)
            process.wait(90)
            row.expect(reported and "has died" in process.err, f"{what}: not reported: {process.err[-400:]}")
            row.expect(process.code == 5, f"{what}: code {process.code} instead of 5: {process.err[-400:]}")
            row.expect("same command" in process.out + process.err, f"{what}: no word on how to go on")
            row.expect(until(lambda f=family: not alive(f), 10), f"{what}: left behind: {alive(family)}")
            n_stored, begun = len(place.store()), place.begun()
            after = place.run(*grid, *INLINE, timeout=120)
            row.expect(after.code == 0, f"{what}: code {after.code} afterwards")
            row.recomputed += max(0, place.begun() - begun - (len(right) - n_stored))
            compare(row, right, place)
    row.note = f"reported within {slowest:.1f} s"
    return row


def f13_memory(*, monitor: bool = True) -> Row:
    """A cell that asks for more memory than there is: by a limit, and by Ray's memory monitor."""
    row = Row("F13", "cell out of memory", 0, 0, 0)
    right = undisturbed(*TOY)
    cases = [("MemoryError", {"fault": "rlimit", "sites": ["Pemba"]}, {})]
    if monitor:
        memory = psutil.virtual_memory()
        threshold = (memory.total - memory.available + 2.5 * 2**30) / memory.total
        settings = {"RAY_memory_usage_threshold": f"{threshold:.4f}", "RAY_memory_monitor_refresh_ms": "100"}
        cases.append(("memory monitor", {"fault": "eat", "sites": ["Pemba"], "megabytes": 4096}, settings))
    for name, entry, settings in cases:
        with Place.new(*SMALL, *RAY) as place:
            done = place.run(*TOY, plan=[entry], real=True, timeout=300, **settings)
            row.injected += place.faults()
            cells = cells_of(place).set_index("test_site")
            row.expect(done.code == 3, f"{name}: code {done.code} instead of 3: {done.err[-400:]}")
            row.expect(set(cells.index[cells["status"] == "failed"]) == {"Pemba"}, f"{name}: others failed as well")
            message = str(cells.loc["Pemba", "error_message"])
            row.expect("out of memory" in message, f"{name}: it says: {message[:300]}")
            row.expect(place.faults() <= 2, f"{name}: {place.faults()} attempts")
            compare(
                row,
                right,
                place,
                missing=set(right) - set(place.store()) if (cells["status"] == "done").sum() == 5 else (),
            )
    return row


def f14_hang(limit: float = 4.0) -> Row:
    """A cell that never ends: stopped at its limit, tried again, then failed."""
    row = Row("F14", "hung cell", 0, 0, 0)
    right = undisturbed(*TOY)
    with Place.new(*SMALL, *RAY) as place:
        plan = [{"fault": "hang", "sites": ["UP"]}, {"fault": "hang", "sites": ["AP"], "times": 1}]
        done = place.run(*TOY, f"execution.cell_timeout_seconds={limit}", plan=plan, real=True, timeout=200)
        row.injected = place.faults()
        cells = cells_of(place).set_index("test_site")
        row.expect(done.code == 3, f"code {done.code} instead of 3: {done.err[-400:]}")
        row.expect(set(cells.index[cells["status"] == "failed"]) == {"UP"}, "not the one cell that hangs failed")
        row.expect("time limit" in str(cells.loc["UP", "error_message"]), "the time limit is not named")
        row.expect(cells.loc["AP", "attempt"] == 2, "the cell that hung once was not tried again")
        row.expect(row.injected == 3, f"{row.injected} hangs instead of 3")
        offset = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
        hung = sorted(r["time"] + offset for r in place.journal() if r["event"] == "fault")
        stopped = sorted(a["time"] for a in place.attempts())
        row.expect(len(stopped) == 3, f"{len(stopped)} of 3 attempts in attempts.jsonl")
        slowest = max((end - begin for begin, end in zip(hung, stopped, strict=False)), default=0.0)
        row.expect(slowest <= limit + 5 * patience(), f"stopped only after {slowest:.1f} s")
        compare(row, right, place, missing=set(right) - set(place.store()) if len(place.store()) == 5 else ())
        row.note = f"limit {limit:g} s: stopped {slowest:.1f} s after it hung, at a load of {os.getloadavg()[0]:.0f}"
    return row


def f15_errors() -> Row:
    """Every way in which a model's code can end: all kept with class, message and traceback, all alone."""
    row = Row("F15", "exception, sys.exit, warning as error, unpicklable, segfault, _exit", 0, 0, 0)
    ways = dict(zip(SITES, ("error", "exit", "warning", "unpicklable", "segfault", "os_exit"), strict=True))
    classes = {
        "error": "ArithmeticError",
        "exit": "SystemExit",
        "warning": "RuntimeWarning",
        "unpicklable": "Unpicklable",
    }
    right = undisturbed("model=toy", "model.level=0,1")
    with Place.new(*SMALL, *RAY) as place:
        plan = [{"fault": fault, "sites": [site], "times": 4} for site, fault in ways.items()]
        done = place.run(*TOY, plan=plan, real=True, timeout=200)
        row.injected = place.faults()
        cells = cells_of(place).set_index("test_site")
        row.expect(done.code == 3, f"code {done.code} instead of 3: {done.err[-400:]}")
        row.expect((cells["status"] == "failed").all(), "a fault was taken for a result")
        for site, fault in ways.items():
            row_of_site = cells.loc[site]
            if fault in classes:
                row.expect(row_of_site["error_class"] == classes[fault], f"{fault}: class {row_of_site['error_class']}")
                row.expect("steady.py" in str(row_of_site["error_traceback"]), f"{fault}: no traceback")
            else:
                row.expect(
                    "worker died" in str(row_of_site["error_message"]),
                    f"{fault}: it says {row_of_site['error_message']}",
                )
        after = place.run("model=toy", "model.level=0,1", *INLINE)
        row.expect(after.code == 0, f"code {after.code} once the faults are over")
        compare(row, right, place)
    return row


def f20_workers(counts: tuple[int, ...] = (1, 2, 4)) -> Row:
    """The same cells on different numbers of workers, in another order, with a kill in the middle."""
    row = Row("F20", "1, 2, 4 workers, shuffled, a kill in the middle", 0, 0, 0)
    grid = ("model=toy,nbc", "protocol=one_to_one")
    right = undisturbed(*grid)
    for count in counts:
        with Place.new(*SMALL, *RAY) as place:
            store = place.outputs / "checkpoints"
            store.mkdir(parents=True)
            digests = {f"{i:016x}": i for i in range(3)}  # costs of other models: the order is the plan's own
            (store / "costs.json").write_text(json.dumps(digests))
            order = grid if count % 2 else ("model=nbc,toy", "protocol=one_to_one")
            plan = [{"fault": "sigkill", "every": 7, "times": 1}]
            done = place.run(*order, f"execution.num_workers={count}", plan=plan, real=True, timeout=300)
            row.injected += 1
            row.expect(done.code == 0, f"{count} workers: code {done.code}: {done.err[-400:]}")
            compare(row, right, place)
    row.note = f"{len(right)} cells each, all bits equal to inline"
    return row


def f23_soak(repeats: int = 334, *, limit: float = 1200) -> Row:
    """Ten thousand cells, one in a hundred of which goes wrong: dead workers, errors, and a few that hang."""
    row = Row("F23", "soak: 10,000 cells, 1% random faults", 0, 0, 0)
    grid = ("model=toy", "protocol=in_domain", f"protocol.repeats={repeats}")
    right = undisturbed(*grid)
    with Place.new(*SMALL, *RAY) as place:
        ways = ("sigkill", "segfault", "exit", "error", "os_exit")
        plan = [{"fault": w, "every": 500, "rest": 100 * i + 7, "times": 1} for i, w in enumerate(ways)]
        plan.append({"fault": "hang", "every": max(100, len(right) // 4), "rest": 11, "times": 1})
        began = time.monotonic()
        process = place.start(*grid, "execution.cell_timeout_seconds=20", plan=plan, real=True)
        memory: list[float] = []
        while process.code is None and time.monotonic() - began < limit:
            time.sleep(1)
            for path in (place.outputs / "runs").glob("*/*/status.json"):
                status = json.loads(path.read_text())
                if status["stage"] == "running" and status["cells"]["done"] > len(right) / 20:
                    memory.append(status["memory_mb"])
        took = time.monotonic() - began
        process.wait(60)
        row.injected = place.faults()
        cells = cells_of(place)
        lasting = sum(r["event"] == "fault" and r["fault"] in ("exit", "error") for r in place.journal())
        row.expect(process.code == (3 if lasting else 0), f"code {process.code}: {process.err[-400:]}")
        row.expect(
            (cells["status"] == "failed").sum() == lasting, f"{(cells['status'] == 'failed').sum()} of {lasting}"
        )
        row.expect(len(cells) == len(right), f"{len(cells)} of {len(right)} cells are reported")
        after = place.run(*grid, *INLINE, timeout=900)
        row.expect(after.code == 0, f"code {after.code} afterwards")
        compare(row, right, place)
        tenth = max(1, len(memory) // 10)
        first, last = sum(memory[:tenth]) / tenth, sum(memory[-tenth:]) / tenth
        row.expect(last < first * 1.10, f"memory of the driver grew from {first:.0f} to {last:.0f} MB")
        kinds = Counter(r["fault"] for r in place.journal() if r["event"] == "fault")
        kills = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        row.note = f"{kills}; {len(right):,} cells in {took:.0f} s; driver {first:.0f} MB early, {last:.0f} MB late"
    return row


def states(*, ray: bool) -> Row:
    """Kill in the middle of every long fit, once: it has to go on from its last state, to the same bits."""
    row = Row("states", f"long fits killed in the middle, {'worker on Ray' if ray else 'driver, inline'}", 0, 0, 0)
    grid = ("model=toy", "model.steps=5", f"model.seconds={2.5 if ray else 0.3}", "checkpoint.partial_state_seconds=0")
    right = undisturbed("model=toy", "model.steps=5", f"model.seconds={2.5 if ray else 0.3}")
    with Place.new(*SMALL, *(RAY if ray else INLINE)) as place:
        plan = [{"where": "step", "fault": "sigkill", "every": 1000, "rest": 3, "times": 1}]
        for _ in range(1 if ray else 7):
            done = place.run(*grid, plan=plan, real=ray, timeout=200)
        row.injected = place.faults()
        row.expect(row.injected == 6, f"{row.injected} kills instead of 6")
        row.expect(done.code == 0, f"code {done.code}: {done.err[-400:]}")
        compare(row, right, place)
        steps = [r["step"] for r in place.journal() if r["event"] == "begin" and r["step"] > 0]
        row.expect(len(steps) == 6, f"{len(steps)} of 6 fits went on from a state")
        left = list((place.outputs / "checkpoints" / "states").glob("*"))
        row.expect(not left, f"{len(left)} states are left behind")
        row.note = f"went on at step {min(steps, default=0)} to {max(steps, default=0)} of 5"
    return row
