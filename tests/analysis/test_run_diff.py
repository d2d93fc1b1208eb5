"""Two runs compared: pairs, tests against SciPy, flips, costs, and when a model counts as worse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from va_experiments.analysis.run_diff import compare_runs, worse_models
from va_experiments.analysis.run_inputs import changed_code, input_differences

SITES = ("A", "B", "C", "D", "E", "F")
LOSS = (-0.05, -0.03, -0.08, -0.02, -0.06, -0.04)
M = "csmf_accuracy_top"


def run(models: dict[str, list[float]], **changes: object) -> pd.DataFrame:
    rows = [
        {"cell_key": f"{m}{s}", "model": m, "model_params": "{}", "model_digest": "d1", "status": "done", "data": "x",
         "features": "hce", "protocol": "loso", "testset": "natural", "train_size": "all", "train_sites": "others",
         "test_site": s, "split_sha256": f"split {s}", "testset_sha256": "", "prediction_sha256": f"{m}{s}{v}",
         "n_train": 500, "n_test": 100, M: v, "fit_seconds": 2.0, "peak_memory_mb": 100.0, "reused": False}
        for m, values in models.items() for s, v in zip(SITES, values, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**changes)


BASE = {"nbc": [0.7, 0.6, 0.65, 0.7, 0.72, 0.66], "prior": [0.63] * 6}
WORSE = BASE | {"nbc": [v + d for v, d in zip(BASE["nbc"], LOSS, strict=True)]}


def test_differences_equal_scipys_tests() -> None:
    diff = compare_runs(run(BASE), run(WORSE), metric=M)
    row = diff.tests.set_index("label").loc["nbc"]
    assert row["difference"] == pytest.approx(np.mean(LOSS))
    interval = stats.ttest_1samp(LOSS, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["p"] == row["smallest_p"] == 2 / 64, "all six signs are equal"
    assert row["p_holm"] == 4 / 64, "two models"
    assert row["p_max_t"] == 2 / 64
    assert diff.tests.set_index("label").loc["prior", "difference"] == 0


def test_worse_is_an_interval_below_zero_and_beyond_the_tolerance() -> None:
    tests = compare_runs(run(BASE), run(WORSE), metric=M).tests
    assert worse_models(tests, [M])["label"].tolist() == ["nbc"]
    assert len(worse_models(tests, [M], tolerance=0.05)) == 0
    assert len(worse_models(compare_runs(run(WORSE), run(BASE), metric=M).tests, [M])) == 0
    unclear = BASE | {"nbc": [0.6, 0.7, 0.6, 0.75, 0.7, 0.6]}
    assert len(worse_models(compare_runs(run(BASE), run(unclear), metric=M).tests, [M])) == 0


def test_a_metric_where_less_is_better() -> None:
    a, b = (run(r).rename(columns={M: "log_loss"}) for r in (BASE, WORSE))
    assert len(worse_models(compare_runs(a, b, metric="log_loss").tests, ["log_loss"])) == 0
    assert worse_models(compare_runs(b, a, metric="log_loss").tests, ["log_loss"])["label"].tolist() == ["nbc"]


def test_flips_against_the_best_baseline() -> None:
    flips = compare_runs(run(BASE), run(WORSE), metric=M).flips
    assert flips["test_site"].tolist() == ["C", "F"], "0.65 and 0.66 fall below 0.63, 0.60 was below before"
    assert set(flips["flip"]) == {"from better to worse than the best baseline"}


def test_cells_on_other_deaths_are_listed_and_not_tested() -> None:
    other = run(WORSE)
    other.loc[other["test_site"] == "A", "split_sha256"] = "other"
    diff = compare_runs(run(BASE), other, metric=M)
    assert diff.cells["same_deaths"].sum() == 10
    assert set(diff.tests["n_sites"]) == {5}


def test_what_was_changed_is_not_matched_by() -> None:
    diff = compare_runs(run(BASE), run(WORSE, features="no_hce"), metric=M)
    assert len(diff.cells) == 12
    part = run(WORSE)
    diff = compare_runs(run(BASE), part[part["test_site"] != "F"], metric=M)
    assert (len(diff.cells), diff.only_first, diff.only_second) == (10, 2, 0)


def test_one_site_with_several_divisions_and_a_single_one() -> None:
    def divided(values: list[float]) -> pd.DataFrame:
        return run({"nbc": values}).assign(test_site="A", repeat=range(6), split_sha256=[f"s{i}" for i in range(6)])

    one, two = divided(BASE["nbc"]), divided(WORSE["nbc"])
    row = compare_runs(one, two, metric=M).tests.iloc[0]
    assert row["method"] == "corrected resampled t-test over 6 divisions"
    error = np.sqrt((1 / 6 + 100 / 500) * np.var(LOSS, ddof=1))
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(np.mean(LOSS)) / error, 5))
    row = compare_runs(one.head(1), two.head(1), metric=M).tests.iloc[0]
    assert row["method"] == "one division: no test"
    assert np.isnan(row["p"])
    assert len(worse_models(compare_runs(one.head(1), two.head(1), metric=M).tests, [M])) == 1


def test_costs_and_equal_predictions() -> None:
    diff = compare_runs(run(BASE), run(WORSE, fit_seconds=3.0), metric=M)
    row = diff.costs.set_index("label").loc["nbc"]
    assert (row["fit_seconds_first"], row["fit_seconds_second"], row["fit_seconds_ratio"]) == (2.0, 3.0, 1.5)
    assert diff.cells.groupby("label")["same_prediction"].all().to_dict() == {"nbc": False, "prior": True}


def test_inputs_that_differ() -> None:
    job = {"config": {"model": {"name": "nbc", "alpha": 1.0}}}
    first = {"code": "1", "versions": {"numpy": "2.0"}, "splits": {"s": "a" * 64, "t": "b" * 64}, "jobs": [job],
             "config": {"objective": M, "paths": {"outputs": "o"}},
             "data": [{"name": "x", "deaths": 10, "symptoms": 2, "causes": 3, "sha256": "f" * 64}]}  # fmt: skip
    assert len(input_differences(first, first)) == 0
    second = {**first, "versions": {"numpy": "2.1"}, "splits": {"s": "c" * 64}, "config": {"paths": {"outputs": "p"}},
              "jobs": [job, {"config": {"model": {"name": "nbc", "alpha": 2.0}}}], "data": []}  # fmt: skip
    rows = [tuple(r) for r in input_differences(first, second).itertuples(index=False)]
    assert ("configuration", "model.alpha", "1.0", "1.0, 2.0") in rows
    assert ("configuration", "objective", M, "-") in rows
    assert ("version", "numpy", "2.0", "2.1") in rows
    assert ("split", "s", "a" * 12, "c" * 12) in rows
    assert ("split", "splits of one run only", "1", "0") in rows
    assert [r[0] for r in rows].count("data") == 1
    assert not any("paths" in r[1] for r in rows)


def test_code_that_changed() -> None:
    changed = changed_code(run(BASE), run(BASE, model_digest="d2"))
    assert changed["what"].tolist() == ["model nbc", "model prior"]
    assert len(changed_code(run(BASE), run(BASE))) == 0
    assert len(changed_code(run(BASE), run(BASE, model_digest="d2", model_params='{"alpha": 2}'))) == 0
