"""The main job with everything on: Ray, Prefect, MLflow, report; and its second run, which does no work."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Ran, run_command
from tests.end_to_end.test_recorded_hashes import check_recorded

COLUMNS = {
    *("model", "protocol", "train_sites", "test_site", "n_train", "n_test", "status", "reused"),
    *("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1", "top3", "mean_ccc"),
    *("fit_seconds", "predict_seconds", "cell_key", "prediction_sha256"),
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("main") / "outputs"


@pytest.fixture(scope="module")
def first(outputs: Path) -> Ran:
    return run_command("model=interva,insilico", "site=all", "-m", outputs=outputs)


@pytest.fixture(scope="module")
def second(outputs: Path, first: Ran) -> Ran:
    assert first.code == 0, first.err
    return run_command("model=interva,insilico", "site=all", "-m", outputs=outputs)


@pytest.mark.slow
def test_twelve_cells_are_finished(first: Ran) -> None:
    assert first.code == 0, first.err
    cells = first.cells
    assert set(cells.columns) >= COLUMNS
    assert len(cells) == 12
    assert (cells["status"] == "done").all()
    assert set(cells["test_site"]) == {"AP", "Bohol", "Dar", "Mexico", "Pemba", "UP"}
    assert cells["n_test"].groupby(cells["model"]).sum().eq(7841).all()


@pytest.mark.slow
def test_it_gives_the_recorded_bits(first: Ran) -> None:
    check_recorded("main", first.cells)


@pytest.mark.slow
def test_it_says_that_the_data_are_simulated_and_where_the_report_is(first: Ran) -> None:
    assert "SIMULATED" in first.out
    assert str(first.folder / "report.html") in first.out
    assert "prior" in first.out
    assert "uniform" in first.out
    assert "simulated" in (first.folder / "report.html").read_text(encoding="utf-8").lower()


@pytest.mark.slow
def test_mlflow_has_twelve_children_under_one_parent(first: Ran) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{first.outputs / 'mlflow.db'}")
    where = "tags.`va.kind` = 'cell' and tags.reused = 'false' and tags.model = 'insilico' and metrics.top1 > 0"
    children = mlflow.search_runs(experiment_names=["va_experiments"], filter_string=where)
    assert len(children) == 6
    everything = mlflow.search_runs(
        experiment_names=["va_experiments"], filter_string="tags.`va.kind` = 'cell' and tags.reused = 'false'"
    )
    assert len(everything) == 12
    assert everything["tags.mlflow.parentRunId"].nunique() == 1
    assert everything["params.seed"].eq("1").all()
    assert set(everything["tags.cell_key"]) == set(first.cells["cell_key"])


@pytest.mark.slow
def test_prefect_has_the_flow_with_a_task_for_each_job(first: Ran) -> None:
    with sqlite3.connect(first.outputs / "prefect" / "prefect.db") as database:
        flows = database.execute("select name, state_name from flow_run order by created").fetchall()
        tasks = database.execute(
            "select t.name, t.state_name from task_run t join flow_run f on t.flow_run_id = f.id where f.name = ?",
            (flows[0][0],),
        ).fetchall()
    assert flows[0][1] == "Completed"
    names = " ".join(name for name, _ in tasks)
    assert "model=interva" in names
    assert "model=insilico" in names
    assert {state for _, state in tasks} == {"Completed"}


@pytest.mark.slow
def test_a_second_run_fits_nothing(first: Ran, second: Ran) -> None:
    assert second.code == 0, second.err
    assert "Nothing was fitted" in second.out
    assert second.cells["reused"].all()
    columns = ["cell_key", "prediction_sha256", "csmf_accuracy_top"]
    assert second.cells[columns].equals(first.cells[columns])


@pytest.mark.slow
def test_nothing_is_left_running(second: Ran) -> None:
    import psutil

    left = [
        p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if str(second.outputs) in str(p.info["cmdline"])
    ]
    assert left == []
