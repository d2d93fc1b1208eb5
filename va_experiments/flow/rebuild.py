"""The content of a report made again: from the folders of finished runs, or from MLflow, of one run or of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.checkpoints import Store
from va_experiments.config import parse_config
from va_experiments.errors import InputError
from va_experiments.plan import Job
from va_experiments.report import TRIVIAL_MODELS, ReportContent

__all__ = ["cause_groups", "content_of_runs", "jobs_of", "read_manifest"]


def content_of_runs(
    tables: Sequence[pd.DataFrame],
    manifests: Sequence[Mapping[str, Any]],
    *,
    store: Store | None,
    groups: Mapping[str, str],
    allow_missing: bool,
) -> ReportContent:
    """Return the content of one report over several runs.

    Parameters
    ----------
    tables : sequence of DataFrame
        Cells and baselines of all runs.
    manifests : sequence of mapping
        Their manifests, as far as there are any.
    store : Store, optional
        Where figures by cause are read.
    groups : mapping
        Group of each cause, where it is known.
    allow_missing : bool
        Show means over incomplete grids, marked.
    """
    from va_experiments.flow.report_content import methods
    from va_experiments.flow.report_tables import by_cause, individual_tables

    cells = pd.concat([t for t in tables if len(t)], ignore_index=True)
    jobs = [job for manifest in manifests for job in jobs_of(manifest)]
    run_ids = list(dict.fromkeys(str(r) for r in cells["run_id"] if r))
    simulated = bool(cells["simulated"].astype("boolean").fillna(False).any())
    data = ", ".join(sorted(map(str, cells["data"].dropna().unique())))
    name = run_ids[0] if len(run_ids) == 1 else f"of {len(run_ids)} runs"
    stored = cells[cells["cell_key"].isin(list(store.keys()))].drop_duplicates("cell_key") if store else cells[:0]
    causes = confusion = reliability = None
    if store is not None and len(stored):
        asked = stored[~stored["model"].isin(TRIVIAL_MODELS)]
        causes = by_cause(store, stored, groups)
        confusion, reliability = individual_tables(store, asked)
    first = jobs[0].config if jobs else None
    return ReportContent(
        title=f"Verbal-autopsy comparison {name}" + (" (simulated data)" if simulated else f" ({data})"),
        cells=cells,
        causes=causes,
        confusion=confusion,
        reliability=reliability,
        config="\n".join(f"# job {j.number}: {j.label}" for j in jobs[:20]),
        manifest={"runs": run_ids, **(dict(manifests[0]) if len(manifests) == 1 else {})},
        methods=methods(jobs) if jobs else [],
        primary_metric=first.objective if first else "csmf_accuracy_top",
        interval=f"95% bootstrap over deaths ({first.n_bootstrap} resamples)" if first else "95% bootstrap over deaths",
        allow_missing=allow_missing,
    )


def jobs_of(manifest: Mapping[str, Any]) -> list[Job]:
    """Return the jobs of a run's manifest; those that this version cannot read any more are left out."""
    jobs = []
    for job in manifest.get("jobs", []):
        try:
            config = parse_config(job["config"], where=f"job {job['number']}")
        except (InputError, KeyError, TypeError):
            continue
        jobs.append(Job(int(job["number"]), tuple(job["overrides"]), config, ""))
    return jobs


def cause_groups(folder: Path) -> dict[str, str]:
    """Return the group of each cause that a run's own report recorded."""
    path = folder / "report" / "tables" / "causes.parquet"
    if not path.exists():
        return {}
    table = pd.read_parquet(path, columns=["cause", "group"]).drop_duplicates()
    return {str(c): str(g) for c, g in table.itertuples(index=False)}


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a run's manifest, empty where there is none."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}
