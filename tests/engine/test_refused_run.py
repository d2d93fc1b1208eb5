"""A command that is refused removes what it has made itself, and nothing of another's."""

from __future__ import annotations

import contextlib
import errno
import logging
import threading
import types
from pathlib import Path

import pytest

from va_experiments.checkpoints import lock as locks
from va_experiments.config.schema import JobConfig, parse_config
from va_experiments.engine import multirun


def configured(outputs: Path) -> tuple[multirun.Multirun, JobConfig]:
    tree = {
        "model": {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"},
        "data": {"name": "simulated"},
        "site": {"name": "all", "test_sites": "all"},
        "features": {"name": "hce"},
        "protocol": {"name": "leave_one_site_out"},
        "testset": {"name": "natural"},
        "execution": {"backend": "inline"},
        "tracking": {"mlflow": False, "prefect": False},
        "paths": {"outputs": str(outputs)},
    }
    config, job = parse_config(tree)
    return multirun.Multirun(config, outputs / "runs" / "one"), job


def test_a_store_made_while_waiting_for_the_lock_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = tmp_path / "outputs"
    somebodys_cell = outputs / "checkpoints" / "cells" / "ab" / "somebody's cell"

    @contextlib.contextmanager
    def after_another(folder: Path):
        somebodys_cell.mkdir(parents=True)  # another command came first, finished, and let go of the lock
        with locks.lock_outputs(folder) as moved:
            yield moved

    monkeypatch.setattr(multirun, "lock_outputs", after_another)
    run, job = configured(outputs)
    run.open([job])
    run.close("failed")
    assert somebodys_cell.is_dir()


def test_a_command_that_does_not_get_the_lock_removes_nothing(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    (first, job), (second, _) = configured(outputs), configured(outputs)
    first.open([job])
    with pytest.raises(locks.Locked):
        second.open([job])
    second.close("failed")
    assert (outputs / "checkpoints").is_dir()
    assert (outputs / "lock").exists()
    first.close("failed")
    assert not (outputs / "checkpoints").exists()


def test_a_cell_that_is_stored_but_not_yet_counted_is_kept(tmp_path: Path) -> None:
    run, job = configured(tmp_path / "outputs")
    run.open([job])
    (run.store.cells / "ab" / f"ab{'0' * 62}").mkdir(parents=True)  # its commit ended as another's error ended the run
    run.close("failed")
    assert list(run.store.keys()) == [f"ab{'0' * 62}"]


def test_commits_that_a_slow_disk_does_not_end_are_said_and_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(multirun, "CLOSE_SECONDS", 0.05)
    run, job = configured(tmp_path / "outputs")
    answers = threading.Event()
    monkeypatch.setattr(run, "_write", lambda cell, result: answers.wait(60))
    run.open([job])
    commits = [run.commit(None, types.SimpleNamespace(failure=None)) for _ in range(3)]  # type: ignore[arg-type]
    monkeypatch.setattr(logging.getLogger("va_experiments"), "propagate", True)
    run.close("failed")
    assert "3 finished cells were not on the disk" in caplog.text
    assert run.context.counts.done == 0
    assert run.store.root.is_dir(), "a commit that is still at work needs its folder"
    answers.set()
    for commit in commits:
        commit.result(60)
    assert not run._commits


@pytest.mark.parametrize("replaced", [False, True])
def test_outputs_that_are_moved_during_a_run_stop_it_and_are_not_made_again(replaced: bool, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    run, job = configured(outputs)
    run.open([job])
    outputs.rename(tmp_path / "elsewhere")
    if replaced:
        outputs.mkdir()
    with pytest.raises(locks.OutputsMoved, match="was moved, removed or replaced during the run"):
        run.commit(None, types.SimpleNamespace(failure=None)).result(60)  # type: ignore[arg-type]
    assert run.context.channel.stopping.is_set()
    run.close("failed")
    assert [p for p in tmp_path.rglob("*") if p.is_file() and not p.is_relative_to(tmp_path / "elsewhere")] == []


def test_a_cell_whose_folder_vanishes_while_it_is_written_is_told_as_moved_outputs(tmp_path: Path) -> None:
    run, _ = configured(tmp_path / "outputs")
    error = run.context.unwritable(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    assert isinstance(error, locks.OutputsMoved)
    full = run.context.unwritable(OSError(errno.EFBIG, "File too large"))
    assert "raise the limit (ulimit -f)" in str(full)


def test_a_lock_file_that_is_removed_does_not_stop_a_run(tmp_path: Path) -> None:
    with locks.lock_outputs(tmp_path) as moved:
        (tmp_path / "lock").unlink()
        assert not moved()
