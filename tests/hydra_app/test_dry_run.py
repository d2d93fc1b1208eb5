"""The plan of a command, printed: which job each cell belongs to."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from va_experiments.hydra_app.dry_run import job_labels


def test_a_job_is_named_by_what_the_others_do_not_have() -> None:
    assert job_labels([("model=nbc", "seed=1", "x=2"), ("model=nbc", "seed=2", "x=2")]) == ["seed=1", "seed=2"]
    assert job_labels([("a=1",), ("a=1",)]) == ["a=1", "a=1"]
    assert job_labels([()]) == ["default"]
    assert job_labels([]) == []


@pytest.mark.slow
def test_the_jobs_of_an_ablation_are_told_apart() -> None:
    grid = ("model=nbc", "model.alpha=1,2", "features=no_hce,hce", "site=ap")
    with elsewhere():
        code, out, err = output_here((*grid, "data.n=120", "dry_run=true", *QUICK))
        _, one, _ = output_here(("model=nbc", "site=ap", "data.n=120", "dry_run=true", *QUICK))
        _, twice, _ = output_here(("model=nbc", "site=ap", "seed=1,1", "data.n=120", "dry_run=true", *QUICK))
    assert code == 0, err
    jobs = [line for line in out.splitlines() if line.startswith("job ")]
    assert jobs == [
        "job 0: model.alpha=1 features=no_hce (1 cells)",
        "job 1: model.alpha=1 features=hce (1 cells)",
        "job 2: model.alpha=2 features=no_hce (1 cells)",
        "job 3: model.alpha=2 features=hce (1 cells)",
    ]
    assert "job " not in one
    assert "1 of them also of an earlier job" in twice
