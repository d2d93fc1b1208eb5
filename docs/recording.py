"""Take the pictures of whole walks: ``python docs/recording.py [prefect] [site]``.

``prefect``: a run that is started, cancelled and resumed from Prefect's page, with a real ``va-experiments serve`` and
a headless Chromium that clicks as a person does; the states that the page shows are checked on the way. ``site``: three
people's packages of results, one of them changed by hand, on one site. Simulated deaths. Needs Chromium and the extra
``docs``. Takes about three minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from screenshots import SCALE, Camera  # noqa: E402

from tests.chromium import Page, chromium  # noqa: E402
from tests.served import serving  # noqa: E402
from tests.servers import until  # noqa: E402
from tests.watched import Ui, leaf  # noqa: E402
from va_experiments.page_guard import LOGIN, login_key  # noqa: E402

OVERRIDES = ("model=insilico", "model.n_iterations=2000", "model.auto_length=false", "data.n=600", "execution=inline")


def button(text: str) -> str:
    """Return the expression of the last button that says just this."""
    return f"[...document.querySelectorAll('button')].filter(e => e.innerText.trim() === {json.dumps(text)}).pop()"


def start(page: Page, servers: Ui, which: str, camera: Camera | None = None) -> None:
    """Fill in the form of the deployment, submit it, and open the run."""
    page.go(f"{servers.prefect}/deployments/deployment/{which}/run")
    page.shows("Add item", "Submit", seconds=120)
    for text in OVERRIDES:
        page.click(button("Add item"))
        empty = "[...document.querySelectorAll('textarea')].filter(e => !e.value).pop()"
        page.until(empty)
        page.write(empty, text)
    name = page.say("[...document.querySelectorAll('input[type=text]')].map(e => e.value).filter(Boolean)[0]")
    if camera:
        camera.page("prefect-serve-start", 1200, 960)
    page.click(button("Submit"))
    page.until("!location.pathname.endsWith('/run')", 60)
    page.go(f"{servers.prefect}/runs")
    page.click(leaf(name))
    page.shows("Logs", "Task Runs", seconds=60)


def logs(page: Page) -> None:
    """Bring the last lines of the log into view."""
    page.say("document.querySelectorAll('*').forEach(e => { e.scrollTop = e.scrollHeight; })")
    time.sleep(1)


def record(page: Page, servers: Ui, which: str, outputs: Path, camera: Camera) -> None:
    """Start, watch, cancel, start again."""
    page.size(1200, 960, SCALE)
    start(page, servers, which, camera)
    until(lambda: len(list((outputs / "checkpoints" / "cells").glob("*/*"))) >= 2, 600)
    page.shows("Running", "run the engine")
    camera.page("prefect-serve-running", 1200, 960)
    page.click(button("Cancel"))
    page.shows("Cancel Flow Run")
    page.click(button("Confirm"))
    page.shows("Cancelled", seconds=120)
    camera.page("prefect-serve-cancelled", 1200, 960)
    start(page, servers, which)
    page.shows("run the engine", "reused, 0 failed of 6 cells", seconds=600)
    logs(page)
    camera.page("prefect-serve-resumed", 1200, 960)


def va(*words: str, folder: Path, code: int = 0) -> str:
    """Run a command of ``va-experiments``, print it with what it says, and return that."""
    program = "import sys; from va_experiments.cli import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=folder, capture_output=True, text=True, env=environment
    )
    print(f"$ va-experiments {' '.join(words)}\n{done.stdout}", flush=True)
    if done.returncode != code:
        raise SystemExit(f"ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def site(page: Page, folder: Path, camera: Camera) -> None:
    """Pack the runs of three people, change a number in one package, verify the others, make the site."""
    (folder / "packages").mkdir(parents=True)
    quick = ("data.n=1500", "site=all", "execution=inline", "tracking=none", "report=false")
    for name, models in (("ann", "nbc,interva"), ("bob", "tariff,logistic_regression"), ("eve", "tariff2")):
        va(f"model={models}", *quick, f"paths.outputs={name}", folder=folder)
        va("results", "pack", "latest", "--outputs", name, "--out", f"packages/{name}.zip", folder=folder)
    whole = folder / "packages" / "eve.zip"
    with zipfile.ZipFile(whole) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content.replace(b",0.4", b",0.9") if name == "rows.csv" else content)
    va("results", "verify", "packages/ann.zip", "--sample", "3", folder=folder)
    va("results", "site", "packages", "--out", "site", folder=folder, code=3)
    page.size(400, 900, SCALE)
    page.go((folder / "site" / "index.html").as_uri())
    page.shows("Ranks over settings", "left out")
    assert page.say("document.documentElement.scrollWidth") <= 400, "wider than the window"
    camera.page("results-site-phone", 400, 900)


def main() -> int:
    """Take the pictures of the walks that are named, or of both."""
    names = set(sys.argv[1:]) or {"prefect", "site"}
    place = Path(tempfile.mkdtemp(prefix="va-"))
    outputs = place / "study" / "outputs"
    try:
        with chromium(place / "browser") as page:
            camera = Camera(page, outputs, set())
            if "site" in names:
                site(page, place / "study", camera)
            if "prefect" in names:
                with serving(outputs) as api:
                    auth = (outputs / "prefect" / "auth").read_text()
                    servers = Ui("", api.address, "", f"{api.address}{LOGIN}?key={login_key(auth)}", auth)
                    page.size(1200, 960, SCALE)  # a phone's window, as the site's, hides Prefect's menu
                    servers.greet(page)
                    record(page, servers, str(api.deployment["id"]), outputs, camera)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
