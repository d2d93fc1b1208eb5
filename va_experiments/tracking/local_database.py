"""Find MLflow's SQLite file under the outputs folder, and say whether MLflow can use it.

Nothing here imports MLflow, which takes seconds: a run looks before its first fit.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from va_experiments.uris import file_of, file_uri, sqlite_uri

__all__ = ["adopt_moved_artifacts", "database_problem", "local_artifacts", "local_file", "local_uri", "open_read_only"]


def local_file(outputs: Path) -> Path:
    """Return the SQLite file under `outputs`, which may be a link."""
    return outputs.resolve() / "mlflow.db"


def local_uri(outputs: Path) -> str:
    """Return the URI of the SQLite file under `outputs`."""
    return sqlite_uri(local_file(outputs))


def local_artifacts(outputs: Path) -> Path:
    """Return the folder under `outputs` that holds the files of MLflow's runs."""
    return (outputs / "artifacts").resolve()


def adopt_moved_artifacts(outputs: Path, experiment: str) -> bool:
    """Let the local database name the artifact folder that lies beside it now, and return whether it named another.

    MLflow stores where artifacts are as an absolute path. In a folder of outputs that was moved or copied it still
    names the old place: a run would write there, and the pages would look there. Experiments of other names that
    share the old place are changed too; those with a place of their own are not.
    """
    file, place = local_file(outputs), file_uri(local_artifacts(outputs))
    if not file.is_file():
        return False
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(file, timeout=60)) as database:
        query = "SELECT artifact_location FROM experiments WHERE name = ?"
        old = next((str(row[0]) for row in database.execute(query, (experiment,))), place)
        if old == place or file_of(old) is None:
            return False
        with database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE experiments SET artifact_location = ? WHERE artifact_location = ?", (place, old))
            database.execute(
                "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) WHERE substr(artifact_uri, 1, ?) = ?",
                (place, len(old) + 1, len(old) + 1, f"{old}/"),
            )
        return True
    return False  # a file that is no database of MLflow's: whoever opens it says so


@contextlib.contextmanager
def open_read_only(file: Path) -> Iterator[sqlite3.Connection]:
    """Open an SQLite file for reading; it is not made where it does not exist."""
    with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        yield database


def database_problem(file: Path, experiment: str) -> str:
    """Return why MLflow cannot record to an SQLite file, and what to do; empty text: nothing is known against it.

    Parameters
    ----------
    file : Path
        The database; one that does not exist will be made.
    experiment : str
        Name of the experiment.
    """
    if problem := _place_problem(file):
        return (
            f"the MLflow database {file} {problem}; or record elsewhere with tracking.uri=sqlite:////FOLDER/mlflow.db, "
            "or run without MLflow (tracking.mlflow=false)"
        )
    if not file.exists():
        return ""
    deleted = "SELECT experiment_id FROM experiments WHERE name = ? AND lifecycle_stage = 'deleted'"
    try:
        with open_read_only(file) as database:
            versions = [str(row[0]) for row in database.execute("SELECT version_num FROM alembic_version")]
            ids = [str(row[0]) for row in database.execute(deleted, (experiment,))]
    except sqlite3.OperationalError:  # locked, empty or not MLflow's: the tracker says so, and the run goes on
        return ""
    except sqlite3.DatabaseError as error:
        return (
            f"the MLflow database {file} is damaged or no SQLite database ({error}): move it away, so that a new one "
            "is made (va-experiments checkpoints sync fills it from the finished cells), or run without MLflow "
            "(tracking.mlflow=false)"
        )
    known, newest = _schema_versions()
    uri = sqlite_uri(file)
    if known and (strange := [v for v in versions if v not in known]):
        return (
            f"the MLflow database {file} was made by a newer MLflow (its schema {strange[0]} is unknown to "
            f"{_mlflow_version()}): install that version, record elsewhere with "
            "tracking.uri=sqlite:////FOLDER/mlflow.db, or run without MLflow (tracking.mlflow=false)"
        )
    if known and versions and newest not in versions:
        return (
            f"the MLflow database {file} was made by an older MLflow: copy it, then bring it up to date with "
            f"mlflow db upgrade '{uri}', or run without MLflow (tracking.mlflow=false)"
        )
    if ids:
        return (
            f"the MLflow experiment '{experiment}' in {file} is deleted: restore it with "
            f"MLFLOW_TRACKING_URI='{uri}' mlflow experiments restore --experiment-id {ids[0]}, record under another "
            "name with tracking.experiment=NAME, or run without MLflow (tracking.mlflow=false)"
        )
    return ""


def _place_problem(file: Path) -> str:
    """Return what is wrong with the place of an SQLite file, and what to do; a file that is not there can be made."""
    if not os.path.lexists(file):
        return ""
    if not file.exists():
        return "is a link that leads to nothing: remove it"
    if not file.is_file():
        return f"is {'a folder' if file.is_dir() else 'no regular file'}: move it away"
    if not os.access(file, os.R_OK | os.W_OK):
        return f"cannot be read and written by you: change its mode (chmod u+rw '{file}') or its owner"
    if not os.access(file.resolve().parent, os.W_OK | os.X_OK):
        return "is in a folder in which you cannot write, which SQLite must: change the mode of the folder"
    return ""


@cache
def _schema_versions() -> tuple[frozenset[str], str]:
    """Return the schema versions that the installed MLflow knows, and the newest; none where they are not found."""
    spec = find_spec("mlflow")
    folders = [
        Path(p) / "store" / "db_migrations" / "versions" for p in (spec and spec.submodule_search_locations) or ()
    ]
    known, followed = set[str](), set[str]()
    for path in (p for folder in folders if folder.is_dir() for p in folder.glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        known |= set(re.findall(r"^revision(?:: str)? = [\"'](\w+)[\"']", text, re.MULTILINE))
        for line in re.findall(r"^down_revision.*? = (.+)$", text, re.MULTILINE):
            followed |= set(re.findall(r"\w{8,}", line))
    heads = known - followed
    return (frozenset(known), heads.pop()) if len(heads) == 1 else (frozenset(), "")


def _mlflow_version() -> str:
    from importlib.metadata import version

    return f"MLflow {version('mlflow')}"
