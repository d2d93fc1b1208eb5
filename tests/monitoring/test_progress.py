"""The bars in windows of 40 and 100 columns, without a terminal, in CI; the time to go."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from va_experiments.cell import Result
from va_experiments.config.schema import RunConfig
from va_experiments.engine.context import Counts, RunContext
from va_experiments.execute import RunChannel
from va_experiments.formatting import format_duration
from va_experiments.monitoring.progress import Progress, started_text
from va_experiments.plan import Costs
from va_experiments.typical_costs import Cost

DRIVER = """
import time, sys
from pathlib import Path
from va_experiments.execute import Running, RunChannel
from va_experiments.engine.context import RunContext
from va_experiments.monitoring.progress import Progress
folder, channel = Path(sys.argv[1]), RunChannel()
from va_experiments.config.schema import RunConfig
run = RunContext(RunConfig(), folder, folder, "d/t", channel)
counts, progress = run.counts, Progress()
counts.cells = 48
progress.run_started(run)
from va_experiments.plan import Costs
counts.begin(24, [2.0] * 24, Costs({"x": 1.0}), None)
began = time.time()
long = "insilico with a long name and parameters · AP+Bohol+Dar+Mexico+Pemba+UP"
for step in range(8):
    channel.running["a"] = Running("k", "insilico · AP", "h:1", 1, began, step * 100, 4000, {"acceptance": 0.41})
    channel.running["b"] = Running("l", long, "h:2", 1, began, step, 10, {})
    counts.fits_done, counts.done, counts.failed = step * 3, step * 6, step // 4
    counts.seconds_done = 2.0 * counts.fits_done
    time.sleep(0.4)
channel.running.clear()
from types import SimpleNamespace
progress.run_finished(run, SimpleNamespace(stage='finished', error=''))
print("THE END", flush=True)
"""


def _in_a_terminal(columns: int, folder: Path, **environment: str) -> str:
    """Return what a driver writes to a pseudo-terminal of this width."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder)],
        stdin=child,
        stdout=child,
        stderr=child,
        env={**env, "TERM": "xterm", **environment},
        close_fds=True,
    )
    os.close(child)
    chunks = []
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(parent)
    assert process.wait(60) == 0
    return b"".join(chunks).decode("utf-8", "replace")


def _drawn(text: str) -> list[str]:
    """Return each line as it was drawn: between returns, newlines and movements of the cursor."""
    pieces = re.split(r"[\r\n]|\x1b\[[0-9;]*[A-HJKf]", text)
    return [re.sub(r"\x1b\[[0-9;]*[a-zA-Z]", "", p) for p in pieces]


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, pytest.param(100, marks=pytest.mark.nightly)])
def test_no_line_is_wider_than_the_window(columns: int, tmp_path: Path) -> None:
    text = _in_a_terminal(columns, tmp_path)
    lines = _drawn(text)
    assert max(map(len, lines)) <= columns, max(lines, key=len)
    bars = [line for line in lines if line.startswith("fits ")]
    assert bars, text
    assert any("/24 |" in b for b in bars)
    assert any("to go" in b for b in bars)
    assert not any("|," in b for b in bars)
    assert any(re.search(r"insilico · AP \d+%, acceptance 0", line) for line in lines)
    assert any("1 failed" in b for b in bars)
    assert "THE END" in text
    # every line that a fit had is cleared at the end: below the bar comes what is printed next
    after = text[text.rindex("fits ") :]
    assert "insilico" not in re.sub(r"\x1b\[[0-9;]*[a-zA-Z]", "", after)


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{"CI": "true"}, pytest.param({"TERM": "dumb"}, marks=pytest.mark.nightly)])
def test_ci_and_dumb_terminals_get_plain_lines(environment: dict[str, str], tmp_path: Path) -> None:
    text = _in_a_terminal(100, tmp_path, **environment)
    assert "\x1b" not in text
    assert re.search(r"fits \d+/24 · \d+ done, 0 reused, \d failed of 48 cells", text)


def test_the_last_plain_line_is_not_said_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunContext(None, tmp_path, tmp_path, "d/t", RunChannel())  # type: ignore[arg-type]
    counts, progress = run.counts, Progress()
    counts.cells, counts.fits, counts.fits_done, counts.done = 2, 2, 2, 2
    progress._counts = counts
    progress._print(last=False)
    progress._print(last=True)
    assert capsys.readouterr().err == "fits 2/2 · 2 done, 0 reused, 0 failed of 2 cells\n"


@pytest.mark.nightly
@pytest.mark.slow
def test_a_pipe_that_is_closed_does_not_stop_the_run(tmp_path: Path) -> None:
    read, write = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], stderr=write, stdout=subprocess.PIPE)
    os.close(write)
    os.close(read)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"THE END" in out
    assert b'"stage": "finished"' in (tmp_path / "status.json").read_bytes()


@pytest.mark.slow
def test_status_is_written_again_and_again_while_fits_run(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    path, times = tmp_path / "status.json", set()
    while process.poll() is None:
        if path.exists():
            times.add(path.stat().st_mtime_ns)
        time.sleep(0.05)
    assert len(times) >= 3


class _Plan(SimpleNamespace):
    def row(self, key: str) -> int:
        return int(key)

    def cell(self, row: int) -> Any:
        return SimpleNamespace(model=SimpleNamespace(digest=bytes([row]) * 32, typical_cost=Cost(1e-3, 0.0)))


def _counts(costs: dict[str, float], seconds: list[float], elapsed: float = 0.0) -> Counts:
    counts = Counts()
    counts.begin(len(seconds), seconds, Costs(costs), SimpleNamespace(workers=2))
    counts.began = time.time() - elapsed
    return counts


def _done(key: str, n_train: int, n_test: int) -> list[Result]:
    return [Result(key=key, facts={"n_train": n_train, "n_test": n_test})]


def test_time_to_go_before_and_after_the_first_fit() -> None:
    assert Counts().eta() is None
    assert _counts({}, [1.0] * 4).eta() is None, "nothing is known of these models"
    known = {"01" * 8: 0.01, "02" * 8: 0.001}
    counts = _counts(known, [100.0, 10.0, 10.0])
    assert counts.eta() == pytest.approx(60.0), "120 s of work for 2 workers"
    counts.began = time.time() - 200
    counts.fit_done(_done("1", 9_000, 1_000), _Plan())  # expected 100 s, took 200
    assert counts.eta() == pytest.approx(200 * 20 / 100, rel=0.01), "a fifth of the work is left, not two thirds"
    counts.fit_done(_done("2", 9_000, 1_000), _Plan())
    counts.fit_done(_done("2", 9_000, 1_000), _Plan())
    assert counts.eta() == 0.0


def test_a_failed_fit_counts_as_an_average_one() -> None:
    counts = _counts({}, [1.0, 3.0], elapsed=10)
    counts.fit_done([Result(key="1")], _Plan())
    assert counts.seconds_done == 2.0
    assert counts.eta() == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(("seconds", "message"), [(8.4, "8s"), (200, "3m20s"), (7500, "2h05m")])
def test_compact_durations(seconds: float, message: str) -> None:
    assert format_duration(seconds, compact=True) == message


def test_a_run_that_ends_before_it_began_has_nothing_to_draw() -> None:
    progress = Progress()
    progress.run_aborted(None)  # type: ignore[arg-type]
    progress.close()


def test_a_run_says_what_it_starts_and_what_it_does_before_the_first_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = RunConfig.model_validate({"execution": {"backend": "ray", "num_workers": 2}, "paths": {"outputs": "o"}})
    assert started_text(config) == "starting Ray with 2 workers, MLflow, Prefect; outputs in o"
    run = RunContext(config, tmp_path, tmp_path, "d/t", RunChannel())
    progress = Progress()
    progress.run_started(run)
    assert capsys.readouterr().err == "starting Ray with 2 workers, MLflow, Prefect; outputs in o\n"
    run.counts.stage = "reading data"
    progress._printed = float("-inf")
    progress._show_stage(last=False)
    progress._show_stage(last=False)
    assert capsys.readouterr().err == "reading data, 0s\n"
    progress.close()
