"""The list of advisories fits the locked versions, and an advisory without an answer is an error."""

from __future__ import annotations

import datetime
import re
import runpy
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = runpy.run_path(str(ROOT / "docs" / "advisories.py"))
CONTENT = tomllib.loads((ROOT / "docs" / "advisories.toml").read_text(encoding="utf-8"))


def test_the_page_is_up_to_date_and_every_advisory_is_answered() -> None:
    assert MODULE["main"](["--check"]) == 0
    assert isinstance(CONTENT["looked"], datetime.date)


def test_an_affected_version_without_an_answer_is_an_error() -> None:
    entry = {"package": "prefect", "id": "X-1", "affected": "<3.6"}
    assert MODULE["problems"]({"advisory": [entry]}, {"prefect": "3.5.0"}) == [
        "prefect 3.5.0 is affected by X-1: update it, or say in 'answer' what protects"
    ]
    assert MODULE["problems"]({"advisory": [entry]}, {"prefect": "3.6.0"}) == []
    tried = {"answer": "a guard (`tests/test_page_guard.py`)", "tried": datetime.date(2026, 11, 29)}
    assert MODULE["problems"]({"advisory": [entry | tried]}, {"prefect": "3.5.0"}) == []
    for half in ({"answer": "reasons"}, {"answer": tried["answer"]}, {"answer": "reasons", "tried": tried["tried"]}):
        assert MODULE["problems"]({"advisory": [entry | half]}, {"prefect": "3.5.0"}) == [
            "prefect 3.5.0, X-1: 'answer' names no test, or 'tried' no day"
        ]
    assert MODULE["problems"]({"advisory": [entry]}, {}) == ["prefect: not in requirements.lock"]


def test_the_tests_and_modules_that_answers_name_exist() -> None:
    for entry in CONTENT["advisory"]:
        for name in re.findall(r"`((?:tests|tracking)/[\w/]+\.py|page_guard\.py)`", entry.get("answer", "")):
            assert (ROOT / name).exists() or (ROOT / "va_experiments" / name).exists(), name
