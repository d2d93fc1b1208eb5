"""Say before the first fit what would keep MLflow from recording a run, and what to do about it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from va_experiments.config.schema import TrackingConfig
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.redaction import redacted
from va_experiments.tracking.local_database import database_problem, local_file
from va_experiments.uris import sqlite_file

__all__ = ["check_tracking", "tracking_problem"]

_SERVERS = ("http", "https", "databricks", "databricks-uc", "uc")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def check_tracking(config: TrackingConfig, outputs: Path) -> None:
    """Refuse tracking that cannot work, as far as this can be checked without a connection.

    Raises
    ------
    InputError
        For a store of files, an address of no known kind, a database of another version of MLflow, and an experiment
        that is deleted.
    """
    if config.mlflow and (problem := tracking_problem(config, outputs)):
        raise InputError(problem)


def tracking_problem(config: TrackingConfig, outputs: Path) -> str:
    """Return what is wrong with the place that runs are recorded in, and what to do; empty text: nothing is known."""
    if config.uri is None:
        return database_problem(local_file(outputs), config.experiment)
    option = f"tracking.uri={shown(redacted(config.uri))}"
    way = "leave tracking.uri out for an SQLite file under paths.outputs, or give sqlite:////FOLDER/mlflow.db"
    scheme = urlsplit(config.uri).scheme.partition("+")[0]
    if scheme in ("", "file"):
        return f"{option} is a folder of files, which MLflow no longer records to: {way}, or a server's address"
    if scheme not in (*_SERVERS, *_DATABASES):
        near = did_you_mean(scheme, (*_SERVERS, *_DATABASES))
        return f"{option}: '{scheme}' is no kind of address that MLflow records to{near}; {way}, or a server's address"
    if scheme != "sqlite":
        return ""
    file = sqlite_file(config.uri)
    if file is None:
        return f"{option} names no file: expected sqlite:////FOLDER/mlflow.db, with four slashes before a full path"
    query = config.uri.partition("?")[2]
    if query and (not parse_qsl(query) or "/" in query):
        return (
            f"{option}: what follows the '?' is not part of the path: write the path with escapes, "
            "sqlite+pysqlite:///file:/FOLDER/mlflow.db?uri=true with %3F for '?', %25 for '%' and %23 for '#'"
        )
    if not file.is_file() and (reason := _cannot_hold(file.parent)):
        return (
            f"{option}: the database cannot be made in {file.parent} ({reason}): {way}, or run without MLflow "
            "(tracking.mlflow=false)"
        )
    return database_problem(file, config.experiment)


def _cannot_hold(folder: Path) -> str:
    """Return why nothing can be made in a folder, which need not exist; found out without leaving anything."""
    place = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".va-"):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__
