"""House rules that no linter knows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "va_experiments").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_module_is_over_400_lines_and_each_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    assert not text.strip() or text.startswith(('"""', 'r"""'))


def test_the_lock_file_is_plain() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").split()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+", line)] == []


def test_requirements_are_in_the_lock_file() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "requirements.lock").read_text().split()
    }
    named = [re.split(r"[\[<>=!~ ]", d)[0].lower() for d in project["dependencies"]]
    assert [n for n in named if n not in locked] == []


def test_nothing_names_this_machine_or_a_registry() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout: the tracked files cannot be listed")
    words = re.compile("/" + r"(?:work|root)/|files\.pythonhosted|pypi\.org/simple|--(?:extra-)?index-url")
    guilty = []
    for name in done.stdout.split("\n"):
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".yaml", ".yml", ".toml", ".lock", ".cff", ""}:
            text = path.read_text(encoding="utf-8", errors="ignore")
            guilty += [f"{name}: {m.group()}" for m in words.finditer(text)]
    assert guilty == []


def test_one_function_prints() -> None:
    """Text of others may act on a terminal: it is printed by `terminal.say`, which escapes what would."""
    printing = re.compile(r"(?<![\w.])print\(|print_exc\(|std(?:out|err)\.write\(|(?:click|typer)\.s?echo\(")
    guilty = [
        f"{path.relative_to(ROOT)}: {m.group()}"
        for path in MODULES
        if path.name != "terminal.py"
        for m in printing.finditer(path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


def test_one_function_is_the_flow() -> None:
    flows = [path.relative_to(ROOT).as_posix() for path in MODULES if "@flow" in path.read_text(encoding="utf-8")]
    assert flows == ["va_experiments/prefect_flow/flow.py"]


def test_compressed_files_of_tests_carry_no_time() -> None:
    """Two processes that collect the tests in different seconds would see different tests."""
    call = "gzip.compress" + "("
    text = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if call in line and "mtime" not in line and not line.rstrip().endswith("(")
    ]
    assert text == []
