"""Both kinds of interval where test sets are resampled, and where they stand on the page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.analysis.test_leaderboard import METRIC, cells_of
from va_experiments.analysis.leaderboard import Leaderboard, leaderboards
from va_experiments.analysis.resampled_sets import resampled_sets
from va_experiments.analysis.run_tables import RunTables, checked_cells
from va_experiments.report.html_tables import sets_table


def board_and_cells(cells: pd.DataFrame) -> tuple[Leaderboard, pd.DataFrame]:
    checked = checked_cells(RunTables(title="", cells=cells, primary_metric=METRIC))
    return leaderboards(checked, METRIC)[0], checked


def test_a_cell_over_many_test_sets_has_both_intervals() -> None:
    ends = {f"{METRIC}_low": 0.6, f"{METRIC}_high": 0.8, f"{METRIC}_median_low": 0.69, f"{METRIC}_median_high": 0.71}
    board, cells = board_and_cells(cells_of(nbc=[0.7, 0.7]).assign(testset="dirichlet", n_test_sets=500, **ends))
    rows = resampled_sets(board, cells)
    assert (
        rows[["n_sets", "over_sets_low", "over_sets_high", "median_low", "median_high"]].to_numpy().tolist()
        == [[500, 0.6, 0.8, 0.69, 0.71]] * 2
    )
    table = sets_table(board, cells, title=False)
    assert table is not None
    names = [c["name"] for c in table["table"]["columns"]]
    assert names[-2:] == ["95% over test sets", "95% of the median"]
    assert [v[0] for v in table["table"]["rows"][0]["cells"]][-3:] == [".700", ".600 to .800", ".690 to .710"]


def test_divisions_with_one_test_set_each_are_taken_together() -> None:
    values = np.random.default_rng(0).normal(0.7, 0.05, 200)
    rows = [
        {"cell_key": str(k), "model": "nbc", "test_site": "all", "repeat": k, "status": "done", METRIC: v}
        for k, v in enumerate(values)
    ]
    frame = pd.DataFrame(rows).assign(protocol="pooled", testset="dirichlet", n_test_sets=1)
    (row,) = resampled_sets(*board_and_cells(frame)).to_dict("records")
    assert (row["n_sets"], row["median"]) == (200, np.median(values))
    assert (row["over_sets_low"], row["over_sets_high"]) == pytest.approx(np.quantile(values, [0.025, 0.975]))
    interval = stats.bootstrap(
        (values,), np.median, method="percentile", n_resamples=4000, random_state=np.random.default_rng(1)
    ).confidence_interval
    assert (row["median_low"], row["median_high"]) == pytest.approx((interval.low, interval.high), abs=0.002)
    several = frame.assign(n_test_sets=500)
    assert resampled_sets(*board_and_cells(several)).empty, "their sets are not kept one by one"


def test_natural_test_sets_have_neither() -> None:
    board, cells = board_and_cells(cells_of(nbc=[0.7, 0.7, 0.6]))
    assert resampled_sets(board, cells).empty
    assert sets_table(board, cells, title=False) is None
