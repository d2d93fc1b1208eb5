"""Mean ranks over sites and nested intervals, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from va_experiments.analysis.run_statistics import mean_ranks, nested_intervals
from va_experiments.cell.serialization import encode_prediction
from va_experiments.models.base import Prediction

SITES = ("A", "B", "C", "D", "E", "F")
BETTER = (0.70, 0.74, 0.66, 0.72, 0.68, 0.71)


def cells(**models: tuple[float, ...]) -> pd.DataFrame:
    rows = [
        {"cell_key": f"{m}{s}", "model": m, "test_site": s, "status": "done", "csmf_accuracy_top": v}
        for m, values in models.items()
        for s, v in zip(SITES, values, strict=True)
    ]
    return pd.DataFrame(rows)


def test_two_models_are_not_ranked() -> None:
    assert mean_ranks(cells(nbc=BETTER, prior=BETTER), "csmf_accuracy_top") is None


def test_ranks_of_models_that_always_come_in_the_same_order() -> None:
    order = {m: tuple(v - 0.1 * k for v in BETTER) for k, m in enumerate(("nbc", "interva", "prior"))}
    ranks = mean_ranks(cells(**order), "csmf_accuracy_top")
    assert ranks is not None
    assert ranks.set_index("model")["mean_rank"].to_dict() == {"nbc": 1, "interva": 2, "prior": 3}
    assert ranks["critical_difference"].iloc[0] == pytest.approx(2.343 * (3 * 4 / (6 * 6)) ** 0.5, abs=0.002)


class FakeStore:
    """Predictions by key, of which a share of the deaths at each site is named rightly."""

    def __init__(self, right: dict[str, float], n: int) -> None:
        self._right, self._n = right, n

    def load(self, key: str) -> FakeCell | None:
        return FakeCell(self._right[key], self._n) if key in self._right else None


class FakeCell:
    def __init__(self, share: float, n: int) -> None:
        self._share, self._n = share, n

    def predictions(self) -> bytes:
        truth = np.zeros(self._n, np.int16)
        named = (np.arange(self._n) >= self._share * self._n).astype(int)
        prediction = Prediction(np.eye(2)[named], np.eye(2)[named].mean(axis=0))
        return encode_prediction(np.arange(self._n).astype(str), prediction, truth, ("a", "b"))


def test_nested_intervals_are_those_of_the_closed_form() -> None:
    """Resampling k sites, and n deaths in each, gives the mean a variance of (between / k) + (within / k)."""
    n = 100
    table = cells(nbc=BETTER).rename(columns={"csmf_accuracy_top": "top1"})
    right = dict(zip(table["cell_key"], table["top1"], strict=True))
    intervals = nested_intervals(table, "top1", FakeStore(right, n))  # type: ignore[arg-type]
    assert intervals is not None
    (row,) = intervals.to_dict("records")
    p = np.array(BETTER)
    error = np.sqrt((p.var() + (p * (1 - p) / n).mean()) / 6) * np.sqrt(6 / 5)
    # On the logit scale the interval is symmetric, and as wide as the delta method says.
    low, high, centre = (np.log(v / (1 - v)) for v in (row["low"], row["high"], p.mean()))
    assert (low + high) / 2 == pytest.approx(centre)
    half = stats.t.ppf(0.975, 5) * error / (p.mean() * (1 - p.mean()))
    assert (high - low) / 2 == pytest.approx(half, rel=0.06)
    assert row["method"] == "95% nested bootstrap over 6 sites and deaths (2,000 resamples)"


def test_nested_intervals_want_a_whole_grid_natural_sets_and_three_sites() -> None:
    table = cells(nbc=BETTER, prior=BETTER).rename(columns={"csmf_accuracy_top": "top1"})
    store = FakeStore(dict(zip(table["cell_key"], table["top1"], strict=True)), 50)
    table.loc[0, "status"] = "failed"
    intervals = nested_intervals(table, "top1", store)  # type: ignore[arg-type]
    assert intervals is not None
    assert intervals["model"].tolist() == ["prior"]
    for other in (table.assign(testset="dirichlet"), table[table["test_site"] < "C"]):
        assert nested_intervals(other, "top1", store) is None  # type: ignore[arg-type]
    assert nested_intervals(table, "top1", FakeStore({}, 50)) is None  # type: ignore[arg-type]


def test_nested_intervals_stay_within_the_bounds_of_the_metric() -> None:
    table = cells(nbc=(1.0, 0.99, 1.0, 0.8, 1.0, 1.0)).rename(columns={"csmf_accuracy_top": "top1"})
    intervals = nested_intervals(table, "top1", FakeStore(dict(zip(table["cell_key"], table["top1"], strict=True)), 50))  # type: ignore[arg-type]
    assert intervals is not None
    assert intervals["low"].iloc[0] + (intervals["high"].iloc[0] - intervals["low"].iloc[0]) * 0.95 > 0.96
    assert intervals["high"].iloc[0] < 1
