"""The simulation of large runs gives what can be computed by hand where only one thing is the limit."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scaling_simulation import Costs, simulate

FREE = Costs(driver=0, head=0, dispatch=0, commit=0, mlflow=0)


def test_fits_alone_take_their_sum_divided_by_the_workers() -> None:
    simulated = simulate(np.full(1000, 2.0), 10, FREE)
    assert simulated.wall == pytest.approx(200)
    assert simulated.busy == pytest.approx(1)


def test_dispatch_is_added_to_every_fit_of_a_worker() -> None:
    simulated = simulate(np.full(1000, 2.0), 10, Costs(driver=0, head=0, dispatch=0.5, commit=0, mlflow=0))
    assert simulated.wall == pytest.approx(100 * 2.5)
    assert simulated.busy == pytest.approx(2 / 2.5)


@pytest.mark.parametrize(
    ("costs", "seconds_a_cell"),
    [
        (Costs(driver=0.01, head=0, dispatch=0, commit=0, mlflow=0), 0.01),
        (Costs(driver=0, head=0.02, dispatch=0, commit=0, mlflow=0), 0.02),
        (Costs(driver=0, head=0, dispatch=0, commit=0.02, mlflow=0), 0.01),  # two threads
    ],
    ids=["driver", "head", "store"],
)
def test_with_many_workers_the_slowest_server_is_the_limit(costs: Costs, seconds_a_cell: float) -> None:
    simulated = simulate(np.full(20_000, 1.0), 2000, costs)
    assert simulated.wall == pytest.approx(20_000 * seconds_a_cell, rel=0.05)


def test_mlflow_delays_nothing_and_is_done_later() -> None:
    simulated = simulate(np.full(1000, 1.0), 100, Costs(driver=0, head=0, dispatch=0, commit=0, mlflow=0.1))
    assert simulated.wall == pytest.approx(10)
    assert simulated.mlflow_lag == pytest.approx(1 + 100 - 10, abs=1)


def test_cells_that_share_a_fit_cost_the_driver_each_and_the_head_once() -> None:
    costs = Costs(driver=0.01, head=0.01, dispatch=0, commit=0, mlflow=0)
    simulated = simulate(np.full(1000, 0.001), 100, costs, cells_per_fit=4)
    assert simulated.wall == pytest.approx(1000 * 4 * 0.01, rel=0.05)
    assert simulated.used["Ray's head"] == pytest.approx(0.25, rel=0.05)
