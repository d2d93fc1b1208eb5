"""Gantt rows, efficiency, critical path and slowest cells on timings small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.fake_content import fake_content
from va_experiments.analysis.performance import (
    cost_by_model,
    critical_path,
    gantt_rows,
    parallel_efficiency,
    slowest_cells,
)
from va_experiments.formatting import format_duration
from va_experiments.report.profile_text import profile_text


def timed(rows: list[tuple[str, float, float]], **columns) -> pd.DataFrame:
    """Cells from (worker, started, ended)."""
    frame = pd.DataFrame(rows, columns=["worker", "started", "ended"])
    frame = frame.assign(
        model="nbc", test_site="AP", status="done", reused=False, cpu_seconds=frame["ended"] - frame["started"]
    )
    frame["cell_key"] = [f"c{i}" for i in range(len(frame))]
    return frame.assign(**columns)


CELLS = [("w1", 100.0, 104.0), ("w1", 104.0, 110.0), ("w2", 100.0, 103.0), ("w2", 105.0, 108.0)]


def test_gantt_starts_at_zero():
    rows = gantt_rows(timed(CELLS))
    assert rows["start"].tolist() == [0, 4, 0, 5]
    assert rows["end"].tolist() == [4, 10, 3, 8]


def test_efficiency_is_busy_time_over_workers_times_wall_time():
    efficiency = parallel_efficiency(timed(CELLS))
    assert (efficiency.workers, efficiency.wall_seconds, efficiency.busy_seconds) == (2, 10, 16)
    assert efficiency.efficiency == pytest.approx(0.8)
    assert efficiency.bound_seconds == 8
    assert "80%" in efficiency.sentence


def test_one_long_cell_bounds_the_run():
    efficiency = parallel_efficiency(timed([("w1", 0, 10), ("w2", 0, 1)]))
    assert efficiency.bound_seconds == 10


def test_cells_that_share_a_fit_count_their_time_once():
    efficiency = parallel_efficiency(timed([("w1", 0, 10), ("w1", 0, 10), ("w1", 2, 5), ("w1", 12, 14)]))
    assert efficiency.busy_seconds == 12


def test_reused_cells_and_cells_without_timings_are_no_work():
    cells = timed(CELLS, reused=[True, False, True, True])
    assert parallel_efficiency(cells).busy_seconds == 6
    none = parallel_efficiency(timed(CELLS, started=np.nan))
    assert none.workers == 0
    assert "No cell was computed" in none.sentence
    assert len(critical_path(timed(CELLS, started=np.nan))) == 0
    assert parallel_efficiency(timed(CELLS).drop(columns=["started", "ended"])).workers == 0


def test_critical_path_ends_with_the_last_cell_and_names_the_gaps():
    cells = timed([("w1", 0, 4), ("w1", 5, 12), ("w2", 0, 3), ("w2", 3, 8)])
    path = critical_path(cells)
    assert path["cell_key"].tolist() == ["c0", "c1"]
    assert path["waited"].tolist() == [0, 1]


def test_critical_path_of_many_cells():
    rows = [(f"w{i % 2}", float(i // 2), float(i // 2 + 1)) for i in range(20_000)]
    assert len(critical_path(timed(rows))) == 10_000


def test_slowest_cells_leave_the_queue_out():
    cells = timed(CELLS, queue_seconds=[9.0, 0, 0, 0], fit_seconds=[1.0, 2, 3, 4], predict_seconds=[1.0, 1, 1, 1])
    assert slowest_cells(cells, 2)["cell_key"].tolist() == ["c3", "c2"]
    assert slowest_cells(cells, 2)["total_seconds"].tolist() == [5, 4]


def test_cost_takes_medians_by_model_and_leaves_failures_out():
    cells = timed(
        CELLS, fit_seconds=[1.0, 2, 3, 400], status=["done", "done", "done", "failed"], peak_memory_mb=[1.0, 5, 2, 9]
    )
    row = cost_by_model(cells).iloc[0]
    assert (row["cells"], row["fit_seconds_median"], row["fit_seconds_total"], row["peak_memory_mb_max"]) == (
        3,
        2,
        6,
        5,
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00123, "1.2 ms"),
        (0.35, "0.35 s"),
        (12.3, "12 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (float("nan"), "?"),
    ],
)
def test_durations_in_words(value, text):
    assert format_duration(value) == text


@pytest.mark.parametrize("width", [50, 80, 160])
def test_profile_fits_its_width_and_names_what_took_longest(width):
    text = profile_text(fake_content(deep=False).cells, width)
    assert max(map(len, text.splitlines())) <= width
    assert text.startswith("2 workers, ")
    for title in ("Cost by model", "Slowest cells", "Critical path"):
        assert title in text
    assert text.split("Slowest cells")[1].splitlines()[2].startswith("insilico")


def test_profile_of_a_run_that_reused_everything():
    cells = fake_content(deep=False).cells.assign(reused=True)
    text = profile_text(cells)
    assert text.startswith("No cell was computed in this run")
    assert "Critical path" not in text
