"""The command line as people use it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import SHARED

QUICK = ("execution=inline", "tracking=none", "report=false")
"""No workers, no servers, no report: for what is not about them."""


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str
    outputs: Path
    folder: Path
    """The folder of its run."""

    @property
    def cells(self) -> pd.DataFrame:
        """The cells of its run."""
        return pd.read_parquet(self.folder / "cells.parquet")


def run_command(*arguments: str, outputs: Path, timeout: float = 300, **environment: str) -> Ran:
    """Run ``python -m va_experiments`` with these arguments."""
    command = [sys.executable, "-m", "va_experiments", *arguments, f"paths.outputs={outputs}"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    runs = sorted(p for p in (outputs / "runs").glob("*/*") if p.is_dir())
    return Ran(done.returncode, done.stdout, done.stderr, outputs, runs[-1] if runs else outputs / "no run")


@pytest.fixture
def adult() -> str:
    """The override that names the real adult file."""
    path = SHARED / "data" / "phmrc" / "adult.csv.gz"
    if not path.is_file():
        pytest.skip("needs data/phmrc/adult.csv.gz of the folder shared/ beside the checkout; it is not here")
    return f"data.path={path}"
