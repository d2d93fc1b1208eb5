"""The fast subset of ``make faults``: every kind of fault, a few injections of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.__main__ import ALL, BEGIN, END, line, table, tried, write
from tests.faults.harness import Row

FAST = ("F3", "F6", "F8", "F9", "F11", "F24", "resume", "folder")
"""Forked drivers, inline: seconds each, beside other tests too."""
SLOW = ("F1",)
"""Ray, or fresh interpreters."""
NIGHTLY = (
    "F4",
    "F7",
    "F10",
    "F12",
    "F14",
    "F15",
    "states",
    "ray-folder",
    "F18",
    "states-ray",
    "mlflow",
    "memory-ray",
)
"""Further kinds, which ``make test-all`` and ``make faults`` run."""
SURROUNDINGS = ("F22", "paths", "proxies", "ray-start", "exit")
"""Moved outputs, odd paths, proxies, a signal while Ray starts, native threads at the end; ``make test-long`` too."""


def check(row: Row) -> None:
    assert not row.found, row.found
    assert row.lost == 0
    assert row.recomputed == 0
    assert row.injected > 0
    assert row.verdict == "survived"


@pytest.mark.slow
@pytest.mark.parametrize("name", FAST)
def test_nothing_is_lost_or_changed(name: str) -> None:
    check(tried(name, quick=True))


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("name", [*SLOW, *(pytest.param(name, marks=pytest.mark.nightly) for name in NIGHTLY)])
def test_nothing_is_lost_or_changed_on_workers(name: str) -> None:
    check(tried(name, quick=True))


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_nothing_is_lost_or_changed_by_the_surroundings(name: str) -> None:
    check(tried(name, quick=True))


def test_every_fault_of_the_design_has_a_scenario() -> None:
    assert {f"F{n}" for n in range(1, 25)} <= set(ALL)


def test_the_table_says_what_failed() -> None:
    text = table([line(Row("F0", "a fault", 3, 1, 0)), line(Row("F0", "another", 2, 0, 0, note="well", run="today"))])
    assert "| F0 | a fault | 3 | 1 | 0 | FAILED |  |  |" in text
    assert "| F0 | another | 2 | 0 | 0 | survived | well | today |" in text


def test_a_row_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    write([Row("F3", "killed", 1, 0, 0), Row("F1", "worker", 1, 0, 0)], page)
    write([Row("F3", "killed", 50, 0, 0)], page)
    lines = [text for text in page.read_text().splitlines() if text.startswith("| F")]
    assert [text.split("|")[1:4] for text in lines] == [[" F1 ", " worker ", " 1 "], [" F3 ", " killed ", " 50 "]]
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")
