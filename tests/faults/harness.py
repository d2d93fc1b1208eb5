"""Run the command line in a process of its own, do something to it, and compare what it left with what it should be."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
TOYS = Path(__file__).resolve().parent / "toys"
SITES = ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP")
SMALL = ("data.n=240", "data.n_symptoms=10", "n_bootstrap=0", "baselines=[]")
INLINE = ("execution=inline", "tracking=none")
RAY = ("execution=ray", "tracking=none")


@dataclass
class Row:
    """One line of the table."""

    number: str
    fault: str
    injected: int
    lost: int
    recomputed: int
    found: list[str] = field(default_factory=list)
    note: str = ""
    skipped: str = ""
    seconds: float = 0.0
    run: str = ""

    @property
    def verdict(self) -> str:
        """``survived``, ``FAILED`` or why it was not tried."""
        if self.skipped:
            return f"not run: {self.skipped}"
        return "FAILED" if self.found or self.lost or self.recomputed else "survived"

    def expect(self, holds: object, otherwise: str) -> bool:
        """Note what does not hold."""
        if not holds:
            self.found.append(otherwise)
        return bool(holds)


@dataclass
class Process:
    """A command that has been started."""

    pid: int
    folder: Path
    popen: subprocess.Popen[bytes] | None = None

    @property
    def code(self) -> int | None:
        """Exit code, negative for a signal, None while it runs."""
        if self.popen is not None:
            return self.popen.poll()
        try:
            return int((self.folder / "code").read_text())
        except FileNotFoundError:
            return None

    @property
    def out(self) -> str:
        """What it has said so far."""
        return (self.folder / "out").read_text(errors="replace")

    @property
    def err(self) -> str:
        """What it has complained about so far."""
        return (self.folder / "err").read_text(errors="replace")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to this very process."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def wait(self, timeout: float = 120) -> int:
        """Return the exit code; a process that does not end is killed, which is an error."""
        deadline = time.monotonic() + timeout
        while (code := self.code) is None:
            if time.monotonic() > deadline:
                text = self.err[-3000:]
                self.kill()
                raise TimeoutError(f"still running after {timeout} s; it said: {text}")
            time.sleep(0.02)
        return code


class Zygote:
    """The forking process; see ``zygote.py``."""

    def __init__(self, *more: str) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote", *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError("the forking process did not start")
        atexit.register(self.close)

    def fork(self, request: Mapping[str, Any]) -> int:
        """Return the process id of a new driver."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:  # on a busy machine
                self._process.kill()
                self._process.wait()


_zygote: list[Zygote] = []


def prepare(*modules: str) -> None:
    """Have drivers forked from now on from a process that has imported these modules too."""
    _zygote.insert(0, Zygote(*modules))


@dataclass
class Place:
    """A folder for one scenario: outputs, marks of the toys, output of the commands."""

    root: Path
    base: tuple[str, ...] = (*SMALL, *INLINE)
    toys: Path = TOYS
    started: int = 0

    @classmethod
    def new(cls, *base: str, toys: Path = TOYS) -> Place:
        """Return a new place under the temporary folder."""
        root = Path(tempfile.mkdtemp(prefix="va-faults-"))
        root.chmod(0o755)
        (root / "marks").mkdir(mode=0o777)
        (root / "marks").chmod(0o777)
        return cls(root, base or (*SMALL, *INLINE), toys)

    @property
    def outputs(self) -> Path:
        """``paths.outputs``."""
        return self.root / "o"

    def environment(self, plan: Sequence[Mapping[str, Any]] = (), **more: str) -> dict[str, str]:
        """Return the environment of a command."""
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("VA_TOY", "RAY_", "PREFECT_"))}
        marks = self.root / "marks"
        toy = {"VA_TOY_DIR": str(marks), "VA_TOY_PLAN": json.dumps(list(plan)), "PYTHONPATH": f"{self.toys}:{ROOT}"}
        return {**variables, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **toy, **more}

    def start(
        self,
        *arguments: str,
        plan: Sequence[Mapping[str, Any]] = (),
        real: bool = False,
        outputs: Path | None = None,
        request: Mapping[str, Any] | None = None,
        **environment: str,
    ) -> Process:
        """Start a command; `real` in a fresh interpreter, otherwise forked from one that has its imports done."""
        self.started += 1
        folder = self.root / f"process-{self.started}"
        folder.mkdir()
        toy_options = ["--config-dir", str(self.toys / "conf"), "allowed_targets=[vatoys]"]
        keys = {a.partition("=")[0] for a in arguments}
        base = [b for b in self.base if b.partition("=")[0] not in keys]
        full = [*toy_options, *base, *arguments, f"paths.outputs='{outputs or self.outputs}'"]
        env = self.environment(plan, **environment)
        if not real:
            if not _zygote:
                _zygote.append(Zygote())
            ask = {"arguments": full, "env": env, "folder": str(folder), "cwd": str(self.root), **(request or {})}
            return Process(_zygote[0].fork(ask), folder)
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            popen = subprocess.Popen(
                [sys.executable, "-m", "va_experiments", *full],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=env,
                cwd=self.root,
                start_new_session=True,
            )
        return Process(popen.pid, folder, popen)

    def run(self, *arguments: str, timeout: float = 120, **options: Any) -> Process:
        """Start a command and wait for its end."""
        process = self.start(*arguments, **options)
        process.wait(timeout)
        return process

    def written_outside(self, outputs: Path) -> dict[str, float]:
        """Return every file in this place that is not under `outputs`, and when it was written; logs are left out."""
        ours = (self.root / "marks", *(self.root / f"process-{n}" for n in range(1, self.started + 2)))
        return {
            str(path): path.stat().st_mtime
            for path in self.root.rglob("*")
            if path.is_file() and not any(path.is_relative_to(p) for p in (outputs, *ours))
        }

    def store(self) -> dict[str, str]:
        """Return the hash of the predictions of every committed cell."""
        return stored(self.outputs)

    def journal(self) -> list[dict[str, Any]]:
        """Return what the toys noted."""
        try:
            lines = (self.root / "marks" / "journal.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def begun(self) -> int:
        """How many times a prediction was begun."""
        return sum(r["event"] == "begin" for r in self.journal())

    def faults(self) -> int:
        """How many faults have happened."""
        return sum(r["event"] == "fault" for r in self.journal())

    def attempts(self) -> list[dict[str, Any]]:
        """Return the lines of ``attempts.jsonl``."""
        path = self.outputs / "checkpoints" / "attempts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and not os.environ.get("VA_FAULTS_KEEP"):
            self.remove()


def stored(outputs: Path) -> dict[str, str]:
    """Return the hash of the predictions of every committed cell, from files that match their manifest."""
    from va_experiments.checkpoints import Store

    store = Store(outputs / "checkpoints")
    result = {}
    for key in list(store.keys()):
        cell = store.load(key)
        assert cell is not None
        result[key] = str(cell.manifest["prediction_sha256"])
    return result


def commit_times(outputs: Path) -> dict[str, float]:
    """Return when each committed folder appeared (wall clock)."""
    return {p.name: p.stat().st_ctime for p in (outputs / "checkpoints" / "cells").glob("??/*")}


_undisturbed: dict[tuple[str, ...], dict[str, str]] = {}


def undisturbed(*arguments: str, base: Sequence[str] = (*SMALL, *INLINE)) -> dict[str, str]:
    """Return the store of a run that nothing happens to (inline; computed once for each set of arguments)."""
    key = (*base, *arguments)
    if key not in _undisturbed:
        with Place.new(*base) as place:
            done = place.run(*arguments, timeout=900)
            assert done.code == 0, done.err[-3000:]
            _undisturbed[key] = place.store()
    return _undisturbed[key]


def compare(row: Row, right: Mapping[str, str], place: Place, *, missing: Iterable[str] = ()) -> None:
    """Count the cells that the store lacks or has wrong."""
    have = place.store()
    gone = set(right) - set(have) - set(missing)
    wrong = {k for k in set(right) & set(have) if right[k] != have[k]}
    row.lost += len(gone)
    row.expect(not wrong, f"{len(wrong)} cells with other predictions")
    row.expect(not set(have) - set(right), f"{len(set(have) - set(right))} cells that nobody asked for")


def cells_of(place: Place) -> pd.DataFrame:
    """Return the rows of the latest run."""
    import pandas as pd

    folder = sorted(p for p in (place.outputs / "runs").glob("*/*") if p.is_dir())[-1]
    return pd.read_parquet(folder / "cells.parquet")


def children(pid: int) -> list[int]:
    """Return the ids of all descendants of a process."""
    import psutil

    try:
        return [c.pid for c in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def alive(pids: Iterable[int]) -> list[str]:
    """Return which of these processes still run."""
    import psutil

    result = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                result.append(f"{pid} {' '.join(process.cmdline())[:300]}")
        except psutil.NoSuchProcess:
            continue
    return result


def patience() -> float:
    """Return how many times longer things take than on an idle machine, by the load average: 1 where nobody waits."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def until(condition: Any, timeout: float = 60, every: float = 0.02) -> bool:
    """Wait until `condition()` holds; return whether it came to hold."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return False
