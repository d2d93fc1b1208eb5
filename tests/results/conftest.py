"""Settled cells of a small data set, and the rows they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from va_experiments.cell import Cell, Failure, Fit, ModelSpec, Result, Setting, run_fit
from va_experiments.data.deaths import Deaths
from va_experiments.protocols import splits
from va_experiments.results.cell_outcome import CellOutcome

MakeOutcome = Callable[..., CellOutcome]


@pytest.fixture
def make_outcome(small_deaths: Deaths) -> MakeOutcome:
    """Settle one cell of naive Bayes: computed, failed, or not computed."""

    def make(*, failure: Failure | None = None, computed: bool = True, testset: str = "natural", **changes: Any):
        spec = ModelSpec.from_config({"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"})
        design = {"name": testset} | ({"n_resamples": 3} if testset != "natural" else {})
        setting = Setting(small_deaths.name, small_deaths.fingerprint, "hce", design, "model", 5, 1)
        split = next(iter(splits({"name": "leave_one_site_out"}, small_deaths)))
        cell = Cell(spec, split, setting)
        if failure is not None:
            result = Result(key=cell.key, failure=failure, attempt=2)
        else:
            result = run_fit(Fit(cell.fit_key, (cell,)), small_deaths)[0] if computed else Result(key=cell.key)
        known = {"run_id": "r", "job": "model=nbc", "model": "nbc", "simulated": True, "computed": computed}
        return CellOutcome(cell, result, **known | changes)

    return make
