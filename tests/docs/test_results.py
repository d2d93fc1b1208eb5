"""Beside every table of results stands a command, and every such command exists with its options."""

from __future__ import annotations

import argparse
import functools
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from benchmarks.result_pages import COMMAND, commands_of_tables, with_commands
from tests.docs.pages import ROOT
from tests.in_process import run_here
from va_experiments.reproductions import __main__ as reproductions
from va_experiments.reproductions.command import reproduce
from va_experiments.reproductions.registry import page_of, reproduction_of

PAGES = sorted((ROOT / "docs" / "results").glob("*.md"))
COMMANDS = sorted({" ".join(c.split()) for page in PAGES for c in COMMAND.findall(page.read_text(encoding="utf-8"))})


class ParsedError(Exception):
    """Raised where a benchmark has understood its options, before it runs."""


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "README"], ids=lambda page: page.stem)
def test_every_table_names_the_command_that_prints_it(page: Path) -> None:
    tables = commands_of_tables(page.read_text(encoding="utf-8"))
    assert tables
    assert [row for row, commands in tables if not commands] == []


def test_every_page_is_listed_with_its_command() -> None:
    listed = (ROOT / "docs" / "results" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \| `([^`]+)` \|", listed, flags=re.MULTILINE))
    assert set(rows) == {p.stem for p in PAGES} - {"README"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_is_there_and_takes_its_options(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(command)
    if words[0] == "va-experiments" or words[2] == "va_experiments":
        overrides = [w for w in words[(words[0] != "va-experiments" and 3) or 1 :] if w != "-m"]
        code, err = run_here([*overrides, "--cfg", "job"])
        assert code == 0, err
        return
    module, options = words[2], words[3:]
    if module == "benchmarks":
        module, options = f"benchmarks.{options[0]}", options[1:]
    if module == "va_experiments.reproductions":
        seen: dict[str, Any] = {}
        monkeypatch.setattr(reproductions, "reproduce", recorded(reproduce, seen))
        assert reproductions.main(options) == 0
        other = page_of(seen["name"])
        full = reproduction_of(seen["name"]).name if other is None else other[0]
        assert full.removeprefix("reproduce_") == options[0].removeprefix("reproduce_")
        return
    imported = importlib.import_module(module)
    if module.startswith("va_experiments"):
        assert callable(imported.main)
        assert options == []
        return
    parse = argparse.ArgumentParser.parse_args

    def parsed(self: argparse.ArgumentParser, *arguments: Any) -> None:
        parse(self, *arguments)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    with pytest.raises(ParsedError):
        imported.main(options)


def recorded(command: Any, seen: dict[str, Any]) -> Any:
    """Return a function with the signature of `command` that keeps its arguments in place of running."""

    @functools.wraps(command)
    def keep(*arguments: Any, **named: Any) -> int:
        seen.update(named)
        return 0

    return keep


def test_a_table_without_a_command_gets_one() -> None:
    page = "Printed by `python -m one`.\n\n| a |\n|---|\n| 1 |\n\n## Two\n\n| b |\n|---|\n| 2 |\n"
    assert with_commands(page, "python -m two") == page.replace("| b |", "Printed by `python -m two`.\n\n| b |")
    assert [commands for _, commands in commands_of_tables(page)] == [["python -m one"], []]
