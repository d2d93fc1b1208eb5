"""Each public statistic stands in the table of evidence, and the tests that the table names exist."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.metrics.evidence import KINDS, NO_STATISTICS, ROWS, Row, public_statistics

ROOT = Path(__file__).resolve().parents[2]


@cache
def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_public_statistic_has_a_row_and_every_row_a_statistic() -> None:
    listed = [name for row in ROWS for name in row.names]
    public = set(public_statistics())
    assert public - set(listed) == set(), "add a row to tests/metrics/evidence.py, and the test that it names"
    assert set(listed) - public == set()
    assert len(set(listed)) == len(listed)
    assert not set(NO_STATISTICS) & set(listed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names[0])
def test_the_tests_that_a_row_names_exist(row: Row) -> None:
    assert row.tests
    assert set(row.kind.split(", ")) <= set(KINDS)
    for test in row.tests:
        file, _, name = test.partition("::")
        assert name in functions_in(file), test
