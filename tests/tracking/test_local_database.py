"""MLflow's database is looked at before a run begins; outputs that were moved record in their new place."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from va_experiments.config.schema import TrackingConfig
from va_experiments.errors import InputError
from va_experiments.tracking import connection
from va_experiments.tracking.local_database import _schema_versions, adopt_moved_artifacts, database_problem
from va_experiments.tracking.preflight import check_tracking, tracking_problem


def database(folder: Path, *, version: str = "", stage: str = "active", place: str = "") -> Path:
    """Make a file with as much of MLflow's tables as is looked at."""
    file = folder / "mlflow.db"
    with closing(sqlite3.connect(file)) as made, made:
        made.execute("create table alembic_version (version_num text)")
        made.execute("insert into alembic_version values (?)", (version or _schema_versions()[1],))
        made.execute("create table experiments (experiment_id, name, lifecycle_stage, artifact_location)")
        rows = [(1, "va_experiments", stage, place), (2, "mine", "active", place), (3, "far", "active", "s3://b/a")]
        made.executemany("insert into experiments values (?, ?, ?, ?)", rows)
        made.execute("create table runs (artifact_uri text)")
        made.executemany("insert into runs values (?)", [(f"{place}/1/artifacts",), (f"{place}x/1",), ("s3://b/a/1",)])
    return file


def test_the_installed_mlflow_has_one_newest_schema() -> None:
    known, newest = _schema_versions()
    assert len(known) > 50
    assert newest in known


def test_a_database_of_this_version_is_fine(tmp_path: Path) -> None:
    assert database_problem(database(tmp_path), "va_experiments") == ""
    assert database_problem(tmp_path / "none.db", "va_experiments") == ""
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"version": "ffffffffffff"}, "was made by a newer MLflow (its schema ffffffffffff is unknown to MLflow "),
        ({"version": "451aebb31d03"}, "was made by an older MLflow: copy it, then bring it up to date with mlflow db"),
        ({"stage": "deleted"}, "the MLflow experiment 'va_experiments' in"),
    ],
)
def test_what_mlflow_cannot_use_is_refused_with_what_to_do(made: dict[str, str], message: str, tmp_path: Path) -> None:
    file = database(tmp_path, **made)
    for config in (TrackingConfig(), TrackingConfig(uri=f"sqlite:///{file}")):
        with pytest.raises(InputError) as refused:
            check_tracking(config, tmp_path)
        assert message in str(refused.value)
        assert "tracking.mlflow=false" in str(refused.value)
    check_tracking(TrackingConfig(mlflow=False), tmp_path)
    if "stage" in made:
        check_tracking(TrackingConfig(experiment="another"), tmp_path)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("mlruns", "is a folder of files, which MLflow no longer records to"),
        ("./mlruns", "is a folder of files"),
        ("file:///tmp/mlruns", "is a folder of files"),
        ("htp://host", "'htp' is no kind of address that MLflow records to; did you mean 'http'?"),
        ("sqlite://team.db", "names no file: expected sqlite:////FOLDER/mlflow.db"),
        ("sqlite:////a/b?c/mlflow.db", "what follows the '?' is not part of the path"),
    ],
)
def test_an_address_that_mlflow_cannot_record_to_is_refused(uri: str, message: str, tmp_path: Path) -> None:
    assert message in tracking_problem(TrackingConfig(uri=uri), tmp_path)


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:5000", "https://me:secret@host", "postgresql+psycopg2://u@h/d", "sqlite:////nowhere/team.db"],
)
def test_other_addresses_are_left_to_mlflow(uri: str, tmp_path: Path) -> None:
    assert tracking_problem(TrackingConfig(uri=uri), tmp_path) == ""


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    check_tracking(TrackingConfig(), tmp_path)
    assert not adopt_moved_artifacts(tmp_path, "va_experiments")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: file.write_bytes(b"\0" * 4096), "is damaged or no SQLite database (file is not a database)"),
        (
            lambda file: file.write_bytes(file.with_name("right").read_bytes()[:9000]),
            "is damaged or no SQLite database",
        ),
        (lambda file: file.mkdir(), "is a folder: move it away"),
        (lambda file: os.mkfifo(file), "is no regular file: move it away"),
        (lambda file: file.symlink_to(file.parent / "none" / "x"), "is a link that leads to nothing: remove it"),
    ],
    ids=["zeros", "cut", "folder", "pipe", "link"],
)
def test_what_cannot_be_a_database_is_refused(make: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    database(tmp_path).rename(tmp_path / "right")
    file = tmp_path / "mlflow.db"
    make(file)
    for config in (TrackingConfig(), TrackingConfig(uri=f"sqlite:///{file}")):
        problem = tracking_problem(config, tmp_path)
        assert message in problem
        assert "tracking.mlflow=false" in problem
    assert not adopt_moved_artifacts(tmp_path, "va_experiments")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("readable", ["file", "folder"])
def test_a_database_that_cannot_be_written_is_refused(
    readable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = database(tmp_path)
    closed = file if readable == "file" else tmp_path  # as for an account that may only read it
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed or not mode & os.W_OK)
    problem = tracking_problem(TrackingConfig(), tmp_path)
    assert ("cannot be read and written by you" if closed == file else "is in a folder in which you cannot") in problem


def test_artifacts_of_moved_outputs_are_named_where_they_are(tmp_path: Path) -> None:
    old = "file:///old%20place/artifacts"
    file = database(tmp_path, place=old)
    assert adopt_moved_artifacts(tmp_path, "va_experiments")
    assert not adopt_moved_artifacts(tmp_path, "va_experiments"), "once is enough"
    place = (tmp_path / "artifacts").as_uri()
    with closing(sqlite3.connect(file)) as changed:
        places = [row[0] for row in changed.execute("select artifact_location from experiments order by experiment_id")]
        runs = [row[0] for row in changed.execute("select artifact_uri from runs")]
    assert places == [place, place, "s3://b/a"]
    assert runs == [f"{place}/1/artifacts", f"{old}x/1", "s3://b/a/1"]


def test_a_lock_that_is_held_for_ever_is_given_up_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OPEN_SECONDS", 0.2)
    uri, lock = f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "mlflow.db.opening"
    with open(lock, "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        message = r"has held the lock '.*mlflow\.db\.opening'.*end that process"
        with pytest.raises(InputError, match=message), connection._one_opens(uri):
            pytest.fail("opened while another process does")
    with connection._one_opens(uri), open(lock, "a") as second, pytest.raises(BlockingIOError):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
