"""The rows of a run are on disk as they come, and are read back as the requested cells and the baselines."""

from __future__ import annotations

import json
from pathlib import Path

from tests.results.conftest import MakeOutcome
from va_experiments.cell import Failure
from va_experiments.results.table_files import escape_formula, unescape_formula
from va_experiments.results.writer import ROWS_FILE, ResultWriter


def test_rows_are_on_disk_at_once_and_read_back_in_two_tables(make_outcome: MakeOutcome, tmp_path: Path) -> None:
    writer = ResultWriter(tmp_path, "2026-01-01/12")
    done, failed = make_outcome(), make_outcome(failure=Failure("ValueError", "no"))
    about = {"job": "model=nbc", "simulated": True}
    row = writer.add(done.cell, done.result, model="nbc", requested=True, **about)
    lines = [json.loads(line) for line in (tmp_path / ROWS_FILE).read_text().splitlines()]
    assert lines == [{**row, "requested": True}]
    writer.add(failed.cell, failed.result, model="prior", requested=False, **about)
    cells, baselines = writer.tables()
    writer.close()
    assert (cells["model"].tolist(), baselines["model"].tolist()) == (["nbc"], ["prior"])
    assert cells["run_id"].tolist() == ["2026-01-01/12"]
    assert cells["top1"].tolist() == [row.top1]
    assert "error_class" not in cells
    assert baselines["error_message"].tolist() == ["no"]


def test_a_run_without_cells_has_empty_tables(tmp_path: Path) -> None:
    cells, baselines = ResultWriter(tmp_path, "r").tables()
    assert len(cells) == len(baselines) == 0
    assert "older_versions" in cells


def test_a_row_holds_job_model_and_whether_its_data_are_simulated(make_outcome: MakeOutcome, tmp_path: Path) -> None:
    writer, outcome = ResultWriter(tmp_path, "r"), make_outcome()
    for simulated in (True, False):
        row = writer.add(
            outcome.cell, outcome.result, job="seed=2", model="mine", simulated=simulated, requested=True, computed=True
        )
        assert (row["job"], row["model"], row["simulated"]) == ("seed=2", "mine", simulated)
    writer.close()


def test_a_cell_that_was_neither_computed_nor_found_is_missing(make_outcome: MakeOutcome, tmp_path: Path) -> None:
    writer, outcome = ResultWriter(tmp_path, "r"), make_outcome()
    about = {"job": "", "model": "nbc", "simulated": True, "requested": True}
    assert writer.add(outcome.cell, outcome.result, **about)["status"] == "done"
    assert writer.add(outcome.cell, outcome.result, computed=False, **about)["status"] == "missing"
    writer.close()


def test_a_closed_writer_has_let_go_of_its_file(make_outcome: MakeOutcome, tmp_path: Path) -> None:
    writer, outcome = ResultWriter(tmp_path, "r"), make_outcome()
    writer.add(outcome.cell, outcome.result, job="", model="nbc", simulated=True, requested=True)
    file = writer._file
    assert file is not None
    writer.close()
    assert file.closed
    assert writer._file is None


def test_text_that_a_spreadsheet_would_run_is_escaped_and_read_back() -> None:
    for text in ("=1+1", "@x", "-2", "+3", "'=1", "'quoted'", "'", "", "plain", "a=b"):
        assert unescape_formula(escape_formula(text)) == text, text
    assert escape_formula("=1+1") == "'=1+1"
    assert escape_formula("'=1") == "''=1"
    assert escape_formula("plain") == "plain"
