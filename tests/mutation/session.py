"""Try mutants in forks of one pytest session: ``python -m tests.mutation.session CHILDREN [PATTERN ...]``.

mutmut makes the mutants, in the folder ``mutants`` of the working folder, which is a copy of the checkout; it would
then start pytest for each of them, which takes a second. Here pytest imports and collects the tests once, runs each
once to see which functions it reaches, and forks for each mutant: the child switches it on and runs the tests that
reach its function, the quick ones first, until one fails. Exit codes are written where mutmut keeps them, so that an
interrupted run keeps what it found.
"""

from __future__ import annotations

import fnmatch
import json
import math
import os
import resource
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

__all__ = ["MutantSession", "main"]

NO_TESTS = 33
"""What mutmut records for a function that no test reaches."""


class MutantSession:
    """A plugin of pytest that tries mutants in place of running the tests.

    Parameters
    ----------
    folder : Path
        Where the mutants are.
    patterns : sequence of str
        Names of mutants, with ``*``; none: all.
    children : int
        Processes beside one another.
    """

    def __init__(self, folder: Path, patterns: Sequence[str], children: int) -> None:
        self._folder, self._patterns, self._children = folder, patterns or ["*"], children
        self._running: dict[int, tuple[Path, str]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Find the tests of each function, and try all mutants that have not been tried."""
        from mutmut.utils.format_utils import mangled_name_from_mutant_name

        items = {item.nodeid: item for item in session.items}
        reached, seconds = self._reach(session)
        waiting = []
        for meta in sorted((self._folder / "va_experiments").rglob("*.meta")):
            for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
                if code is None and any(fnmatch.fnmatch(name, pattern) for pattern in self._patterns):
                    tests = sorted(reached.get(mangled_name_from_mutant_name(name), ()), key=seconds.__getitem__)
                    waiting.append((sum(seconds[test] for test in tests), meta, name, tests))
        for number, (expected, meta, name, tests) in enumerate(sorted(waiting, key=lambda each: each[0])):
            if number % 100 == 0:
                print(f"{number} of {len(waiting)} mutants", file=sys.stderr, flush=True)
            if not tests:
                _record(meta, name, NO_TESTS)
                continue
            while len(self._running) >= self._children:
                self._wait()
            if not (child := os.fork()):
                self._try(session, name, [items[test] for test in tests], math.ceil(3 * expected) + 3)
            self._running[child] = meta, name
        while self._running:
            self._wait()
        return True

    def _reach(self, session: pytest.Session) -> tuple[dict[str, list[str]], dict[str, float]]:
        """Run every test in a fork; return the tests that reach each function, and their CPU seconds."""
        from mutmut.mutation.trampoline import set_mutant_under_test
        from mutmut.state import state

        file = self._folder / "reached.json"
        if not file.is_file():
            if not (child := os.fork()):
                _silence()
                set_mutant_under_test("stats")
                reached: dict[str, list[str]] = {}
                seconds = {}
                for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                    began = time.process_time()
                    state()._stats.clear()
                    session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                    seconds[item.nodeid] = time.process_time() - began
                    for function in state()._stats:
                        reached.setdefault(function, []).append(item.nodeid)
                file.write_text(json.dumps([reached, seconds]))
                os._exit(int(bool(session.testsfailed)))
            if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
                sys.exit("a test fails without a mutant")
        found = json.loads(file.read_text())
        return found[0], found[1]

    def _try(self, session: pytest.Session, name: str, items: Sequence[pytest.Item], limit: int) -> None:
        """Run tests with a mutant until one fails, and end this process, after `limit` CPU seconds at most."""
        from mutmut.mutation.trampoline import set_mutant_under_test

        try:
            _silence()
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            set_mutant_under_test(name)
            for item, following in zip(items, [*items[1:], None], strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    os._exit(1)
        except BaseException:
            os._exit(1)
        os._exit(0)

    def _wait(self) -> None:
        """Wait for one of the children, and record its exit code."""
        child, status = os.wait()
        if child in self._running:
            _record(*self._running.pop(child), os.waitstatus_to_exitcode(status))


def _record(meta: Path, name: str, code: int) -> None:
    """Write the exit code of a mutant, the file as a whole."""
    content = json.loads(meta.read_text())
    content["exit_code_by_key"][name] = code
    whole = meta.with_suffix(".new")
    whole.write_text(json.dumps(content, indent=4))
    whole.replace(meta)


def _silence() -> None:
    """Send what this process prints to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def make_mutants(children: int) -> None:
    """Let mutmut write the mutants of the working folder."""
    import mutmut.__main__ as mutmut
    from mutmut.mutation.trampoline import set_mutant_under_test

    set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir()
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.setup_source_paths()
    mutmut.create_mutants(children)
    set_mutant_under_test("")


def main(arguments: Sequence[str]) -> int:
    """Make the mutants if there are none, and try them; return the exit code of pytest."""
    children, *patterns = arguments
    if not Path("mutants").is_dir():
        make_mutants(int(children))
    os.chdir("mutants")
    sys.path.insert(0, os.getcwd())
    options: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    words = [*options["pytest_add_cli_args_test_selection"], *options["pytest_add_cli_args"]]
    plugin = MutantSession(Path.cwd(), patterns, int(children))
    return int(pytest.main(["-q", "--rootdir=.", "--tb=no", *words], plugins=[plugin]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
