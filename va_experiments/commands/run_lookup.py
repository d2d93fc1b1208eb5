"""Find a run by what a person types: nothing (the latest), a folder, or the beginning or end of its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["OUTPUTS", "Outputs", "RunName", "find_run", "read_json", "run_folders"]


Outputs = Annotated[Path, typer.Option("--outputs", metavar="DIR", help="Folder of outputs.")]
"""The option that names the folder of outputs."""

OUTPUTS = Path("outputs")
"""Its default."""

RunName = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="Name (or a part of it) or folder; default: the latest.")
]
"""The argument that names a run."""


def run_folders(outputs: Path) -> list[Path]:
    """Return the folders of all runs under `outputs`, the oldest first."""
    return sorted(p for p in (outputs / "runs").glob("*/*") if p.is_dir())


def find_run(outputs: Path, name: str | None) -> Path:
    """Return the folder of one run.

    Parameters
    ----------
    outputs : Path
    name : str or None
        None or ``latest``: the latest run; a path; or ``2026-11-23/14-02``: any part of a run's name that only one has.

    Raises
    ------
    InputError
        If there is no such run, or more than one.
    """
    if name not in (None, "latest") and (direct := Path(str(name))).is_dir():
        if (direct / "status.json").exists() or (direct / "cells.parquet").exists():
            return direct
        if (direct / "runs").is_dir():
            return find_run(direct, None)
        raise InputError(f"{shown(str(name))} is not the folder of a run: it has neither status.json nor cells.parquet")
    folders = run_folders(outputs)
    if not folders:
        raise InputError(f"no runs under '{outputs / 'runs'}'; name the folder of outputs with --outputs DIR")
    if name in (None, "latest"):
        return folders[-1]
    names = {f"{p.parent.name}/{p.name}": p for p in folders}
    matching = [p for key, p in names.items() if str(name) in key]
    if len(matching) == 1:
        return matching[0]
    if matching:
        some = ", ".join(f"{p.parent.name}/{p.name}" for p in matching[-5:])
        raise InputError(f"{len(matching)} runs have {shown(str(name))} in their name, such as {some}: give more of it")
    raise InputError(
        f"no run {shown(str(name))} under '{outputs / 'runs'}'; the latest is {list(names)[-1]}"
        f"{did_you_mean(name, names)}"
    )


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object, or None where there is none."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
