"""The end of a run on the terminal: the leaderboard before the report is made, once; the report's path last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fake_content import fake_content
from va_experiments.config.schema import RunConfig
from va_experiments.engine.context import RunContext
from va_experiments.engine.observers import RunOutcome
from va_experiments.execute import RunChannel
from va_experiments.monitoring import summary
from va_experiments.monitoring.summary import TerminalSummary


def _run(folder: Path, *, mlflow: bool = False) -> tuple[RunContext, RunOutcome]:
    config = RunConfig.model_validate({"tracking": {"mlflow": mlflow, "prefect": False}})
    cells = fake_content(sites=("AP", "Dar"), models=("nbc", "prior")).cells
    return RunContext(config, folder, folder, "d/t", RunChannel()), RunOutcome(cells, cells[:0], 0, [], "", 0)


def test_the_leaderboard_comes_first_and_the_report_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, outcome = _run(tmp_path)
    seen = TerminalSummary()
    seen.tables_written(run, outcome)
    board = capsys.readouterr().out
    assert "CSMF accuracy" in board
    assert "nbc" in board
    outcome.files.append(tmp_path / "report.html")
    seen.run_finished(run, outcome)
    rest = capsys.readouterr().out
    assert "CSMF accuracy" not in rest
    assert rest.splitlines()[-1] == f"report  {tmp_path / 'report.html'}"


def test_the_command_that_compares_runs_can_be_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my outputs"
    folder.mkdir()
    run, outcome = _run(folder, mlflow=True)
    TerminalSummary().run_finished(run, outcome)
    assert f"compare va-experiments ui --outputs '{folder}'" in capsys.readouterr().out


def test_a_leaderboard_for_which_memory_is_short_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: Any
) -> None:
    def short(*_: Any, **__: Any) -> str:
        raise MemoryError("Unable to allocate 1.2 GiB")

    monkeypatch.setattr(summary, "board_text", short)
    run, outcome = _run(tmp_path)
    seen = TerminalSummary()
    seen.tables_written(run, outcome)
    seen.run_finished(run, outcome)
    assert "cells.csv" in capsys.readouterr().out
    assert "Leaderboard: not made here, MemoryError: Unable to allocate 1.2 GiB" in caplog.text


def test_nothing_is_shown_before_the_end_where_nothing_was_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, outcome = _run(tmp_path)
    outcome.cells[run.config.objective] = float("nan")
    seen = TerminalSummary()
    seen.tables_written(run, outcome)
    assert capsys.readouterr().out == ""
    seen.run_finished(run, outcome)
    assert "cells.csv" in capsys.readouterr().out
