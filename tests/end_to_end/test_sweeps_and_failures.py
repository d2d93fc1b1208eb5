"""Adaptive sweeps, cells that fail, a model of one's own: all through the same door."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.conftest import QUICK, run_command

TOY = '''
"""A toy: naive about everything, and allergic to one site."""

from typing import Self

import numpy as np

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction, labels_of


class Toy(Model):
    """Copies the training fractions; raises at the site it is told to dislike."""

    def __init__(self, *, dislikes: str = "", weight: float = 1.0) -> None:
        self.dislikes = dislikes
        self.weight = weight

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        self.csmf_ = np.bincount(labels_of(train), minlength=len(train.causes)) / len(train)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        if self.dislikes in {test.sites[s] for s in np.unique(test.site)}:
            raise ArithmeticError("these deaths disagree with me")
        return Prediction(np.tile(self.csmf_, (len(test), 1)), self.csmf_)
'''


@pytest.fixture
def toy(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """A model in one file and one YAML, outside the project."""
    (tmp_path / "toymodels.py").write_text(TOY)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    options = {"name": "toy", "_target_": "toymodels.Toy", "dislikes": "Pemba", "weight": 1.0}
    (tmp_path / "conf" / "model" / "toy.yaml").write_text(yaml.safe_dump(options))
    arguments = ["--config-dir", str(tmp_path / "conf"), "allowed_targets=[toymodels]"]
    return arguments, {"PYTHONPATH": str(tmp_path)}


@pytest.mark.slow
def test_a_model_of_ones_own_takes_one_file_and_one_yaml(tmp_path: Path, toy: tuple) -> None:
    arguments, environment = toy
    ran = run_command(*arguments, "model=toy", "model.dislikes=''", *QUICK, outputs=tmp_path / "o", **environment)
    assert ran.code == 0, ran.err
    assert ran.cells["model"].eq("toy").all()
    assert len(ran.cells) == 6


def test_it_is_refused_until_its_package_is_allowed(tmp_path: Path, toy: tuple) -> None:
    arguments, environment = toy
    ran = run_command(*arguments[:2], "model=toy", *QUICK, outputs=tmp_path / "o", **environment)
    assert ran.code == 2
    assert "allowed_targets" in ran.err


@pytest.mark.slow
def test_a_failing_cell_leaves_the_others_done_and_is_a_row_with_its_traceback(tmp_path: Path, toy: tuple) -> None:
    arguments, environment = toy
    ran = run_command(*arguments, "model=toy,nbc", *QUICK, outputs=tmp_path / "o", **environment)
    assert ran.code == 3, ran.err
    cells = ran.cells
    failed = cells[cells["status"] == "failed"]
    assert len(cells) == 12
    assert list(zip(failed["model"], failed["test_site"], strict=True)) == [("toy", "Pemba")]
    assert failed["error_class"].item() == "ArithmeticError"
    assert "these deaths disagree" in failed["error_traceback"].item()
    assert failed["csmf_accuracy_top"].isna().all()
    assert (cells["status"] == "done").sum() == 11
    assert "no mean" in ran.out or "5 of 6" in ran.out
    assert "column error_traceback" in ran.out
    assert "Run the same command to try the failed cells again" in ran.out

    again = run_command(*arguments, "model=toy,nbc", *QUICK, outputs=tmp_path / "o", **environment)
    assert again.code == 3
    assert again.cells["reused"].sum() == 11, "only the failed cell is tried again"


@pytest.mark.slow
def test_optuna_runs_its_batches_through_the_same_flow(tmp_path: Path) -> None:
    ran = run_command("experiment=tune_nbc", "site=pemba", *QUICK, outputs=tmp_path)
    assert ran.code == 0, ran.err
    assert len(ran.cells) == 6
    assert ran.cells["model_params"].nunique() == 6
    best = yaml.safe_load((ran.folder / "optimization_results.yaml").read_text())
    assert best["best_value"] == pytest.approx(ran.cells["csmf_accuracy_top"].max())


@pytest.mark.nightly
@pytest.mark.slow
def test_a_scikit_learn_classifier_is_a_model(tmp_path: Path) -> None:
    ran = run_command(
        "model=nbc",
        "~model.alpha",
        "~model.reference_compat",
        "model._target_=sklearn.naive_bayes.BernoulliNB",
        "site=pemba",
        *QUICK,
        outputs=tmp_path,
    )
    assert ran.code == 0, ran.err
    assert ran.cells["top1"].item() > 0.2


def test_the_floor_is_usable_without_the_frameworks() -> None:
    import subprocess

    code = (
        "from va_experiments.data import simulate_deaths; from va_experiments.models import NaiveBayes; "
        "from va_experiments.metrics.score import score; d = simulate_deaths(n=400); "
        "p = NaiveBayes().fit(d).predict(d.without_causes()); score(d.cause, p, d.causes); import sys; "
        "print([m for m in ('hydra', 'prefect', 'ray', 'mlflow', 'omegaconf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
