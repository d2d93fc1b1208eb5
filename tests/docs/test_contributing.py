"""The examples of CONTRIBUTING.md, run as they stand: a model, a data set with a site, a metric, a column."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.docs.pages import ROOT, steps
from tests.docs.test_commands import run_page

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(name: str) -> list:
    start, end = (f"<!-- --8<-- [{edge}:{name}] -->" for edge in ("start", "end"))
    return list(steps(TEXT[TEXT.index(start) : TEXT.index(end)]))


@pytest.mark.slow
def test_a_model_takes_one_file_and_one_yaml(tmp_path: Path):
    files = [s for s in section("model") if s.kind == "file"]
    assert [Path(f.title).suffix for f in files] == [".py", ".yaml"]
    (tmp_path / "my_study").mkdir()
    (tmp_path / "my_study" / "__init__.py").touch()
    assert run_page(section("model"), tmp_path, None) == []
    (path,) = (tmp_path / "outputs" / "runs").glob("*/*/cells.csv")
    cells = pd.read_csv(path)
    mine = cells[cells["model"] == "nearest_profile"]
    assert len(mine) == 6
    assert (mine["status"] == "done").all()
    assert mine["top1"].mean() > 2 / 34, "better than chance on the simulated deaths"


@pytest.mark.slow
def test_the_contract_test_takes_the_model_up(tmp_path: Path):
    for step in section("model"):
        if step.kind == "file":
            (tmp_path / step.title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / step.title).write_text(step.text)
    (tmp_path / "my_study" / "__init__.py").touch()
    environment = os.environ | {
        "VA_MODEL_CONF": str(tmp_path / "my_conf" / "model"),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-k", "nearest_profile", "-p", "no:cacheprovider"]
    command.append("tests/models/test_contract.py")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "12 passed" in done.stdout or "13 passed" in done.stdout, done.stdout


@pytest.mark.slow
def test_a_data_set_takes_one_yaml_and_a_site_another(tmp_path: Path):
    assert run_page(section("data"), tmp_path, None) == []
    tables = sorted((tmp_path / "outputs" / "runs").glob("*/*/cells.csv"))
    both, north = (pd.read_csv(t) for t in tables)
    assert set(both["test_site"]) == {"North", "South"}
    assert set(both["data"]) == {"visits"}
    assert set(north["test_site"]) == {"North"}
    assert north["reused"].all(), "the same cell, asked for by another command"


@pytest.mark.slow
def test_a_metric_is_one_function_and_one_entry(tmp_path: Path):
    cells = run_edited("metric", tmp_path)
    assert cells["worst_sensitivity"].between(0, 1).all()
    assert (cells["worst_sensitivity_low"] <= cells["worst_sensitivity"]).all()
    assert (cells["worst_sensitivity"] <= cells["macro_sensitivity"]).all()


@pytest.mark.slow
def test_a_column_is_one_entry(tmp_path: Path):
    assert run_edited("column", tmp_path)["n_bootstrap"].tolist() == [5] * 6


def run_edited(name: str, folder: Path) -> pd.DataFrame:
    """Apply a section's edits to a copy of the package, run its command there, and return the run's ``cells.csv``."""
    for part in ("va_experiments", "conf"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for step in section(name):
        if step.kind == "file":
            path = folder / step.title
            path.write_text(path.read_text(encoding="utf-8") + "\n\n" + step.text, encoding="utf-8")
    (command,) = [s.text for s in section(name) if s.kind == "command"]
    words = command.replace("python", sys.executable, 1).split()
    words += ["data.n=700", "n_bootstrap=5", "execution=inline", "tracking=none", "report=false"]
    done = subprocess.run(
        [w for i, w in enumerate(words) if w != "-m" or i == 1],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (folder / "outputs" / "runs").glob("*/*/cells.csv")
    return pd.read_csv(path)
