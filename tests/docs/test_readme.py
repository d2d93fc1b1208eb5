"""What the README shows: its notebook lines import no framework, its figures are what the command prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, steps

README = (ROOT / "README.md").read_text(encoding="utf-8")
FRAMEWORKS = ("hydra", "omegaconf", "prefect", "ray", "mlflow")


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/notebook.md"])
def test_the_notebook_lines_import_no_framework(page: str, tmp_path: Path):
    blocks = [s.text for s in steps((ROOT / page).read_text(encoding="utf-8")) if s.kind == "python"]
    code = "\n".join(blocks) + f"\nimport sys\nprint('loaded', [m for m in {FRAMEWORKS} if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_the_readme_shows_a_model_in_five_lines():
    (block,) = [s.text for s in steps(README) if s.kind == "python"]
    assert len([line for line in block.splitlines() if line.strip()]) == 5


@pytest.mark.slow
def test_the_excerpt_is_what_the_command_prints(tmp_path: Path):
    """The rows that do not need InSilicoVA, whose sampling takes minutes."""
    command = [sys.executable, "-m", "va_experiments", "model=interva", "site=all", "execution=inline", "tracking=none"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    (excerpt,) = re.findall(r"```text\n(CSMF accuracy.*?)```", README, flags=re.DOTALL)
    assert "SIMULATED" in excerpt

    def rows(text: str) -> dict[str, list[str]]:
        matches = re.findall(r"^[ \d]*\d? +([a-z][a-z -]+\*?) +((?:\.?[\d.\[\],]+ *)+)$", text, flags=re.MULTILINE)
        return {name.strip(): figures.split() for name, figures in matches}

    shown, now = rows(excerpt), rows(done.stdout)
    assert {"interva", "prior *", "uniform *", "finite-sample ceiling"} <= set(shown), shown
    assert {k: v for k, v in shown.items() if k != "insilico"} == now, "update the excerpt in README.md: make demo"


def test_links_of_the_readme_lead_somewhere():
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert target.startswith("http") or (ROOT / target).exists(), f"{page}: {target}"
