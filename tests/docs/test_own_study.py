"""A newcomer with a table of their own follows docs/tutorials/own-study.md: refused, mended, checked, compared."""

from __future__ import annotations

import csv
import os
import random
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, steps
from tests.docs.test_commands import BIN, quick

PAGE = (ROOT / "docs" / "tutorials" / "own-study.md").read_text(encoding="utf-8")
FILE = "deaths 2019.csv"
SIGNS = ("fever", "chills", "cough", "breathless", "injured", "bled", "loose stools", "vomiting")
CAUSES = {"Malaria": (0, 1), "Pneumonia": (2, 3), "Road injury": (4, 5), "Diarrhoea": (6, 7)}


def table(seed: int = 7) -> list[list[str]]:
    """Return the rows of a study that knows nothing of this project: its own column names, its own codes."""
    draw = random.Random(seed)
    rows = [["record_no", "hospital", "age_years", "sex", "final_diagnosis", *SIGNS]]
    for number in range(240):
        cause = draw.choice(list(CAUSES))
        answers = [
            draw.choices(["yes", "Yes", "no", "dk", ""], [6, 1, 2, 1, 1] if j in CAUSES[cause] else [2, 0, 7, 1, 1])[0]
            for j in range(len(SIGNS))
        ]
        place = draw.choice(["Kilifi", "Manhiça", "Soweto"])
        rows.append([f"K-{number:03d}", place, str(draw.randint(15, 90)), draw.choice("mf"), cause, *answers])
    return rows


DIRTY = {
    (4, 2): ("150", "'age_years' (data.age): 150 is older than 130 years (1 rows)", "51"),
    (8, 2): ("infant", "'age_years' (data.age): 'infant' is no age; expected a number", "2 months"),
    (21, 4): ("", "1 row without a cause (line 22; found ''): drop with `drop_unlabelled: true`", None),
    (30, 0): ("K-028", "2 rows share id 'K-028' (lines 30, 31)", "K-029b"),
    (41, 6): ("perhaps", "(check 'perhaps': taken for missing)", None),
    (71, 1): ("", "1 row without a site (line 72): say where they belong with 'data.site_map=", "Kilifi"),
}
"""Row and column -> what stands there, what is said of it, and what it is mended to (None: by an option)."""

REPAIRED = {(23, 1): "Soweto ", (60, 4): "malaria"}
"""Row and column -> another spelling of a site and of a cause, which the check repairs and counts."""


def write(rows: list[list[str]], folder: Path) -> None:
    with open(folder / FILE, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(rows)


def write_unlabelled(path: Path) -> None:
    """Write 40 deaths of another place whose causes are not known."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        for number, row in enumerate(table(8)[:41]):
            known = [f"N-{number}", "Nampula", *row[2:4]] if number else row[:4]
            csv.writer(file).writerow([*known, *row[5:]])


def give(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Give a command as a person does, with what makes a run quick."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VA_", "PREFECT_", "MLFLOW_", "RAY_"))}
    environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    words = [w for w in quick(shlex.split(command)) if not w.startswith(("data.n=", "report="))]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.nightly
@pytest.mark.slow
def test_from_a_dirty_table_to_a_report(tmp_path: Path) -> None:
    commands = [s.text for s in steps(PAGE) if s.kind == "command" and s.remark != "not run"]
    make, check, look, compare, assign = commands
    (within,) = (s.text for s in steps(PAGE) if s.kind == "command" and "protocol=in_domain" in s.text)
    assert make == "python make_study.py", "here the reader brings a table"
    assert 2 + len(commands) <= 10, "from the README on: make demo, activate, and these"
    rows = table()
    for (row, column), (value, _, _) in DIRTY.items():
        rows[row][column] = value
    for (row, column), value in REPAIRED.items():
        rows[row][column] = value
    write(rows, tmp_path)
    check = check.replace("study.csv", shlex.quote(FILE))
    refused = give(check, tmp_path)
    assert refused.returncode == 2
    lines = refused.stderr.splitlines()
    for value, message, _ in DIRTY.values():
        assert any(message in line for line in lines), f"{value!r} is not told: {refused.stderr}"
    assert len([line for line in lines if line.startswith("error: ")]) == len(DIRTY) - 1, "one odd cell of 240 is noted"
    assert [p.name for p in tmp_path.iterdir()] == [FILE], "nothing is written"
    assert f"va-experiments data check {shlex.quote(FILE)} KEY=VALUE" in refused.stderr

    for (row, column), (_, _, mended) in DIRTY.items():
        if mended is not None:
            rows[row][column] = mended
    write(rows, tmp_path)
    check = f"{check} drop_unlabelled=true 'value_map={{perhaps: .}}'"
    read = give(check, tmp_path)
    assert read.returncode == 0, read.stderr
    assert "csv: 239 deaths, 8 symptoms, 4 causes" in read.stdout
    assert "dropped row: final_diagnosis: 1: no known cause" in read.stdout
    assert "final_diagnosis: 1: renamed to 'Malaria' by data.cause_map" in read.stdout
    for place in ("Kilifi", "Manhiça", "Soweto"):
        assert place in read.stdout

    (hint,) = re.findall(r"^run it:  (.+)$", read.stdout, re.MULTILINE)
    for command in (hint + " dry_run=true", look):
        planned = give(command, tmp_path)
        assert planned.returncode == 0, planned.stderr
        assert "3 cells: 0 done, 3 to do in 3 fits" in planned.stdout
    compared = give(compare, tmp_path)
    assert compared.returncode == 0, compared.stderr
    assert "6 done, 0 reused, 0 failed of 6 cells" in compared.stdout
    assert "SIMULATED" not in compared.stdout
    (page,) = re.findall(r"^report +(.+)$", compared.stdout, re.MULTILINE)
    text = (tmp_path / page).read_text(encoding="utf-8")
    assert all(word in text for word in ("Manhiça", "Road injury", "nbc", "interva"))
    done = give(within, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "18 done, 0 reused, 0 failed of 18 cells" in done.stdout

    write_unlabelled(tmp_path / "new.csv")
    ended = give(assign, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "nbc, 40 deaths of csv" in ended.stdout, ended.stdout
    assert all(cause in ended.stdout for cause in CAUSES)


def test_a_column_that_was_not_recognised_is_asked_for(tmp_path: Path) -> None:
    rows = [[*row[:4], "what killed them" if n == 0 else row[4], *row[5:]] for n, row in enumerate(table())]
    write(rows, tmp_path)
    done = give(f"va-experiments data check {shlex.quote(FILE)}", tmp_path)
    assert done.returncode == 0, done.stderr
    (hint,) = re.findall(r"^note: no column for the cause was recognised.*: (va-experiments .*)$", done.stdout, re.M)
    named = give(hint.replace("COLUMN", "'what killed them'"), tmp_path)
    assert named.returncode == 0, named.stderr
    assert "240 deaths, 8 symptoms, 4 causes" in named.stdout
    assert "note:" not in named.stdout
