"""The end of a multirun: tables, report, leaderboard on the terminal, MLflow's parent run, Prefect's last word."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.cell import versions
from va_experiments.checkpoints import completed_jobs
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.engine.multirun import Multirun
from va_experiments.plan import Job
from va_experiments.redaction import redacted, redacted_tree
from va_experiments.results.schema import MAIN_METRICS, TABLES

__all__ = ["Summary", "finish"]

log = logging.getLogger(__name__)

MOST_SPLITS = 1000


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a multirun ended with."""

    done: int
    reused: int
    failed: int
    missing: int
    report: Path | None
    exit_code: int


def finish(run: Multirun, jobs: Sequence[Job], *, interrupted: int | None) -> Summary:
    """Write everything the run leaves, print the summary, and return it.

    Parameters
    ----------
    run : Multirun
    jobs : sequence of Job
        All jobs of all batches.
    interrupted : int or None
        Exit code of the signal that ended the run early.
    """
    run.counts.stage = "reporting"
    for changed in filter(None, (file.difference() for file in run.files)):
        run.notes.append(f"  ! {changed}; these results are of the data as they were read at the start")
        log.warning("data changed during the run: %s; the results are of the data as they were read", changed)
    counts = run.counts
    missing = counts.cells - counts.done - counts.reused - counts.failed
    cells, baselines = run.ledger.frames()
    write_tables(run.folder, cells, baselines)
    va34 = None
    if run.config.legacy_table:
        from va_experiments.report.legacy_table import write_va34_table

        va34 = write_va34_table(_both(cells, baselines), run.folder)
    about = manifest(run, jobs, cells)
    (run.folder / "manifest.json").write_text(json.dumps(about, indent=1, sort_keys=True))
    something = len(cells) and (cells["status"] != "missing").any()  # not stopped before the first cell
    report = _report(run, about, cells, baselines) if something and run.config.report else None
    remember_costs(run, cells)
    complete = missing == 0 and counts.failed == 0 and not run.error
    if complete:
        completed_jobs.mark_complete(run.store.root, [job.config for job in jobs])
    exit_code = interrupted if interrupted is not None else 5 if run.error else 0 if complete else 3
    status = "FINISHED" if complete else "FAILED"
    run.tracker.finish(_parent_metrics(run, cells, baselines), run.folder, status)
    _say(run, cells, baselines, [p for p in (report, va34) if p is not None], missing)
    board = _prefect_table(run, cells, baselines)
    links = {"va-mlflow": link} if (link := run.tracker.link()) else {}
    how = "complete" if complete else f"incomplete ({missing} missing)" + (f": {run.error}" if run.error else "")
    run.alerts.finished(f"{how}; {run.progress.text()}; outputs in {run.folder}")
    run.prefect.finish(board, links, error="" if complete else f"{counts.failed} failed, {missing} missing")
    return Summary(counts.done, counts.reused, counts.failed, missing, report, exit_code)


def write_tables(folder: Path, cells: pd.DataFrame, baselines: pd.DataFrame) -> None:
    """Write ``cells`` and ``baselines`` as CSV (text that a spreadsheet would run is quoted) and Parquet."""
    from va_experiments.report.tables import write_csv, write_parquet

    for name, frame in (("cells", cells), ("baselines", baselines)):
        write_csv(frame, folder / f"{name}.csv")
        write_parquet(frame, folder / f"{name}.parquet")


def _both(cells: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([cells, baselines], ignore_index=True) if len(baselines) else cells


def manifest(run: Multirun, jobs: Sequence[Job], cells: pd.DataFrame) -> dict[str, Any]:
    """Return what is needed to judge and to repeat the run."""
    return {
        "schema": 1,
        "run_id": run.run_id,
        "command": ["python", "-m", "va_experiments", *map(redacted, sys.argv[1:])],
        "code": metadata.version("va-experiments"),
        "versions": dict(versions()),
        "frameworks": {n: metadata.version(n) for n in ("hydra-core", "ray", "prefect", "mlflow", "pandas")},
        "hardware": {"cores": os.cpu_count(), "machine": platform.machine(), "system": platform.platform()},
        "execution": run.backend.describe(),
        "data": [
            {
                "name": d.name,
                "sha256": f,
                "deaths": len(d),
                "symptoms": d.n_symptoms,
                "causes": len(d.causes),
                "sites": list(d.sites),
                "simulated": d.simulated,
                "cause_groups": dict(zip(d.causes, d.groups, strict=True)),
                "ledger": [
                    {"action": e.action, "column": e.column, "count": e.count, "reason": e.reason} for e in d.ledger
                ],
            }
            for f, d in run.deaths.items()
        ],
        "seeds": sorted({j.config.seed for j in jobs}),
        "splits": split_hashes(cells),
        "config": content_of(run.config),
        "jobs": [{"number": j.number, "overrides": list(j.overrides), "config": content_of(j.config)} for j in jobs],
    }


def split_hashes(cells: pd.DataFrame) -> dict[str, str]:
    """Return the SHA-256 of the deaths trained on and tested on, by split in words; one for all above `MOST_SPLITS`."""
    if not len(cells):
        return {}
    known = cells.loc[cells["split_sha256"].fillna("") != "", list(TABLES["split hashes"])].drop_duplicates()
    if len(known) > MOST_SPLITS:
        whole = hashlib.sha256("\n".join(sorted(known["split_sha256"])).encode()).hexdigest()
        return {f"{len(known)} splits, SHA-256 of their sorted SHA-256": whole}
    found = {}
    for protocol, train, test, size, *numbers, sha256 in known.itertuples(index=False):
        counted = (f"{name} {n:.0f}" for name, n in zip(("repeat", "fold", "replicate"), numbers, strict=True) if n)
        size = "" if size == "all" else size
        found[" ".join(filter(None, (protocol, train or "nothing", "->", test, size, *counted)))] = sha256
    return found


def content_of(config: RunConfig | JobConfig) -> dict[str, Any]:
    """Return the configuration of the run or of a job as plain data, without secrets."""
    return dict(redacted_tree(config.tree()))


def _report(run: Multirun, about: dict[str, Any], cells: pd.DataFrame, baselines: pd.DataFrame) -> Path | None:
    from va_experiments.analysis.transfer_loss import losses_of
    from va_experiments.report.build import build_report
    from va_experiments.report.inputs import report_content

    try:
        both = _both(cells, baselines)
        allowed, cache = tuple(run.config.allowed_targets), run.outputs / "cache" / "losses"
        losses = losses_of(both, run.store, run.deaths, cache, allowed=allowed)
        content = report_content(both, [about], store=run.store, losses=losses)
        paths = build_report(content, run.folder / "report")
    except Exception as error:  # results are safe already; a report can be rebuilt
        log.exception("the report could not be built: %s", error)
        return None
    single = run.folder / "report.html"
    shutil.copyfile(paths.html, single)
    return single


def _parent_metrics(run: Multirun, cells: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, float]:
    """Return the leaderboard as metrics of the parent run: ``<model>.<metric>``, means over complete grids only."""
    c = run.counts
    figures: dict[str, float] = {"cells": c.cells, "done": c.done, "reused": c.reused, "failed": c.failed}
    for frame in (cells, baselines):
        for model, group in frame.groupby("model"):
            if (group["status"] != "done").any():
                continue
            for metric in MAIN_METRICS:
                by_site = group.assign(value=pd.to_numeric(group[metric])).groupby("test_site")["value"].mean()
                if by_site.notna().all() and len(by_site):
                    figures[f"{model}.{metric}"] = float(by_site.mean())
    return figures


def _prefect_table(run: Multirun, cells: pd.DataFrame, baselines: pd.DataFrame) -> list[dict[str, str]]:
    from va_experiments.report import leaderboard_rows

    both = _both(cells, baselines)
    if not len(cells) or not (both["status"] == "done").any():
        return []
    return leaderboard_rows(both, run.config.objective, allow_missing=run.config.allow_incomplete)


def remember_costs(run: Multirun, cells: pd.DataFrame) -> None:
    """Keep what each model cost by death, for the order and the estimates of later runs."""
    from va_experiments.checkpoints.atomic_files import write_atomically

    known = dict(run.costs().seconds_by_death)
    new = cells[(cells["status"] == "done") & ~cells["reused"].astype(bool)] if len(cells) else cells
    if not len(new) or "model_digest" not in new:
        return
    for digest, group in new.groupby("model_digest"):
        seconds = sum(pd.to_numeric(group[c], errors="coerce").sum() for c in ("fit_seconds", "predict_seconds"))
        deaths = pd.to_numeric(group["n_train"]).sum() + pd.to_numeric(group["n_test"]).sum()
        if deaths > 0:
            known[str(digest)] = float(seconds / deaths)
    write_atomically(run.store.root / "costs.json", json.dumps(known, sort_keys=True).encode())


def _say(run: Multirun, cells: pd.DataFrame, baselines: pd.DataFrame, more: Sequence[Path], missing: int) -> None:
    from va_experiments.report import leaderboard_text

    run.progress.stop("finished")
    width = shutil.get_terminal_size((100, 24)).columns
    metric = run.config.objective
    lines = [""]
    if len(cells):
        both = _both(cells, baselines)
        if (both["status"] == "done").any():
            missing_allowed = run.config.allow_incomplete
            lines += [leaderboard_text(both, width, metric=metric, allow_missing=missing_allowed, counts=False), ""]
    if any(d.simulated for d in run.deaths.values()):
        lines.append("The data are SIMULATED: nothing here says anything about real deaths.")
    lines.append(run.progress.text() + (f", {missing} not computed" if missing else ""))
    if run.counts.done == run.counts.failed == missing == 0:
        lines.append("Nothing was fitted: every cell was there already.")
    older = int((cells["older_versions"].fillna("") != "").sum()) if "older_versions" in cells else 0
    if older:
        lines.append(f"{older} reused cells were computed with other library versions (column older_versions)")
    lines += run.notes
    for text in list(run.counts.errors):
        lines.append(f"  ! {text}")
    for problem in filter(None, (run.error, run.tracker.error, run.alerts.error)):
        lines.append(f"  ! {problem}")
    lines.append(f"cells   {run.folder / 'cells.csv'}")
    if run.counts.failed:
        lines.append("        column error_traceback: where each failed cell failed")
    lines += [f"{'report' if path.suffix == '.html' else 'table':8}{path}" for path in more]
    if run.config.tracking.mlflow and not run.config.tracking.uri:
        lines.append(f"compare va-experiments ui --outputs {run.outputs}")
    if run.interrupts.received is not None or missing:
        lines.append("Go on with the same command: finished cells are not computed again.")
    elif run.counts.failed:
        lines.append("The same command tries the failed cells again, and computes no finished one.")
    with contextlib.suppress(BrokenPipeError):  # nobody reads any more: the run ends as it would have
        print("\n".join(lines), flush=True)
