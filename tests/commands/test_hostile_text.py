"""Names, messages and manifests of others that would act on a terminal are escaped wherever they are printed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command
from tests.in_process import output_here

ROOT = Path(__file__).resolve().parents[2]

HOSTILE = {
    "colour": "a\x1b[31mred",
    "clear the screen": "a\x1b[2J\x1b[H",
    "title of the window": "a\x1b]0;owned\x07",
    "eight-bit escape": "a\x9b31m",
    "back over what was said": "a\b\b\b\rsafe",
    "right to left": "a\u202etxt.exe",
    "isolated direction": "a\u2067b\u2069",
    "invisible": "a\u200b\u2060b",
}


def assert_harmless(text: str) -> None:
    assert text
    assert [line for line in text.split("\n") if not line.replace("\t", "").isprintable()] == []


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_stored_cell_of_somebody_else(kind: str, copied: Path, va: Callable) -> None:
    bad = HOSTILE[kind]
    for path in (copied / "checkpoints" / "cells").glob("*/*/manifest.json"):
        manifest = json.loads(path.read_text())
        manifest["labels"] = {"model": bad, "data": bad}
        manifest["config"]["split"] |= {"test_site": bad, "train_sites": [bad], "protocol": bad}
        path.write_text(json.dumps(manifest))
    for words in (["list"], ["list", "--by", "model"], ["list", "--by", "site"], ["prune", "--all"]):
        _, out, err = va("checkpoints", *words, "--outputs", copied)
        assert_harmless(out + err)
    assert_harmless(va("checkpoints", "list", "--json", "--outputs", copied)[1])
    assert_harmless(va("checkpoints", "list", "--model", "x", "--outputs", copied)[2])
    assert_harmless(va("checkpoints", "verify", "--outputs", copied)[1])


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_status_of_somebody_else(kind: str, tmp_path: Path, va: Callable) -> None:
    from tests.commands.test_status import _status

    bad = HOSTILE[kind]
    fit = {"label": bad, "worker": bad, "attempt": 1, "started": 0.0, "done": 1, "total": 2, "info": {bad: bad}}
    status = _status(run_id=bad, host=bad, errors=[bad], error=bad, running=[fit])
    (tmp_path / "runs" / "d" / "t").mkdir(parents=True)
    (tmp_path / "runs" / "d" / "t" / "status.json").write_text(json.dumps(status))
    for more in ([], ["--json"]):
        _, out, err = va("status", *more, "--outputs", tmp_path)
        assert_harmless(out + err)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_study_and_a_command_line(kind: str, tmp_path: Path, va: Callable) -> None:
    bad = HOSTILE[kind].replace("\r", "")
    rows = [f"{bad}{i},{bad}{i % 2},{bad}{i % 3},{'Y' if i % 4 else 'N'},Y" for i in range(40)]
    (tmp_path / "s.csv").write_text(f"id,site,cause,{bad},cough\n" + "\n".join(rows) + "\n", encoding="utf-8")
    for more in ([], ["--json"], [f"id={bad}"]):
        _, out, err = va("data", "check", tmp_path / "s.csv", *more)
        assert_harmless(out + err)
    assert_harmless(va(bad)[2])
    assert_harmless(output_here([f"model={bad}"])[2])


FAILS = """
from va_experiments.models.nbc import NaiveBayes

class Fails(NaiveBayes):
    def fit(self, train, *, seed=0):
        raise ValueError({text!r})
"""


@pytest.mark.slow
@pytest.mark.parametrize("execution", ["inline", pytest.param("ray", marks=pytest.mark.nightly)])
def test_what_a_failed_fit_says(execution: str, tmp_path: Path, va: Callable) -> None:
    (tmp_path / "hostile.py").write_text(FAILS.format(text=" ".join(HOSTILE.values())))
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "fails.yaml").write_text("name: fails\n_target_: hostile.Fails\n")
    words = ["--config-dir", str(tmp_path / "conf"), "allowed_targets=[hostile]", "model=fails", "site=pemba"]
    more = [o for o in QUICK if not o.startswith("execution")]
    ran = run_command(
        *words, *more, f"execution={execution}", outputs=tmp_path / "o", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}"
    )
    assert ran.code == 3
    assert "\\x1b[31mred" in ran.err
    assert_harmless(ran.out + ran.err)
    _, out, err = va("status", "--outputs", tmp_path / "o")
    assert_harmless(out + err)
