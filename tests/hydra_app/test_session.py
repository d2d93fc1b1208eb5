"""What belongs to the run is the same for all jobs of a command; a sweep over it is refused before anything runs."""

from __future__ import annotations

import pytest

from tests.bad_inputs.test_commands import refused
from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, run_here
from tests.marks import first_of_each_kind
from va_experiments.config.schema import RunConfig, option_tree
from va_experiments.hydra_app.job_configs import swept_run_keys, with_ray_options

VALUES = {
    "objective": "top1,log_loss",
    "resume": "true,false",
    "on_error": "continue,stop",
    "dry_run": "true,false",
    "report": "true,false",
    "legacy_table": "true,false",
    "allow_incomplete": "true,false",
    "max_cells": "1000,2000",
    "max_core_hours": "1.5,2.5",
    "cost.core_hour": "0.5,0.25",
    "allowed_targets": "[],[mine]",
    "strata": "[],[site]",
    "save_model": "true,false",
    "register_model": "a,b",
    "tracking.experiment": "a,b",
    "tracking.mlflow": "true,false",
    "execution.window": "2,3",
    "execution.num_workers": "1,2",
    "paths.outputs": "a,b",
    "checkpoint.path": "a,b",
    "alert.stalled_minutes": "5,6",
}


@pytest.mark.parametrize("key", first_of_each_kind(VALUES, lambda key: "." in key))
def test_a_swept_key_of_the_run_is_refused_by_name(key: str) -> None:
    first, second = VALUES[key].split(",")
    quick = [q for q in QUICK if not q.startswith(("execution", "tracking", "report"))]
    words = f"'{key}' has 2 values in one command ({first}, {second}): it belongs to the run and cannot be swept"
    if key in ("allowed_targets", "strata"):
        words = f"'{key}' has 2 values in one command"
    with elsewhere() as root:
        refused((f"{key}={VALUES[key]}", "model=nbc", "-m", *quick), words, root)


def test_a_swept_group_of_the_run_names_each_key_that_differs() -> None:
    quick = [q for q in QUICK if not q.startswith("execution")]
    with elsewhere() as root:
        refused(("execution=ray,inline", "model=nbc", *quick), "'execution.backend' has 2 values in one command", root)


def test_a_swept_address_of_an_alert_is_not_shown() -> None:
    runs = [RunConfig.model_validate({"alert": {"url": f"json://host/{token}"}}) for token in ("abc", "def")]
    (problem,) = swept_run_keys(runs, [])
    assert "'alert.url' has 2 values" in problem
    assert "abc" not in problem
    assert "json" not in problem


def test_the_key_of_the_job_that_was_probably_meant_is_named() -> None:
    runs = [RunConfig(objective="top1"), RunConfig(objective="log_loss")]
    (problem,) = swept_run_keys(runs, [{"model": {"name": "tuned", "objective": "top1"}}])
    assert problem.endswith("objective=log_loss; if model.objective was meant, sweep that")


def test_every_key_of_the_run_is_covered() -> None:
    groups = option_tree()
    swept = {key.partition(".")[0] for key in VALUES}
    assert swept == set(RunConfig.model_fields) & set(groups)


def test_a_sweep_over_a_key_of_jobs_is_accepted() -> None:
    with elsewhere():
        code, text = run_here(("model=nbc", "seed=1,2", "site=ap", "dry_run=true", *QUICK))
    assert code == 0, text


def test_options_of_ray_s_launcher_are_no_second_value_in_later_batches() -> None:
    from pathlib import Path

    from va_experiments.hydra_app.app import compose
    from va_experiments.hydra_app.session import Session

    session = Session()
    with elsewhere() as root:
        for number, seed in enumerate((1, 2)):
            tree = compose(["model=nbc", "site=ap", "data.n=120", "dry_run=true", f"seed={seed}"])
            values = session.batch([tree], [()], number, Path(root) / "run", {"init": {"num_cpus": 2}})
            assert values == [None]
    assert session.config is not None
    assert session.config.execution.num_workers is None
    assert with_ray_options(session.config, {"init": {"num_cpus": 2}}).execution.num_workers == 2
