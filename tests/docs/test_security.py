"""The tests that the page of security names exist, at least three for each kind of attack."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Tests of each kind\n")[2].partition("\n## ")[0]
KINDS = dict(re.findall(r"^\| ([^|`]+) \| (`.*`) \|$", SECTION, re.MULTILINE))


@functools.cache
def functions(file: str) -> set[str]:
    """Return the names of the test functions of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_every_kind_has_a_row() -> None:
    assert len(KINDS) == 9


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_three_tests_that_exist(kind: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", KINDS[kind])
    assert len(set(named)) >= 3
    assert [f"{file}::{name}" for file, name in named if name not in functions(file)] == []


def test_every_file_that_the_page_names_exists() -> None:
    assert [f for f in re.findall(r"`(tests/[\w/.]+\.py)", PAGE) if not (ROOT / f).is_file()] == []
