"""What a plan costs is estimated from recorded costs, and a limit refuses more before the first fit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.in_process import output_here, run_here
from va_experiments.config.schema import RunConfig
from va_experiments.engine.estimate import Estimate, check_limit, read_costs, read_memory
from va_experiments.errors import InputError

SMALL = ("data.n=120", "data.n_symptoms=5", "n_bootstrap=0", "baselines=[]", "report=false", "execution=inline",
         "tracking=none")  # fmt: skip


@pytest.mark.parametrize("name", ["costs.json", "peak_memory.json"])
@pytest.mark.parametrize("content", [None, "[" * 100_000, '{"a": "b"}', "[1]"])
def test_recorded_costs_of_another_form_are_none(name: str, content: str | None, tmp_path: Path) -> None:
    if content is None:
        os.mkfifo(tmp_path / name)  # reading it would wait for ever
    else:
        (tmp_path / name).write_text(content)
    assert read_memory(tmp_path) == {}
    assert dict(read_costs(tmp_path).seconds_by_death) == {}


def test_an_estimate_is_said_with_its_price_and_with_what_is_not_in_it() -> None:
    lines = Estimate(4.0, 310.0, {"interva": 6}).lines(8, 0.05)
    assert lines == [
        "estimate: 4 core hours, 0.5 hours on 8 workers, up to 310 MB of memory for each worker; "
        "0.2 at 0.05 a core hour",
        "not in the estimate, because no cost is recorded in this store: interva (6 fits); run a few cells first",
    ]
    assert Estimate(0.5, None).lines(1, None) == ["estimate: 0.5 core hours, 0.5 hours on 1 worker"]


def test_a_limit_below_the_estimate_is_input() -> None:
    check_limit(Estimate(2.0, None), RunConfig())
    check_limit(Estimate(2.0, None), RunConfig(max_core_hours=2.0))
    with pytest.raises(InputError, match=r"max_core_hours is 1, and the cells to do need about 2 core hours"):
        check_limit(Estimate(2.0, None), RunConfig(max_core_hours=1.0))


def test_damaged_records_are_no_costs(tmp_path: Path) -> None:
    for text in ("", "[1]", '{"a": "b"}', "null"):
        (tmp_path / "costs.json").write_text(text)
        assert read_costs(tmp_path).seconds_by_death == {}
    assert read_memory(tmp_path) == {}


@pytest.mark.slow
def test_costs_of_a_run_are_the_estimate_of_the_next(tmp_path: Path) -> None:
    outputs = f"paths.outputs={tmp_path / 'o'}"
    assert run_here(["model=nbc", "site=ap", *SMALL, outputs])[0] == 0
    store = tmp_path / "o" / "checkpoints"
    (digest,) = json.loads((store / "peak_memory.json").read_text())
    (store / "costs.json").write_text(json.dumps({digest: 30.0}))  # CPU seconds for each of 120 deaths: an hour a fit
    code, out, _ = output_here(
        ["model=nbc,interva", "site=ap,up", *SMALL, outputs, "dry_run=true", "cost.core_hour=2", "-m"]
    )
    assert code == 0
    assert "estimate: 1 core hours, 1 hours on 1 worker" in out
    assert "2 at 2 a core hour" in out
    assert "no cost is recorded in this store: interva (2 fits)" in out
    for extra in ("dry_run=true", "dry_run=false"):
        code, err = run_here(["model=nbc", "site=up", *SMALL, outputs, "max_core_hours=0.5", extra])
        assert code == 2
        assert "max_core_hours is 0.5, and the cells to do need about 1 core hours" in err
    assert len(list((store / "cells").glob("*/*"))) == 1, "nothing was computed"
