"""Run quick tests first: a plugin of pytest for mutmut, which hands over the tests of a mutant in no order.

Most mutants are killed by any test that reaches them; with the quick tests first, the slow ones seldom run.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

__all__ = ["pytest_collection_modifyitems"]

DURATIONS = Path("mutmut-stats.json")
"""Where mutmut keeps the seconds of each test, in the folder in which it runs the tests."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by the seconds they took when mutmut ran all of them."""
    if DURATIONS.is_file():
        seconds = json.loads(DURATIONS.read_text(encoding="utf-8"))["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
