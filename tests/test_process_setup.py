"""A process under a limit of address space reserves less of it; one without a limit is left as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, resource, sys
if sys.argv[1] != "none":
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
from va_experiments.process_setup import prepare_process
prepare_process()
print(os.environ.get("ARROW_DEFAULT_MEMORY_POOL"))
"""


@pytest.mark.parametrize(("limit", "pool"), [("none", "None"), (str(8 * 2**30), "system")])
def test_only_a_limited_process_reserves_less(limit: str, pool: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run([sys.executable, "-c", CODE, limit], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == pool


def test_a_working_folder_that_is_removed_while_a_command_starts_is_told(tmp_path: Path) -> None:
    code = """
import os, sys
from va_experiments.__main__ import report_error
os.chdir(sys.argv[1])
os.rmdir(sys.argv[1])
try:
    os.getcwd()
except FileNotFoundError as error:
    sys.exit(report_error(error, debug=False))
"""
    (tmp_path / "gone").mkdir()
    command = [sys.executable, "-c", code, str(tmp_path / "gone")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the working folder no longer exists: change to one that does (cd FOLDER)\n"
