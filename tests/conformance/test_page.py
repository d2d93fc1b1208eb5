"""The page of conformance, on rows made up."""

from __future__ import annotations

from benchmarks.conformance import rows_by_fold


def test_rows_of_a_fold_are_counted_by_kind_of_run_and_missing_kinds_named():
    cases = ["train A, quantile", "train A, quantile", "train A, fixed", "train B, quantile", "standard X"]
    assert rows_by_fold(cases).splitlines() == [
        "| fold | quantile | fixed | all |",
        "|---|---:|---:|---:|",
        "| A | 2 | 1 | 3 |",
        "| B | 1 | no stored run | 1 |",
    ]
