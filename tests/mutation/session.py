"""Try mutants in forks of one pytest session: ``python -m tests.mutation.session [PATTERN ...]``.

mutmut makes the mutants, in the folder ``mutants`` of the working folder, which is a copy of the checkout; it would
then start pytest for each of them, which takes a second. Here pytest imports and collects the tests once, runs each
once to see which functions it reaches, and forks for each function: the child switches one mutant after the other on
and runs the tests that reach the function, the quick ones first, until one fails. Exit codes are written where mutmut
keeps them, so that an interrupted run keeps what it found.
"""

from __future__ import annotations

import argparse
import fnmatch
import functools
import gc
import hashlib
import importlib
import itertools
import json
import math
import os
import resource
import signal
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.survivors import NO_TESTS, SURVIVED

__all__ = ["MutantSession", "main"]

PRELOADED = ("scipy.linalg", "scipy.optimize", "scipy.special", "scipy.stats", "pandas", "pyarrow.parquet")
"""What functions of the core import when they are called: imported once, before the processes are made."""

CORE = tuple(f"va_experiments.{name}" for name in ("cell", "metrics", "plan", "results"))

Timed = tuple[pytest.Item, float]
"""A test, and its CPU seconds without a mutant."""


class MutantSession:
    """A plugin of pytest that tries mutants in place of running the tests.

    Parameters
    ----------
    folder : Path
        Where the mutants are.
    patterns : sequence of str
        Names of mutants, with ``*``; none: all.
    children : int
        Processes beside one another, each with files of its own.
    seconds : float
        CPU seconds of the tests that one mutant is tried with, the quick ones first; at least one test is run.
    again : bool
        Try the mutants that have survived before, each in a process of its own, in place of new ones.
    """

    def __init__(
        self, folder: Path, patterns: Sequence[str], *, children: int, seconds: float = math.inf, again: bool = False
    ) -> None:
        self._folder, self._patterns = folder, patterns or ["*"]
        self._children, self._seconds, self._again = children, seconds, again
        self._breadth: dict[str, int] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Find the tests of each function, and try the mutants that are wanted, file by file."""
        reached, seconds = self._reach(session)
        items = {item.nodeid: item for item in session.items}
        tests = {name: self._quick(reached_tests, items, seconds) for name, reached_tests in reached.items()}
        for module in PRELOADED:
            importlib.import_module(module)
        session.config.pluginmanager.unregister(name="terminalreporter")
        gc.collect()
        gc.freeze()  # the children share this memory until they write to it
        metas = sorted((self._folder / "va_experiments").rglob("*.meta"))
        children = []
        for first in range(self._children):
            if not (child := os.fork()):
                for meta in metas[first :: self._children]:
                    self._try_file(session, meta, tests)
                os._exit(0)
            children.append(child)
        ends = [os.waitpid(child, 0)[1] for child in children]
        return not any(ends)

    def _try_file(self, session: pytest.Session, meta: Path, tests: Mapping[str, Sequence[Timed]]) -> None:
        """Try the mutants of one file, those of a function in one process until one of them spoils it."""
        from mutmut.utils.format_utils import mangled_name_from_mutant_name

        codes = (SURVIVED, NO_TESTS) if self._again else (None,)
        functions: dict[str, list[str]] = {}
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            if code in codes and any(fnmatch.fnmatch(name, pattern) for pattern in self._patterns):
                functions.setdefault(mangled_name_from_mutant_name(name), []).append(name)
        for function, waiting in functions.items():
            module = function.rpartition(".")[0]
            if function not in tests and module not in tests:
                for name in waiting:
                    _record(meta, {name: NO_TESTS})
                continue
            import_again = "" if function in tests else module
            one_each = bool(self._again or import_again)
            known = tests[import_again or function]
            while waiting:
                for name, code in _in_a_child(session, waiting[:1] if one_each else waiting, known, import_again):
                    _record(meta, {name: code})
                    waiting = waiting[1:]
            print(f"{function} tried", file=sys.stderr, flush=True)

    def _quick(
        self, names: Sequence[str], items: Mapping[str, pytest.Item], seconds: Mapping[str, float]
    ) -> list[Timed]:
        """Return the tests that fit into the time for a mutant, quick tests of little else first."""
        ordered = sorted(names, key=lambda name: seconds[name] * self._breadth[name])
        spent = itertools.accumulate(seconds[name] for name in ordered)
        number = max(1, sum(each <= self._seconds for each in spent))
        return [(items[name], seconds[name]) for name in ordered[:number]]

    def _reach(self, session: pytest.Session) -> tuple[dict[str, list[str]], dict[str, float]]:
        """Return the tests that reach each function, and each module, and their CPU seconds.

        Each test is run once, in a fork, and again only after a change of its file.
        """
        from mutmut.mutation.trampoline import set_mutant_under_test
        from mutmut.state import state

        file = self._folder / "reached.json"
        known = json.loads(file.read_text()) if file.is_file() else {}
        digests = {item.nodeid: hashlib.sha256(item.path.read_bytes()).hexdigest() for item in session.items}
        known = {test: row for test, row in known.items() if digests.get(test) == row["digest"]}
        new = [item for item in session.items if item.nodeid not in known]
        if new and not (child := os.fork()):
            _silence()
            set_mutant_under_test("stats")
            for item, following in zip(new, [*new[1:], None], strict=True):
                began = time.process_time()
                state()._stats.clear()
                _clear_caches()
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                row = {"seconds": time.process_time() - began, "functions": sorted(state()._stats)}
                known[item.nodeid] = {"digest": digests[item.nodeid], **row}
            file.write_text(json.dumps(known))
            os._exit(int(bool(session.testsfailed)))
        if new and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            file.unlink(missing_ok=True)
            sys.exit("a test fails without a mutant")
        known = json.loads(file.read_text())
        reached: dict[str, list[str]] = {}
        self._breadth = {test: len(row["functions"]) for test, row in known.items()}
        for test, row in known.items():
            for name in {*row["functions"], *(function.rpartition(".")[0] for function in row["functions"])}:
                reached.setdefault(name, []).append(test)
        return reached, {test: row["seconds"] for test, row in known.items()}


def _in_a_child(
    session: pytest.Session, names: Sequence[str], tests: Sequence[Timed], import_again: str
) -> Iterator[tuple[str, int]]:
    """Try mutants of one function in a fork, and yield each with its exit code, one or more of the first ones.

    Of a function that runs while its module is imported, the module is imported again with the mutant.

    A mutant is killed if a test fails with it that passes without it, in the same process. If the test then fails
    without it too, the mutant has left something behind: the first one of a process counts as killed, another is
    tried again in a new process. One that takes much longer than no mutant ends the process and is killed.
    """
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            _silence()
            for number, name in enumerate(names):
                failing = _failing(session, name, tests, import_again)
                spoilt = failing is not None and _failing(session, "", [failing]) is not None
                if not (spoilt and number):
                    os.write(writing, b"1" if failing else b"0")
                if spoilt:
                    break
        finally:
            os._exit(0)
    os.close(writing)
    left = list(names)
    while result := os.read(reading, 1):
        yield left.pop(0), int(result)
    os.close(reading)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if left and (status or len(left) == len(names)):
        yield left[0], status or 1


def _failing(session: pytest.Session, name: str, tests: Sequence[Timed], import_again: str = "") -> Timed | None:
    """Return the first test that fails with a mutant; one that takes much longer than without ends this process."""
    from mutmut.mutation.trampoline import set_mutant_under_test

    set_mutant_under_test(name)
    session.testsfailed = 0
    _clear_caches()
    if import_again:
        _import_again(import_again)
    for (item, seconds), (following, _) in zip(tests, [*tests[1:], (None, 0.0)], strict=True):
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + 3 * seconds + 1), -1))
        signal.alarm(math.ceil(60 + 60 * seconds))  # of wall time: one that waits for ever
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            session._setupstate.teardown_exact(None)
            return item, seconds
    return None


def _clear_caches() -> None:
    """Empty the caches of the core: what they hold was computed without the mutant."""
    for name, module in list(sys.modules.items()):
        if name.startswith(CORE):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def _import_again(name: str) -> None:
    """Import a module again, and give its new objects to all modules that have imported the old ones."""
    module = sys.modules[name]
    old = dict(vars(module))
    importlib.reload(module)
    new = {id(value): vars(module)[key] for key, value in old.items() if vars(module)[key] is not value}
    for other in list(sys.modules.values()):
        for key, value in list(vars(other).items()) if other is not module else ():
            if id(value) in new:
                setattr(other, key, new[id(value)])


def _record(meta: Path, codes: Mapping[str, int]) -> None:
    """Write the exit codes of mutants, the file as a whole."""
    content = json.loads(meta.read_text())
    content["exit_code_by_key"] |= codes
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
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.session")
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--children", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--again", action="store_true")
    parsed = parser.parse_args(arguments)
    if not Path("mutants").is_dir():
        make_mutants(parsed.children)
    os.chdir("mutants")
    sys.path.insert(0, os.getcwd())
    options: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    words = [*options["pytest_add_cli_args_test_selection"], *options["pytest_add_cli_args"]]
    plugin = MutantSession(
        Path.cwd(), parsed.patterns, children=parsed.children, seconds=parsed.seconds, again=parsed.again
    )
    return int(pytest.main(["-q", "--rootdir=.", "--tb=no", *words], plugins=[plugin]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
