"""What a hostile tracking server or a limit of address space does to a whole command."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.harness import INLINE, RAY, SMALL, Place, Row, cells_of, compare, undisturbed
from tests.tracking.forged import Forged

TOY = ("model=toy",)
SERVERS = ("mute", "trickle", "body", "pages", "same", "redirect")
"""Ways of a forged server: no answer; an answer that never ends, slowly or fast; pages without end; a way elsewhere."""

GIBIBYTES = (1.0, 1.5, 1.75, 2.0, 3.0)


def forged_servers(ways: Sequence[str] = SERVERS) -> Row:
    """Name a tracking server that is mute, endless, or leads elsewhere: results are the same, and a line says so."""
    row = Row("servers", "MLflow server that is mute, endless (bytes, pages) or redirects", 0, 0, 0)
    right, slowest = undisturbed(*TOY), ("", 0.0)
    for way in ways:
        with Forged("right") as other, Forged(way, elsewhere=other.url) as server, Place.new(*SMALL, *INLINE) as place:
            began = time.monotonic()
            views = ("tracking=local", "tracking.prefect=false", f"tracking.uri={server.url}")
            done = place.run(*TOY, *views, real=True, timeout=400)
            slowest = max(slowest, (way, time.monotonic() - began), key=lambda s: s[1])
            row.injected += 1
            row.expect(done.code == 0, f"{way}: code {done.code}: {done.err[-600:]}")
            row.expect("Traceback" not in done.err, f"{way}: a traceback: {done.err[-600:]}")
            row.expect("MLflow" in done.err + done.out, f"{way}: nothing is said of it: {done.err[-400:]}")
            row.expect(other.asked == [], f"{way}: {len(other.asked)} requests elsewhere: {other.asked[:3]}")
            compare(row, right, place)
    row.note = f"the longest run took {slowest[1]:.0f} s ({slowest[0]})"
    return row


def address_space(sizes: Sequence[float] = GIBIBYTES) -> Row:
    """Limit the address space of a command with its report: leaderboard, page and status must be there."""
    row = Row("memory", "limit of address space (ulimit -v)", 0, 0, 0)
    right = undisturbed(*TOY)
    parts = 0
    for size in sizes:
        with Place.new(*SMALL, *INLINE) as place:
            done = _limited(place, size, *TOY)
            row.injected += 1
            row.expect(done.returncode == 0, f"{size} GiB: code {done.returncode}: {done.stderr[-400:]}")
            parts += _expect_results(row, place, done, f"{size} GiB")
            compare(row, right, place)
    row.note = f"{', '.join(f'{s:g}' for s in sizes)} GiB; {parts} of the pages without some part"
    return row


def address_space_with_ray(too_small: Sequence[float] = (1.5, 2.0), enough: Sequence[float] = (3.0, 4.0)) -> Row:
    """Limit the address space of a command on Ray: refused in words, or all is there but a cell that needs more."""
    row = Row("memory-ray", "limit of address space (ulimit -v), Ray; a cell that needs more", 0, 0, 0)
    right = undisturbed(*TOY)
    for size in too_small:
        with Place.new(*SMALL, *RAY) as place:
            done = _limited(place, size, *TOY)
            row.injected += 1
            row.expect(done.returncode == 5, f"{size} GiB: code {done.returncode} instead of 5: {done.stderr[-400:]}")
            row.expect("ulimit -v" in done.stderr, f"{size} GiB: the limit is not named: {done.stderr[-400:]}")
            row.expect("Traceback" not in done.stderr, f"{size} GiB: a traceback: {done.stderr[-400:]}")
            compare(row, right, place, missing=right)
    for size in enough:
        with Place.new(*SMALL, *RAY) as place:
            asks = {"fault": "ask", "sites": ["Pemba"], "megabytes": int(size * 1024) + 512, "times": 4}
            done = _limited(place, size, *TOY, plan=[asks])
            row.injected += place.faults()
            row.expect(done.returncode == 3, f"{size} GiB: code {done.returncode} instead of 3: {done.stderr[-400:]}")
            _expect_results(row, place, done, f"{size} GiB")
            cells = cells_of(place).set_index("test_site")
            row.expect(set(cells.index[cells["status"] == "failed"]) == {"Pemba"}, f"{size} GiB: others failed as well")
            message = str(cells.loc["Pemba", "error_message"])
            row.expect("out of memory" in message, f"{size} GiB: it says: {message[:300]}")
            after = place.run(*TOY, *INLINE)  # without the limit and the fault
            row.expect(after.code == 0, f"{size} GiB: code {after.code} afterwards")
            compare(row, right, place)
    refused, accepted = (", ".join(f"{s:g}" for s in sizes) for sizes in (too_small, enough))
    row.note = f"{refused} GiB refused in words; {accepted} GiB with leaderboard and page"
    return row


def _limited(
    place: Place, size: float, *arguments: str, plan: Sequence[Mapping[str, Any]] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command with a limit of address space, GiB."""
    code = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({0}, {0})); os.execv(sys.executable, {1})"
    toy_options = [
        "--config-dir",
        str(place.toys / "conf"),
        "allowed_targets=[vatoys]",
        f"paths.outputs={place.outputs}",
    ]
    command = [sys.executable, "-m", "va_experiments", *toy_options, *place.base, *arguments]
    return subprocess.run(
        [sys.executable, "-c", code.format(int(size * 2**30), json.dumps(command))],
        env=place.environment(plan),
        cwd=place.root,
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=_no_core,
        check=False,
    )


def _expect_results(row: Row, place: Place, done: subprocess.CompletedProcess[str], name: str) -> int:
    """Note what is missing of leaderboard, page and status; return how many pages leave out a part."""
    row.expect("CSMF accuracy" in done.stdout, f"{name}: no leaderboard: {done.stdout[-300:]}")
    parts = 0
    for folder in (place.outputs / "runs").glob("*/*"):
        page, status = folder / "report.html", json.loads((folder / "status.json").read_text())
        if row.expect(page.exists(), f"{name}: no page: {done.stderr[-400:]}"):
            parts += "Left out" in page.read_text()
        row.expect(status["stage"] == "finished", f"{name}: status '{status['stage']}'")
    return parts


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
