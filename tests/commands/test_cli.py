"""The door of the commands: help at once, unknown names, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from va_experiments.cli import main, parser_of
from va_experiments.commands import COMMANDS

OWN = [c for c in COMMANDS if c != "run"]


HELP_OF_EACH = """
import contextlib, io, json, sys
from va_experiments.cli import main
texts = []
for command in json.loads(sys.argv[1]):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([*filter(None, [command]), "--help"])
    texts.append((command, out.getvalue(), sorted({m.partition(".")[0] for m in sys.modules})))
print(json.dumps(texts))
"""
FRAMEWORKS = {"altair", "hydra", "mlflow", "numba", "omegaconf", "pandas", "prefect", "ray", "sklearn", "xgboost"}


def test_help_imports_nothing_slow() -> None:
    code = [sys.executable, "-c", HELP_OF_EACH, json.dumps(["", *OWN])]
    done = subprocess.run(code, capture_output=True, text=True, check=True, timeout=60)
    texts = json.loads(done.stdout)
    assert [command for command, *_ in texts] == ["", *OWN]
    for command, text, modules in texts:
        assert "usage: va-experiments" in text, command
        assert FRAMEWORKS & set(modules) == set(), command


@pytest.mark.parametrize("command", ["", *OWN])
def test_help_fits_eighty_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    if not command:
        main(["--help"])
    else:
        parser = parser_of(command)
        parser.print_help()
        for action in parser._actions:
            for sub in (action.choices or {}).values() if isinstance(action.choices, dict) else ():
                sub.print_help()
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert [line for line in lines if len(line) > 80] == []


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^  {c} ", said, re.MULTILINE) for c in COMMANDS)


def test_every_command_has_a_parser_with_help_for_each_option() -> None:
    for command in OWN:
        for action in parser_of(command)._actions:
            assert action.help or action.choices, f"{command}: {action.dest} has no help"


def test_without_a_command_the_overview_is_an_error(va: Callable) -> None:
    assert va()[0] == 2


def test_unknown_command_names_the_nearest(va: Callable) -> None:
    code, _, err = va("stauts")
    assert code == 2
    assert "did you mean 'status'" in err


def test_version(va: Callable) -> None:
    assert re.fullmatch(r"\d+\.\d+\S*\n", va("--version")[1])


BAD = {
    "status of nothing": (["status", "--outputs", "{tmp}"], ["no runs", "--outputs"]),
    "profile of nothing": (["profile", "--outputs", "{tmp}"], ["no runs"]),
    "profile -n": (["profile", "-n", "0", "--outputs", "{out}"], ["-n must be 1 or more"]),
    "unknown run": (["status", "2031-01-01", "--outputs", "{out}"], ["no run '2031-01-01'", "the latest is"]),
    "a folder that is no run": (["status", "{tmp}", "--outputs", "{out}"], ["is not the folder of a run"]),
    "report nowhere": (["report", "--mlflow", "--outputs", "{out}"], ["--out DIR"]),
    "no store": (["checkpoints", "list", "--outputs", "{tmp}"], ["no store", "--store"]),
    "unknown model": (["checkpoints", "list", "--model", "nbcc", "--outputs", "{out}"], ["did you mean 'nbc'"]),
    "unknown site": (["checkpoints", "list", "--site", "ap", "--outputs", "{out}"], ["did you mean 'AP'"]),
    "bad age": (["checkpoints", "prune", "--older-than", "3y", "--outputs", "{out}"], ["'3y'", "30d"]),
    "bad size": (["checkpoints", "list", "--larger-than", "big", "--outputs", "{out}"], ["'big'", "20M"]),
    "prune without a query": (["checkpoints", "prune", "--yes", "--outputs", "{out}"], ["say which cells", "--all"]),
    "show nothing": (["checkpoints", "show", "zz", "--outputs", "{out}"], ["0 cells", "checkpoints list"]),
    "export over a file": (["checkpoints", "export", "{here}", "--outputs", "{out}"], ["is there already"]),
    "export into nowhere": (["checkpoints", "export", "{tmp}/a/b.tar", "--outputs", "{out}"], ["there is no folder"]),
    "import a folder": (["checkpoints", "import", "{tmp}", "--outputs", "{tmp}/o"], ["is not a file"]),
    "import nonsense": (["checkpoints", "import", "{here}", "--outputs", "{tmp}/o"], ["cannot be read as an archive"]),
    "negative sample": (["recompute", "--sample", "-1", "--outputs", "{out}"], ["--sample must be 0 or more"]),
    "unknown data": (["data", "describe", "simulatd"], ["did you mean 'simulated'"]),
    "bad data option": (["data", "describe", "simulated", "n"], ["KEY=VALUE"]),
    "unknown data option": (["data", "describe", "simulated", "sede=1"], ["'sede'", "did you mean 'seed'"]),
    "missing file": (["data", "check", "nowhere.csv"], ["nowhere.csv"]),
    "nothing to serve": (["ui", "--no-mlflow", "--no-prefect", "--outputs", "{out}"], ["nothing to serve"]),
    "one port for two": (
        ["ui", "--mlflow-port", "5999", "--prefect-port", "5999", "--outputs", "{out}"],
        ["must differ"],
    ),
    "port of the system": (["ui", "--mlflow-port", "80", "--outputs", "{out}"], ["between 1024 and 65535; got 80"]),
    "no outputs to serve": (["ui", "--outputs", "{tmp}/none"], ["there is no folder", "--outputs"]),
    "compare: workers": (["va34-comparison", "--n-workers", "0"], ["--n-workers must be 1 or more"]),
    "compare: sizes": (
        ["va34-comparison", "--training-sizes", "1.5", "--data-path", "no.csv"],
        ["1.5", "no file 'no.csv'"],
    ),
    "compare: model": (["va34-comparison", "--models", "nbcc"], ["nbcc", "did you mean 'nbc'"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_options_are_told_in_words(name: str, va: Callable, finished: object, tmp_path: Path) -> None:
    arguments, expected = BAD[name]
    places = {"tmp": tmp_path, "out": finished.outputs, "here": __file__}  # type: ignore[attr-defined]
    before = set(os.listdir())
    code, _, err = va(*(a.format(**places) for a in arguments))
    assert code == 2, err
    for text in expected:
        assert text in err
    assert set(os.listdir()) == before, "something was left behind"
    assert "Traceback" not in err


def test_completion_prints_a_line_to_evaluate(va: Callable) -> None:
    for shell in ("bash", "zsh", "fish"):
        code, out, _ = va("completion", shell)
        assert code == 0
        assert "-sc install=" in out.splitlines()[0]
