"""Measure the cost of a report: of the main job, and of 8 models at 6 sites; and how fast its page opens.

``python -m benchmarks report [--data FOLDER] [--outputs FOLDER] [--json FILE] [--main-job]``

First the report of the main job in processor time: the command on stored cells with ``report=true``, less the same with
``report=false``, the median of pairs. Then 8 models on 500 resampled test sets each, one command in one process, on the
real adult deaths (simulated ones if the file is missing). *Beyond the fits* is
its wall time without that inside ``Model.fit``: start-up, reading, predicting, drawing and scoring the test sets,
checkpoints, tables, comparisons, the split of the losses, figures, page. Then the report is built again from the run's
folder. The page is opened in a headless Chromium, whose clock gives the time until text can be read and until
the last figure is drawn.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.measure import ROOT, environment, machine, newest_run, options, show, tell, watch
from tests.chromium import CHROMIUM, MISSING, chromium
from va_experiments.results import load_results

__all__ = ["main", "opened"]

MODELS = ("nbc", "interva", "tariff", "tariff2", "logistic_regression", "random_forest", "extra_trees", "xgboost")
STAGES = ("fit", "predict", "score", "commit")
GOAL = 120.0
MAIN_JOB = ("model=interva,insilico", "site=all", "execution=inline", "tracking=none")
MAIN_JOB_GOAL = 1.5
PAIRS = 5

_REPORT = "from va_experiments.cli import main; raise SystemExit(main())"

_CLOCK = """(function wait() {
  if (document.body && document.body.dataset.figures === "drawn") window.drawnAt = performance.now();
  else setTimeout(wait, 20);
})();"""

_TOLD = """({
  first_text_s: performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000,
  all_figures_s: drawnAt / 1000,
})"""


def of_main_job(outputs: Path) -> dict[str, Any]:
    """Return the processor seconds of the main job's report: with it less without it, on stored cells."""
    command = ["-m", "va_experiments", *MAIN_JOB, f"paths.outputs={outputs}"]
    if (first := watch(command)).code != 0:
        raise SystemExit(first.output)
    pairs = [[_cpu([*command, f"report={word}"]) for word in ("true", "false")] for _ in range(PAIRS)]
    spent = sorted(with_report - without for with_report, without in pairs)
    return {
        "report of the main job": "cpu_s",
        "median": statistics.median(spent),
        "least": spent[0],
        "most": spent[-1],
        "goal_s": MAIN_JOB_GOAL,
    }


def _cpu(command: list[str]) -> float:
    """Return the processor seconds of a command, as the kernel counts them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment(), capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def opened(page: Path, folder: Path, openings: int = 3) -> dict[str, Any]:
    """Return the size of a page, and the least seconds until it can be read and until its last figure is drawn."""
    size: dict[str, Any] = {"page_mb": page.stat().st_size / 1e6, "goal_mb": 10}
    if CHROMIUM is None:
        return size | {"browser": MISSING}
    results = []
    with chromium(folder / "profile") as browser:
        browser.before(_CLOCK)
        for _ in range(openings):
            browser.go(page.resolve().as_uri())
            browser.until("drawnAt && performance.getEntriesByName('first-contentful-paint').length")
            results.append(browser.say(_TOLD))
    return size | {k: min(f[k] for f in results) for k in results[0]} | {"goal_s": 2}


def run_of(outputs: Path, data: Path) -> tuple[list[dict[str, Any]], Path]:
    """Run the comparison and return its time by stage, and the run's folder."""
    chosen = ["data=phmrc_adult", f"data.path={data}"] if (data / "adult.csv.gz").exists() else ["data.n=7800"]
    command = ["-m", "va_experiments", f"model={','.join(MODELS)}", "testset=dirichlet", "testset.n_resamples=500"]
    command += ["n_bootstrap=500", "execution=inline", "tracking=none", f"paths.outputs={outputs}", *chosen]
    run = watch(command)
    if run.code != 0:
        raise SystemExit(run.output)
    folder = newest_run(outputs)
    cells = load_results(folder, baselines=True)
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
    parser.add_argument("--main-job", action="store_true", help="measure the report of the main job alone")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="va-report-") as name:
        main_job = of_main_job(Path(name) / "main")
        show("The report of the main job", [main_job])
        if chosen.main_job:
            tell({"machine": machine(), "main_job": main_job}, chosen.json)
            return 0 if main_job["median"] <= MAIN_JOB_GOAL else 3
        outputs = chosen.outputs or Path(name) / "outputs"
        rows, folder = run_of(outputs, chosen.data)
        show(f"{len(MODELS)} models, 6 sites, 500 test sets each (one process)", rows)
        built = again(outputs, folder)
        show("The report built again", [built])
        page = opened(folder / "report.html", Path(name))
        show("The page in a headless Chromium", [page])
    tell({"machine": machine(), "main_job": main_job, "stages": rows, "again": built, "page": page}, chosen.json)
    return 0 if rows[-1]["seconds"] <= GOAL else 3


if __name__ == "__main__":
    sys.exit(main())
