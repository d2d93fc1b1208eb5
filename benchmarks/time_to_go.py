"""``python -m benchmarks.time_to_go RUN...``: how good the time to go was at half time of recorded runs.

Each run is replayed from its ``cells.parquet``: which fits had ended, which were at work, and since when. Two estimates
are compared with the truth: a first run on this machine (typical costs only) and a later one (costs recorded).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

from va_experiments.engine.time_to_go import TimeToGo
from va_experiments.execute import Running
from va_experiments.models.typical_costs import typical_seconds
from va_experiments.results import load_results

WITHIN = 0.3
"""An estimate that is off by no more than this share of the truth is good."""


def fits_of(folder: Path) -> pd.DataFrame:
    """Return the fits that a run computed: model, deaths, start, end and seconds of work."""
    cells = load_results(folder, baselines=True, unknown="keep")
    cells = cells[(cells["status"] == "done") & ~cells["reused"].astype(bool)]
    stages = [c for c in ("load_seconds", "fit_seconds", "predict_seconds", "score_seconds") if c in cells]
    cells = cells.assign(spent=cells[stages].fillna(0).sum(axis=1))
    grouped = cells.groupby("fit_key")
    fits = grouped.agg(model=("model", "first"), digest=("model_digest", "first"), started=("started", "min"),
                       ended=("ended", "max"), spent=("spent", "sum"), trained=("n_train", "first"),
                       tested=("n_test", "sum"))  # fmt: skip
    return fits.assign(deaths=fits["trained"] + fits["tested"])


def estimate(fits: pd.DataFrame, targets: dict[str, str], now: float, workers: int, *, recorded: bool) -> float:
    """Return the seconds to go that were shown at `now`."""
    known = fits.groupby("digest")["spent"].sum() / fits.groupby("digest")["deaths"].sum()
    rate = {
        d: known[d] if recorded else typical_seconds(targets[m])
        for d, m in zip(fits["digest"], fits["model"], strict=True)
    }
    fits = fits.assign(expected=fits["deaths"] * fits["digest"].map(rate))
    left = TimeToGo()
    for digest, group in fits.groupby("digest"):
        left.plan(str(digest), group["model"].iloc[0], len(group), group["expected"].sum(), recorded=recorded)
    running = []
    for fit in fits.itertuples():
        if fit.ended <= now:
            left.done(fit.digest, fit.expected, fit.spent)
        elif fit.started <= now:
            running.append(Running("", f"{fit.model} · x", started=fit.started))
    work, longest = left.left(running, now)
    return max(work / workers, longest)


def main(folders: list[str]) -> int:
    """Print one line for each run; 1 where none could be replayed."""
    good = runs = 0
    print("| run | fits | seconds | to go at half time | first estimate | with costs recorded |")
    print("|---|---|---|---|---|---|")
    for folder in map(Path, folders):
        manifest = json.loads((folder / "manifest.json").read_text())
        fits = fits_of(folder)
        if len(fits) < 2:
            continue
        targets = {j["config"]["model"]["name"]: j["config"]["model"]["_target_"] for j in manifest["jobs"]}
        targets |= {name: name.title() for name in fits["model"] if name not in targets}
        begin, end = fits["started"].min(), fits["ended"].max()
        now, truth = (begin + end) / 2, (end - begin) / 2
        workers = int(manifest["execution"].get("workers") or 1)
        both = [estimate(fits, targets, now, workers, recorded=r) for r in (False, True)]
        runs += 1
        good += abs(both[1] - truth) <= WITHIN * truth
        shown = " | ".join(f"{e:.1f} s ({e / truth - 1:+.0%})" for e in both)
        print(f"| {folder.name} | {len(fits)} | {end - begin:.1f} | {truth:.1f} s | {shown} |")
    print(f"\n{good} of {runs} runs: the estimate with costs recorded is within {WITHIN:.0%} at half time")
    return 0 if runs else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
