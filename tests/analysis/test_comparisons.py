"""Paired differences from a table of cells: by site, by division, and what is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from va_experiments.analysis.comparisons import COLUMNS, paired_comparisons
from va_experiments.metrics.max_t import max_t


def cells(
    values: dict[str, list[float]], *, metric: str = "top1", protocol: str = "leave_one_site_out"
) -> pd.DataFrame:
    rows = [
        {"cell_key": f"{m}{k}", "model": m, "test_site": f"S{k}" if protocol != "pooled" else "all", "repeat": k,
         "protocol": protocol, "status": "done", "n_train": 300, "n_test": 100, metric: v}
        for m, by in values.items()
        for k, v in enumerate(by)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(repeat=0) if protocol != "pooled" else frame


def test_by_site_against_scipy():
    a, b = [0.5, 0.6, 0.7, 0.55, 0.65, 0.6], [0.4, 0.55, 0.6, 0.5, 0.6, 0.52]
    table = paired_comparisons(cells({"a": a, "b": b}))
    assert tuple(table.columns) == COLUMNS
    row = table.iloc[0]
    paired = stats.ttest_rel(a, b).confidence_interval()
    assert (row.model_a, row.model_b, row.metric, row.n) == ("a", "b", "top1", 6)
    assert row.difference == pytest.approx(np.mean(np.subtract(a, b)))
    assert (row.low, row.high) == pytest.approx((paired.low, paired.high))
    assert row.p == row.smallest_p == row.p_holm == pytest.approx(2 / 64)
    assert "6 sites" in row.method
    assert row.first_better > 0.9


def test_by_division_is_nadeau_and_bengio():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.6, 0.02, 10), rng.normal(0.58, 0.02, 10)
    row = paired_comparisons(cells({"a": list(a), "b": list(b)}, protocol="pooled")).iloc[0]
    d = a - b
    t = d.mean() / np.sqrt((1 / 10 + 100 / 300) * d.var(ddof=1))
    assert row.p == pytest.approx(2 * stats.t.sf(abs(t), 9))
    assert "10 divisions" in row.method


def test_a_loss_keeps_its_sign_and_the_better_is_the_smaller():
    row = paired_comparisons(
        cells({"a": [1.0, 1.1, 1.2, 1.0], "b": [2.0, 2.1, 2.3, 2.2]}, metric="log_loss"), ["log_loss"]
    ).iloc[0]
    assert row.difference == pytest.approx(-1.075)
    assert row.low < row.difference < row.high < 0
    assert row.first_better > 0.9


def test_settings_are_not_mixed_failures_are_left_out_and_a_reference_is_kept():
    both = pd.concat(
        [
            cells({"a": [0.5, 0.6, 0.7], "b": [0.4, 0.5, 0.5], "prior": [0.1, 0.2, 0.1]}).assign(testset="natural"),
            cells({"a": [0.3, 0.3, 0.3], "b": [0.4, 0.5, 0.6]}).assign(testset="dirichlet"),
        ],
        ignore_index=True,
    )
    both.loc[0, "status"] = "failed"
    table = paired_comparisons(both, ["top1"]).set_index(["testset", "model_a", "model_b"])
    assert len(table) == 4
    assert table.loc[("natural", "a", "b"), "n"] == 2
    assert table.loc[("natural", "b", "prior"), "n"] == 3
    assert table.loc[("dirichlet", "a", "b"), "difference"] == pytest.approx(-0.2)
    only = paired_comparisons(both, ["top1"], reference="prior")
    assert set(only["model_b"]) == {"prior"}
    assert len(only) == 2


def test_nothing_to_compare():
    assert paired_comparisons(cells({"a": [0.5, 0.6]})).empty
    assert paired_comparisons(cells({"a": [0.5], "b": [0.6]})).empty
    assert paired_comparisons(cells({"a": [0.5, 0.6]}).assign(status="failed")).empty


def test_splits_of_a_site_are_averaged_first():
    frame = pd.concat(
        [cells({"a": [0.6, 0.7], "b": [0.5, 0.5]}), cells({"a": [0.8, 0.7], "b": [0.5, 0.5]}).assign(repeat=1)],
        ignore_index=True,
    )
    row = paired_comparisons(frame, ["top1"]).iloc[0]
    assert row.n == 2
    assert row.difference == pytest.approx(0.2)


def hashed(frame: pd.DataFrame, **of_model: str) -> pd.DataFrame:
    """The frame with the hashes that each model's cells have, by site."""
    hashes = frame["test_site"] + frame["model"].map(of_model)
    return frame.assign(split_sha256=hashes, testset_sha256="w")


def test_models_that_were_tested_on_other_deaths_are_not_compared():
    frame = cells({"a": [0.5, 0.6, 0.7], "b": [0.4, 0.5, 0.5], "c": [0.3, 0.4, 0.4]})
    table = paired_comparisons(hashed(frame, a="1", b="1", c="2"), ["top1"]).set_index(["model_a", "model_b"])
    assert table.loc[("a", "b"), "n"] == 3
    for pair in (("a", "c"), ("b", "c")):
        row = table.loc[pair]
        assert row[["difference", "low", "high", "p", "p_holm"]].isna().all()
        assert row["method"].startswith("not compared: at 3 of 3 splits")
    assert table.loc[("a", "b"), "p_holm"] == table.loc[("a", "b"), "p"], "a pair that is refused is in no family"


def test_one_differing_test_set_is_enough_and_resampled_sets_count_too():
    frame = hashed(cells({"a": [0.5, 0.6, 0.7], "b": [0.4, 0.5, 0.5]}), a="1", b="1")
    assert paired_comparisons(frame, ["top1"])["n"].tolist() == [3]
    frame.loc[frame.index[-1], "testset_sha256"] = "other sets"
    assert "at 1 of 3 splits" in paired_comparisons(frame, ["top1"])["method"].iloc[0]
    pooled = cells({"a": [0.5, 0.6, 0.7], "b": [0.4, 0.5, 0.5]}, protocol="pooled")
    assert "at 3 of 3 splits" in paired_comparisons(hashed(pooled, a="1", b="2"), ["top1"])["method"].iloc[0]


def test_two_seeds_in_one_report_are_paired_seed_by_seed():
    first = hashed(cells({"a": [0.5, 0.6], "b": [0.4, 0.5]}), a="1", b="1")
    second = hashed(cells({"a": [0.7, 0.8], "b": [0.4, 0.5]}), a="2", b="2")
    row = paired_comparisons(pd.concat([first, second], ignore_index=True), ["top1"]).iloc[0]
    assert (row.n, row.difference) == (2, pytest.approx(0.2))


def test_max_t_is_over_all_pairs_of_a_setting_whose_models_have_all_splits():
    rng = np.random.default_rng(3)
    values = {m: list(rng.normal(k / 20, 0.03, 6)) for k, m in enumerate("abc")}
    frame = cells(values)
    table = paired_comparisons(frame, ["top1"])
    matrix = np.column_stack([np.subtract(values[a], values[b]) for a, b in ("ab", "ac", "bc")])
    assert table["p_max_t"].tolist() == max_t(matrix).tolist()
    assert (table["p_max_t"] <= table["p_holm"] + 1e-12).all()
    assert 2 / 64 <= table["p_max_t"].min() < table["p_holm"].min() == pytest.approx(6 / 64)
    frame.loc[0, "status"] = "failed"
    assert paired_comparisons(frame, ["top1"])["p_max_t"].isna().all()


def test_max_t_is_not_given_where_pairs_stand_on_different_splits():
    """Two seeds: prior has both, a and b one each, so a mean over all of prior's splits is no partner of theirs."""
    one = hashed(cells({"a": [0.5, 0.6, 0.7], "prior": [0.4, 0.5, 0.5]}), a="1", prior="1")
    two = hashed(cells({"b": [0.5, 0.6, 0.6], "prior": [0.1, 0.2, 0.2]}), b="2", prior="2")
    table = paired_comparisons(pd.concat([one, two], ignore_index=True), ["top1"]).set_index(["model_a", "model_b"])
    assert table["p_max_t"].isna().all()
    assert table.loc[("a", "prior"), "difference"] == pytest.approx(0.4 / 3)
    assert table.loc[("b", "prior"), "difference"] == pytest.approx(1.2 / 3)
