"""Mean ranks over sites, against figures worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from va_experiments.flow.report_statistics import mean_ranks

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
    found = mean_ranks(cells(**order), "csmf_accuracy_top")
    assert found is not None
    assert found.set_index("model")["mean_rank"].to_dict() == {"nbc": 1, "interva": 2, "prior": 3}
    assert found["critical_difference"].iloc[0] == pytest.approx(2.343 * (3 * 4 / (6 * 6)) ** 0.5, abs=0.002)
