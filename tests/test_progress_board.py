"""The board keeps the last word of each task until it is fetched, and its process loads no model."""

from __future__ import annotations

import subprocess
import sys

from va_experiments.progress_board import ProgressBoard


def test_the_last_note_and_the_last_state_are_fetched_once() -> None:
    board = ProgressBoard()
    board.note("t0", {"done": 1})
    board.note("t0", {"done": 2})
    board.note("t1", {"done": 0})
    board.keep("a cell", b"early")
    board.keep("a cell", b"late")
    assert board.drain() == ({"t0": {"done": 2}, "t1": {"done": 0}}, {"a cell": b"late"})
    assert board.drain() == ({}, {})


def test_importing_it_loads_nothing_heavy() -> None:
    script = "import sys, va_experiments.progress_board; print({'numpy', 'sklearn', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
