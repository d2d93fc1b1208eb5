"""Paths become addresses and come back, whatever characters they hold; two paths never share a database."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from va_experiments.uris import file_of, file_uri, sqlite_file, sqlite_uri

ODD = ("plain", "a?b", "a%41", "a%zz", "a#b", "a b", "é", "?uri=true", "%", "a?b=c&d", "o;x", "o+p", "file:x")


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("driver", ["pysqlite", "aiosqlite"])
def test_the_database_lies_in_the_folder_that_was_named(name: str, driver: str, tmp_path: Path) -> None:
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    file = tmp_path / name / "mlflow.db"
    file.parent.mkdir()
    uri = sqlite_uri(file, driver)
    assert sqlite_file(uri) == file
    engine = create_engine(make_url(uri).set(drivername="sqlite"))  # the same parsing, without an event loop
    with engine.begin() as connection:
        connection.execute(text("create table t (x)"))
    engine.dispose()
    assert [p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()] == [Path(name) / "mlflow.db"]
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("select name from sqlite_master").fetchall() == [("t",)]


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_every_name_comes_back(name: str) -> None:
    path = Path("/somewhere/else") / f"x{name}" / "mlflow.db"
    for driver in ("pysqlite", "aiosqlite"):
        assert sqlite_file(sqlite_uri(path, driver)) == path
    assert file_of(file_uri(path)) == path


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:5000", "postgresql://u@h/d", "sqlite://", "sqlite:///:memory:", "mlruns", "sqlite:/a"]
)
def test_other_addresses_name_no_file(uri: str) -> None:
    assert sqlite_file(uri) is None


def test_files_of_other_hosts_and_other_addresses_have_no_path_here() -> None:
    assert file_of("file://host/a") is None
    assert file_of("s3://bucket/a") is None
    assert file_of("mlruns/1") is None
