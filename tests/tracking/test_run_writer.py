"""A row becomes an MLflow run by the schema, and is read back from it."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tracking.test_sqlite_writer import ROW
from va_experiments.errors import InputError
from va_experiments.results import Row
from va_experiments.tracking import CellRun, cell_run, row_of_run


def make_run(**changes: Any) -> CellRun:
    return cell_run(Row(ROW | changes), None, parent="p", multirun="2026-01-01/12", outputs=Path("outputs"))


def as_mlflow(run: CellRun, **tags: str) -> SimpleNamespace:
    """Return the run as MLflow's client returns it."""
    data = SimpleNamespace(tags={**run.tags, **tags}, params=dict(run.params), metrics=dict(run.metrics))
    return SimpleNamespace(data=data, info=SimpleNamespace(run_id="ab12", start_time=run.started, end_time=run.ended))


def test_tags_are_those_that_the_schema_names_and_what_finds_the_run() -> None:
    tags = make_run().tags
    assert {k: v for k, v in tags.items() if k not in ("va.outputs", "cell_key", "prediction_sha256")} == {
        "mlflow.parentRunId": "p",
        "va.kind": "cell",
        "multirun": "2026-01-01/12",
        "job": "model=nbc",
        "model": "nbc",
        "protocol": "leave_one_site_out",
        "train_sites": "AP+Dar",
        "test_site": "Pemba",
        "train_size": "all",
        "testset": "natural",
        "features": "hce",
        "data": "simulated",
        "simulated": "true",
        "status": "done",
        "reused": "false",
    }


def test_parameters_are_those_of_the_model_and_of_the_setting() -> None:
    assert make_run().params == {
        "model.alpha": "1.5",
        "model.text": "x y",
        "model": "nbc",
        "test_site": "Pemba",
        "train_size": "all",
        "features": "hce",
        "seed": "1",
        "repeat": "0",
        "fold": "0",
    }


def test_metrics_are_the_known_figures_sizes_and_timings() -> None:
    run = make_run(fit_seconds=0.5, n_causes=34, attempt=2)
    assert run.metrics == {"top1": 0.5, "csmf_accuracy_top": 0.75, "n_test": 300.0, "fit_seconds": 0.5}
    assert (run.started, run.ended, run.status) == (1_700_000_000_250, 1_700_000_001_500, "FINISHED")
    assert run.name == "nbc → Pemba"


def test_a_failed_cell_has_its_error_as_a_tag_that_is_not_too_long() -> None:
    run = make_run(status="failed", error_class="ValueError", error_message="no" * 9000)
    assert run.status == "FAILED"
    assert run.tags["error"].startswith("ValueError: nono")
    assert len(run.tags["error"]) == 4000


def test_a_row_is_read_back_typed_from_its_run() -> None:
    row = row_of_run(as_mlflow(make_run(converged=False, repeat=2), note="by hand"))
    assert (row.simulated, row.reused, row.converged) == (True, False, False)
    assert (row.repeat, row.seed, row.n_test) == (2, 1, 300)
    assert isinstance(row.n_test, int)
    assert (row.top1, row.started) == (0.5, 1_700_000_000.25)
    assert row.run_id == "2026-01-01/12"
    assert row.model_params == '{"alpha": "1.5", "text": "x y"}'
    assert row.error_message is None
    assert "mean_ccc" not in row
    assert not math.isnan(row.csmf_accuracy_top)


def test_an_error_is_read_back_with_its_class() -> None:
    run = make_run(status="failed", error_class="ValueError", error_message="a: b")
    row = row_of_run(as_mlflow(run))
    assert (row.error_class, row.error_message) == ("ValueError", "a: b")


def test_a_run_that_is_no_cell_of_ours_is_named_with_its_problems() -> None:
    run = as_mlflow(make_run(), reused="perhaps")
    del run.data.tags["status"]
    with pytest.raises(InputError, match=r"MLflow run ab12: column 'status' is missing.*\n.*ab12: .*'perhaps'"):
        row_of_run(run)


def test_cells_that_mlflow_knows_only_as_reused_are_found_after_those_that_were_computed() -> None:
    """A driver that is killed before MLflow had its cells leaves only the records of the run that went on."""
    from types import SimpleNamespace

    from va_experiments.tracking import find_cells

    class Page(list):
        token = None

    def search_runs(experiments: list[str], where: str, **_: object) -> Page:
        reused = "'true'" in where
        keys = {"k1": "r1", "k2": "r2"} if reused else {"k1": "c1", "other": "c9"}
        return Page(
            SimpleNamespace(info=SimpleNamespace(run_id=run), data=SimpleNamespace(tags={"cell_key": key}))
            for key, run in keys.items()
        )

    client = SimpleNamespace(search_runs=search_runs)
    assert dict(find_cells(client, "1", {"k1", "k2", "k3"})) == {"k1": "c1", "k2": "r2"}
