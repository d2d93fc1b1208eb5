"""Comparisons of the models of a run over test sites: paired differences with exact tests, and mean ranks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.metrics.comparison import compare_models
from va_experiments.metrics.ranking import friedman
from va_experiments.metrics.registry import METRICS
from va_experiments.report.content import TRIVIAL_MODELS, ReportContent, checked_cells
from va_experiments.report.settings import SETTING_COLUMNS
from va_experiments.seeds import generator

__all__ = ["mean_ranks", "paired_comparisons"]

MOST_PAIRED = 8
"""With more models than this, each is compared with the best trivial model only."""

Sites = tuple[dict[str, Any], pd.DataFrame]


def _by_setting(cells: pd.DataFrame, metric: str) -> Iterator[Sites]:
    """Yield what names a setting, and the metric by site (rows) and model (columns), complete rows and columns only."""
    checked = checked_cells(ReportContent(title="", cells=cells, primary_metric=metric))
    done = checked[checked["status"] == "done"]
    for values, group in done.groupby(list(SETTING_COLUMNS), sort=True, dropna=False):
        table = group.pivot_table(index="test_site", columns="label", values=metric, aggfunc="mean")
        yield dict(zip(SETTING_COLUMNS, values, strict=True)), table.dropna(axis=1)


def paired_comparisons(cells: pd.DataFrame, metric: str) -> pd.DataFrame | None:
    """Return the paired differences between models on identical test sites, or None with fewer than two sites.

    Columns ``model_a``, ``model_b``, ``metric``, ``difference`` (a less b), ``low``, ``high`` (95% t over sites), ``p``
    (exact sign-flip over sites), ``smallest_p`` (the smallest that this many sites can give), ``p_holm`` (adjusted for
    the number of pairs), ``first_better`` (Bayesian signed-rank, ROPE .01), ``method``, and those that name a setting.
    """
    rows = []
    higher = METRICS[metric].higher_is_better if metric in METRICS else True
    for setting, table in _by_setting(cells, metric):
        if len(table) < 2 or table.shape[1] < 2:
            continue
        means = table.mean() * (1 if higher else -1)
        trivial = [m for m in table.columns if m in TRIVIAL_MODELS]
        models = [*means.drop(trivial).sort_values(ascending=False).index, *trivial]
        reference = max(trivial, key=lambda m: float(means[m])) if trivial and len(models) > MOST_PAIRED else None
        found = compare_models(
            table[models].to_numpy(),
            models,
            higher_is_better=higher,
            reference=reference,
            rng=generator(0, "signed rank"),
        )
        for pair in found:
            record = dataclasses.asdict(pair)
            kept = {k: record[k] for k in ("low", "high", "p", "smallest_p", "p_holm", "first_better")}
            rows.append(
                {
                    "model_a": pair.first,
                    "model_b": pair.second,
                    "metric": metric,
                    "difference": pair.mean,
                    **kept,
                    "method": f"t over {pair.n} sites",
                    **setting,
                }
            )
    return pd.DataFrame(rows) if rows else None


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
