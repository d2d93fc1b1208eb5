"""What stands in a run's log: who did what where and for how long; no secret, no person's row."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command
from va_experiments.monitoring.logs import JsonFormatter, json_handler, run_log
from va_experiments.redaction import redacted, redacted_tree, without_password


def _lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.nightly
@pytest.mark.slow
def test_each_cell_is_a_line_with_run_job_cell_model_site_worker_and_timings(tmp_path: Path) -> None:
    ran = run_command("model=nbc,interva", "site=pemba,ap", *QUICK, outputs=tmp_path)
    lines = [x for x in _lines(ran.folder) if x["message"].startswith("cell done")]
    assert len(lines) == 4
    for line in lines:
        assert line["level"] == "info"
        assert line["run_id"] == f"{ran.folder.parent.name}/{ran.folder.name}"
        assert line["cell_key"] in set(ran.cells["cell_key"])
        assert line["job"].startswith(f"model={line['model']}")
        assert line["test_site"] in ("AP", "Pemba")
        assert ":" in line["worker"]
        assert line["ended"] >= line["started"]
        stages = ("queue", "load", "fit", "predict", "score", "commit")
        assert {f"{s}_seconds" for s in stages} <= set(line["timings"])
    assert "cell done" not in ran.err, "the terminal has warnings and errors only"
    again = run_command("model=nbc,interva", "site=pemba,ap", *QUICK, outputs=tmp_path)
    assert sum(x["message"].startswith("cell reused") for x in _lines(again.folder)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "preset", ["disabled", *(pytest.param(p, marks=pytest.mark.nightly) for p in ("default", "stdout", "none"))]
)
def test_hydras_presets_are_harmless(preset: str, tmp_path: Path) -> None:
    ran = run_command("model=nbc", "site=pemba", *QUICK, f"hydra/job_logging={preset}", outputs=tmp_path)
    assert ran.code == 0, ran.err
    assert any(x["message"].startswith("cell done") for x in _lines(ran.folder))
    assert ("cell done: nbc at Pemba" in ran.out) == (preset in ("default", "stdout"))
    assert (ran.folder / "va_experiments.log").exists() == (preset == "default")


@pytest.mark.slow
@pytest.mark.real_data
def test_no_row_of_a_person_is_in_a_log(tmp_path: Path, phmrc_dir: Path) -> None:
    import pandas as pd

    ran = run_command(
        *("model=nbc", "data=phmrc_adult", f"data.path={phmrc_dir / 'adult.csv.gz'}", "site=pemba", *QUICK),
        outputs=tmp_path,
    )
    assert ran.code == 0, ran.err
    ids = pd.read_csv(phmrc_dir / "adult.csv.gz", usecols=["newid"], dtype=str)["newid"]
    import pyarrow.parquet as pq

    stored = next((tmp_path / "checkpoints" / "cells").glob("*/*/predictions.parquet"))
    own = pq.read_table(stored, columns=["id"])["id"].to_pylist()
    assert len(set(own)) == 297
    text = ran.out + ran.err + (ran.folder / "log.jsonl").read_text() + (ran.folder / "status.json").read_text()
    words = set(text.replace('"', " ").replace(",", " ").split())
    assert not words & {i for i in own if len(i) > 3}
    assert len(ids) == 7841


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tracking.uri=http://bob:s3cret@host:5000/x", "tracking.uri=http://***@host:5000/x"),
        ("alert.url=slack://A/B/C alert.events=[failed]", "alert.url=*** alert.events=[failed]"),
        ("alert.url=[mailto://u:p@h, json://x] seed=2", "alert.url=*** seed=2"),
        ("GET http://h/?token=abc&x=1", "GET http://h/?token=***&x=1"),
        ("PREFECT_API_AUTH_STRING=va:xyz rest", "PREFECT_API_AUTH_STRING=*** rest"),
        ("Authorization: Basic dmE6eHl6", "Authorization: ***"),
        ('{"password": "x y"}', '{"password": "***"}'),
        ("nothing at all: model=nbc site=ap", "nothing at all: model=nbc site=ap"),
    ],
)
def test_redacted(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_redacted_tree_hides_addresses_of_alerts_wherever_they_are() -> None:
    tree = {"alert": {"url": ["slack://A/B"], "events": ["failed"]}, "x": [{"uri": "http://a:b@c"}], "n": 3}
    assert redacted_tree(tree) == {
        "alert": {"url": "***", "events": ["failed"]},
        "x": [{"uri": "http://***@c"}],
        "n": 3,
    }


def test_password_is_taken_out_of_an_address() -> None:
    assert without_password("https://bob:s3@host:5000/p?q=1") == ("https://host:5000/p?q=1", "bob", "s3")
    assert without_password("sqlite:////a@b/c.db") == ("sqlite:////a@b/c.db", None, None)


def test_json_lines_carry_extras_and_tracebacks_redacted() -> None:
    try:
        raise ValueError("http://u:pw@h")
    except ValueError:
        import sys

        record = logging.LogRecord("a.b", logging.ERROR, "f", 1, "token=%s", ("abc",), sys.exc_info())
    record.uri = "http://u:pw@h"
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "token=***"
    assert line["uri"] == "http://***@h"
    assert "pw" not in line["traceback"]
    assert line["time"].endswith("Z")


def test_a_line_that_a_full_disk_does_not_take_is_left_out_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full, as Linux has it")
    handler = json_handler(full)
    handler.handle(logging.makeLogRecord({"msg": "cell done", "levelno": logging.INFO}))
    assert capfd.readouterr().err == ""
    handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    assert "Logging error" in capfd.readouterr().err, "a mistake in a message is not hidden"


def test_a_run_that_has_ended_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    logger = logging.getLogger("va_experiments")
    before = (list(logger.handlers), logger.level, logger.propagate)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with run_log(tmp_path / name):
            logger.info("a line of the %s", name)
    assert (list(logger.handlers), logger.level, logger.propagate) == before
    assert [x["message"] for x in _lines(tmp_path / "first")] == ["a line of the first"]
    assert [x["message"] for x in _lines(tmp_path / "second")] == ["a line of the second"]
