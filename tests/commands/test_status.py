"""What ``status`` says of runs that work, have ended, or have died."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK, Ran
from va_experiments.commands.status import read_status, status_text
from va_experiments.engine.observers import RunOutcome
from va_experiments.formatting import format_duration

SLOW = '''
"""A model that takes its time and says how far it is."""
import time
from typing import Self
import numpy as np
from va_experiments.data.deaths import Deaths
from va_experiments.callbacks import progress
from va_experiments.models.base import Model, Prediction, labels_of


class Slow(Model):
    """Copies the training fractions, slowly."""

    def __init__(self, *, seconds: float = 3.0) -> None:
        self.seconds = seconds

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        for step in range(100):
            time.sleep(self.seconds / 100)
            progress(step + 1, 100, temperature=0.5)
        self.csmf_ = np.bincount(labels_of(train), minlength=len(train.causes)) / len(train)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        return Prediction(np.tile(self.csmf_, (len(test), 1)), self.csmf_)
'''


@pytest.fixture
def slow_run(tmp_path: Path) -> subprocess.Popen[str]:
    (tmp_path / "slowmodel.py").write_text(SLOW)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "slow.yaml").write_text("name: slow\n_target_: slowmodel.Slow\nseconds: 6.0\n")
    command = [sys.executable, "-m", "va_experiments", "--config-dir", str(tmp_path / "conf")]
    command += ["allowed_targets=[slowmodel]", "model=slow", "site=pemba,ap", *QUICK]
    process = subprocess.Popen(
        [*command, f"paths.outputs={tmp_path / 'o'}"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process  # type: ignore[misc]
    process.kill()
    process.wait()


def _until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.1)


def _running(outputs: Path, va: Callable) -> dict | None:
    code, out, _ = va("status", "--json", "--outputs", outputs)
    status = json.loads(out) if code == 0 and out else None
    return status if status and status["running"] else None


@pytest.mark.slow
def test_a_live_run_then_a_killed_one(slow_run: subprocess.Popen[str], tmp_path: Path, va: Callable) -> None:
    outputs = tmp_path / "o"
    looks: list[dict] = []

    def says_how_far() -> bool:
        looks.extend(filter(None, [_running(outputs, va)]))
        return bool(looks and looks[-1]["running"][0]["info"])

    _until(says_how_far)
    first = looks[-1]
    ages = []
    for _ in range(10):
        time.sleep(0.2)
        status = json.loads(va("status", "--json", "--outputs", outputs)[1])
        ages.append(status["age_seconds"])
    assert max(ages) <= 2.0, f"the status was {max(ages):.1f} s old"
    assert status["state"] == "running"
    assert status["cells"]["all"] == 2
    fit = first["running"][0]
    assert fit["label"].startswith("slow")
    assert fit["worker"].startswith(socket.gethostname())
    assert fit["total"] == 1000, "the model's 100 steps are a part of the fit"
    assert fit["info"] == {"temperature": 0.5}
    text = va("status", "--outputs", outputs)[1]
    assert f"process {slow_run.pid} on {socket.gethostname()}" in text
    assert "temperature 0.5" in text

    os.kill(slow_run.pid, signal.SIGKILL)
    slow_run.wait()
    code, text, _ = va("status", "--outputs", outputs)
    assert code == 3
    assert "stopped (the driver died)" in text
    assert "run the same command again to continue" in text


def test_a_finished_run(finished: Ran, va: Callable) -> None:
    code, text, _ = va("status", "--outputs", finished.outputs)
    assert code == 0
    assert "finished" in text
    assert "cells 4 done, 0 reused, 0 failed of 4 cells; 4 baseline cells beside them; 8 fits" in " ".join(text.split())
    assert va("status", finished.folder.name[:8], "--outputs", finished.outputs)[1] == text
    assert va("status", finished.folder)[1] == text
    assert va("status", "--watch", "--outputs", finished.outputs)[0] == 0, "a run that has ended is not watched"


def _status(**changes: object) -> dict:
    now = time.time()
    status = {
        "run_id": "d/t", "pid": os.getpid(), "host": socket.gethostname(), "stage": "running", "time": now,
        "started": now, "cells": {"all": 9, "done": 2, "reused": 1, "failed": 1}, "memory_mb": 300.0,
        "fits": {"all": 8, "done": 3, "waiting": 4}, "eta_seconds": 125.0, "cells_per_second": 0.5,
        "errors": ["nbc at AP: ValueError: no"], "heartbeat": now,
        "running": [{"label": "nbc at AP", "worker": "h:1", "attempt": 2, "started": now, "done": 3, "total": 5,
                     "info": {}}],
    }  # fmt: skip
    return status | changes


def test_a_reused_process_id_is_not_taken_for_the_driver(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(json.dumps(_status(started=time.time() - 1e6)))
    assert read_status(tmp_path)["state"] == "died"


@pytest.mark.parametrize(("age", "state"), [(1, "running"), (60, "died")])
def test_a_driver_on_another_host_is_known_by_its_heartbeat(tmp_path: Path, age: float, state: str) -> None:
    (tmp_path / "status.json").write_text(json.dumps(_status(host="elsewhere", time=time.time() - age)))
    assert read_status(tmp_path)["state"] == state


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_text_fits_the_window(tmp_path: Path, width: int) -> None:
    (tmp_path / "status.json").write_text(json.dumps(_status()))
    lines = status_text(read_status(tmp_path), width).splitlines()
    assert max(map(len, lines)) <= width
    if width >= 80:
        assert "2 min 05 s to go, 30.0 cells a minute" in lines[3]
        assert lines[3].endswith("seen 0 s ago"), "how old it is must be said"
        assert lines[4].endswith(f"process {os.getpid()} on {socket.gethostname()}")
        assert lines[5] == "  nbc at AP 60%, 0 s on h:1, attempt 2"
        assert lines[6] == "  ! nbc at AP: ValueError: no"


def test_a_long_error_is_told_in_a_few_lines(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(json.dumps(_status(errors=[f"nbc at AP: ValueError: {'so ' * 20}it ends"])))
    text = status_text(read_status(tmp_path), 40)
    lines = text[text.index("  ! ") :].splitlines()
    assert lines[0].startswith("  ! nbc at AP: ValueError: so")
    assert lines[-1].endswith("it ends")
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize(("seconds", "message"), [(0, "0 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min")])
def test_durations(seconds: float, message: str) -> None:
    assert format_duration(seconds) == message


@pytest.mark.parametrize(("stage", "error"), [("stopped", "the workers are lost"), ("stopped", ""), ("failed", "")])
def test_a_run_that_ended_without_some_of_its_cells(tmp_path: Path, va: Callable, stage: str, error: str) -> None:
    folder = tmp_path / "runs" / "d" / "t"
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps(_status(stage=stage, error=error)))
    code, out, _ = va("status", "--outputs", tmp_path)
    assert code == 3
    assert out.startswith(f"run d/t: {stage} after")
    assert not error or f"  ! {error}" in out
    assert "run the same command again to continue" in out


@pytest.mark.parametrize(
    ("missing", "error", "stage"), [(0, "", "finished"), (2, "", "stopped"), (0, "lost", "stopped")]
)
def test_the_stage_that_a_run_ends_with(missing: int, error: str, stage: str) -> None:
    nothing = pd.DataFrame({"status": []})
    assert RunOutcome(nothing, nothing, missing, [], error, 0).stage == stage


WATCHED = """
import json, sys, threading, time
from va_experiments.cli import main
path, status = sys.argv[1] + "/runs/d/t/status.json", json.loads(sys.argv[2])
def end():
    time.sleep(1.5)
    open(path, "w").write(json.dumps(status | {"stage": "finished"}))
threading.Thread(target=end).start()
sys.exit(main(["status", "--watch", "--outputs", sys.argv[1]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 100])
def test_a_watched_run_is_shown_in_one_place(tmp_path: Path, columns: int) -> None:
    pyte = pytest.importorskip("pyte", reason="pip install 'va-experiments[docs]' to read a terminal's screen")
    folder = tmp_path / "runs" / "d" / "t"
    folder.mkdir(parents=True)
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED, str(tmp_path), json.dumps(_status())],
        env={k: v for k, v in os.environ.items() if k not in ("CI", "COLUMNS", "LINES")} | {"TERM": "xterm"},
        stdin=child, stdout=child, stderr=child, close_fds=True,
    )  # fmt: skip
    (folder / "status.json").write_text(json.dumps(_status(pid=process.pid, running=[])))
    os.close(child)
    screen = pyte.Screen(columns, 24)
    stream = pyte.ByteStream(screen)
    while True:
        try:
            stream.feed(os.read(parent, 65536))
        except OSError:
            break
    os.close(parent)
    assert process.wait(60) == 0
    lines = [line.rstrip() for line in screen.display if line.strip()]
    assert [line[:26] for line in lines if "run d/t" in line] == ["run d/t: finished after 0 s"[:26]], lines
    assert sum("fits  3 of 8" in line for line in lines) == 1, lines
