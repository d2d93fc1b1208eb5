"""Summarise scores over resampled test sets: their spread, and the precision of their median.

The two kinds of interval differ by more than ten times for 500 test sets, so each is named wherever it is printed.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from va_experiments.analysis.comparable_groups import split_settings
from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.analysis.run_tables import records
from va_experiments.metrics.resampling import over_test_sets
from va_experiments.results.schema import SETTING_COLUMNS

__all__ = ["COLUMNS", "resampled_sets"]

COLUMNS = (
    *SETTING_COLUMNS, "metric", "label", "test_site", "n_sets", "median", "over_sets_low", "over_sets_high",
    "median_low", "median_high",
)  # fmt: skip
"""Columns of `resampled_sets`."""

NATURAL = ("", "natural")


def resampled_sets(board: Leaderboard, cells: pd.DataFrame) -> pd.DataFrame:
    """Return median and both intervals of every model at every site of one setting; empty for natural test sets.

    A cell over many test sets has its own. Where each division of the deaths has one test set (Murray 2011: 500
    divisions), the test sets of all divisions are taken together. Several divisions of several sets each have no row:
    their sets are not kept one by one.

    Parameters
    ----------
    board : Leaderboard
    cells : DataFrame
        As ``checked_cells`` returns them.
    """
    if board.setting.testset in NATURAL:
        return pd.DataFrame(columns=list(COLUMNS))
    group = next(g for s, g in split_settings(cells) if s == board.setting)
    metric, rows = board.metric, []
    done = group[(group["status"] == "done") & group[metric].notna()]
    for label in board.rows.index:
        for site, of_site in done[done["label"] == label].groupby("test_site", sort=True):
            if values := _both(of_site, metric):
                rows.append({"metric": metric, "label": label, "test_site": str(site), **values})
    named = {c: getattr(board.setting, c) for c in SETTING_COLUMNS}
    return pd.DataFrame([named | row for row in rows], columns=list(COLUMNS))


def _both(cells: pd.DataFrame, metric: str) -> dict[str, Any] | None:
    """Return the numbers of the cells of one model at one site, None where they do not follow from the cells."""
    ends = [f"{metric}_{end}" for end in ("low", "high", "median_low", "median_high")]
    names = COLUMNS[-4:]
    sets = cells["n_test_sets"] if "n_test_sets" in cells else pd.Series(math.nan, index=cells.index)
    if len(cells) == 1 and set(ends) <= set(cells.columns):
        row = records(cells)[0]
        n = int(row.get("n_test_sets") or 0)
        return {"n_sets": n, "median": row[metric]} | dict(zip(names, (row[e] for e in ends), strict=True))
    if len(cells) > 1 and (sets == 1).all():
        summary = over_test_sets(cells[metric].astype(float))
        both = summary.low, summary.high, summary.median_low, summary.median_high
        return {"n_sets": len(cells), "median": summary.median} | dict(zip(names, both, strict=True))
    return None
