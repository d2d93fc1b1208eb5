"""Commands that print and leave nothing: help, Hydra's flags, a dry run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_help_names_groups_and_five_command_lines(tmp_path: Path) -> None:
    ran = run_command("--help", outputs=tmp_path, timeout=60)
    assert ran.code == 0
    assert ran.out.count("python -m va_experiments") >= 5
    assert "interva" in ran.out
    assert "leave_one_site_out" in ran.out


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--info", "all"], ["--shell-completion", "install=bash"]])
def test_hydra_flags_work(flags: list[str], tmp_path: Path) -> None:
    ran = run_command(*flags, outputs=tmp_path, timeout=60)
    assert ran.code == 0, ran.err


def test_dry_run_prints_cells_and_fits_and_leaves_nothing(tmp_path: Path) -> None:
    ran = run_command("model=nbc", "protocol=one_to_one", "dry_run=true", *QUICK, outputs=tmp_path / "o", timeout=60)
    assert ran.code == 0, ran.err
    assert "30 cells" in ran.out
    assert "6 fits" in ran.out
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--cfg", "job"), ("model=nbc", "site=pemba", "n_bootstrap=2", "data.n=600", *QUICK)]
)
def test_a_reader_that_goes_away_is_no_error(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """As with ``| head -1``: no traceback, and a run ends as it would have."""
    command = [sys.executable, "-m", "va_experiments", *arguments, f"paths.outputs={tmp_path}"]
    nobody, end = os.pipe()
    os.close(nobody)
    with open(end, "wb") as closed:
        ran = subprocess.run(command, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ran.returncode == (141 if arguments[0].startswith("--") else 0)
    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr
    states = [json.loads(p.read_text())["stage"] for p in tmp_path.glob("runs/*/*/status.json")]
    assert states == ([] if arguments[0].startswith("--") else ["finished"])
