"""The counts of a run and its answer are said in the same words in all places."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.job_trees import small_job
from va_experiments.cell import ModelSpec
from va_experiments.cli import main
from va_experiments.config.schema import parse_config
from va_experiments.engine.finalize import finalize
from va_experiments.engine.multirun import Multirun
from va_experiments.monitoring.progress import Progress
from va_experiments.monitoring.summary import TerminalSummary
from va_experiments.plan import Job
from va_experiments.prefect_flow.events import Ending
from va_experiments.prefect_flow.observer import PrefectObserver
from va_experiments.report.run_report import write_run_report
from va_experiments.results.counts import CellCounts
from va_experiments.tracking import tracker
from va_experiments.tracking.tracker import Tracker


def test_the_sentence_names_what_there_is() -> None:
    assert CellCounts(12, 8, 3, 1, 6, 14).sentence == (
        "8 done, 3 reused, 1 failed of 12 cells; 6 baseline cells beside them; 14 fits"
    )
    assert CellCounts(4, 1, 0, 0, 0, 1).sentence == "1 done, 0 reused, 0 failed of 4 cells (3 not computed); 1 fit"
    assert CellCounts(2, 2).sentence == "2 done, 0 reused, 0 failed of 2 cells"


def test_counts_of_a_manifest_are_those_that_it_was_made_with() -> None:
    counts = CellCounts(12, 8, 3, 1, 6, 14)
    assert CellCounts.from_manifest({"counts": counts.as_dict()}) == counts
    assert CellCounts.from_manifest({"counts": {"cells": 3}}) == CellCounts(3), "of an earlier version"
    assert CellCounts.from_manifest({}) is None
    followed = {name: CellCounts(4, 1).as_dict()[name] for name in ("missing", "sentence")}
    assert followed == {"missing": 3, "sentence": CellCounts(4, 1).sentence}


def test_rows_of_models_without_symptoms_are_baselines_unless_there_are_no_others() -> None:
    rows = pd.DataFrame(
        [("nbc", "done", False), ("nbc", "done", True), ("nbc", "failed", False), ("prior", "done", False)],
        columns=["model", "status", "reused"],
    )
    assert CellCounts.of_rows(rows, frozenset({"prior"})) == CellCounts(3, 1, 1, 1, 1)
    assert CellCounts.of_rows(rows[rows["model"] == "prior"], frozenset({"prior"})) == CellCounts(1, 1)


class Mlflow:
    """Stands in for what writes to MLflow."""

    experiment, batch_size, at_once = "1", 1, 1

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.metrics: dict[str, float] = {}

    def begin(self, name: str, tags: Any) -> str:
        return "parent"

    def write(self, runs: Sequence[Any]) -> list[str]:
        return ["child"]

    def tag(self, run_id: str, name: str, text: str) -> None:
        self.tags[name] = text

    def end(self, run_id: str, metrics: dict[str, float], status: str) -> None:
        self.metrics = metrics

    def nothing(self, *_: Any) -> None:
        """For what is not looked at here."""

    close = step = artifact = close_zombies = nothing


class Prefect(PrefectObserver):
    """Keeps the ending that the flow would show."""

    ending = Ending()

    def start(self) -> None:
        """Start no server."""

    def finish(self, end: Ending) -> None:
        self.ending = end


@pytest.mark.slow
@pytest.mark.parametrize("again", [False, True])
def test_all_places_say_the_same_of_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    tree = small_job(
        n_bootstrap=10,
        report=again,
        tracking={"mlflow": True, "prefect": True},
        paths={"outputs": str(tmp_path)},
    )
    mlflow = Mlflow()
    monkeypatch.setattr(tracker, "connect", lambda *_: (None, "1"))
    monkeypatch.setattr(tracker, "open_writer", lambda *_: mlflow)
    monkeypatch.setattr(tracker, "write_predictions", lambda *_: [])

    def run(name: str) -> tuple[Multirun, Prefect, str]:
        config, job = parse_config(tree)
        prefect = Prefect(config.tracking, tmp_path / "prefect", f"day/{name}")
        observers = [Progress(), Tracker(config.tracking, tmp_path, f"day/{name}", {}), prefect, TerminalSummary()]
        made = Multirun(config, tmp_path / "runs" / "day" / name, observers, write_report=write_run_report)
        made.open([job])
        out = io.StringIO()
        try:
            jobs = [Job(0, ("model=nbc",), job, made.read([job])[0])]
            made.run(jobs, [ModelSpec.from_config(job.model)])
            with redirect_stdout(out):
                finalize(made, jobs, interrupted=None)
        finally:
            made.close("finished")
        return made, prefect, out.getvalue()

    if again:
        run("first")
    made, prefect, terminal = run("looked-at")
    folder = made.context.folder
    expected = "0 done, 3 reused" if again else "3 done, 0 reused"
    sentence = f"{expected}, 0 failed of 3 cells; 6 baseline cells beside them; {0 if again else 9} fits"
    manifest = json.loads((folder / "manifest.json").read_text())
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["status", str(folder)]) == 0
    assert manifest["counts"]["sentence"] == sentence
    terminal = " ".join(terminal.split())  # lines end at the width of the terminal
    assert sentence in terminal
    assert sentence in " ".join(out.getvalue().split())
    assert prefect.ending.counts == sentence
    assert mlflow.tags["mlflow.note.content"].endswith(sentence)
    assert {name: mlflow.metrics[name] for name in ("cells", "done", "reused", "failed", "baselines", "fits")} == {
        name: manifest["counts"][name] for name in ("cells", "done", "reused", "failed", "baselines", "fits")
    }
    assert len(prefect.ending.answers) == 2
    assert prefect.ending.answers[0].startswith("Cause fractions: ")
    assert prefect.ending.answers[1].startswith("Single deaths: ")
    page = html.unescape((folder / "report.html").read_text()) if again else ""
    for answer in prefect.ending.answers:
        assert answer in terminal
        assert answer in mlflow.tags["mlflow.note.content"]
        assert not again or answer in page
    assert not again or sentence in page
