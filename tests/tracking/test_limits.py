"""A forged, mute or endless tracking server costs a run little, and leads it nowhere."""

from __future__ import annotations

import logging
import socket
import threading
import time
import types
from pathlib import Path

import pytest

from tests.tracking.forged import Forged
from va_experiments.checkpoints import Store
from va_experiments.config.schema import RunConfig, TrackingConfig
from va_experiments.tracking import connect, limits, remote_cells, tracker
from va_experiments.tracking.connection import is_elsewhere
from va_experiments.tracking.limits import LimitReached, bounded_pages, check_place, in_background


class _Info:
    def __init__(self, run_id: str) -> None:
        self.run_id = run_id


class _Run:
    def __init__(self, run_id: str) -> None:
        self.info = _Info(run_id)


class _Page(list[_Run]):
    def __init__(self, runs: list[str], token: str) -> None:
        super().__init__(map(_Run, runs))
        self.token = token


def found(pages: dict[str | None, _Page]) -> list[str]:
    return [run.info.run_id for run in bounded_pages(lambda token: pages[token])]


def test_pages_that_end_are_read_to_their_end() -> None:
    assert found({None: _Page(["a", "b"], "x"), "x": _Page(["c"], "y"), "y": _Page([], "")}) == ["a", "b", "c"]
    assert found({None: _Page([], "")}) == []


@pytest.mark.parametrize(
    "pages",
    [
        {None: _Page(["a"], "x"), "x": _Page(["b"], "x")},
        {None: _Page(["a"], "x"), "x": _Page([], "y")},
        {None: _Page(["a"], "x"), "x": _Page(["a"], "y")},
        {None: _Page(["a"], "x"), "x": _Page(["b"], "y"), "y": _Page(["c"], "x")},
    ],
    ids=["same token", "empty page", "same page", "circle"],
)
def test_pages_without_an_end_are_given_up(pages: dict[str | None, _Page]) -> None:
    with pytest.raises(LimitReached, match="no end"):
        found(pages)


def test_more_pages_than_anybody_has_are_given_up() -> None:
    numbers = iter(range(10**6))

    def page(runs: int) -> _Page:
        return _Page([str(next(numbers)) for _ in range(runs)], f"t{next(numbers)}")

    with pytest.raises(LimitReached, match="more than 2,000 pages"):
        list(bounded_pages(lambda token: page(100)))
    number = next(numbers)
    with pytest.raises(LimitReached, match="no end"):
        list(bounded_pages(lambda token: page(1)))
    assert next(numbers) - number < 200, "pages with hardly a run on each are no search of ours"


def test_work_is_given_up_when_it_is_silent_or_the_run_is_stopped() -> None:
    never = threading.Event()
    with pytest.raises(LimitReached, match="does not answer within"):
        list(in_background(lambda report: never.wait(60), silence=0.3))  # type: ignore[arg-type, return-value]
    assert list(in_background(lambda report: never.wait(60), silence=60, stopped=lambda: True)) == []  # type: ignore[arg-type, return-value]

    def speaks(report: object) -> None:
        for number in range(4):
            report(number)  # type: ignore[operator]
            report(None)  # type: ignore[operator]
            time.sleep(0.1)

    assert list(in_background(speaks, silence=30)) == [0, 1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        list(in_background(lambda report: report(1 / 0), silence=30))
    never.set()


SERVER = "http://user:pw@team.example:5000/mlflow"


@pytest.mark.parametrize(
    "uri",
    [
        "/home/owner/.ssh",
        "file:///home/owner",
        "runs:/0123/x",
        "models:/x/1",
        "http://team.example:5000/x",
        "sftp://elsewhere/x",
        "mlflow-artifacts://elsewhere:5000/1",
        "mlflow-artifacts://team.example:5001/1",
        "mlflow-artifacts://user@team.example:5000.evil/1",
        "",
    ],
)
def test_a_server_cannot_lead_files_elsewhere(uri: str) -> None:
    with pytest.raises(LimitReached, match="lie elsewhere"):
        check_place(uri, SERVER)
    check_place(uri, "sqlite:////home/owner/mlflow.db")  # a database of one's own


@pytest.mark.parametrize("uri", ["mlflow-artifacts:/1/2", "mlflow-artifacts://team.example:5000/1", "s3://bucket/1"])
def test_a_server_may_keep_its_files_and_name_a_bucket(uri: str) -> None:
    check_place(uri, SERVER)


def test_nothing_is_written_where_a_server_says(tmp_path: Path) -> None:
    """Files of a run go to the server that was named, not into a folder here or to a third server."""
    from mlflow import MlflowClient

    limits.limit_client()
    (tmp_path / "predictions.parquet").write_bytes(b"x")
    with Forged("right") as other, Forged("elsewhere", ("ab" * 32,), f"file://{tmp_path}/away") as server:
        with pytest.raises(LimitReached):
            MlflowClient(server.url).log_artifact("0" * 32, str(tmp_path / "predictions.parquet"), "cell")
        server.elsewhere = f"mlflow-artifacts://127.0.0.1:{other.server_port}"
        with pytest.raises(LimitReached):
            MlflowClient(server.url).log_artifact("0" * 32, str(tmp_path / "predictions.parquet"), "cell")
        assert other.asked == []
    assert not (tmp_path / "away").exists()


WAYS = {
    "mute": "does not answer within 2 s",
    "trickle": "does not end",
    "header": "does not answer within 2 s",
    "body": "larger than any of ours",
    "gzip": "larger than any of ours",
    "short": "IncompleteRead",
    "busy": "Max retries exceeded",
    "same": "no end",
    "redirect": "redirects to another address",
    "elsewhere": "a run's files lie elsewhere",
    "file": "larger than any of ours",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_a_forged_server_does_costs_a_warning(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote_cells, "SILENT_SECONDS", 2.0)
    monkeypatch.setattr(limits._Allowance, "seconds", 1.0)
    monkeypatch.setattr(limits._Allowance, "size", 1 << 20)
    monkeypatch.setattr(limits, "FILE_BYTES", 1 << 20)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    store = Store(tmp_path / "checkpoints")
    store.open()
    key = "ab" * 32
    with Forged("right") as other, Forged(way, (key,), elsewhere=other.url) as server, caplog.at_level(logging.WARNING):
        config = RunConfig.model_validate({"tracking": {"uri": server.url}})
        assert list(remote_cells.fetch_shared(config, store, tmp_path, {key, "cd" * 32})) == []
        assert other.asked == [], "nothing is asked elsewhere"
        assert server.sent <= 8 << 20, "what is not read is not sent"
    assert WAYS[way] in caplog.text
    assert caplog.text.count("WARNING") == 1, "one line"
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) < 2 << 20
    assert not list(store.keys())


@pytest.mark.parametrize(
    ("uri", "server"),
    [
        (None, False),
        ("sqlite:////here/x.db", False),
        ("sqlite:///x.db?timeout=3", False),
        ("file:///here", False),
        ("http://127.0.0.1:1", True),
        ("postgresql+psycopg2://u@h/d", True),
        ("mysql://u@h/d", True),
    ],
)
def test_which_address_is_a_server_that_may_be_silent(uri: str | None, server: bool) -> None:
    assert is_elsewhere(uri) is server


def test_a_mute_database_is_left_out_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that takes a connection and says nothing, where a team's PostgreSQL was named."""
    pytest.importorskip("psycopg2")
    monkeypatch.setattr(tracker, "SILENT_SECONDS", 1.0)
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        config = TrackingConfig(uri=f"postgresql://u:p@127.0.0.1:{mute.getsockname()[1]}/d")
        view = tracker.Tracker(config, tmp_path, "run", {})
        view.start()
        view.finish({}, None, "FINISHED")
    assert "did not answer within 1 s: it is left out" in view.error


def test_mlflow_makes_no_folder_again_that_was_moved_while_it_was_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    monkeypatch.setattr(tracker, "import_module", lambda _: outputs.rename(tmp_path / "elsewhere"))
    view = tracker.Tracker(TrackingConfig(), outputs, "run", {})
    view.start()
    view.finish({}, None, "FAILED")
    assert "was moved or removed during the run" in view.error
    assert not outputs.exists()


def test_a_database_that_is_away_is_given_up_after_two_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg2")
    from mlflow.store.db import utils

    waits: list[float] = []
    thread = threading.get_ident()  # the thread of an earlier test may still wait for its own database
    wait = lambda seconds: waits.append(seconds) if threading.get_ident() == thread else time.sleep(seconds)  # noqa: E731
    monkeypatch.setattr(utils, "time", types.SimpleNamespace(**{**vars(time), "sleep": wait}))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Exception, match=r"Connection refused"):
        connect(TrackingConfig(uri=f"postgresql://u:p@127.0.0.1:{port}/d"), tmp_path)
    assert len(waits) <= 1, "MLflow by itself waits nine times"
