"""The table covers every kind of bad input; the page in the documentation is written from it."""

from __future__ import annotations

from tests.bad_inputs.commands import COMMANDS, YAMLS
from tests.bad_inputs.files import FILES, NOTES, PATHS
from tests.bad_inputs.rows import ROWS

ELSEWHERE = {"changed"}
"""Rows whose tests are no row of a table: `tests.flow.test_data_changes`."""


def test_every_kind_has_a_case_and_every_case_a_kind() -> None:
    used = {c.row for c in (*COMMANDS, *YAMLS, *FILES, *PATHS, *NOTES)}
    assert used == set(ROWS) - ELSEWHERE
    assert len(COMMANDS) + len(YAMLS) + len(FILES) + len(PATHS) >= 150


def test_no_case_is_there_twice() -> None:
    names = [(type(c).__name__, c.row, c.what) for c in (*COMMANDS, *YAMLS, *FILES, *PATHS, *NOTES)]
    assert len(names) == len(set(names))


def test_every_error_has_a_message() -> None:
    assert [c.what for c in (*COMMANDS, *FILES, *PATHS) if len(c.message) < 8] == []
