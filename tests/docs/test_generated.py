"""The reference pages that follow from the code are current, and describe what a run leaves."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.results.schema import leading_columns

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = ["configuration.md", "config.schema.json", "commands.md", "metric-list.md", "python.md", "bad-inputs.md"]
PAGES += ["evidence.md", "run-folder.md", "phmrc-indicators.md"]


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_current(generate: ModuleType, name: str):
    now = generate.page(generate.PAGES[name])
    assert generate.read(REFERENCE / name) == now, f"docs/reference/{name} is out of date: run python docs/generate.py"


def test_every_key_and_every_file_of_conf_is_in_the_configuration_reference():
    text = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    for name in (*RunConfig.model_fields, *JobConfig.model_fields):
        assert f"`{name}" in text, name
    for path in (ROOT / "conf").glob("*/*.yaml"):
        assert f"`{path.parent.name}={path.stem}`" in text, path
        for key in yaml.safe_load(path.read_text(encoding="utf-8")) or {}:
            assert str(key) in text, f"{path.name}: {key}"


def test_every_row_of_the_configuration_reference_says_something():
    text = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    keys = text[: text.index("## Groups")]
    assert not re.findall(r"^\|.*\|\s*\|$", keys, flags=re.MULTILINE)


def test_the_columns_of_cells_csv_are_documented(tmp_path: Path):
    text = (REFERENCE / "run-folder.md").read_text(encoding="utf-8")
    documented = re.findall(r"`([a-z0-9_]+)`", text[text.index("## Columns of cells.csv") :])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(leading_columns()) <= set(documented)
    for column in leading_columns():
        assert f"`{column}`" in readme, column


@pytest.mark.slow
def test_a_run_leaves_no_column_that_is_not_documented(tmp_path: Path):
    import os
    import subprocess
    import sys

    import pandas as pd

    command = [sys.executable, "-m", "va_experiments", "model=nbc", "site=pemba", "data.n=700", "n_bootstrap=5"]
    command += ["execution=inline", "tracking=none"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    (path,) = (tmp_path / "outputs" / "runs").glob("*/*/cells.csv")
    names = [
        n
        for page in ("run-folder.md", "metric-list.md")
        for n in re.findall(r"`(\w+)`", (REFERENCE / page).read_text())
    ]
    columns = [re.sub(r"_(low|high)$", "", c) for c in pd.read_csv(path).columns]
    assert sorted(set(columns) - set(names)) == []
    left = {p.name for p in path.parent.iterdir()}
    text = (REFERENCE / "run-folder.md").read_text()
    assert not [n for n in left if Path(n).stem not in text]


def test_every_model_is_in_the_overview():
    text = (ROOT / "docs" / "explanation" / "algorithms.md").read_text(encoding="utf-8")
    assert [p.stem for p in (ROOT / "conf" / "model").glob("*.yaml") if f"`{p.stem}`" not in text] == []
