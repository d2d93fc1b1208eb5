"""Collect the plain tables that a report is made of, from the cells of finished runs.

The report at the end of a run and one that is built again, over one run or several, go through the same function, from
the same things: the table of cells, the runs' manifests, and the store of predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from va_experiments.analysis.calibrated_cells import calibrated_cells
from va_experiments.analysis.cell_tables import by_cause, individual_tables
from va_experiments.analysis.comparisons import paired_comparisons
from va_experiments.analysis.run_statistics import mean_ranks, nested_intervals
from va_experiments.analysis.run_tables import model_labels
from va_experiments.analysis.transfer_loss import Losses
from va_experiments.checkpoints import Store
from va_experiments.config.schema import RunConfig
from va_experiments.report import TRIVIAL_MODELS, RunTables
from va_experiments.report.assigned_files import AssignedTables
from va_experiments.report.attempts import attempt
from va_experiments.report.run_methods import run_methods
from va_experiments.results.schema import SETTING_COLUMNS

__all__ = ["configs_of", "report_content"]

SEPARATE = ("ledger", "cause_groups")
"""Parts of a manifest about its data that are shown as tables."""

MOST_CONFIGS = 20


def report_content(
    cells: pd.DataFrame,
    manifests: Sequence[Mapping[str, Any]],
    *,
    store: Store | None,
    losses: Losses,
    assigned: AssignedTables | None = None,
    exclusions: pd.DataFrame | None = None,
    strata: pd.DataFrame | None = None,
    saved: Mapping[str, pd.DataFrame] | None = None,
    allow_incomplete: bool = False,
    left_out: Sequence[str] = (),
) -> RunTables:
    """Return the content of one report over one run or several.

    Parameters
    ----------
    cells : DataFrame
        Cells of all runs, those of the trivial models among them.
    manifests : sequence of mapping
        The runs' manifests, as far as there are any.
    store : Store, optional
        Where what needs single deaths or causes is read.
    losses : Losses
        Where the loss comes from.
    assigned : AssignedTables, optional
        Causes that were assigned in this run; else those of `saved`.
    exclusions : DataFrame, optional
        Counts from the rows of the file to the deaths scored; else those of `saved`.
    strata : DataFrame, optional
        Metrics by stratum; else those of `saved`.
    saved : mapping of str to DataFrame, optional
        Tables of earlier reports on these runs, by name: they replace cells that the store does not have.
    allow_incomplete : bool
        Show means over incomplete grids, marked.
    left_out : sequence of str
        Parts that could not be made before, and why.
    """
    saved, cells = saved or {}, cells.copy()  # copied, its columns lie together: pandas warns of those that do not
    jobs, runs = configs_of(manifests), [dict(m["config"]) for m in manifests if "config" in m]
    objectives = {str(run["objective"]) for run in runs}
    metric = objectives.pop() if len(objectives) == 1 else RunConfig().objective
    resamples = " or ".join(map(str, sorted({int(job["n_bootstrap"]) for job in jobs}))) or "?"
    run_ids = list(dict.fromkeys(str(r) for r in cells["run_id"] if r))
    compared = metric in cells and (cells["status"] == "done").any()
    distinct = cells.sort_values("status", kind="stable").drop_duplicates("cell_key")  # done stands before failed
    limited = list(left_out)
    groups = _groups(manifests, saved)
    none: tuple[pd.DataFrame | None, ...] = (None,) * 4
    causes, confusion, reliability, classwise = attempt(
        "Tables by cause and death", lambda: _from_store(distinct, store, groups, saved), limited, none
    )
    statistics = _statistics(cells, distinct, metric, store, saved, limited) if compared else {}
    return RunTables(
        title=_title(cells, metric),
        cells=cells,
        causes=causes,
        confusion=confusion,
        reliability=reliability,
        classwise=classwise,
        comparisons=statistics.get("Paired differences"),
        intervals=statistics.get("Nested bootstrap"),
        ranks=statistics.get("Mean ranks"),
        drops=_relabelled(losses.drops, distinct),
        similarity=losses.similarity,
        notes=losses.notes,
        fractions=assigned.fractions if assigned else saved.get("fractions"),
        disagreements=assigned.disagreements if assigned else saved.get("disagreements"),
        calibrated=attempt("Calibrated fractions", lambda: _calibrated(distinct, store, saved), limited, None),
        strata=strata if strata is not None else saved.get("strata"),
        ledger=_ledger(manifests, saved),
        exclusions=exclusions if exclusions is not None else saved.get("exclusions"),
        config=_config_text(manifests),
        manifest=_shown(manifests, run_ids),
        methods=run_methods(jobs, scored=_scored(cells, metric)) if jobs else [],
        primary_metric=metric,
        interval=f"95% bootstrap over deaths ({resamples} resamples)",
        left_out=limited,
        allow_incomplete=allow_incomplete or any(run["allow_incomplete"] for run in runs),
    )


def _scored(cells: pd.DataFrame, metric: str) -> bool:
    """Return whether a finished cell has a score; where none is finished, a score was wanted."""
    done = cells[cells["status"] == "done"]
    return not len(done) or (metric in done and bool(done[metric].notna().any()))


def _title(cells: pd.DataFrame, metric: str) -> str:
    """Return the title of a report: the numbers of models and test sites, and the data."""
    simulated = bool(cells["simulated"].astype("boolean").fillna(False).any())
    names = ", ".join(sorted(map(str, cells["data"].dropna().unique())))
    n_models = cells.loc[~cells["model"].isin(TRIVIAL_MODELS), "model"].nunique()
    n_sites = cells["test_site"].nunique()
    title = (
        f"Verbal-autopsy comparison: {n_models} model{'s' if n_models != 1 else ''} at "
        f"{n_sites} test site{'s' if n_sites != 1 else ''}"
    )
    if not _scored(cells, metric) and (cells["protocol"] == "assign").any():
        title = f"Causes by {n_models} model{'s' if n_models != 1 else ''}"
    return f"{title}, {'simulated data' if simulated else names}"


def _statistics(
    cells: pd.DataFrame,
    distinct: pd.DataFrame,
    metric: str,
    store: Store | None,
    saved: Mapping[str, pd.DataFrame],
    limited: list[str],
) -> dict[str, pd.DataFrame | None]:
    """Return the tables that compare models, by name; what cannot be made is None, and the reason goes to `limited`."""
    tables: dict[str, pd.DataFrame | None] = {}
    for name, build in (
        ("Paired differences", lambda: paired_comparisons(distinct, (metric,))),
        ("Nested bootstrap", lambda: _intervals(distinct, metric, store, saved)),
        ("Mean ranks", lambda: mean_ranks(cells, metric)),
    ):
        tables[name] = attempt(name, build, limited, None)
    return tables


def _intervals(
    cells: pd.DataFrame, metric: str, store: Store | None, saved: Mapping[str, pd.DataFrame]
) -> pd.DataFrame | None:
    """Return the nested intervals: from the store's predictions, else those of an earlier report on these runs."""
    computed = nested_intervals(cells, metric, store) if store is not None else None
    if computed is not None or "intervals" not in saved:
        return computed
    names = ["model", "metric", *SETTING_COLUMNS]
    intervals = saved["intervals"]
    unique = ~intervals.duplicated(names, keep=False)  # those of two runs would not be on one grid
    return intervals[unique].reset_index(drop=True)


def configs_of(manifests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the config of every job of these runs, as plain data."""
    return [job["config"] for manifest in manifests for job in manifest.get("jobs", ()) if "config" in job]


def _from_store(
    cells: pd.DataFrame, store: Store | None, groups: Mapping[str, str], saved: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame | None, ...]:
    """Return what is known by cause, confusion, and reliability of top causes and of classes."""
    stored_keys = set(store.keys()) if store is not None else set()
    stored = cells[cells["cell_key"].isin(stored_keys)]
    models = stored[~stored["model"].isin(TRIVIAL_MODELS)]
    tables: tuple[pd.DataFrame | None, ...] = (None,) * 4
    if store is not None and len(stored):
        tables = by_cause(store, stored, groups), *individual_tables(store, models)
    others = set(cells["cell_key"]) - stored_keys
    names = ("causes", "confusion", "reliability", "reliability_classwise")
    return tuple(_with(computed, saved.get(name), others) for computed, name in zip(tables, names, strict=True))


def _calibrated(cells: pd.DataFrame, store: Store | None, saved: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Return what calibration did, from the store or from earlier reports on these runs."""
    computed = None if store is None else calibrated_cells(store, cells)
    return _with(
        computed,
        saved.get("calibrated"),
        set(cells["cell_key"]) - set(() if computed is None else computed["cell_key"]),
    )


def _with(computed: pd.DataFrame | None, saved: pd.DataFrame | None, keys: set[str]) -> pd.DataFrame | None:
    """Return a table with those rows of an earlier report's that belong to other cells."""
    more = None if saved is None else saved[saved["cell_key"].isin(keys)].drop_duplicates()
    parts = [part for part in (computed, more) if part is not None and len(part)]
    return pd.concat(parts, ignore_index=True) if parts else None


def _groups(manifests: Sequence[Mapping[str, Any]], saved: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    groups: dict[str, str] = {}
    if "causes" in saved and "group" in saved["causes"]:
        table = saved["causes"][["cause", "group"]].drop_duplicates()
        groups |= {str(c): str(g) for c, g in table.itertuples(index=False)}
    for manifest in manifests:
        for data in manifest.get("data", ()):
            groups |= data.get("cause_groups", {})
    return groups


def _ledger(manifests: Sequence[Mapping[str, Any]], saved: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Return what reading each data set dropped or changed, once for each data set however many runs read it."""
    rows: list[dict[str, Any]] = []
    for data in {d.get("sha256", d["name"]): d for m in manifests for d in m.get("data", ()) if "ledger" in d}.values():
        rows += [{"data": data["name"], **entry} for entry in data["ledger"]]
    columns = ["data", "action", "column", "count", "reason"]
    if rows:
        return pd.DataFrame(rows, columns=columns)
    return saved["ledger"].drop_duplicates() if "ledger" in saved else pd.DataFrame(columns=columns)


def _relabelled(drops: pd.DataFrame | None, cells: pd.DataFrame) -> pd.DataFrame | None:
    """Return the drops with models called as in this report: an earlier one may have had fewer to tell apart."""
    if drops is None or "model_digest" not in drops or "model_digest" not in cells:
        return drops
    labelled = cells.assign(label=model_labels(cells.assign(model_params=cells["model_params"].fillna("{}"))))
    names = dict(zip(labelled["model_digest"], labelled["label"], strict=True))
    return drops.assign(model=[names.get(d, m) for d, m in zip(drops["model_digest"], drops["model"], strict=True)])


def _config_text(manifests: Sequence[Mapping[str, Any]]) -> str:
    import yaml

    jobs = [job for manifest in manifests for job in manifest.get("jobs", ())]
    parts = [(f"run {m['run_id']}", m["config"]) for m in manifests if "config" in m]
    parts += [(f"job {j['number']}: {' '.join(j['overrides']) or 'default'}", j["config"]) for j in jobs[:MOST_CONFIGS]]
    return "\n".join(
        f"# {title}\n{yaml.safe_dump(config, sort_keys=False, allow_unicode=True)}" for title, config in parts
    )


def _shown(manifests: Sequence[Mapping[str, Any]], run_ids: Sequence[str]) -> dict[str, Any]:
    """Return the manifests for the page: without the parts that are shown as tables."""
    shown = [
        {k: v for k, v in m.items() if k not in ("data", "jobs", "config")}
        | {"data": [{k: v for k, v in d.items() if k not in SEPARATE} for d in m.get("data", ())]}
        | {"jobs": [{"number": j["number"], "overrides": j["overrides"]} for j in m.get("jobs", ())]}
        for m in manifests
    ]
    return shown[0] if len(shown) == 1 and len(run_ids) < 2 else {"runs": list(run_ids), "manifests": shown}
