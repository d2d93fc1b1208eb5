"""The walk from a clone to a decision: at most eight commands, and what they print on a table with faults."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Step, steps
from tests.docs.test_own_study import give

PAGE = (ROOT / "docs" / "tutorials" / "walk.md").read_text(encoding="utf-8")
STEPS = list(steps(PAGE))
COMMANDS = [step for step in STEPS if step.kind == "command"]


def test_the_walk_takes_at_most_eight_commands() -> None:
    assert len(COMMANDS) <= 8
    assert COMMANDS[0].text.startswith("git clone ")
    assert COMMANDS[1].text == "make demo"


@pytest.mark.slow
def test_the_walk_ends_with_a_decision_on_the_table(tmp_path: Path) -> None:
    file: Step = next(step for step in STEPS if step.kind == "file")
    subprocess.run([sys.executable, "-c", file.text], cwd=tmp_path, check=True)
    _, refused, check, compare, look = [step for step in COMMANDS if step.remark != "not run"]
    done = give(refused.text, tmp_path)
    assert done.returncode == int(refused.value)
    assert "1 row without a cause (line 6" in done.stderr
    read = give(check.text, tmp_path)
    assert read.returncode == 0, read.stderr
    for line in ("csv: 449 deaths, 8 symptoms, 4 causes", "hospital: 1: renamed to 'Soweto'", "1: no known cause"):
        assert line in read.stdout
    compared = give(compare.text, tmp_path)
    assert compared.returncode == 0, compared.stderr
    flat = " ".join(compared.stdout.split())
    assert "9 done, 0 reused, 0 failed of 9 cells; 6 baseline cells beside them; 15 fits" in flat
    assert re.search(r"Cause fractions: .*no clear evidence.* Single deaths: nbc comes first: .* better than", flat)
    (page,) = re.findall(r"^report +(.+)$", compared.stdout, re.MULTILINE)
    report = (tmp_path / page).read_text(encoding="utf-8")
    assert "Recommendation: for cause fractions, no model" in report
    assert "for naming single deaths, nbc" in report
    saved = give(look.text, tmp_path)
    assert saved.returncode == 0, saved.stderr
    assert "K000" in (tmp_path / "deaths-predicted.csv").read_text(encoding="utf-8"), "the records' own ids"
