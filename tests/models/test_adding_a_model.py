"""Adding a model takes one file and one YAML: the contract test finds it by its YAML."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MODEL = '''
"""Names the same cause always."""
import numpy as np
from va_experiments.models.base import Model, Prediction


class Rota(Model):
    """Give every death one of the causes that occur in training."""

    def __init__(self, *, first: int = 0) -> None:
        self.first = first

    def fit(self, train, *, seed=0):
        self.present_ = np.unique(self.validate_train(train))
        return self

    def predict(self, test, *, seed=0):
        self.validate_test(test)
        probability = np.zeros((len(test), len(self.causes_)))
        number = self.first
        probability[:, self.present_[number % len(self.present_)]] = 1
        return Prediction(probability, probability.mean(axis=0))
'''

YAML = """
name: rota
_target_: their_study.rota.Rota
first: 0   # which of them
resources: {num_cpus: 1, num_gpus: 0, memory: null}
"""


def run_contract(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"VA_MODEL_CONF": str(folder / "conf"), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-k",
        "rota",
        "-p",
        "no:cacheprovider",
        "tests/models/test_contract.py",
    ]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def package(folder: Path, model: str) -> Path:
    (folder / "their_study").mkdir()
    (folder / "their_study" / "__init__.py").touch()
    (folder / "their_study" / "rota.py").write_text(model)
    (folder / "conf").mkdir()
    (folder / "conf" / "rota.yaml").write_text(YAML)
    return folder


@pytest.mark.slow
def test_a_model_in_a_package_of_ones_own_is_checked(tmp_path):
    done = run_contract(package(tmp_path, MODEL))
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.slow
def test_and_one_that_breaks_the_contract_is_found(tmp_path):
    peeking = MODEL.replace("number = self.first", "number = int(test.cause is not None)")
    done = run_contract(package(tmp_path, peeking))
    assert done.returncode == 1, done.stdout
    assert "test_same_input_and_seed_give_the_same_bits" in done.stdout
