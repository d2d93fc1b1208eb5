"""Files that an open project has: workflows parse and call the Makefile, hooks are those of `make check`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    block = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, flags=re.MULTILINE)
    assert block, f"the Makefile has no target {target}"
    return [line.strip().lstrip("@") for line in block.group(1).splitlines()]


def test_pre_commit_runs_what_make_check_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0].rpartition("/")[2] for hook in hooks}
    checked = {line.split()[0].rpartition("/")[2] for line in recipe("check") if line.startswith("$(BIN)/")}
    assert tools == checked


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_a_workflow_names_only_targets_that_exist(path: Path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    for target in {target for run in runs for target in re.findall(r"^make ([\w-]+)", run, flags=re.MULTILINE)}:
        assert recipe(target)
    assert workflow["permissions"] == {"contents": "read"}


def test_ci_tries_every_supported_python():
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["test-fast"]["strategy"]["matrix"]["python-version"] == supported


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "va_experiments" / "py.typed").exists()
