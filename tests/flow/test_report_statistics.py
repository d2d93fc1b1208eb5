"""Comparisons over sites, against figures worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from va_experiments.flow.report_statistics import mean_ranks, paired_comparisons

SITES = ("A", "B", "C", "D", "E", "F")
BETTER = (0.70, 0.74, 0.66, 0.72, 0.68, 0.71)


def cells(**models: tuple[float, ...]) -> pd.DataFrame:
    rows = [
        {"cell_key": f"{m}{s}", "model": m, "test_site": s, "status": "done", "csmf_accuracy_top": v}
        for m, values in models.items()
        for s, v in zip(SITES, values, strict=True)
    ]
    return pd.DataFrame(rows)


def test_a_constant_difference_has_the_smallest_p_that_six_sites_can_give() -> None:
    found = paired_comparisons(cells(nbc=BETTER, prior=tuple(v - 0.1 for v in BETTER)), "csmf_accuracy_top")
    assert found is not None
    row = found.iloc[0]
    assert (row["model_a"], row["model_b"]) == ("nbc", "prior")
    assert row["difference"] == pytest.approx(0.1)
    assert row["low"] == pytest.approx(0.1)
    assert row["p"] == row["smallest_p"] == 2 / 2**6


def test_a_model_with_a_missing_site_is_not_compared() -> None:
    table = cells(nbc=BETTER, interva=BETTER, prior=BETTER)
    table.loc[0, "status"] = "failed"
    found = paired_comparisons(table, "csmf_accuracy_top")
    assert found is not None
    assert "nbc" not in set(found["model_a"]) | set(found["model_b"])


def test_one_site_or_one_model_compares_nothing() -> None:
    table = cells(nbc=BETTER, prior=BETTER)
    assert paired_comparisons(table[table["test_site"] == "A"], "csmf_accuracy_top") is None
    assert paired_comparisons(table[table["model"] == "nbc"], "csmf_accuracy_top") is None
    assert mean_ranks(table, "csmf_accuracy_top") is None


def test_ranks_of_models_that_always_come_in_the_same_order() -> None:
    order = {m: tuple(v - 0.1 * k for v in BETTER) for k, m in enumerate(("nbc", "interva", "prior"))}
    found = mean_ranks(cells(**order), "csmf_accuracy_top")
    assert found is not None
    assert found.set_index("model")["mean_rank"].to_dict() == {"nbc": 1, "interva": 2, "prior": 3}
    assert found["critical_difference"].iloc[0] == pytest.approx(2.343 * (3 * 4 / (6 * 6)) ** 0.5, abs=0.002)
