"""What surrounds a run: odd characters in paths, proxies, an MLflow that cannot record, a folder that is gone."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.harness import SMALL, Place, Row, compare, stored, undisturbed

TOY = ("model=toy",)
VIEWS = ("execution=inline", "tracking=local", "tracking.prefect_wait_seconds=90")
MLFLOW = ("execution=inline", "tracking=local", "tracking.prefect=false")
NAMES = ("a?b", "a?c", "a#b", "a%41b", "a%zz", "a b", "aéb")
"""Folders whose names mean something in an address; the first two have the same path up to the question mark."""


def _recorded(outputs: Path, row: Row, cells: int, *, prefect: bool) -> None:
    """Expect all cells in the MLflow database of these outputs, and one completed flow run."""
    with contextlib.closing(sqlite3.connect(outputs / "mlflow.db")) as database:
        n_recorded = database.execute("select count(distinct run_uuid) from tags where key = 'cell_key'").fetchone()[0]
        places = {
            str(r[0]) for r in database.execute("select artifact_location from experiments where name != 'Default'")
        }
    row.expect(n_recorded == cells, f"{outputs.name}: {n_recorded} of {cells} cells in MLflow's database")
    row.expect(places == {(outputs / "artifacts").as_uri()}, f"{outputs.name}: MLflow's files are to lie in {places}")
    if prefect:
        file = f"{(outputs / 'prefect' / 'prefect.db').as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True)) as database:
            states = [str(r[0]) for r in database.execute("select state_type from flow_run")]
        row.expect(states == ["COMPLETED"], f"{outputs.name}: flow runs {states}")


def odd_paths(names: Sequence[str] = NAMES) -> Row:
    """Name outputs with characters that mean something in addresses; all must lie in the folder that was named."""
    row = Row("paths", "`?`, `#`, `%`, blanks and é in paths.outputs", 0, 0, 0)
    right = undisturbed(*TOY)
    with Place.new(*SMALL, *VIEWS) as place:
        for name in names:
            outputs = place.root / name
            before = place.written_outside(outputs)
            home = {"HOME": str(place.root / "home")}
            done = place.run(*TOY, outputs=outputs, real=True, timeout=300, **home)
            row.injected += 1
            row.expect(done.code == 0, f"{name}: code {done.code}: {done.err[-600:]}")
            row.expect("results are not affected" not in done.err, f"{name}: {done.err[-600:]}")
            row.expect(place.written_outside(outputs) == before, f"{name}: files outside of it")
            _recorded(outputs, row, len(right), prefect=True)
            row.lost += len(set(right.items()) - set(stored(outputs).items()))
    return row


def proxies() -> Row:
    """Name proxies that answer nobody: no request to a server on this machine may go there."""
    row = Row("proxies", "http_proxy, https_proxy, all_proxy (also socks5, also upper case) that lead nowhere", 0, 0, 0)
    right = undisturbed(*TOY)
    for value, names in (
        ("http://127.0.0.1:9", ("http_proxy", "https_proxy", "all_proxy")),
        ("socks5://127.0.0.1:9", ("ALL_PROXY", "all_proxy")),
    ):
        with Place.new(*SMALL, *VIEWS) as place:
            environment = {**dict.fromkeys(names, value), "no_proxy": "", "NO_PROXY": ""}
            done = place.run(*TOY, real=True, timeout=300, **environment)
            row.injected += 1
            row.expect(done.code == 0, f"{value}: code {done.code}: {done.err[-600:]}")
            row.expect("results are not affected" not in done.err, f"{value}: {done.err[-600:]}")
            _recorded(place.outputs, row, len(right), prefect=True)
            compare(row, right, place)
    return row


def unusable_mlflow() -> Row:
    """Delete the experiment, age the database either way, name a store of files: refused before the first fit."""
    row = Row("mlflow", "MLflow's experiment deleted, its database of another version, a store of files", 0, 0, 0)
    right = undisturbed(*TOY)

    def change(statement: str) -> Callable[[Place], None]:
        def do(place: Place) -> None:
            with contextlib.closing(sqlite3.connect(place.outputs / "mlflow.db")) as database, database:
                database.execute(statement)

        return do

    cases: tuple[tuple[str, Callable[[Place], None], tuple[str, ...], str], ...] = (
        ("deleted", change("update experiments set lifecycle_stage = 'deleted'"), (), "mlflow experiments restore"),
        ("newer", change("update alembic_version set version_num = 'ffffffffffff'"), (), "by a newer MLflow"),
        ("older", change("update alembic_version set version_num = '451aebb31d03'"), (), "mlflow db upgrade"),
        ("files", lambda place: None, ("tracking.uri=mlruns",), "is a folder of files"),
    )
    with Place.new(*SMALL, *MLFLOW) as first:
        assert first.run(*TOY, "seed=9", real=True, timeout=300).code == 0  # makes the database
        for name, do, options, message in cases:
            with Place.new(*SMALL, *MLFLOW) as place:
                place.outputs.mkdir()
                shutil.copy(first.outputs / "mlflow.db", place.outputs / "mlflow.db")
                do(place)
                done = place.run(*TOY, *options)
                row.injected += 1
                row.expect(done.code == 2, f"{name}: code {done.code} instead of 2: {done.err[-400:]}")
                row.expect(message in done.err, f"{name}: '{message}' is not said: {done.err[-400:]}")
                row.expect(place.begun() == 0, f"{name}: {place.begun()} predictions begun before it was said")
                after = place.run(*TOY, "tracking.mlflow=false")  # the way out that is named
                row.expect(after.code == 0, f"{name}: code {after.code} without MLflow: {after.err[-400:]}")
                compare(row, right, place)
    return row


def vanished_folder() -> Row:
    """Start commands in a working folder that has been removed."""
    row = Row("folder", "the working folder is gone", 0, 0, 0)
    with Place.new() as place:
        code = "import sys; from va_experiments.cli import main; sys.exit(main({}))"
        commands = (
            ["-m", "va_experiments", *TOY],
            ["-c", code.format("['status']")],
            ["-c", code.format("['run', 'x=1']")],
        )
        for command in commands:
            gone = place.root / "gone"
            gone.mkdir()
            then = f"os.execv(sys.executable, [sys.executable, *{json.dumps(command)}])"
            script = f"import os, sys; os.rmdir({str(gone)!r}); {then}"
            done = subprocess.run(
                [sys.executable, "-c", script],
                cwd=gone,
                env=place.environment(),
                capture_output=True,
                text=True,
                timeout=60,
            )
            row.injected += 1
            row.expect(done.returncode == 2, f"{command[:2]}: code {done.returncode}: {done.stderr[-300:]}")
            message = "error: the working folder no longer exists: change to one that does (cd FOLDER)\n"
            row.expect(done.stderr == message, f"{command[:2]}: {done.stderr[-300:]}")
    return row
