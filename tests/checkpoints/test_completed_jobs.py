"""The same command again: nothing to compute is known before workers are started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.harness import INLINE, RAY, SMALL, Place
from tests.test_plan import config
from va_experiments.checkpoints.completed_jobs import is_complete, mark_complete


def test_complete_jobs_are_recognised_by_what_their_cells_depend_on(tmp_path: Path) -> None:
    jobs = [config(), config("prior")]
    assert not is_complete(tmp_path, jobs)
    mark_complete(tmp_path, jobs)
    assert is_complete(tmp_path, jobs)
    assert not is_complete(tmp_path, jobs[:1])
    assert not is_complete(tmp_path, [c.model_copy(update={"seed": 2}) for c in jobs])


@pytest.mark.parametrize("content", ["", "{", "null", '{"a": 1}', "[1, 2]", "[" * 100_000])
def test_a_damaged_list_is_no_list(content: str, tmp_path: Path) -> None:
    (tmp_path / "complete.json").write_text(content)
    assert not is_complete(tmp_path, [config()])
    mark_complete(tmp_path, [config()])
    assert is_complete(tmp_path, [config()])


@pytest.mark.slow
def test_ray_is_not_started_when_every_cell_is_there() -> None:
    command = ("model=toy", "report=false")
    with Place.new(*SMALL) as place:
        assert place.run(*command, *INLINE).code == 0
        done = place.run(*command, *RAY, real=True)
        assert done.code == 0, done.err
        assert "Nothing was fitted" in done.out
        manifest = json.loads(sorted((place.outputs / "runs").glob("*/*/manifest.json"))[-1].read_text())
        assert manifest["execution"] == {"backend": "ray"}, "no cluster, so nothing is said of one"
