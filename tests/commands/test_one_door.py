"""``va-experiments KEY=VALUE`` runs as ``python -m va_experiments`` does; alone, both show their help."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.in_process import elsewhere, output_here
from va_experiments.cli import _runs_jobs

RUNS = ["model=nbc", "-m model=nbc,interva", "run", "run model=nbc", "+site.test_sites=[AP]", "~protocol", "--cfg job",
        "model = nbc", "data =csv",
        "--config-dir conf model=nbc", "--debug model=nbc", "data.path='a b.csv'"]  # fmt: skip
OTHERS = [
    "",
    "--debug",
    "--help",
    "-h",
    "--version",
    "status",
    "checkpoints list --model nbc",
    "data check x.csv id=id",
    "modle",
]


@pytest.mark.parametrize("line", RUNS)
def test_lines_that_run_jobs(line: str) -> None:
    assert _runs_jobs(line.split())


@pytest.mark.parametrize("line", OTHERS)
def test_lines_that_do_not(line: str) -> None:
    assert not _runs_jobs(line.split())


def test_the_command_composes_what_the_module_composes() -> None:
    words = ["model=nbc", "seed=3", "--cfg", "job"]
    code = "import sys; from va_experiments.cli import main; sys.exit(main(sys.argv[1:]))"
    one = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120, check=True)
    with elsewhere():
        status, out, _ = output_here(words)
    assert status == 0
    assert one.stdout == out
    assert "seed: 3" in out


def test_without_arguments_both_explain_themselves_and_run_nothing(va: Callable) -> None:
    with elsewhere() as folder:
        code, out, err = output_here([])
        assert (code, err) == (2, "")
        assert "Five useful command lines" in out
        assert output_here(["--help"]) == (0, out, "")
        assert not list(folder.rglob("outputs"))
    code, out, _ = va()
    assert code == 2
    assert out.startswith("Usage: va-experiments")


def test_the_module_runs_the_commands_too(va: Callable) -> None:
    with elsewhere():
        code, _, err = output_here(["status"])
        assert code == 2
        assert err == va("status")[2]
        assert output_here(["data", "check", "--help"])[0] == 0
        assert output_here(["run", "model=nbc", "--cfg", "job"])[0] == 0


def test_an_unknown_word_is_told_of_both(va: Callable) -> None:
    code, _, err = va("modle")
    assert code == 2
    assert "unknown command 'modle'" in err
    assert "KEY=VALUE runs jobs" in err
    assert "to run the model, write model=nbc" in va("nbc")[2]


def test_a_folder_of_configuration_that_is_not_there_is_named() -> None:
    with elsewhere() as folder:
        code, _, err = output_here(["--config-dir", "my_conf", "model=nbc"])
    assert code == 2
    assert "--config-dir 'my_conf': there is no such folder in" in err
    assert folder.name in err
