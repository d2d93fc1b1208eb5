"""Take the pictures in ``docs/images`` again, of real pages of a real run: ``python docs/screenshots.py [NAME ...]``.

The embedded, simulated deaths; the servers of ``va-experiments ui``; a terminal; a headless Chromium. What would name
this machine (its host name, its folders) is replaced in the pages before the picture is taken, and nothing else.
Needs Chromium and the extra ``docs``. Takes about six minutes.
"""

from __future__ import annotations

import contextlib
import fcntl
import html
import json
import os
import pty
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

from tests.chromium import Page, chromium  # noqa: E402
from tests.watched import Ui, ui  # noqa: E402

COMMAND = "python -m va_experiments model=nbc,interva,insilico site=all -m"
DEMO = "python -m va_experiments model=interva,insilico site=all -m"
"""What ``make demo`` runs."""

COLUMNS, LINES = 92, 26
SCALE = 1.5

TERMINAL = """<style>
body {{ margin: 0; background: #fff; }}
pre {{ margin: 0; padding: 14px 18px; width: max-content; border-radius: 8px; background: #1d2430; color: #dfe5ee;
  font: 14px/1.38 "DejaVu Sans Mono", monospace; }}
b {{ color: #8fd18f; font-weight: 400; }}
</style><pre>{text}</pre>"""


class Terminal:
    """A command at work in a terminal of its own, whose screen can be read.

    Parameters
    ----------
    command : str
        Begins with ``python`` or ``va-experiments``: this environment's.
    folder : Path
        Where it runs.
    columns : int
    """

    def __init__(self, command: str, folder: Path, columns: int = COLUMNS) -> None:
        import pyte

        self.command, self._columns = command, columns
        self._screen = pyte.HistoryScreen(columns, LINES, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
        program, *rest = command.split()
        environment = {k: v for k, v in os.environ.items() if k not in ("CI", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), *rest],
            stdin=inner, stdout=inner, stderr=inner, cwd=folder, env={**environment, "TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(inner)
        self._reader = threading.Thread(target=self._read, args=(outer,), daemon=True)
        self._reader.start()

    def _read(self, outer: int) -> None:
        with contextlib.suppress(OSError):  # the other end has closed
            while some := os.read(outer, 65536):
                with self._lock:
                    self._stream.feed(some)

    def text(self) -> str:
        """Return what has been printed, the lines that have left the screen at the top included."""
        with self._lock:
            gone = ["".join(line[c].data for c in range(self._columns)) for line in self._screen.history.top]
            lines = [line.rstrip() for line in [*gone, *self._screen.display]]
        return "\n".join(lines).strip("\n")

    def until(self, pattern: str, seconds: float = 300) -> str:
        """Return the text as soon as `pattern` is in it."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, text := self.text()):
            if time.monotonic() > deadline or (self.process.poll() is not None and not self._reader.is_alive()):
                raise SystemExit(f"no {pattern!r} in what {self.command!r} printed:\n{text}")
            time.sleep(0.05)
        return text

    def all(self) -> str:
        """Return the text once the command has ended well."""
        if code := self.process.wait(300):
            raise SystemExit(f"{self.command!r} ended with {code}:\n{self.text()}")
        self._reader.join(5)
        return self.text()


class Camera:
    """Takes pictures of a page and of text, and writes them small."""

    def __init__(self, page: Page, outputs: Path, wanted: set[str]) -> None:
        self._page, self._wanted = page, wanted
        self._hide = {f"{socket.gethostname()}:": "workstation:", str(outputs.resolve().parent): "/home/me/study"}

    def page(self, name: str, width: int, height: int) -> None:
        """Take the open page in a window of this size, which it is given a moment to settle in."""
        self._page.size(width, height, SCALE)
        time.sleep(2.5)
        self._page.say(f"({_REPLACE})({json.dumps(list(self._hide.items()))})")
        self._take(name, (0, 0, width, height))

    def terminal(self, name: str, command: str, text: str) -> None:
        """Take a terminal that shows a command and what it printed."""
        for hidden, instead in {**self._hide, f" on {socket.gethostname()}": " on workstation"}.items():
            text = text.replace(hidden, instead)
        shown = f"<b>$</b> {html.escape(command)}\n{html.escape(text)}"
        page = self._page
        page.go("about:blank")
        page.size(1200, 1600, SCALE)
        page.say(f"document.documentElement.innerHTML = {json.dumps(TERMINAL.format(text=shown))}")
        box = page.say("(r => [r.width, r.height])(document.querySelector('pre').getBoundingClientRect())")
        self._take(name, (0, 0, *box))

    def _take(self, name: str, box: tuple[float, float, float, float]) -> None:
        if self._wanted and name not in self._wanted:
            return
        path = IMAGES / f"{name}.png"
        self._page.picture(path, box)
        smaller(path)
        print(f"docs/images/{path.name}  {path.stat().st_size / 1000:.0f} kB", flush=True)


_REPLACE = """pairs => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode())
    for (const [from, to] of pairs)
      walk.currentNode.nodeValue = walk.currentNode.nodeValue.replaceAll(from, to);
}"""


def smaller(path: Path) -> None:
    """Write a PNG again with 256 colours, which is enough for pages."""
    from PIL import Image

    with Image.open(path) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def watch(study: Path, servers: Ui, camera: Camera, page: Page) -> Path:
    """Run the comparison, take pictures while it works, and return its folder."""
    run = Terminal(COMMAND, study)
    bars = run.until(r"fits ([6-9]|1\d|2\d)/30(?s:.*)insilico\S* .* [1-9]\d*%,")
    status = Terminal("va-experiments status", study).all()
    folder = max((study / "outputs" / "runs").glob("*/*"))
    name = f"{folder.parent.name}/{folder.name}"
    with contextlib.suppress(AssertionError):  # too fast a run; the pictures of its end are taken all the same
        servers.open_flow_run(page, name, "Artifacts")
        page.shows("va-progress", "of 18 cells", seconds=10)
        camera.page("prefect-progress", 1200, 960)
    end = run.all()
    camera.terminal("terminal-bars", COMMAND, bars)
    camera.terminal("terminal-status", "va-experiments status", status)
    camera.terminal("terminal-leaderboard", COMMAND, end)
    camera.terminal("terminal-profile", "va-experiments profile", Terminal("va-experiments profile", study).all())
    for columns in (80, 120):
        first = study.parent / f"first-{columns}"  # outputs of its own: nothing is reused
        first.mkdir()
        camera.terminal(f"terminal-{columns}", DEMO, Terminal(DEMO, first, columns).all())
    return folder


def look_back(folder: Path, servers: Ui, camera: Camera, page: Page) -> None:
    """Take the pages of a run that has ended."""
    page.size(1200, 900, SCALE)
    servers.open_flow_run(page, f"{folder.parent.name}/{folder.name}", "Task Runs")
    page.shows("model=insilico site=all", "(5 Completed)")
    camera.page("prefect-flow-run", 1200, 1000)
    servers.open_artifact(page, "va-leaderboard")
    page.shows("insilico", "prior *")
    camera.page("prefect-leaderboard", 1480, 560)

    page.go(servers.cells)
    page.shows("nbc → Bohol", "18 matching runs")
    camera.page("mlflow-cells", 1280, 800)
    cells = [run["info"]["run_id"] for run in servers.runs("tags.`va.kind` = 'cell'")]
    page.size(1200, 800, SCALE)
    servers.open_comparison(page, cells, "model", "csmf_accuracy_top")
    page.until("document.querySelectorAll('.js-plotly-plot .trace.boxes').length === 3")
    camera.page("mlflow-compare", 1200, 800)
    parent: dict[str, Any] = servers.runs("tags.`va.kind` = 'multirun'")[0]
    page.go(servers.artifact(parent["info"]["run_id"], "report.html"))
    page.shows("report.html", "on simulated deaths, ")
    camera.page("mlflow-report", 1200, 800)

    page.go((folder / "report.html").as_uri())
    page.until("document.body.dataset.figures === 'drawn'")
    camera.page("report", 1280, 1700)
    for part, height in (("leaderboard", 900), ("causes", 700)):
        only = f"document.querySelectorAll('header, nav, main > section').forEach(s => s.hidden = s.id !== '{part}')"
        page.say(only)
        camera.page(f"report-{part}", 1280, height)
    page.say("document.querySelectorAll('[hidden]').forEach(s => s.hidden = false)")
    page.size(400, 2300, SCALE)
    end = "Math.ceil(document.getElementById('answer').getBoundingClientRect().bottom + scrollY)"
    camera.page("report-phone", 400, int(page.say(end)) + 20)  # down to the recommendation


def main() -> int:
    """Take all pictures, or those named."""
    IMAGES.mkdir(exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="va-"))
    study = place / "study"
    try:
        outputs = study / "outputs"
        with ui(outputs) as servers, chromium(place / "browser") as page:
            servers.greet(page)
            page.size(1200, 800, SCALE)
            camera = Camera(page, outputs, set(sys.argv[1:]))
            look_back(watch(study, servers, camera, page), servers, camera, page)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{sum(p.stat().st_size for p in IMAGES.glob('*.png')) / 1e6:.2f} MB in docs/images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
