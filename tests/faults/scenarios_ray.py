"""What happens to Ray itself: its files removed, told to stop while it starts, no room to start in."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.faults.harness import INLINE, RAY, SMALL, Place, Row, alive, children, compare, undisturbed, until


def ray_folder(pid: int) -> Path | None:
    """Return the private folder of the cluster that a driver has started."""
    for child in children(pid):
        try:
            words = psutil.Process(child).cmdline()
        except psutil.Error:
            continue
        for word in words:
            if word.startswith("--raylet_socket_name="):
                return Path(word.partition("=")[2].partition("/r/session_")[0])
    return None


def vanished_folder(times: int = 3) -> Row:
    """Remove the folder of Ray's files while fits run: they are tried again on a new cluster."""
    row = Row("ray-folder", "folder of Ray's files removed while fits run", 0, 0, 0)
    grid = ("model=toy", "model.seconds=1", "model.level=0,1")
    right, slowest = undisturbed(*grid), 0.0
    with Place.new(*SMALL, *RAY) as place:
        for number in range(times):
            process = place.start(*grid, real=True)
            begun = place.begun()
            until(lambda p=process, b=begun: place.begun() >= b + 2 or p.code is not None, timeout=120)
            folder = ray_folder(process.pid)
            if not row.expect(folder is not None, f"no folder of Ray: {process.err[-400:]}") or folder is None:
                break
            shutil.rmtree(folder)
            began = time.monotonic()
            row.injected += 1
            process.wait(200)
            slowest = max(slowest, time.monotonic() - began)
            row.expect(process.code == 0, f"code {process.code}: {process.err[-600:]}")
            row.expect("Ray's files was removed" in process.err, f"it is not said: {process.err[-400:]}")
            row.expect(not folder.exists(), "the folder was made again")
            row.expect(
                all(a["error"] == "RayFolderVanished" for a in place.attempts()),
                f"other failures: {place.attempts()[-1:]}",
            )
            compare(row, right, place)
            if number + 1 < times:
                shutil.rmtree(place.outputs)
    row.note = f"finished within {slowest:.0f} s of the removal"
    return row


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep the cores busy."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def stopped_while_starting(times: int = 20, seed: int = 12, *, busy: int | None = None) -> Row:
    """SIGTERM while Ray starts on a busy machine, to the driver and to its whole process group."""
    row = Row("ray-start", "SIGTERM while Ray starts, on a busy machine", 0, 0, 0)
    grid, rng, slowest = ("model=toy", "model.seconds=0.2"), random.Random(seed), 0.0
    right = undisturbed(*grid)
    with Place.new(*SMALL, *RAY) as place, load(2 * (os.cpu_count() or 1) if busy is None else busy):
        for number in range(times):
            process = place.start(*grid, "report=false", real=True)
            starts = until(lambda p=process: any("gcs_server" in c for c in alive(children(p.pid))), timeout=120)
            row.expect(starts, "Ray was not seen to start")
            time.sleep(rng.uniform(0, 4))
            family, done = children(process.pid), place.begun()
            began = time.monotonic()
            if number % 2:
                os.killpg(process.pid, signal.SIGTERM)
            else:
                process.kill(signal.SIGTERM)
            code = process.wait(90)
            slowest = max(slowest, time.monotonic() - began)
            row.injected += 1
            row.expect(code == 143, f"code {code} instead of 143: {process.err[-600:]}")
            row.expect(until(lambda f=family: not alive(f), 20), f"left behind: {alive(family)}")
            row.expect("Traceback" not in process.err, f"a traceback: {process.err[-600:]}")
            row.expect("same command" in process.err, f"no word on how to go on: {process.err[-300:]}")
            row.recomputed += max(0, done - len(right))
            if place.begun():
                shutil.rmtree(place.outputs)
                shutil.rmtree(place.root / "marks")
                (place.root / "marks").mkdir(mode=0o777)
        after = place.run(*grid, *INLINE)
        row.expect(after.code == 0, f"code {after.code} afterwards: {after.err[-300:]}")
        compare(row, right, place)
    row.note = f"ended {slowest:.0f} s after the signal, at most; no process left"
    return row
