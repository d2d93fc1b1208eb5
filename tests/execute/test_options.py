"""What a run may ask of its workers: another try for some errors, memory before a fit begins, options of Ray's."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.faults.harness import INLINE, RAY, SMALL, Place, undisturbed
from va_experiments.config.schema import ExecutionConfig, RunConfig
from va_experiments.hydra_app.job_configs import with_ray_options

RETRYABLE = [{"fault": "retryable", "times": 1}]
"""A ``ConnectionResetError`` at the first attempt at every cell."""


def cells(place: Place) -> pd.DataFrame:
    return pd.read_parquet(sorted((place.outputs / "runs").glob("*/*/cells.parquet"))[-1])


@pytest.mark.slow
def test_an_error_named_retryable_is_tried_again_and_any_other_is_not() -> None:
    right = undisturbed("model=toy")
    with Place.new(*SMALL, *INLINE) as place:
        refused = place.run("model=toy", plan=RETRYABLE)
        assert refused.code == 3
        assert set(cells(place)["error_class"]) == {"ConnectionResetError"}
    with Place.new(*SMALL, *INLINE) as place:
        done = place.run("model=toy", "execution.retry_errors=[ConnectionError]", plan=RETRYABLE)
        assert done.code == 0, done.err
        assert set(cells(place)["attempt"]) == {2}
        assert place.store() == right
        assert len(place.attempts()) == len(right)
    with Place.new(*SMALL, *INLINE) as place:
        always = [{"fault": "retryable", "sites": ["Dar"]}]
        lasting = place.run("model=toy", "execution.retry_errors=[OSError]", "execution.max_retries=2", plan=always)
        assert lasting.code == 3
        assert place.faults() == 3, "the first try and two more"
        assert (cells(place)["status"] == "done").sum() == 5


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.slow
def test_on_ray_a_fit_waits_for_its_memory_and_a_retryable_error_is_tried_again() -> None:
    half = ("+execution.init._memory=1000000000", "model.resources.memory=600000000", "execution.num_workers=2")
    with Place.new(*SMALL, *RAY) as place:
        command = ("model=toy", "model.seconds=0.4", "execution.retry_errors=[ConnectionError]", "report=false", *half)
        done = place.run(*command, plan=RETRYABLE, real=True, timeout=200)
        assert done.code == 0, done.err
        assert place.store() == undisturbed("model=toy", "model.seconds=0.4")
        assert set(cells(place)["attempt"]) == {2}
        at_work = 0
        for record in sorted(place.journal(), key=lambda r: r["time"]):
            at_work += {"begin": 1, "end": -1, "fault": -1}[record["event"]]
            assert at_work <= 1, "two fits of 600 MB each ran at once in 1000 MB"


def test_options_under_the_names_of_ray_s_launcher_reach_the_engine() -> None:
    config = RunConfig()
    same = with_ray_options(config, {"init": {"address": None}, "remote": {}})
    assert same is config
    options = {"init": {"address": "10.0.0.1:6379", "num_cpus": 4, "_temp_dir": "t"}, "remote": {"num_cpus": 2}}
    execution = with_ray_options(config, options).execution
    assert execution == ExecutionConfig(
        address="10.0.0.1:6379", num_workers=4, init={"_temp_dir": "t"}, remote={"num_cpus": 2}
    )
