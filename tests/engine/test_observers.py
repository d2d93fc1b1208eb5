"""The engine tells observers what happens, in order, and goes on without one that fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.job_trees import small_job
from va_experiments.cell import Failure, ModelSpec, Result
from va_experiments.checkpoints.lock import OutputsMoved
from va_experiments.config.schema import parse_config
from va_experiments.engine import multirun
from va_experiments.engine.finalize import finalize, write_tables
from va_experiments.engine.multirun import Multirun
from va_experiments.engine.observers import CellSettled, Observer
from va_experiments.monitoring.progress import Progress
from va_experiments.plan import Job


class Recording(Observer):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def run_started(self, run):
        self.calls.append(("run_started", run.run_id))

    def jobs_planned(self, labels, summary):
        self.calls.append(("jobs_planned", dict(labels)))

    def cell_settled(self, cell: CellSettled):
        self.calls.append(("cell_settled", cell.row["test_site"]))

    def job_done(self, number, *, error, summary):
        self.calls.append(("job_done", (number, error)))

    def tables_written(self, run, outcome):
        self.calls.append(("tables_written", (len(outcome.rows), (run.folder / "cells.csv").is_file())))

    def run_finished(self, run, outcome):
        self.calls.append(("run_finished", outcome.exit_code))

    def close(self):
        self.calls.append(("close", None))


class Failing(Observer):
    """Fails at the first cell."""

    def __init__(self) -> None:
        self.cells = 0

    def cell_settled(self, cell):
        self.cells += 1
        raise RuntimeError("the page is gone")


def run_with(
    *observers: Observer, outputs: Path, prepare: Callable[[Multirun], None] = lambda run: None, resume: str = "true"
) -> tuple[Multirun, list[float | None], int]:
    """Run one job over three sites of simulated deaths."""
    tree = small_job(
        baselines=[],
        resume=resume,
        tracking={"mlflow": False, "prefect": False},
        paths={"outputs": str(outputs)},
    )
    config, job = parse_config(tree)
    run = Multirun(config, outputs / "runs" / "day" / resume, observers)
    prepare(run)
    run.open([job])
    try:
        jobs = [Job(0, ("model=nbc",), job, run.read([job])[0])]
        values = run.run(jobs, [ModelSpec.from_config(job.model)])
        code = finalize(run, jobs, interrupted=None).exit_code
    finally:
        run.close("finished")
    return run, values, code


def test_an_observer_sees_the_run_in_order(tmp_path: Path) -> None:
    seen = Recording()
    run_with(seen, outputs=tmp_path)
    names = [name for name, _ in seen.calls]
    settled = ["cell_settled"] * 3
    assert names == ["run_started", "jobs_planned", *settled, "job_done", "tables_written", "run_finished", "close"]
    assert ("tables_written", (3, True)) in seen.calls
    assert sorted(site for name, site in seen.calls if name == "cell_settled") == ["A", "B", "C"]
    assert ("job_done", (0, "")) in seen.calls
    assert ("run_finished", 0) in seen.calls


def test_a_failing_observer_does_not_stop_the_run_and_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failing, seen = Failing(), Recording()
    _, values, code = run_with(failing, seen, outputs=tmp_path)
    assert code == 0
    assert values[0] is not None
    assert failing.cells == 1
    assert [name for name, _ in seen.calls].count("cell_settled") == 3
    assert "Failing could not follow the run (RuntimeError: the page is gone); results are not affected" in caplog.text


def test_the_same_run_without_observers_gives_the_same_result(tmp_path: Path) -> None:
    watched = run_with(Recording(), outputs=tmp_path / "a")[1]
    assert run_with(outputs=tmp_path / "b")[1] == watched


def test_the_workers_are_stopped_while_the_report_is_written(tmp_path: Path) -> None:
    stopping, written, stopped = threading.Event(), threading.Event(), []

    def slow_stop() -> None:
        stopping.set()
        stopped.append(written.wait(10))

    def write_report(*_: Any) -> tuple[list[Path], list[str]]:
        assert stopping.wait(10), "the report does not wait for the workers to be stopped"
        written.set()
        return [tmp_path / "report.html"], []

    def prepare(run: Multirun) -> None:
        run.backend.stop, run.write_report = slow_stop, write_report

    assert run_with(outputs=tmp_path, prepare=prepare)[2] == 0
    assert stopped[0], "stopping ended before the report was written"


def test_the_tables_are_known_to_observers_before_the_report_is_made(tmp_path: Path) -> None:
    seen, known = Recording(), list[str]()

    def write_report(*_: Any) -> tuple[list[Path], list[str]]:
        known.extend(name for name, _ in seen.calls)
        return [], []

    def prepare(run: Multirun) -> None:
        run.write_report = write_report

    run_with(seen, outputs=tmp_path, prepare=prepare)
    assert known[-1] == "tables_written"


def test_a_run_ends_where_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a limit of address space, which has no room for another stack."""
    right = run_with(outputs=tmp_path / "a")[1]

    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    run, values, code = run_with(Progress(), outputs=tmp_path / "b")
    assert (values, code) == (right, 0)
    assert len(list(run.store.keys())) == 3
    assert json.loads((run.context.folder / "status.json").read_text())["stage"] == "finished"


def test_workers_that_do_not_stop_do_not_keep_a_run_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(multirun, "CLOSE_SECONDS", 0.05)
    released = threading.Event()

    def prepare(run: Multirun) -> None:
        run.backend.stop = lambda: released.wait(60)

    try:
        assert run_with(outputs=tmp_path, prepare=prepare)[2] == 0
    finally:
        released.set()
    assert "'stop workers' took longer" in caplog.text


def test_a_job_with_a_failed_cell_has_no_objective(tmp_path: Path) -> None:
    def prepare(run: Multirun) -> None:
        compute = run.backend.run

        def one_fails(*arguments: Any) -> Iterator[list[Result]]:
            for number, results in enumerate(compute(*arguments)):
                if number == 0:
                    results[0].failure = Failure("ValueError", "no deaths")
                yield results

        run.backend.run = one_fails

    seen = Recording()
    _, values, code = run_with(seen, outputs=tmp_path, prepare=prepare)
    assert values == [None]
    assert code == 3
    assert ("job_done", (0, "1 of 3 cells failed")) in seen.calls


def test_resume_failed_takes_only_cells_that_failed_before(tmp_path: Path) -> None:
    failed: list[str] = []

    def first(run: Multirun) -> None:
        compute = run.backend.run

        def one_fails_and_one_is_lost(*arguments: Any) -> Iterator[list[Result]]:
            for number, results in enumerate(compute(*arguments)):
                if number == 0:
                    results[0].failure = Failure("ValueError", "no deaths")
                    failed.append(results[0].key)
                if number < 2:
                    yield results

        run.backend.run = one_fails_and_one_is_lost

    computed: list[str] = []

    def second(run: Multirun) -> None:
        compute = run.backend.run

        def recorded(fits: Any, *arguments: Any) -> Iterator[list[Result]]:
            computed.extend(cell.key for fit in fits for cell in fit.cells)
            return compute(fits, *arguments)

        run.backend.run = recorded

    run_with(outputs=tmp_path, prepare=first)
    _, values, code = run_with(outputs=tmp_path, prepare=second, resume="failed")
    assert computed == failed
    assert values == [None], "the cell that was never tried is missing still"
    assert code == 3


@pytest.mark.parametrize("written", ["tables", "report", "a report that fails at it"])
def test_outputs_that_are_moved_while_tables_or_report_are_written_stop_the_run(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, elsewhere = tmp_path / "outputs", tmp_path / "elsewhere"

    def write_moved_tables(folder: Path, *tables: pd.DataFrame) -> None:
        write_tables(folder, *tables)
        outputs.rename(elsewhere)

    def write_moved_report(_: object, folder: Path, *rest: object) -> tuple[list[Path], list[str]]:
        outputs.rename(elsewhere)
        if "fails" in written:
            (folder / "page.html").write_text("")
        return [], []

    def prepare(run: Multirun) -> None:
        if written == "tables":
            monkeypatch.setattr("va_experiments.engine.finalize.write_tables", write_moved_tables)
        else:
            run.write_report = write_moved_report

    with pytest.raises(OutputsMoved, match=r"paths\.outputs=FOLDER, the folder's new place"):
        run_with(outputs=outputs, prepare=prepare)
    assert not outputs.exists()
    assert (elsewhere / "runs" / "day" / "true" / "cells.csv").is_file()
