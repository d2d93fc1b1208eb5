"""Mean ranks of the models of a run over its test sites, with the critical difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.metrics.ranking import friedman
from va_experiments.metrics.registry import METRICS
from va_experiments.report.content import ReportContent, checked_cells
from va_experiments.report.settings import SETTING_COLUMNS

__all__ = ["mean_ranks"]

Sites = tuple[dict[str, Any], pd.DataFrame]


def _by_setting(cells: pd.DataFrame, metric: str) -> Iterator[Sites]:
    """Yield what names a setting, and the metric by site (rows) and model (columns), complete rows and columns only."""
    checked = checked_cells(ReportContent(title="", cells=cells, primary_metric=metric))
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
        found = friedman(table.to_numpy(), higher_is_better=higher)
        for model, rank in zip(table.columns, np.asarray(found.mean_rank).tolist(), strict=True):
            rows.append(
                {
                    "model": model,
                    "mean_rank": rank,
                    "critical_difference": found.critical_difference,
                    "n": found.n,
                    "p": found.p_f,
                    **setting,
                }
            )
    return pd.DataFrame(rows) if rows else None
