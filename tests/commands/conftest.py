"""One small finished run, on which the commands are tried."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, Ran, run_command
from va_experiments.cli import main


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Four asked cells and four trivial ones beside them; not to be changed. Processes of pytest-xdist share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ran").is_file():
            arguments = ("model=nbc,interva", "site=pemba,ap", *QUICK[:2], "report=true")
            ran = run_command(*arguments, outputs=folder / "outputs")
            (folder / "ran").write_bytes(pickle.dumps(ran))
        ran = pickle.loads((folder / "ran").read_bytes())
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture
def copied(finished: Ran, tmp_path: Path) -> Path:
    """A copy of its outputs, to be changed."""
    shutil.copytree(finished.outputs, tmp_path / "outputs")
    return tmp_path / "outputs"


@pytest.fixture
def va(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: its exit code, what it printed, and its errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
