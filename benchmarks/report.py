"""What a report costs: 8 models at 6 sites, 500 resampled test sets each, beyond the fits; and how fast its page opens.

``python -m benchmarks report [--data FOLDER] [--outputs FOLDER] [--json FILE]``

One command in one process, on the real adult deaths (simulated ones where the file is not there). *Beyond the fits* is
all of its wall time but that inside ``Model.fit``: start-up, reading, predicting, drawing and scoring the test sets,
checkpoints, tables, comparisons, the split of the losses, figures, page. Then the report is built again from the run's
folder. The page is opened in a headless Chromium, whose own clock says when there was something to read and when the
last figure stood.
"""

from __future__ import annotations

import http.server
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.measure import ROOT, machine, newest_run, options, show, tell, watch

__all__ = ["main", "opened"]

MODELS = ("nbc", "interva", "tariff", "tariff2", "logistic_regression", "random_forest", "extra_trees", "xgboost")
STAGES = ("fit", "predict", "score", "commit")
GOAL = 120.0

_REPORT = "from va_experiments.cli import main; raise SystemExit(main())"

_CLOCK = """<script>
(function wait() {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const drawn = document.body.dataset.figures === "drawn";
  if (!paint || !drawn) { setTimeout(wait, 20); return; }
  const clock = {first_text_s: paint.startTime / 1000, all_figures_s: performance.now() / 1000};
  fetch("/clock", {method: "POST", body: JSON.stringify(clock)});
})();
</script></body>"""


def opened(page: Path, folder: Path, openings: int = 3) -> dict[str, Any]:
    """Return the size of a page, and the seconds until it can be read and until its last figure is drawn."""
    size: dict[str, Any] = {"page_mb": page.stat().st_size / 1e6, "goal_mb": 10}
    browser = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    if browser is None:
        return size | {"browser": "none on the PATH"}
    before, _, after = page.read_text(encoding="utf-8").rpartition("</body>")
    content, told = (before + _CLOCK + after).encode(), queue.SimpleQueue[dict[str, float]]()

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content if self.path == "/" else b"")

        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
    command = [browser, *flags, f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0"]
    found = []
    for _ in range(openings):  # the first also starts the browser for the first time
        process = subprocess.Popen(
            [*command, f"http://127.0.0.1:{server.server_port}/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            found.append(told.get(timeout=60))
        finally:
            process.terminate()
            process.wait()
    server.shutdown()
    return size | {k: min(f[k] for f in found) for k in found[0]} | {"goal_s": 2}


def run_of(outputs: Path, data: Path) -> tuple[list[dict[str, Any]], Path]:
    """Run the comparison and return its time by stage, and the run's folder."""
    chosen = ["data=phmrc_adult", f"data.path={data}"] if (data / "adult.csv.gz").exists() else ["data.n=7800"]
    command = ["-m", "va_experiments", f"model={','.join(MODELS)}", "testset=dirichlet", "testset.n_resamples=500"]
    command += ["n_bootstrap=500", "execution=inline", "tracking=none", f"paths.outputs={outputs}", *chosen]
    run = watch(command)
    if run.code != 0:
        raise SystemExit(run.output)
    folder = newest_run(outputs)
    names = ("cells", "baselines")
    cells = pd.concat([pd.read_parquet(folder / f"{name}.parquet") for name in names], ignore_index=True)
    ended = float(cells["ended"].max())
    spent = {stage: float(pd.to_numeric(cells[f"{stage}_seconds"]).sum()) for stage in STAGES}
    after = run.began + run.wall - ended
    rows = [{"stage": f"{stage}, all cells", "seconds": seconds} for stage, seconds in spent.items()]
    rows += [
        {"stage": "after the last cell: tables, comparisons, losses, figures, page", "seconds": after},
        {"stage": "the rest: start-up, reading, planning", "seconds": run.wall - after - sum(spent.values())},
        {"stage": "whole command, wall", "seconds": run.wall},
        {"stage": "whole command, CPU", "seconds": run.cpu},
        {"stage": "BEYOND THE FITS, wall", "seconds": run.wall - spent["fit"], "goal_s": GOAL},
    ]
    return rows, folder


def again(outputs: Path, folder: Path) -> dict[str, Any]:
    """Build the report again from the run's folder and return what that takes."""
    run = watch(["-c", _REPORT, "report", str(folder), "--outputs", str(outputs)])
    if run.code != 0:
        raise SystemExit(run.output)
    return {"command": "va-experiments report RUN", "wall_s": run.wall, "cpu_s": run.cpu, "peak_mb": run.peak_mb}


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; exit code 3 if it took longer than two minutes beyond the fits."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "phmrc")
    parser.add_argument("--outputs", type=Path, help="keep the run there (default: a folder that is removed)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="va-report-") as name:
        outputs = chosen.outputs or Path(name) / "outputs"
        rows, folder = run_of(outputs, chosen.data)
        show(f"{len(MODELS)} models, 6 sites, 500 test sets each (one process)", rows)
        built = again(outputs, folder)
        show("The report built again", [built])
        page = opened(folder / "report.html", Path(name))
        show("The page in a headless Chromium", [page])
    tell({"machine": machine(), "stages": rows, "again": built, "page": page}, chosen.json)
    return 0 if rows[-1]["seconds"] <= GOAL else 3


if __name__ == "__main__":
    sys.exit(main())
