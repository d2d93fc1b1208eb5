"""Commands that print and leave nothing: help, Hydra's flags, a dry run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command


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
