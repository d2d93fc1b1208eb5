"""End a run: write tables, manifest and report, keep what the models cost, and notify the observers."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.cell import versions
from va_experiments.checkpoints import completed_jobs
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.engine.estimate import COSTS, MEMORY, read_memory
from va_experiments.engine.multirun import Multirun
from va_experiments.engine.observers import RunOutcome
from va_experiments.engine.saved_models import save_models
from va_experiments.plan import Job
from va_experiments.redaction import redacted, redacted_tree
from va_experiments.results.schema import TABLES
from va_experiments.results.table_files import write_csv, write_parquet
from va_experiments.typical_costs import usual_rate

__all__ = ["finalize"]

log = logging.getLogger(__name__)

MOST_SPLITS = 1000


def finalize(run: Multirun, jobs: Sequence[Job], *, interrupted: int | None) -> RunOutcome:
    """Write tables, manifest and report, notify the observers, and return how the run ended.

    Parameters
    ----------
    run : Multirun
    jobs : sequence of Job
        All jobs of all batches.
    interrupted : int or None
        Exit code of the signal that ended the run early.

    Raises
    ------
    OutputsMoved
        If the outputs folder is moved before the tables and the report are whole.
    """
    context, counts = run.context, run.context.counts
    counts.stage = "reporting"
    context.interrupted = interrupted is not None
    if counts.fits_done:  # else they may be starting still, and ending them then could end this process
        run.stop_workers()
    for changed in filter(None, (file.difference() for file in run.files)):
        context.notes.append(f"  ! {changed}; these results are of the data as they were read at the start")
        log.warning("data changed during the run: %s; the results are of the data as they were read", changed)
    cells, baselines = run.writer.tables()
    outcome = RunOutcome(cells, baselines, counts.now.missing, [], run.error, 0)
    with run.in_place():
        write_tables(context.folder, cells, baselines)
        if run.planned:
            save_trained(run, outcome)
        about = manifest(run, jobs, cells)
        (context.folder / "manifest.json").write_text(json.dumps(about, indent=1, sort_keys=True))
        run.observers.notify("tables_written", context, outcome)
    with run.in_place():
        files, answers = run.write_report(
            context.config, context.folder, about, outcome.rows, run.store, context.deaths
        )
    outcome.files += files
    outcome.answers += answers
    with run.in_place():
        remember_costs(run, cells)
        if outcome.complete:
            completed_jobs.mark_complete(run.store.root, [job.config for job in jobs])
    outcome.exit_code = interrupted if interrupted is not None else 5 if run.error else 0 if outcome.complete else 3
    run.observers.notify("run_finished", context, outcome)
    return outcome


def save_trained(run: Multirun, outcome: RunOutcome) -> None:
    """Save the models of a complete run; of an incomplete one none, because their cards would lack sites."""
    context = run.context
    if not outcome.complete:
        context.notes.append("no model is saved: some cells are missing or failed")
        return
    context.counts.stage = "saving models"
    for planned in run.planned:
        context.saved += save_models(planned, context.deaths, context.folder, outcome.cells)
    for saved in context.saved:
        deaths = saved.card["data"]["deaths"]
        context.notes.append(f"model   {saved.folder} ({saved.card['model']['name']}, trained on {deaths:,} deaths)")


def write_tables(folder: Path, cells: pd.DataFrame, baselines: pd.DataFrame) -> None:
    """Write ``cells`` and ``baselines`` as CSV (text that a spreadsheet would run is quoted) and Parquet."""
    for name, frame in (("cells", cells), ("baselines", baselines)):
        write_csv(frame, folder / f"{name}.csv")
        write_parquet(frame, folder / f"{name}.parquet")


def manifest(run: Multirun, jobs: Sequence[Job], cells: pd.DataFrame) -> dict[str, Any]:
    """Return what is needed to judge and to repeat the run."""
    return {
        "schema": 1,
        "run_id": run.context.run_id,
        "command": ["python", "-m", "va_experiments", *map(redacted, sys.argv[1:])],
        "code": metadata.version("va-experiments"),
        "versions": dict(versions()),
        "frameworks": {n: metadata.version(n) for n in ("hydra-core", "ray", "prefect", "mlflow", "pandas")},
        "hardware": {"cores": os.cpu_count(), "machine": platform.machine(), "system": platform.platform()},
        "execution": run.backend.describe(),
        "counts": run.context.counts.now.as_dict(),
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
            for f, d in run.context.deaths.items()
        ],
        "seeds": sorted({j.config.seed for j in jobs}),
        "splits": split_hashes(cells),
        "config": content_of(run.context.config),
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
    hashes = {}
    counts = TABLES["split hashes"][4:-1]
    for protocol, train, test, size, *numbers, sha256 in known.itertuples(index=False):
        counted = (n if isinstance(n, str) else f"{name} {n:.0f}" for name, n in zip(counts, numbers, strict=True) if n)
        size = "" if size == "all" else size
        hashes[" ".join(filter(None, (protocol, train or "nothing", "->", test, size, *counted)))] = sha256
    return hashes


def content_of(config: RunConfig | JobConfig) -> dict[str, Any]:
    """Return the configuration of the run or of a job as plain data, without secrets."""
    return dict(redacted_tree(config.tree()))


def remember_costs(run: Multirun, cells: pd.DataFrame) -> None:
    """Keep what each model cost by death, for the order and the estimates of later runs."""
    from va_experiments.checkpoints.atomic_files import write_atomically

    new = cells[(cells["status"] == "done") & ~cells["reused"].astype(bool)] if len(cells) else cells
    if not len(new) or "model_digest" not in new:
        return
    counts = run.context.counts
    usual = {digest: usual_rate(rates, counts.workers) for digest, rates in counts.rates.items()}
    known = {**run.costs().seconds_by_death, **usual}
    memory = read_memory(run.store.root)
    for name, most in new.groupby("model_digest")["peak_memory_mb"].max().dropna().items():
        memory[str(name)] = max(memory.get(str(name), 0.0), float(most))
    for file, content in ((COSTS, known), (MEMORY, memory)):
        write_atomically(run.store.root / file, json.dumps(content, sort_keys=True).encode())
