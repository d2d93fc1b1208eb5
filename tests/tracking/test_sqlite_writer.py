"""The quick way into MLflow's file leaves the same rows as MLflow's own client, and stands back where it cannot."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from va_experiments.config.schema import TrackingConfig
from va_experiments.results import Row
from va_experiments.tracking import (
    ClientWriter,
    SqliteWriter,
    cell_run,
    connect,
    find_new_cells,
    open_writer,
    outputs_tag,
)
from va_experiments.tracking.run_writer import RECORDED

ROW = {
    "model": "nbc",
    "model_params": '{"alpha": 1.5, "text": "x y"}',
    "protocol": "leave_one_site_out",
    "train_sites": "AP+Dar",
    "test_site": "Pemba",
    "train_size": "all",
    "testset": "natural",
    "features": "hce",
    "data": "simulated",
    "simulated": True,
    "status": "done",
    "reused": False,
    "converged": None,
    "cell_key": "ab" * 32,
    "prediction_sha256": "cd" * 32,
    "seed": 1,
    "repeat": 0,
    "fold": 0,
    "job": "model=nbc",
    "started": 1_700_000_000.25,
    "ended": 1_700_000_001.5,
    "top1": 0.5,
    "csmf_accuracy_top": 0.75,
    "mean_ccc": float("nan"),
    "n_test": 300,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    outputs = tmp_path_factory.mktemp("mlflow")
    client, experiment = connect(TrackingConfig(), outputs)
    parent = client.create_run(experiment).info.run_id
    folder = outputs / "stored"
    folder.mkdir()
    (folder / "cell.json").write_text("{}")
    (folder / "predictions.parquet").write_bytes(b"rows")
    return SimpleNamespace(client=client, experiment=experiment, parent=parent, outputs=outputs, folder=folder)


def _run(server: SimpleNamespace, **changes: Any) -> Any:
    row = Row(ROW | changes)
    return cell_run(row, server.folder, parent=server.parent, multirun="2026-01-01/12", outputs=server.outputs)


def _rows(server: SimpleNamespace, run_id: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a run in all tables, without its id."""
    result = {}
    with sqlite3.connect(server.outputs / "mlflow.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            if "run_uuid" not in columns:
                continue
            names = ", ".join(c for c in columns if c != "run_uuid")
            rows = database.execute(f"SELECT {names} FROM {table} WHERE run_uuid = ?", (run_id,)).fetchall()
            rows = [row for row in rows if row[0] != RECORDED]  # the time of writing
            result[table] = sorted(tuple(str(v).replace(run_id, "ID") for v in row) for row in rows)
    return result


@pytest.mark.parametrize("changes", [{}, {"status": "failed", "error_class": "ValueError", "error_message": "no"}])
def test_both_ways_leave_the_same_rows_and_files(server: SimpleNamespace, changes: dict[str, str]) -> None:
    file = SqliteWriter.open(server.client, server.experiment)
    assert file is not None
    run = _run(server, **changes)
    (quick,) = file.write([run])
    (slow,) = ClientWriter(server.client, server.experiment).write([run])
    rows = _rows(server, quick)
    assert rows == _rows(server, slow)
    assert len(rows["runs"]) == 1
    assert len(rows["metrics"]) == len(rows["latest_metrics"]) == 3, "top1, csmf_accuracy_top, n_test; no NaN"
    names = {path.name for path in server.folder.iterdir()}
    for run_id in (quick, slow):
        assert {Path(f.path).name for f in server.client.list_artifacts(run_id, "cell")} == names


def test_both_ways_leave_the_same_parent_run(server: SimpleNamespace) -> None:
    file = SqliteWriter.open_file(server.outputs / "mlflow.db", TrackingConfig().experiment)
    assert file is not None
    result = []
    for writer in (file, ClientWriter(server.client, server.experiment)):
        run_id = writer.begin("2026-01-01/12", {"va.kind": "multirun", "va.outputs": "here:/outputs"})
        assert server.client.get_run(run_id).info.status == "RUNNING"
        writer.end(run_id, {"cells": 6.0, "nbc.top1": 0.5}, "FINISHED")
        run = server.client.get_run(run_id)
        assert run.info.start_time <= run.info.end_time
        rows = _rows(server, run_id)
        times = {str(run.info.start_time), str(run.info.end_time)} | {
            str(m.timestamp) for name in run.data.metrics for m in server.client.get_metric_history(run_id, name)
        }
        result.append({t: [tuple("T" if v in times else v for v in r) for r in rows[t]] for t in rows})
    assert result[0] == result[1]
    assert run.data.metrics == {"cells": 6.0, "nbc.top1": 0.5}
    assert run.info.run_name == "2026-01-01/12"


def test_both_ways_end_the_runs_that_a_killed_driver_left_open(server: SimpleNamespace) -> None:
    file = SqliteWriter.open_file(server.outputs / "mlflow.db", TrackingConfig().experiment)
    assert file is not None
    for writer in (file, ClientWriter(server.client, server.experiment)):
        left = writer.begin("left", {"va.outputs": outputs_tag(server.outputs)})
        others = writer.begin("another folder's", {"va.outputs": "elsewhere:/outputs"})
        assert writer.close_zombies(server.outputs) == 1
        assert server.client.get_run(left).info.status == "KILLED"
        assert server.client.get_run(others).info.status == "RUNNING"
        assert writer.close_zombies(server.outputs) == 0


def test_a_file_is_opened_without_mlflow_only_when_mlflow_has_made_it(server: SimpleNamespace, tmp_path: Path) -> None:
    database, name = server.outputs / "mlflow.db", TrackingConfig().experiment
    assert SqliteWriter.open_file(tmp_path / "mlflow.db", name) is None
    assert not (tmp_path / "mlflow.db").exists()
    assert SqliteWriter.open_file(database, "no such experiment") is None
    (tmp_path / "mlflow.db").write_text("not a database")
    assert SqliteWriter.open_file(tmp_path / "mlflow.db", name) is None


def test_a_run_into_a_local_file_that_exists_does_not_import_mlflow(server: SimpleNamespace) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from va_experiments.config.schema import TrackingConfig\n"
        "from va_experiments.tracking import Tracker\n"
        f"tracker = Tracker(TrackingConfig(), Path({str(server.outputs)!r}), '2026-01-01/13', {{}})\n"
        "tracker.start(); tracker.finish({'cells': 1.0}, None, 'FINISHED')\n"
        "print(tracker.parent, repr(tracker.error), 'mlflow' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    parent, *rest = done.stdout.split()
    assert rest == ["''", "False"]
    assert server.client.get_run(parent).info.status == "FINISHED"


def test_mlflow_reads_what_was_written_so(server: SimpleNamespace, tmp_path: Path) -> None:
    file = SqliteWriter.open(server.client, server.experiment)
    assert file is not None
    ids = file.write([_run(server, test_site=site, cell_key=site) for site in ("AP", "Dar")])
    where = "tags.test_site = 'Dar' and metrics.top1 > 0.4 and params.`model.alpha` = '1.5'"
    (children,) = [r for r in server.client.search_runs([server.experiment], where) if r.info.run_id in ids]
    assert children.info.run_id == ids[1]
    assert children.info.status == "FINISHED"
    assert children.data.metrics["csmf_accuracy_top"] == 0.75
    assert children.data.tags["mlflow.parentRunId"] == server.parent
    assert [m.value for m in server.client.get_metric_history(ids[1], "top1")] == [0.5]
    assert Path(server.client.download_artifacts(ids[1], "cell/cell.json", str(tmp_path))).read_text() == "{}"


def test_steps_of_a_metric_are_its_history(server: SimpleNamespace) -> None:
    file = SqliteWriter.open(server.client, server.experiment)
    assert file is not None
    for step, value in enumerate((1.0, 3.0, 2.0)):
        file.step(server.parent, {"system/load": value}, step)
    history = server.client.get_metric_history(server.parent, "system/load")
    assert sorted((m.step, m.value) for m in history) == [(0, 1.0), (1, 3.0), (2, 2.0)]
    assert server.client.get_run(server.parent).data.metrics["system/load"] == 2.0


def test_the_quicker_way_is_taken_where_it_can_be(server: SimpleNamespace) -> None:
    elsewhere = SimpleNamespace(tracking_uri="http://127.0.0.1:1", get_experiment=server.client.get_experiment)
    assert isinstance(open_writer(server.client, server.experiment), SqliteWriter)
    assert isinstance(open_writer(elsewhere, server.experiment), ClientWriter)


def test_all_or_none(server: SimpleNamespace) -> None:
    file = SqliteWriter.open(server.client, server.experiment)
    assert file is not None
    before = len(server.client.search_runs([server.experiment]))
    broken = dataclasses.replace(_run(server), status="no such status")
    with pytest.raises(sqlite3.IntegrityError):
        file.write([_run(server), broken])
    assert len(server.client.search_runs([server.experiment])) == before


def test_it_stands_back_from_servers_and_from_tables_that_it_does_not_know(tmp_path: Path) -> None:
    outputs = tmp_path / "a b"
    outputs.mkdir()
    client, experiment = connect(TrackingConfig(), outputs)
    assert SqliteWriter.open(client, experiment) is not None, "a blank in the path is no hindrance"
    elsewhere = client.create_experiment("elsewhere", artifact_location="s3://bucket/artifacts")
    assert SqliteWriter.open(client, elsewhere) is None
    remote = SimpleNamespace(tracking_uri="http://127.0.0.1:1", get_experiment=client.get_experiment)
    assert SqliteWriter.open(remote, experiment) is None
    with sqlite3.connect(outputs / "mlflow.db") as database:
        database.execute("ALTER TABLE tags ADD COLUMN workspace TEXT")
    assert SqliteWriter.open(client, experiment) is None


def test_cells_that_others_have_recorded_since_a_look_are_found(
    server: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = SqliteWriter.open(server.client, server.experiment)
    assert file is not None
    hers, his = Path("/ann/outputs"), Path("/bob/outputs")
    cells = [("a", 100, hers, {}), ("b", 300, hers, {}), ("c", 200, hers, {}), ("d", 400, his, {})]
    cells += [("e", 500, hers, {"reused": True}), ("f", 600, hers, {"status": "failed"}), ("not a key", 700, hers, {})]
    ids = {}
    for key, recorded, outputs, changes in cells:
        monkeypatch.setattr("va_experiments.tracking.sqlite_writer.time", SimpleNamespace(time=lambda r=recorded: r))
        row = Row(ROW | changes | {"cell_key": key * 64 if len(key) == 1 else key})
        (ids[key],) = file.write([cell_run(row, None, parent=server.parent, multirun="m", outputs=outputs)])

    def found(since: float, expected: str = "abcdef") -> list[tuple[str, str]]:
        keys = {letter * 64 for letter in expected}
        return list(find_new_cells(server.client, server.experiment, keys.__contains__, since, his))

    assert found(150) == [("b" * 64, ids["b"]), ("c" * 64, ids["c"])], "the newest first; not his own"
    assert [key[0] for key, _ in found(0)] == ["b", "c", "a"]
    assert [key[0] for key, _ in found(0, "ac")] == ["c", "a"]
    assert found(301) == []
