"""Inject every fault, print the table, and write it into ``docs/explanation/what-survives-what.md``.

``python -m tests.faults`` runs all; with names (``F3 F7``) only those, and with ``--write`` puts their rows in place of
the page's. ``--quick`` runs each with fewer injections; its rows are marked so. Each scenario is a process of its own.
Those that measure nothing but whether results survive run beside one another, ``--lanes`` at a time, which is one more
disturbance; those with a bound on time or on memory run alone, after the others.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.faults import scenarios_disk as disk
from tests.faults import scenarios_driver as driver
from tests.faults import scenarios_exit as leaving
from tests.faults import scenarios_hosts as hosts
from tests.faults import scenarios_limits as limits
from tests.faults import scenarios_ray as ray
from tests.faults import scenarios_served as served
from tests.faults import scenarios_surroundings as surroundings
from tests.faults import scenarios_views as views
from tests.faults import scenarios_workers as workers
from tests.faults.harness import ROOT, Row

PAGE = ROOT / "docs" / "explanation" / "what-survives-what.md"
BEGIN, END = "<!-- table: make faults -->", "<!-- end of table -->"

ALL: dict[str, tuple[Callable[[], Row], Callable[[], Row]]] = {
    # name: (whole, quick)
    "F1": (workers.f1_worker_killed, lambda: workers.f1_worker_killed(30)),
    "F2": (workers.f2_poison, workers.f2_poison),
    "F3": (driver.f3_driver_killed, lambda: driver.f3_driver_killed(5)),
    "F3-ray": (lambda: driver.f3_driver_killed(5, ray=True), lambda: driver.f3_driver_killed(1, ray=True)),
    "F4": (workers.f4_cluster_killed, lambda: workers.f4_cluster_killed(1)),
    "F5": (lambda: driver.f5_second_driver_at_once(20), lambda: driver.f5_second_driver_at_once(2)),
    "F6": (driver.f6_commit_steps, lambda: driver.f6_commit_steps(1)),
    "F7": (disk.f7_damage, lambda: disk.f7_damage(20)),
    "F8": (disk.f8_disk_full, lambda: disk.f8_disk_full(2)),
    "F9": (disk.f9_not_writable, disk.f9_not_writable),
    "F10": (driver.f10_two_drivers, lambda: driver.f10_two_drivers(2)),
    "F11": (driver.f11_stale_lock, lambda: driver.f11_stale_lock(2)),
    "F12": (driver.f12_signals, lambda: driver.f12_signals(ray=False)),
    "F13": (workers.f13_memory, lambda: workers.f13_memory(monitor=False)),
    "F14": (workers.f14_hang, workers.f14_hang),
    "F15": (workers.f15_errors, workers.f15_errors),
    "F16": (lambda: views.f16_mlflow(hold=60), views.f16_mlflow),
    "F17": (lambda: views.f17_prefect(4), lambda: views.f17_prefect(1, more=False)),
    "F18": (disk.f18_changes, disk.f18_changes),
    "F19": (disk.f19_clock_and_locale, disk.f19_clock_and_locale),
    "F20": (workers.f20_workers, lambda: workers.f20_workers((2,))),
    "F21": (lambda: views.f21_first_use(20), lambda: views.f21_first_use(1)),
    "F22": (disk.f22_moved, disk.f22_moved),
    "F23": (workers.f23_soak, lambda: workers.f23_soak(10)),
    "F24": (disk.f24_incomplete, disk.f24_incomplete),
    "hosts": (hosts.machines_lost, hosts.machines_lost),
    "paths": (surroundings.odd_paths, lambda: surroundings.odd_paths(("a?b#c %41é",))),
    "proxies": (surroundings.proxies, surroundings.proxies),
    "mlflow": (surroundings.unusable_mlflow, surroundings.unusable_mlflow),
    "folder": (surroundings.vanished_folder, surroundings.vanished_folder),
    "states": (lambda: workers.states(ray=False), lambda: workers.states(ray=False)),
    "states-ray": (lambda: workers.states(ray=True), lambda: workers.states(ray=True)),
    "ray-folder": (ray.vanished_folder, lambda: ray.vanished_folder(1)),
    "ray-start": (ray.stopped_while_starting, lambda: ray.stopped_while_starting(2)),
    "served": (served.engine_lost, lambda: served.engine_lost(1)),
    "exit": (leaving.checks_of_data, lambda: leaving.checks_of_data(5)),
    "servers": (limits.forged_servers, lambda: limits.forged_servers(("mute", "pages"))),
    "memory": (limits.address_space, lambda: limits.address_space((1.75,))),
    "memory-ray": (limits.address_space_with_ray, lambda: limits.address_space_with_ray((), (3.0,))),
    "resume": (disk.resume_settings, disk.resume_settings),
}

ALONE = ("F1", "F2", "F9", "F10", "F13", "F14", "ray-start", "servers", "memory", "memory-ray")
"""Scenarios with a bound on seconds or on the machine's memory."""

LONG = ("F23", "F21", "F5", "F12", "F4")
"""Scenarios that take minutes; they begin first."""

LIMIT = 1800
"""Seconds after which a scenario is ended."""


def tried(name: str, *, quick: bool = False) -> Row:
    """Run one scenario; what it trips over is part of its row."""
    began = time.monotonic()
    try:
        row = ALL[name][quick]()
    except Exception as error:
        row = Row(name, ALL[name][0].__name__, 0, 0, 0, [f"{type(error).__name__}: {error}"[:500]])
    row.number = name
    row.seconds = time.monotonic() - began
    row.run = time.strftime("%Y-%m-%d") + (", quick" if quick else "")
    return row


def tried_apart(name: str, *, quick: bool) -> Row:
    """Run one scenario in a process of its own."""
    command = [sys.executable, "-m", "tests.faults", name, "--row", *(["--quick"] if quick else [])]
    began = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
        return Row(**json.loads(done.stdout.splitlines()[-1]))
    except (subprocess.TimeoutExpired, ValueError, IndexError, TypeError) as error:
        row = Row(name, ALL[name][0].__name__, 0, 0, 0, [f"no row: {type(error).__name__}: {error}"[:500]])
        row.seconds = time.monotonic() - began
        return row


HEAD = ("#", "fault", "times injected", "cells lost", "finished cells recomputed", "verdict", "remarks", "run")


def line(r: Row) -> str:
    """Return a row as a line of Markdown."""
    cells = (r.number, r.fault, str(r.injected), str(r.lost), str(r.recomputed), r.verdict, r.note, r.run)
    return f"| {' | '.join(cells)} |"


def table(lines: Sequence[str]) -> str:
    """Return lines as a Markdown table."""
    return "\n".join([f"| {' | '.join(HEAD)} |", "|---|---|---:|---:|---:|---|---|---|", *lines])


def write(rows: Sequence[Row], page: Path = PAGE) -> None:
    """Put rows into the page's table, in place of those of the same scenarios."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    old, after = rest.split(END)
    lines = {text.split("|")[1].strip(): text for text in old.splitlines() if text.startswith("| ")}
    lines |= {r.number: line(r) for r in rows}
    summary = (
        f"Written by `python -m tests.faults --write` on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; the last column says "
        "when each row was run, *quick* that it was run with fewer injections than `make faults` makes."
    )
    written = table([lines[name] for name in ALL if name in lines])
    page.write_text(f"{before}{BEGIN}\n\n{summary}\n\n{written}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Run the scenarios; return how many failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ALL)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="fewer injections")
    parser.add_argument("--write", action="store_true", help="write the rows into the page")
    parser.add_argument("--lanes", type=int, default=3, metavar="N", help="scenarios beside one another; default: 3")
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.names or list(ALL)
    if options.row:
        print(json.dumps(dataclasses.asdict(tried(names[0], quick=options.quick))))
        return 0
    rows: dict[str, Row] = {}
    together = sorted((n for n in names if n not in ALONE), key=lambda n: (*LONG, n).index(n))
    for lanes, several in ((max(1, options.lanes), together), (1, [n for n in names if n in ALONE])):
        with ThreadPoolExecutor(lanes) as pool:
            waiting = {pool.submit(tried_apart, name, quick=options.quick): name for name in several}
            for future in as_completed(waiting):
                row = rows[waiting[future]] = future.result()
                tell(waiting[future], row)
                if options.write or not (options.names or options.quick):
                    write([row])
    print("\n" + table([line(rows[name]) for name in names]))
    return min(100, sum(r.verdict == "FAILED" for r in rows.values()))


def tell(name: str, row: Row) -> None:
    """Print what became of a scenario."""
    print(f"{name:<10} {row.verdict:<10} {row.seconds:6.0f} s  {row.injected} x {row.fault}; {row.note}", flush=True)
    for problem in row.found:
        print(f"           ! {problem}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
