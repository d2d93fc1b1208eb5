"""The schema declares every column that runs write, its groups, and checks rows from elsewhere."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK, Ran, run_command
from va_experiments.metrics.registry import CASE_METRICS, METRICS
from va_experiments.results.column import Role
from va_experiments.results.schema import (
    COLUMNS,
    IDENTITY,
    ROW_ORDER,
    SETTING_COLUMNS,
    SPLIT_COLUMNS,
    TABLES,
    check_row,
    columns,
    find_column,
    leading_columns,
    tables_of,
)

FIT = {"cell_key": "ab" * 32, "model": "nbc", "test_site": "NA", "status": "done"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    """Two models, one of which samples, on natural and on resampled test sets."""
    folder = tmp_path_factory.mktemp("schema")
    common = ("model=nbc,insilico", "site=pemba", "data.n=600", "n_bootstrap=5", "-m", *QUICK)
    labels = ("protocol.target_labels.n=5", "protocol.target_labels.replicates=1")
    designs = (("testset=natural", *labels), ("testset=dirichlet", "testset.n_resamples=3"))
    done = [run_command(*common, *design, outputs=folder / str(n)) for n, design in enumerate(designs)]
    assert [r.code for r in done] == [0, 0], done[0].err + done[1].err
    return done


@pytest.mark.slow
def test_runs_write_every_declared_column_and_no_other(runs: list[Ran]) -> None:
    written = {name for r in runs for name in pd.read_csv(r.folder / "cells.csv", nrows=0)}
    errors = {name for name, column in COLUMNS.items() if column.role is Role.ERROR}
    assert written - set(columns()) == set()
    conformal = {"csmf_conformal_coverage", "csmf_conformal_width"}  # tests/cell/test_conformal.py asks for them
    assert set(columns()) - written == errors | conformal, "no cell failed"


@pytest.mark.slow
def test_every_row_of_a_run_fits_the_schema_with_its_ranges(runs: list[Ran]) -> None:
    for r in runs:
        for name in ("cells", "baselines"):
            for row in pd.read_parquet(r.folder / f"{name}.parquet").to_dict("records"):
                assert check_row(row) == []


@pytest.mark.slow
def test_the_files_of_a_run_are_in_the_order_of_the_schema(runs: list[Ran]) -> None:
    for r in runs:
        header = list(pd.read_csv(r.folder / "cells.csv", nrows=0))
        assert header == [name for name in columns() if name in header]
        assert header == list(pd.read_parquet(r.folder / "cells.parquet"))


def test_the_first_columns_are_those_that_scripts_rely_on() -> None:
    assert leading_columns() == (
        "model", "protocol", "train_sites", "test_site", "train_size", "repeat", "fold", "replicate", "testset",
        "features", "data", "simulated", "n_train", "n_test", "n_causes", "status", "reused",
        "csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1", "top3", "mean_ccc",
        "fit_seconds", "predict_seconds", "cell_key", "prediction_sha256",
    )  # fmt: skip


def test_every_metric_has_a_column_with_its_range_and_its_ends() -> None:
    known = columns()
    for name, info in {**METRICS, **CASE_METRICS}.items():
        assert known[name].role is Role.METRIC
        assert known[name].range == info.range
        assert known[name].meaning == info.description
    for name in METRICS:
        for end in ("low", "high", "median_low", "median_high"):
            assert known[f"{name}_{end}"].role is Role.INTERVAL
    assert "ece_low" not in known


def test_groups_name_declared_columns_in_their_known_order() -> None:
    assert SETTING_COLUMNS == ("cause_list", "data", "features", "protocol", "target_labels", "testset", "train_size")
    assert SPLIT_COLUMNS == ("train_sites", "test_site", "repeat", "fold", "replicate")
    assert ROW_ORDER == (
        "model", "protocol", "train_sites", "test_site", "train_size", "repeat", "fold", "replicate",
        "target_labels", "cell_key",
    )  # fmt: skip
    assert {*IDENTITY, *ROW_ORDER} <= set(COLUMNS)
    assert {name for names in TABLES.values() for name in names} <= set(columns())
    assert "failures" in tables_of("test_site")


def test_every_column_says_what_it_means_and_where_its_value_comes_from() -> None:
    for name, column in columns().items():
        assert column.name == name
        assert len(column.meaning) > 4, name
        assert (column.value is None) == (name not in COLUMNS), name


def test_a_row_with_what_is_needed_fits() -> None:
    assert check_row(FIT) == []
    assert check_row({**FIT, "top1": math.nan, "converged": None, "n_test": 300.0, "warning": pd.NA}) == []


def test_all_problems_of_a_row_are_named_at_once_with_the_nearest_name() -> None:
    row = {"cell_key": "ab", "modell": "nbc", "test_site": 3, "status": "ok", "top1": 1.5, "n_test": "many"}
    assert check_row(row) == [
        "unknown column 'modell'; did you mean 'model'?",
        "column 'model' is missing; did you mean 'modell'?",
        "column 'test_site' has 3; expected text",
        "column 'status' has 'ok'; expected one of done, failed, missing",
        "column 'top1' has 1.5; expected 0 to 1",
        "column 'n_test' has 'many'; expected whole number",
    ]


def test_find_column_returns_none_for_an_unknown_name() -> None:
    assert find_column("top1_low") is columns()["top1_low"]
    assert find_column("no such column") is None


def test_no_other_module_lists_the_columns_of_a_row() -> None:
    """Five declared names in one literal list are a list of columns; the rooms below `results` have their own."""
    package = Path(__file__).resolve().parents[2] / "va_experiments"
    above = ("analysis", "report", "tracking", "monitoring", "engine", "prefect_flow", "commands", "results")
    lists = [
        f"{path.relative_to(package)}:{node.lineno}"
        for room in above
        for path in sorted((package / room).rglob("*.py"))
        if path != package / "results" / "schema.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Tuple, ast.List, ast.Set))
        and sum(isinstance(e, ast.Constant) and e.value in columns() for e in node.elts) >= 5
    ]
    assert lists == []
