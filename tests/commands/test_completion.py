"""The Tab key: which words are offered, and that real shells offer them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Ran
from va_experiments.commands import COMMANDS
from va_experiments.commands.completion import LINES
from va_experiments.commands.word_completion import candidates, typed_candidates

ROOT = Path(__file__).resolve().parents[2]

CASES: dict[str, tuple[str, ...]] = {
    "va-experiments stat": ("status",),
    "va-experiments model=nb": ("model=nbc",),
    "va-experiments run model=nb": ("model=nbc",),
    "python -m va_experiments model=nb": ("model=nbc",),
    "/usr/bin/python3.12 -m va_experiments model=nb": ("model=nbc",),
    "va-experiments model=nbc,intervaX": (),
    "va-experiments resume=": ("resume=failed", "resume=false", "resume=true"),
    "va-experiments report=": ("report=false", "report=true"),
    "va-experiments model=interva model.conv": ("model.conversion=",),
    "va-experiments +model=nb": ("+model=nbc",),
    "va-experiments on_error=s": ("on_error=stop",),
    "va-experiments objective=top": ("objective=top1", "objective=top3"),
    "va-experiments 'model=nb": ("model=nbc",),
    "va-experiments checkpoints li": ("list",),
    "va-experiments checkpoints list --by ": ("cell", "model", "site"),
    "va-experiments checkpoints list --old": ("--older-than",),
    "va-experiments data che": ("check",),
    "va-experiments completion z": ("zsh",),
    "va-experiments --debug stat": ("status",),
    "python script.py model=nb": (),
    "ls model=nb": (),
    "va-experiments nothing=": (),
    "va-experiments checkpoints nothing ": (),
    "": (),
}


@pytest.mark.parametrize("line", CASES)
def test_words(line: str) -> None:
    assert tuple(candidates(line)) == CASES[line]


def test_all_commands_groups_and_keys_are_offered() -> None:
    offered = candidates("va-experiments ")
    assert set(COMMANDS) <= set(offered)
    assert {"model=", "data=", "seed=", "execution.num_workers=", "protocol="} <= set(offered)
    assert not set(COMMANDS) & set(candidates("python -m va_experiments "))


def test_values_behind_a_comma_are_offered_once() -> None:
    offered = candidates("va-experiments model=nbc,")
    assert "model=nbc,interva" in offered
    assert "model=nbc,nbc" not in offered


def test_choices_of_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("name: mine\ndepth: 3\n")
    assert candidates(f"va-experiments --config-dir {tmp_path} model=mi") == ["model=mine"]
    assert candidates(f"va-experiments --config-dir {tmp_path} model=mine model.de") == ["model.depth="]


def test_files_and_the_sites_of_a_table_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deaths.csv").write_text("id,place,cause\n1,Baía Azul ,A\n2,Kilifi,B\n3,HQ,B\n", encoding="utf-8")
    (tmp_path / "deaths.yaml").write_text("name: csv\npath: deaths.csv\nsite: place\nsite_map: {HQ: Lagos}\n")
    (tmp_path / "tables").mkdir()
    assert candidates("va-experiments data=dea") == ["data=deaths.csv", "data=deaths.yaml"]
    assert candidates("va-experiments data=tab") == ["data=tables/"]
    assert "data=phmrc_adult" in candidates("va-experiments data=")
    sites = [f"site={name}" for name in ("Baía Azul", "Kilifi", "Lagos", "all")]
    assert candidates("va-experiments data=deaths.yaml site=") == sites
    assert candidates("va-experiments data=deaths.csv data.site=place model=nbc site=Kilifi,B") == [
        "site=Kilifi,Baía Azul"
    ]
    assert candidates("va-experiments data=nothing.csv site=pem") == ["site=pemba"]
    assert typed_candidates("va-experiments data=deaths.yaml site=B") == ["site=Baía\\ Azul"]
    assert typed_candidates("va-experiments data=deaths.yaml 'site=B") == ["site=Baía Azul"]


def test_runs_are_offered(finished: Ran) -> None:
    name = f"{finished.folder.parent.name}/{finished.folder.name}"
    assert name in candidates(f"va-experiments status --outputs {finished.outputs} ")


def test_nothing_slow_is_imported_for_groups() -> None:
    code = "import sys; from va_experiments.cli import main; main(sys.argv[1:]); print(sorted(sys.modules))"
    words = ["__complete", "va-experiments model=nb"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("model=nbc\n")
    assert not [m for m in ("hydra", "pandas", "numpy", "pydantic", "ray") if f"'{m}'" in done.stdout]


@pytest.mark.parametrize("shell", list(LINES))
def test_the_script_names_its_line(shell: str, va: Callable) -> None:
    code, out, _ = va("completion", shell)
    assert code == 0
    assert LINES[shell][0] in out.splitlines()[0]


class Terminal:
    """A shell in a pseudo-terminal."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        program = folder / "va-experiments"
        program.write_text(
            f"#!{sys.executable}\nimport sys\nfrom va_experiments.cli import main\nsys.exit(main())\n", encoding="utf-8"
        )
        program.chmod(0o755)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        variables = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "PROMPT_COMMAND")}
        self._process = subprocess.Popen(
            command, stdin=child, stdout=child, stderr=child, cwd=folder, close_fds=True, start_new_session=True,
            env=variables | {"TERM": "xterm", "PATH": path, "PYTHONPATH": str(ROOT), "PS1": "> ", "HOME": str(folder)},
        )  # fmt: skip
        os.close(child)
        self.text = ""

    def send(self, text: str) -> None:
        """Type."""
        os.write(self._parent, text.encode())

    def wait_for(self, pattern: str, seconds: float = 90) -> bool:
        """Read until the pattern is there; what was read is then dropped."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\x07\x08]", "", self.text)
            if re.search(pattern, seen):
                self.text = ""
                return True
            if select.select([self._parent], [], [], 0.5)[0]:
                try:
                    self.text += os.read(self._parent, 65536).decode("utf-8", "replace")
                except OSError:
                    return False
        return False

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._parent)


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(va-experiments completion bash)"; echo rea""dy\n'),
    "zsh": (["zsh", "-f", "-i"], 'PROMPT="> "; eval "$(va-experiments completion zsh)"; echo rea""dy\n'),
}

TYPED = {
    "va-experiments stat\t": r"va-experiments status ",
    "va-experiments model=nb\t": r"va-experiments model=nbc ",
    "va-experiments model=nbc,interva5 see\t": r"model=nbc,interva5 seed=",
    "va-experiments checkpoints li\t": r"checkpoints list ",
    "python -m va_experiments on_error=st\t": r"on_error=stop ",
    "python -m va_experiments protocol=poo\t": r"protocol=pooled ",
    "va-experiments data=stu\t": r"data=study\.csv ",
    "va-experiments data=study.csv site=Kil\t": r"site=Kilifi ",
    "python -m va_experiments data=study.csv site=B\t": r"site=Bom\\ Jesus ",
    "va-experiments data=study.csv site=Bom\\ J\t": r"site=Bom\\ Jesus ",
    "va-experiments --config-dir my_c\t": r"my_conf/",
}
"""What is typed, and what then stands in the line."""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: apt-get install {shell}")
    command, begin = SHELLS[shell]
    terminal = Terminal(command, tmp_path)
    try:
        terminal.send(begin)
        assert terminal.wait_for("ready"), terminal.text
        (tmp_path / "some_script.py").touch()
        (tmp_path / "my_conf").mkdir()
        (tmp_path / "study.csv").write_text("id,site\n1,Kilifi\n2,Bom Jesus\n")
        for typed, expected in {**TYPED, "python some_scr\t": r"python some_script\.py"}.items():
            terminal.send(typed)
            assert terminal.wait_for(expected), (typed, terminal.text)
            terminal.send("\x15\n")  # the line is not run
            assert terminal.wait_for("> "), typed
    finally:
        terminal.close()
