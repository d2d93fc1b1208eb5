"""A column is added in one place: one entry of the schema, and it is in every file, in MLflow and in the reference."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pandas as pd
import pytest

from tests.results.conftest import MakeOutcome
from va_experiments.results import load_results, schema
from va_experiments.results.column import Column, Kind, MLflow, Role
from va_experiments.results.table_files import write_csv, write_parquet
from va_experiments.results.writer import ResultWriter
from va_experiments.tracking import cell_run

ROOT = Path(__file__).resolve().parents[2]

ADDED = Column(
    "n_bootstrap",
    Kind.WHOLE,
    Role.PROVENANCE,
    "resamples of the intervals",
    mlflow=MLflow.TAG | MLflow.METRIC,
    value=lambda o: o.cell.setting.n_bootstrap,
)


def test_an_entry_of_the_schema_is_a_column_of_every_file_of_mlflow_and_of_the_reference(
    make_outcome: MakeOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(schema.COLUMNS, ADDED.name, ADDED)
    outcome, writer = make_outcome(), ResultWriter(tmp_path, "r")
    row = writer.add(outcome.cell, outcome.result, job="", model="nbc", simulated=True, requested=True)
    writer.close()
    cells, _ = writer.tables()
    write_csv(cells, tmp_path / "cells.csv")
    write_parquet(cells, tmp_path / "cells.parquet")

    assert json.loads((tmp_path / "cells.jsonl").read_text())["n_bootstrap"] == 5
    assert pd.read_csv(tmp_path / "cells.csv")["n_bootstrap"].tolist() == [5]
    assert pd.read_parquet(tmp_path / "cells.parquet")["n_bootstrap"].tolist() == [5]
    assert load_results(tmp_path)["n_bootstrap"].dtype == "Int64"
    run = cell_run(row, None, parent="p", multirun="r", outputs=tmp_path)
    assert run.tags["n_bootstrap"] == "5"
    assert run.metrics["n_bootstrap"] == 5
    assert "n_bootstrap" not in run.params
    assert "| `n_bootstrap` | resamples of the intervals | whole number |" in page()


def test_without_the_entry_there_is_no_such_column(make_outcome: MakeOutcome) -> None:
    assert "n_bootstrap" not in schema.columns()
    assert "`n_bootstrap`" not in page()


def page() -> str:
    """Return the reference page of a run's folder as docs/generate.py writes it."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.run_folder())
