"""Show how far a run is, from any terminal: cells by state, running fits, time to go, last errors.

The run writes its status every second; what is shown is at most 2 s old. Exit code 3: the run has
stopped without some of its cells, or its process has died.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from va_experiments.commands.command_line import App
from va_experiments.commands.run_lookup import OUTPUTS, Outputs, RunName, find_run, read_json
from va_experiments.errors import InputError, printable
from va_experiments.formatting import format_duration
from va_experiments.terminal import is_terminal, say, say_json, terminal_width

__all__ = ["app", "read_status", "status", "status_text"]

SILENCE_SECONDS = 30.0
"""After so long without a sign of life, a driver on another host is taken for dead."""

INCOMPLETE = ("failed", "stopped")
"""Stages of runs that have ended without some of the cells; a failed run has ended by an error."""

ENDED = ("finished", *INCOMPLETE)


app = App()


@app.action(help=__doc__)
def status(
    run: RunName = None,
    outputs: Outputs = OUTPUTS,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every second until the run has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the status as JSON.")] = False,
) -> int:
    """Print the status once, or until the run has ended."""
    folder = find_run(outputs, run)
    with contextlib.ExitStack() as stack:
        show = stack.enter_context(_window()) if watch and not as_json and is_terminal(sys.stdout) else None
        while True:
            now = read_status(folder)
            if as_json:
                say_json(now, indent=None if watch else 1, flush=True)
            elif show is not None:
                show(status_text(now, terminal_width()))
            else:
                say(status_text(now, terminal_width()), flush=True)
            if not watch or now["state"] != "running":
                return 3 if now["state"] == "died" or now["stage"] in INCOMPLETE else 0
            time.sleep(1)


@contextlib.contextmanager
def _window() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a text in place of the one before it; the last text stays."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda text: live.update(Text(printable(text), no_wrap=True, overflow="ellipsis"), refresh=True)


def read_status(folder: Path) -> dict[str, Any]:
    """Return the content of a run's ``status.json`` with ``state`` and ``age_seconds`` added.

    ``state`` is ``running``, ``ended`` or ``died``: the driver's process is gone without having said goodbye, or, on
    another host, has been silent for half a minute.
    """
    status = read_json(folder / "status.json")
    if status is None:
        raise InputError(f"'{folder}' has no status yet: the run is starting, or was never begun")
    age = max(0.0, time.time() - float(status["time"]))
    if status["stage"] in ENDED:
        state = "ended"
    elif status["host"] == socket.gethostname():
        state = "running" if _alive(int(status["pid"]), float(status["started"])) else "died"
    else:
        state = "died" if age > SILENCE_SECONDS else "running"
    if state != "running":
        status["running"], status["eta_seconds"] = [], None
    return {**status, "state": state, "age_seconds": round(age, 2), "folder": str(folder)}


def _alive(pid: int, started: float) -> bool:
    """Return whether this process lives and was there when the run started: process ids are used again."""
    import psutil

    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() < started + 5)
    except psutil.Error:
        return False


def status_text(status: Mapping[str, Any], width: int) -> str:
    """Return the status in lines of at most `width` characters."""
    from va_experiments.results.counts import CellCounts  # here: it comes with numpy

    cells, fits = status["cells"], status["fits"]
    counts = CellCounts.from_manifest(status) or CellCounts(*(cells[k] for k in ("all", "done", "reused", "failed")))
    state = {"running": status["stage"], "ended": status["stage"], "died": "stopped (the driver died)"}[status["state"]]
    elapsed = (time.time() if status["state"] == "running" else status["time"]) - status["started"]
    lines = [
        f"run {status['run_id']}: {state}"
        + (
            f", {format_duration(round(elapsed))} since its start"
            if status["state"] == "running"
            else f" after {format_duration(round(elapsed))}"
        ),
        *textwrap.wrap(
            f"cells {counts.sentence if status['state'] == 'ended' else f'{counts.of_cells}, {counts.missing} to do'}",
            max(width, 20),
            subsequent_indent="      ",
        ),
        f"fits  {fits['done']} of {fits['all']} done, {len(status['running'])} running, {fits['waiting']} waiting",
    ]
    if status["state"] == "running":
        rate = status.get("cells_per_second")
        pace = [
            f"{'at least ' if status.get('eta_uncertain') else ''}{format_duration(status['eta_seconds'])} to go"
            if status.get("eta_seconds") is not None
            else "",
            f"{60 * rate:.1f} cells a minute" if rate else "",
            f"seen {status['age_seconds']:.0f} s ago",
        ]
        where = [
            f"driver {status['memory_mb']:.0f} MB",
            f"machine {status['memory_share']:.0%} of memory used" if status.get("memory_share") else "",
            f"process {status['pid']} on {status['host']}",
        ]
        lines += [", ".join(p for p in parts if p) for parts in (pace, where)]
    for fit in status["running"][:12]:
        share = f" {fit['done'] / fit['total']:.0%}" if fit.get("total") else ""
        parts = [f"{fit['label']}{share}"]
        parts += [f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in fit["info"].items()]
        parts += [f"{format_duration(round(time.time() - fit['started']))} on {fit['worker']}"]
        parts += [f"attempt {fit['attempt']}"] if fit.get("attempt", 1) > 1 else []
        lines.append("  " + ", ".join(parts))
    if len(status["running"]) > 12:
        lines.append(f"  ... and {len(status['running']) - 12} more")
    for error in (*status["errors"], *filter(None, [status.get("error")])):
        lines += textwrap.wrap(
            error, max(width, 20), initial_indent="  ! ", subsequent_indent="    ", max_lines=4, placeholder=" …"
        )
    if status["state"] == "died" or status["stage"] in INCOMPLETE:
        lines.append("Finished cells are kept: run the same command again to continue.")
    return "\n".join(line if len(line) <= width else line[: max(width - 1, 1)] + "…" for line in lines)
