"""The door of the commands: help at once, unknown names, exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import typer

from va_experiments.commands import COMMANDS
from va_experiments.commands.command_line import _written_out, command_of, help_rows

OWN = [c for c in COMMANDS if c != "run"]


HELP_OF_EACH = """
import contextlib, io, json, sys
from va_experiments.cli import main
texts = []
for words in json.loads(sys.argv[1]):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([*words, "--help"]) == 0
    texts.append((words, out.getvalue(), sorted({m.partition(".")[0] for m in sys.modules})))
print(json.dumps(texts))
"""
FRAMEWORKS = {"altair", "hydra", "mlflow", "numba", "numpy", "omegaconf", "pandas", "prefect", "pydantic", "ray",
              "rich", "scipy", "sklearn", "xgboost", "yaml"}  # fmt: skip


def _actions() -> list[tuple[str, ...]]:
    """Every command, and every action of those that have some."""
    result: list[tuple[str, ...]] = [()]
    for name in OWN:
        command = command_of(name)
        result += [(name,), *((name, action) for action in getattr(command, "commands", ()))]
    return result


ACTIONS = _actions()


def test_help_imports_nothing_slow() -> None:
    code = [sys.executable, "-c", HELP_OF_EACH, json.dumps(ACTIONS)]
    done = subprocess.run(code, capture_output=True, text=True, check=True, timeout=60)
    texts = json.loads(done.stdout)
    assert len(texts) == len(ACTIONS) > len(OWN) + 8
    for words, text, modules in texts:
        assert text.startswith(" ".join(["Usage: va-experiments", *words])), words
        assert FRAMEWORKS & set(modules) == set(), words


@pytest.mark.parametrize("width", [40, 80])
def test_help_fits_the_window(width: int, monkeypatch: pytest.MonkeyPatch, va: Callable) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for words in ACTIONS:
        code, out, _ = va(*words, "--help")
        assert code == 0
        lines = [line.rstrip() for line in out.splitlines() if " " in line.strip() or len(line) <= width]
        assert [line for line in lines if len(line) > width and not line.strip().startswith(("--", "["))] == []
        synopsis = out.split("\n\n")[0]
        assert not re.search(r"\S  +\S", synopsis), "the synopsis has runs of spaces"


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_help_is_the_same_on_other_versions_of_python(version: str) -> None:
    """Typer, click and rich are plain Python: another interpreter takes them from where this one has them."""
    paths = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    python = str(paths[-1]) if paths else shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"no python{version} on this machine: install it to compare its help with this one's")
    site = str(Path(typer.__file__).parents[1])
    code = HELP_OF_EACH.replace("import contextlib", f"import sys; sys.path += [{site!r}]; import contextlib", 1)
    helps = []
    for interpreter in (sys.executable, python):
        command = [interpreter, "-c", code, json.dumps(ACTIONS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        helps.append([(words, text) for words, text, _ in json.loads(done.stdout)])
    assert helps[0] == helps[1]


def test_overview_names_every_command(va: Callable) -> None:
    code, out, _ = va("--help")
    assert code == 0
    assert all(re.search(rf"^  {c} ", out, re.MULTILINE) for c in COMMANDS)


def test_every_argument_and_option_is_explained() -> None:
    for name in OWN:
        command = command_of(name)
        for action in getattr(command, "commands", {"": command}).values():
            context = action.context_class(action)
            rows = help_rows(action, context, click.Argument) + help_rows(action, context, click.Option)
            assert [row for row in rows if len(row[1]) < 5] == [], (name, action.name)


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["checkpoints", "list", "--help"]])
def test_help_into_a_closed_pipe_is_141(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from va_experiments.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *words], stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


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
    "unknown option": (["status", "--wach"], ["No such option '--wach'", "va-experiments status --help shows"]),
    "unknown action": (["checkpoints", "lst"], ["'lst'", "va-experiments checkpoints --help shows"]),
    "missing argument": (["data", "check"], ["Missing argument 'FILE'"]),
    "a word for a number": (["profile", "-n", "ten"], ["'ten' is not a valid int"]),
    "another choice": (["checkpoints", "list", "--by", "day"], ["'day' is not one of 'cell', 'model', 'site'"]),
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


WRITTEN_OUT = {
    "--sites AP Pemba --seed 2": ["--sites=AP", "--sites=Pemba", "--seed", "2"],
    "--sites=AP x=1": ["--sites=AP", "x=1"],
    "--sites AP x=1": ["--sites=AP", "x=1"],
    "--sizes --seed 2": ["--sizes=none", "--seed", "2"],
    "f.csv --write --json": ["f.csv", "--write=", "--json"],
    "f.csv --write a.yaml": ["f.csv", "--write=a.yaml"],
    "f.csv --write site=x": ["f.csv", "--write=", "site=x"],
    "--write=a.yaml f.csv": ["--write=a.yaml", "f.csv"],
}


@pytest.mark.parametrize("words", WRITTEN_OUT)
def test_options_with_several_values_and_with_none(words: str) -> None:
    several = {"--sites": "", "--sizes": "none"}
    assert _written_out(words.split(), {"--write": ""}, several) == WRITTEN_OUT[words]
