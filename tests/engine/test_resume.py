"""What a run takes from the store, by its resume setting, and what a job with failed cells tells a sweeper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.job_trees import small_job
from va_experiments.cell import ModelSpec
from va_experiments.config.schema import parse_config
from va_experiments.data.deaths import Deaths
from va_experiments.engine.finalize import finalize
from va_experiments.engine.multirun import Multirun
from va_experiments.models.base import Prediction
from va_experiments.models.nbc import NaiveBayes
from va_experiments.plan import Job

MODELS = {"nbc": "va_experiments.models.nbc.NaiveBayes", "prior": "va_experiments.models.priors.Prior"}


def run_models(
    models: Sequence[str], outputs: Path, name: str, **settings: Any
) -> tuple[list[float | None], dict[tuple[str, str], tuple[str, bool]], int]:
    """Run leave-one-site-out over three sites; return objectives, (status, reused) of each cell, and the exit code."""
    trees = [
        small_job(
            model={"name": model, "_target_": MODELS[model]},
            tracking={"mlflow": False, "prefect": False},
            paths={"outputs": str(outputs)},
            n_bootstrap=5,
            baselines=[],
        )
        | settings
        for model in models
    ]
    config, job_configs = parse_config(trees[0])[0], [parse_config(tree)[1] for tree in trees]
    run = Multirun(config, outputs / "runs" / "day" / name, ())
    run.open(job_configs)
    try:
        jobs = [
            Job(k, (f"model={model}",), job, run.read([job])[0])
            for k, (model, job) in enumerate(zip(models, job_configs, strict=True))
        ]
        values = run.run(jobs, [ModelSpec.from_config(job.model) for job in job_configs])
        code = finalize(run, jobs, interrupted=None).exit_code
    finally:
        run.close("finished")
    from va_experiments.results.load import load_results

    cells = load_results(outputs / "runs" / "day" / name)
    settled = {
        (row.model, row.test_site): (row.status, bool(row.reused) if row.status == "done" else False)
        for row in cells.itertuples()
    }
    return values, settled, code


@pytest.fixture
def failing_at_b(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Naive Bayes cannot predict deaths of site B until the patch is undone."""
    predict = NaiveBayes.predict

    def fail_at_b(self: NaiveBayes, test: Deaths, *, seed: int = 0) -> Prediction:
        if test.sites[int(test.site[0])] == "B":
            raise ArithmeticError("no answer at B")
        return predict(self, test, seed=seed)

    monkeypatch.setattr(NaiveBayes, "predict", fail_at_b)
    return monkeypatch


def test_resume_failed_runs_failed_cells_alone(tmp_path: Path, failing_at_b: pytest.MonkeyPatch) -> None:
    _, first, code = run_models(["nbc"], tmp_path, "1")
    assert first == {("nbc", "A"): ("done", False), ("nbc", "B"): ("failed", False), ("nbc", "C"): ("done", False)}
    assert code != 0
    failing_at_b.undo()
    _, second, _ = run_models(["nbc", "prior"], tmp_path, "2", resume="failed")
    nbc = {site: settled for (model, site), settled in second.items() if model == "nbc"}
    prior = {site: status for (model, site), (status, _) in second.items() if model == "prior"}
    assert nbc == {"A": ("done", True), "B": ("done", False), "C": ("done", True)}
    assert set(prior) == {"A", "B", "C"}
    assert "done" not in prior.values(), "they never failed: resume=failed leaves them out"
    assert "failed" not in prior.values()
    _, third, code = run_models(["nbc", "prior"], tmp_path, "3")
    assert {settled for (model, _), settled in third.items() if model == "prior"} == {("done", False)}
    assert {settled for (model, _), settled in third.items() if model == "nbc"} == {("done", True)}
    assert code == 0


def test_resume_false_computes_all_cells(tmp_path: Path) -> None:
    _, first, _ = run_models(["nbc"], tmp_path, "1")
    _, second, _ = run_models(["nbc"], tmp_path, "2", resume="false")
    assert set(first.values()) == set(second.values()) == {("done", False)}
    _, third, _ = run_models(["nbc"], tmp_path, "3", resume="true")
    assert set(third.values()) == {("done", True)}


def test_a_failed_cell_is_not_remembered_as_done(tmp_path: Path, failing_at_b: pytest.MonkeyPatch) -> None:
    run_models(["nbc"], tmp_path, "1")
    failing_at_b.undo()
    _, second, code = run_models(["nbc"], tmp_path, "2")
    assert second == {("nbc", "A"): ("done", True), ("nbc", "B"): ("done", False), ("nbc", "C"): ("done", True)}
    assert code == 0


def test_a_job_with_a_failed_cell_has_no_objective(tmp_path: Path, failing_at_b: pytest.MonkeyPatch) -> None:
    values, settled, _ = run_models(["nbc", "prior"], tmp_path, "1")
    assert settled[("nbc", "B")] == ("failed", False)
    assert values[0] is None, "the mean of two of three sites is no objective"
    assert values[1] is not None


def test_the_objective_is_the_mean_over_the_cells_of_a_job(tmp_path: Path) -> None:
    from va_experiments.results.load import load_results

    for objective in ("top1", "log_loss"):
        values, _, _ = run_models(["nbc", "prior"], tmp_path, objective, objective=objective)
        cells = load_results(tmp_path / "runs" / "day" / objective)
        for model, value in zip(("nbc", "prior"), values, strict=True):
            scores = cells.loc[cells["model"] == model, objective].to_numpy()
            assert len(scores) == 3
            assert value == pytest.approx(np.mean(scores), abs=1e-15)
