"""A command ends when its output is written, whatever native threads its libraries have left."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.marks import first_of_each_kind

ENDS = """
import sys, threading
from va_experiments.process_exit import end
threading.Thread(target=threading.Event().wait).start()  # one that would keep the interpreter waiting for ever
print("written", end="")
print("and this", end="", file=sys.stderr)
end(7)
"""

DOOR = """
import atexit, sys
from va_experiments import cli
atexit.register(lambda: print("the interpreter was taken apart"))
sys.argv = ["va-experiments", *sys.argv[1:]]
sys.exit(cli.main())
"""


def run(code: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_the_output_is_complete_and_no_thread_is_waited_for() -> None:
    done = run(ENDS)
    assert (done.returncode, done.stdout, done.stderr) == (7, "written", "and this")


def test_the_installed_command_takes_no_interpreter_apart(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("id,site,cause,fever\n1,A,Malaria,yes\n2,B,Injury,no\n")
    done = run(DOOR, "data", "check", str(table))
    assert done.returncode in (0, 2, 3)
    assert done.stdout
    assert "taken apart" not in done.stdout
    assert run(DOOR, "--version").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("closed", "shown"),
    first_of_each_kind(
        [("<&- >&-", False), ("2>&-", True), ("<&- >&- 2>&-", False), (">&-", False)], lambda case: case[1]
    ),
)
@pytest.mark.parametrize(
    "command", [("data", "check"), pytest.param(("model=nbc", "dry_run=true"), marks=pytest.mark.slow)]
)
def test_streams_that_are_closed_are_no_error(
    closed: str, shown: bool, command: tuple[str, ...], tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("id,site,cause,fever\n1,A,Malaria,yes\n2,B,Injury,no\n")
    last = str(table) if command[0] == "data" else f"paths.outputs={tmp_path / 'o'}"
    words = shlex.join([sys.executable, "-m", "va_experiments", *command, last])
    usual = subprocess.run(["sh", "-c", words], capture_output=True, text=True, timeout=120, check=False)
    done = subprocess.run(["sh", "-c", f"{words} {closed}"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == usual.returncode
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) is shown
