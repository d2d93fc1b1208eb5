"""A settled cell becomes one typed row, and rows become one typed table."""

from __future__ import annotations

import math
import pickle

import pytest

from tests.results.conftest import MakeOutcome
from va_experiments.cell import Failure
from va_experiments.results import Row
from va_experiments.results.rows import make_row, make_table
from va_experiments.results.schema import COLUMNS, columns

FIT = {"cell_key": "ab" * 32, "model": "nbc", "test_site": "Pemba", "status": "done"}


def test_a_row_has_every_column_that_is_no_metric_and_the_metrics_that_are_known() -> None:
    row = Row({**FIT, "top1": 0.5, "mean_ccc": math.nan, "n_test": 300.0})
    assert set(row) == {*COLUMNS, "top1"}
    assert list(row) == [name for name in columns() if name in row]
    assert row.n_test == row["n_test"] == 300
    assert isinstance(row.n_test, int)
    assert row.train_size == "all"
    assert row.prediction_sha256 is None
    assert row.get("mean_ccc") is None


def test_a_row_refuses_unknown_columns_and_other_types_all_at_once() -> None:
    with pytest.raises(ValueError, match=r"unknown column 'tset_site'.*\n.*'reused' has 'yes'; expected true or false"):
        Row({**FIT, "tset_site": "AP", "reused": "yes"})


def test_a_row_has_no_other_attributes_and_survives_pickling() -> None:
    row = Row(FIT)
    with pytest.raises(AttributeError, match="no column 'tset_site'"):
        _ = row.tset_site
    assert pickle.loads(pickle.dumps(row)) == row


def test_the_row_of_a_computed_cell_holds_its_identity_sizes_and_figures(make_outcome: MakeOutcome) -> None:
    outcome = make_outcome()
    row = make_row(outcome)
    assert (row.model, row.protocol, row.testset, row.features) == ("nbc", "leave_one_site_out", "natural", "hce")
    assert row.train_sites == "+".join(outcome.cell.split.train_sites)
    assert row.n_train + row.n_test == 300
    assert row.n_causes == 4
    assert (row.status, row.reused, row.simulated, row.n_test_sets) == ("done", False, True, 1)
    assert row.cell_key == outcome.cell.key
    assert row.top1 == outcome.result.metrics["top1"]
    assert row.fit_seconds == outcome.result.timings["fit_seconds"]
    assert row.csmf_estimator == "model"
    assert row.error_message is None


def test_resampled_test_sets_are_counted_as_a_whole_number(make_outcome: MakeOutcome) -> None:
    row = make_row(make_outcome(testset="dirichlet"))
    assert row.n_test_sets == 3
    assert isinstance(row.n_test_sets, int)
    assert row.top1_median_low <= row.top1 <= row.top1_median_high


def test_a_failed_cell_has_its_error_and_no_figures(make_outcome: MakeOutcome) -> None:
    row = make_row(make_outcome(failure=Failure("ValueError", "no", "Traceback")))
    assert (row.status, row.attempt) == ("failed", 2)
    assert (row.error_class, row.error_message, row.error_traceback) == ("ValueError", "no", "Traceback")
    assert row.n_train is None
    assert row.fit_seconds is None
    assert "top1" not in row


def test_a_cell_that_was_not_computed_is_missing(make_outcome: MakeOutcome) -> None:
    assert make_row(make_outcome(computed=False)).status == "missing"


def test_a_metric_or_timing_that_is_not_declared_is_refused(make_outcome: MakeOutcome) -> None:
    outcome = make_outcome()
    outcome.result.metrics["tpo1"] = 0.5
    outcome.result.timings["coffee_seconds"] = 1.0
    with pytest.raises(ValueError, match=r"'coffee_seconds'.*\n.*'tpo1'"):
        make_row(outcome)


@pytest.mark.parametrize(
    ("message", "expected"), [(True, True), (False, False), (None, None), ("yes", None), (1, None)]
)
def test_only_a_plain_yes_or_no_of_a_model_says_whether_it_converged(
    make_outcome: MakeOutcome, message: object, expected: bool | None
) -> None:
    outcome = make_outcome()
    outcome.result.diagnostics["converged"] = message
    assert make_row(outcome).converged is expected


def test_warnings_of_the_model_come_before_those_of_libraries(make_outcome: MakeOutcome) -> None:
    outcome = make_outcome()
    outcome.result.diagnostics["warning"] = "not converged"
    outcome.result.facts["warnings"] = ["overflow"]
    assert make_row(outcome).warning == "not converged; overflow"


def test_older_libraries_are_named_for_reused_results_only(make_outcome: MakeOutcome) -> None:
    outcome = make_outcome()
    outcome.result.facts["versions"] = {**outcome.result.facts["versions"], "numpy": "0.1"}
    assert make_row(outcome).older_versions == ""
    outcome.result.reused = True
    assert make_row(outcome).older_versions.startswith("numpy 0.1 (now ")


def test_a_table_has_one_data_type_a_column_whatever_is_missing(make_outcome: MakeOutcome) -> None:
    done, failed = (
        make_row(make_outcome()),
        Row({**make_row(make_outcome(failure=Failure("E", "m")))} | {"cell_key": "x"}),
    )
    for rows in ([done], [failed], [done, failed]):
        types = make_table(rows).dtypes.astype(str)
        assert types[["n_train", "n_test", "n_causes", "n_test_sets"]].tolist() == ["Int64"] * 4
        assert types[["repeat", "fold", "replicate", "seed", "attempt"]].tolist() == ["int64"] * 5
        assert types[["simulated", "reused", "converged"]].tolist() == ["bool", "bool", "boolean"]
        assert types[["top1", "fit_seconds", "started"]].tolist() == ["float64"] * 3


def test_a_table_leaves_out_metrics_timings_and_errors_that_no_row_has() -> None:
    table = make_table([Row(FIT)])
    assert {"top1", "mean_ccc", "fit_seconds", "worker", "warning"} <= set(table)
    assert not {"kappa", "top1_low", "load_seconds", "error_class"} & set(table)


def test_a_table_is_sorted_and_keeps_the_first_row_of_a_cell() -> None:
    rows = [Row({**FIT, "cell_key": k, "test_site": s, "reused": r}) for k, s, r in
            (("b", "UP", False), ("a", "AP", False), ("b", "UP", True))]  # fmt: skip
    table = make_table(rows)
    assert table["test_site"].tolist() == ["AP", "UP"]
    assert table["reused"].tolist() == [False, False]


def test_a_table_of_no_rows_has_the_columns() -> None:
    assert {*COLUMNS} - set(make_table([])) == {n for n, c in COLUMNS.items() if c.optional} - {
        "fit_seconds",
        "predict_seconds",
    }
