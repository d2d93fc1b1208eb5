"""Load what a report over finished runs is built from: manifests, tables of earlier reports, the data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.analysis.run_tables import REPORT_TABLES
from va_experiments.analysis.transfer_loss import Losses, losses_of
from va_experiments.checkpoints import Store
from va_experiments.config.schema import parse_config
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.plan import Job
from va_experiments.report.inputs import configs_of
from va_experiments.results.schema import TABLES

__all__ = ["data_of", "jobs_of", "losses_again", "read_manifest", "saved_tables"]


def saved_tables(folders: Iterable[Path]) -> dict[str, pd.DataFrame]:
    """Return the tables, by name, that reports have left in these folders; of several, one below the other."""
    tables: dict[str, list[pd.DataFrame]] = {}
    for folder in folders:
        for name in REPORT_TABLES:
            path = folder / f"{name}.parquet"
            if path.exists():
                tables.setdefault(name, []).append(pd.read_parquet(path))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def losses_again(
    cells: pd.DataFrame,
    manifests: Sequence[Mapping[str, Any]],
    *,
    store: Store | None,
    saved: Mapping[str, pd.DataFrame],
    cache: Path,
    most_seconds: float | None = None,
) -> Losses:
    """Return where the loss comes from: computed (or from the cache) where store and data are here, else as saved."""
    deaths, absent = data_of(manifests, cache)
    again = None
    if store is not None and deaths and not absent:
        again = losses_of(cells, store, deaths, cache / "losses", most_seconds=most_seconds)
    if again is not None and again.drops is not None:
        return again
    notes = dict(again.notes) if again is not None else {}
    tables: dict[str, pd.DataFrame | None] = {}
    for name, identity in (
        ("drops", [*(c for c in TABLES["transfer loss"] if c != "protocol"), "metric"]),
        ("similarity", ["data", "site_a", "site_b"]),
    ):
        table = saved.get(name)
        known = [c for c in identity if table is not None and c in table]
        tables[name] = None if table is None else table.drop_duplicates(known or None, ignore_index=True)
        if table is None and again is None:
            why = f"data {', '.join(absent)} cannot be read here" if absent else "the store of cells is not here"
            notes[name] = f"Not computed: {why}, and no earlier report of these runs has it."
    similarity = tables["similarity"] if again is None or again.similarity is None else again.similarity
    return Losses(tables["drops"], similarity, notes)


def data_of(manifests: Sequence[Mapping[str, Any]], cache: Path) -> tuple[dict[str, Deaths], list[str]]:
    """Return the data sets that these runs read, by fingerprint, and the names of those that cannot be read here."""
    from va_experiments.data.cache import load_cached

    deaths: dict[str, Deaths] = {}
    absent = []
    digests = {d["sha256"] for m in manifests for d in m.get("data", ()) if "sha256" in d}
    read = {json.dumps(c["data"], sort_keys=True): dict(c["data"]) for c in configs_of(manifests) if "data" in c}
    for options in read.values():
        name = str(options.pop("name"))
        try:
            table = load_cached(name, options, cache)
        except InputError:
            absent.append(name)
            continue
        if table.fingerprint in digests:
            deaths[table.fingerprint] = table.with_strata_columns_of(deaths.get(table.fingerprint))
        else:
            absent.append(f"{name} (it has changed)")
    return deaths, absent


def jobs_of(manifest: Mapping[str, Any]) -> list[Job]:
    """Return the jobs of a run's manifest; those that this version cannot read any more are left out."""
    jobs = []
    for job in manifest.get("jobs", []):
        try:
            _, config = parse_config(job["config"], where=f"job {job['number']}")
        except (InputError, KeyError, TypeError):
            continue
        jobs.append(Job(int(job["number"]), tuple(job["overrides"]), config, ""))
    return jobs


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a run's manifest, empty where there is none."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}
