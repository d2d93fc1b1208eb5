"""Compute the statistics of a whole report: mean ranks over test sites, nested-bootstrap intervals of the means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.analysis.intervals import within_bounds
from va_experiments.analysis.run_tables import RunTables, checked_cells
from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.metrics.nested_bootstrap import death_bank, nested_bootstrap
from va_experiments.metrics.ranking import friedman
from va_experiments.metrics.registry import METRICS
from va_experiments.metrics.sufficient_statistics import scored_deaths
from va_experiments.results.schema import SETTING_COLUMNS, SPLIT_COLUMNS
from va_experiments.seeds import generator, integer_seed

__all__ = ["mean_ranks", "nested_intervals"]

MOST_CELLS = 300
"""Settings with more cells get no nested intervals: every cell's predictions would have to be read again."""

DEATH_RESAMPLES = 200
RESAMPLES = 2000

Sites = tuple[dict[str, Any], pd.DataFrame]


def _by_setting(cells: pd.DataFrame, metric: str) -> Iterator[Sites]:
    """Yield what names a setting, and the metric by site (rows) and model (columns), complete rows and columns only."""
    checked = checked_cells(RunTables(title="", cells=cells, primary_metric=metric))
    done = checked[checked["status"] == "done"]
    for values, group in done.groupby(list(SETTING_COLUMNS), sort=True, dropna=False):
        table = group.pivot_table(index="test_site", columns="label", values=metric, aggfunc="mean")
        yield dict(zip(SETTING_COLUMNS, values, strict=True)), table.dropna(axis=1)


def mean_ranks(cells: pd.DataFrame, metric: str) -> pd.DataFrame | None:
    """Return the models' mean ranks over sites with Nemenyi's critical difference, or None for fewer than 3 of either.

    Columns ``model``, ``mean_rank``, ``critical_difference``, ``n``, ``p`` (Friedman, Iman-Davenport), and those that
    name a setting (Demsar 2006, Journal of Machine Learning Research 7).
    """
    rows = []
    higher = METRICS[metric].higher_is_better if metric in METRICS else True
    for setting, table in _by_setting(cells, metric):
        if min(table.shape) < 3:
            continue
        test = friedman(table.to_numpy(), higher_is_better=higher)
        for model, rank in zip(table.columns, np.asarray(test.mean_rank).tolist(), strict=True):
            rows.append(
                {
                    "model": model,
                    "mean_rank": rank,
                    "critical_difference": test.critical_difference,
                    "n": test.n,
                    "p": test.p_f,
                    **setting,
                }
            )
    return pd.DataFrame(rows) if rows else None


def nested_intervals(cells: pd.DataFrame, metric: str, store: Store) -> pd.DataFrame | None:
    """Return 95% intervals of each model's mean over sites, with sites, splits and deaths resampled within one another.

    Only on natural test sets, from three sites on, for models that have done the setting's whole grid, up to
    `MOST_CELLS` cells a setting. All models of a split are scored on the same resamples.

    Returns
    -------
    DataFrame or None
        ``model``, ``metric``, ``low``, ``high``, ``method`` and the columns that name a setting; None where there is
        no such setting.
    """
    checked = checked_cells(RunTables(title="", cells=cells, primary_metric=metric))
    checked = checked[checked["testset"].isin(["", "natural"])]
    if metric not in METRICS:
        return None
    rows = []
    for values, group in checked.groupby(list(SETTING_COLUMNS), sort=True, dropna=False):
        splits = group.drop_duplicates(list(SPLIT_COLUMNS))
        usable = group[(group["status"] == "done") & group[metric].notna()]
        complete = usable.groupby("label")["cell_key"].nunique() == len(splits)
        models = sorted(complete.index[complete])
        if not models or len(usable) > MOST_CELLS or splits["test_site"].nunique() < 3:
            continue
        banks = _banks(usable[usable["label"].isin(models)], models, metric, store)
        if banks is None:
            continue
        most = max(map(len, banks))
        name = dict(zip(SETTING_COLUMNS, values, strict=True))
        intervals = nested_bootstrap(banks, n_resamples=RESAMPLES, rng=generator(0, f"nested {metric}"))
        levels = "sites, splits and deaths" if most > 1 else "sites and deaths"
        method = f"95% nested bootstrap over {len(banks)} {levels} ({RESAMPLES:,} resamples)"
        halves = ((intervals.high - intervals.low) / 2).tolist()
        for model, centre, half in zip(models, intervals.mean.tolist(), halves, strict=True):
            low, high = within_bounds(centre, half, metric)
            rows.append({"model": model, "metric": metric, "low": low, "high": high, "method": method, **name})
    return pd.DataFrame(rows) if rows else None


def _banks(
    cells: pd.DataFrame, models: Sequence[str], metric: str, store: Store
) -> list[list[np.ndarray[Any, np.dtype[np.float64]]]] | None:
    """Return, by site and split, the metric of all models on the split's deaths and on resamples of them.

    None where a cell is not in the store, or its deaths have no known causes.
    """
    splits = list(SPLIT_COLUMNS)
    banks: dict[str, list[Any]] = {}
    for (site, _), group in cells.groupby(["test_site", cells[splits].astype(str).agg(" ".join, axis=1)], sort=True):
        keys = dict(zip(group["label"], group["cell_key"], strict=True))
        seed = integer_seed([str(v) for v in group[splits].iloc[0]], "nested")
        cases = {}
        for model in models:
            try:
                stored = store.load(keys[model])
            except CorruptCell:
                return None
            if stored is None:
                return None
            _, truth, prediction = decode_prediction(stored.predictions())
            if not len(truth) or (truth < 0).any():
                return None
            cases[model] = scored_deaths(truth, prediction)
        bank = death_bank(cases, metric, n_resamples=DEATH_RESAMPLES, seed=seed)
        banks.setdefault(str(site), []).append(bank)
    return list(banks.values())
