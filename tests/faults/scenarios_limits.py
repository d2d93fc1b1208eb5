"""What a hostile tracking server or a limit of address space does to a whole command."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.faults.harness import INLINE, SMALL, Place, Row, compare, undisturbed
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
    limited = (
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({0}, {0})); os.execv(sys.executable, {1})"
    )
    parts = 0
    for size in sizes:
        with Place.new(*SMALL, "execution=inline", "tracking=none") as place:
            own = [
                "--config-dir",
                str(place.toys / "conf"),
                "allowed_targets=[vatoys]",
                f"paths.outputs={place.outputs}",
            ]
            command = [sys.executable, "-m", "va_experiments", *own, *place.base, *TOY]
            code = limited.format(int(size * 2**30), json.dumps(command))
            done = subprocess.run(
                [sys.executable, "-c", code],
                env=place.environment(),
                cwd=place.root,
                capture_output=True,
                text=True,
                timeout=300,
                preexec_fn=_no_core,
                check=False,
            )
            row.injected += 1
            row.expect(done.returncode == 0, f"{size} GiB: code {done.returncode}: {done.stderr[-400:]}")
            row.expect("CSMF accuracy" in done.stdout, f"{size} GiB: no leaderboard: {done.stdout[-300:]}")
            for folder in (place.outputs / "runs").glob("*/*"):
                page, status = folder / "report.html", json.loads((folder / "status.json").read_text())
                if row.expect(page.exists(), f"{size} GiB: no page: {done.stderr[-400:]}"):
                    parts += "Left out" in page.read_text()
                row.expect(status["stage"] == "finished", f"{size} GiB: status '{status['stage']}'")
            compare(row, right, place)
    row.note = f"{', '.join(f'{s:g}' for s in sizes)} GiB; {parts} of the pages without some part"
    return row


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
