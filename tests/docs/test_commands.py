"""Every command of the documentation is run, as it stands, in the order of its page; so is every file it says to save.

Commands that run experiments get a few more overrides, so that they are quick and start no server: fewer deaths, hardly
any bootstrap, in one process, without MLflow and Prefect. What cannot be run here says why in a comment above it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Step, page_paths, steps

QUICK = {"execution": "inline", "tracking": "none", "n_bootstrap": "2", "report": "false"}
"""Group or key -> value, appended where the command does not choose it."""

BIN = Path(sys.executable).parent


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PAGES = {name_of(p): list(steps(p.read_text(encoding="utf-8"))) for p in page_paths()}


def runs_experiments(words: list[str]) -> bool:
    if words[:3] == ["python", "-m", "va_experiments"]:
        return len(words) > 3
    return words[0] == "va-experiments" and (words[1] == "run" or "=" in words[1])


def quick(words: list[str]) -> list[str]:
    """Return the command with overrides that make it quick."""
    keys = {w.lstrip("+~").split("=")[0] for w in words if "=" in w}
    if not runs_experiments(words) or {"--cfg", "--info", "--help", "-sc"} & set(words):
        return words
    more = [f"{k}={v}" for k, v in QUICK.items() if k not in keys and not any(g.startswith(f"{k}.") for g in keys)]
    if not keys & {"data", "data.n", "data.path"}:
        more.append("data.n=700")
    return [words[0], *[w for w in words[1:] if w != "-m" or words.index(w) == 1], *more]


def run_page(page_steps: list[Step], folder: Path, phmrc: Path | None) -> list[str]:
    """Do what a page says, in `folder`; return what went wrong."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VA_", "PREFECT_", "MLFLOW_", "RAY_"))}
    environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONPATH": str(ROOT)}
    wrong: list[str] = []
    python: list[str] = []
    done: set[str] = set()
    for step in page_steps:
        if step.kind == "file":
            target = (folder / step.title).resolve()
            assert target.is_relative_to(folder.resolve()), step.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(step.text, encoding="utf-8")
            continue
        if step.kind == "python":
            python.append(step.text)
            continue
        if step.remark == "not run":
            assert len(step.value) > 10, f"say why it is not run: {step.text}"
            continue
        text = step.text
        if "adult.csv.gz" in text or step.remark == "needs":
            if phmrc is None:
                continue
            text = text.replace("adult.csv.gz", str(phmrc / "adult.csv.gz"))
            environment["VA_PHMRC_DIR"] = str(phmrc)
        repeated = text in done and "dry_run" in text
        done.add(text)
        if repeated:
            continue
        expected = int(step.value) if step.remark == "fails" else 0
        command = quick(shlex.split(text))
        ran = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False
        )
        if ran.returncode != expected:
            output = "\n".join((ran.stdout + ran.stderr).splitlines()[-12:])
            wrong.append(f"$ {text}\nexit code {ran.returncode}, expected {expected}\n{output}")
    if python:
        ran = subprocess.run(
            [sys.executable, "-c", "\n".join(python)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
        )
        if ran.returncode:
            wrong.append("python blocks:\n" + "\n".join(ran.stderr.splitlines()[-8:]))
    return wrong


PYTHON = {"README.md", "docs/tutorials/first-run.md", "docs/tutorials/notebook.md"}
"""Pages whose Python is run; elsewhere it shows how something is called, with files that a reader has."""

SKIPPED = {"CONTRIBUTING.md", "docs/tutorials/walk.md"}
"""Run by test_contributing.py, which puts their code where it belongs, and by test_walk.py."""


LONG = {
    "docs/explanation/metrics.md",
    "docs/how-to/ablations.md",
    "docs/how-to/cause-lists.md",
    "docs/how-to/clouds.md",
    "docs/how-to/compare-in-mlflow.md",
    "docs/how-to/compare-other-programs.md",
    "docs/how-to/compare-runs.md",
    "docs/how-to/join-data-sets.md",
    "docs/how-to/models-that-travel.md",
    "docs/how-to/monitor.md",
    "docs/how-to/predictions-of-deaths.md",
    "docs/how-to/remote-servers.md",
    "docs/how-to/run-on-phmrc.md",
    "docs/how-to/strata.md",
    "docs/how-to/sweeps.md",
    "docs/how-to/tune.md",
    "docs/models/eava.md",
    "docs/troubleshooting.md",
    "docs/tutorials/first-run.md",
    "docs/tutorials/own-study.md",
}
"""Pages whose commands take longest, left to ``make test-long``."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.nightly] if page in LONG else [])
        for page, page_steps in PAGES.items()
        if page_steps and page not in SKIPPED
    ],
)
def test_every_command_of_the_page_works(page: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page_steps = [s for s in PAGES[page] if s.kind != "python" or page in PYTHON]
    real = any("adult.csv.gz" in s.text or s.remark == "needs" for s in page_steps if s.kind == "command")
    phmrc = None
    if real:
        try:
            phmrc = request.getfixturevalue("phmrc_dir")
        except pytest.skip.Exception:
            phmrc = None
    wrong = run_page(page_steps, tmp_path, phmrc)
    assert not wrong, "\n\n".join(wrong)
    if real and phmrc is None:
        pytest.skip("the page's commands on real data need shared/data/phmrc beside the checkout (or VA_SHARED_DIR)")


def test_there_is_something_to_run():
    commands = [s for page_steps in PAGES.values() for s in page_steps if s.kind == "command"]
    assert len(commands) > 40
    assert sum(s.remark != "not run" for s in commands) > 30
