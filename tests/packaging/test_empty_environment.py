"""The wheel in an empty environment, with nothing but what it asks for: ``make wheel``, a step of its own in CI.

It installs from the package registry that pip is set up with, at the versions of ``requirements.lock``.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from packaging.utils import canonicalize_name

from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import Store
from va_experiments.data import load
from va_experiments.models.saved_model import read_model

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = ("VA_", "PYTHON", "VIRTUAL_ENV", "PREFECT_", "MLFLOW_", "RAY_")

pytestmark = pytest.mark.install


def done(command: list[str], folder: Path, *, code: int = 0, **environment: str) -> str:
    """Run a command in `folder` without anything of this environment; return what it printed."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(NOT_OURS)}
    ran = subprocess.run(
        command, cwd=folder, env={**clean, **environment}, capture_output=True, text=True, timeout=590, check=False
    )
    assert ran.returncode == code, f"{' '.join(command)}\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"
    assert "Traceback" not in ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what it depends on, no extras."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is needed to build the wheel (pip install 'va-experiments[dev]')")
    folder = tmp_path_factory.mktemp("empty")
    quiet = ("--quiet", "--disable-pip-version-check")
    build = [sys.executable, "-m", "pip", "wheel", *quiet, "--no-deps", "--no-build-isolation", "--wheel-dir"]
    done([*build, str(folder), str(ROOT)], folder)
    (wheel,) = folder.glob("va_experiments-*.whl")
    venv.create(folder / "env", with_pip=True)
    bin_folder = folder / "env" / "bin"
    done(
        [str(bin_folder / "python"), "-m", "pip", "install", *quiet, "-c", str(ROOT / "requirements.lock"), str(wheel)],
        folder,
    )
    return bin_folder


@pytest.fixture(scope="module")
def installed(programs: Path) -> Mapping[str, str]:
    """Name -> version of everything in the environment."""
    listed = json.loads(done([str(programs / "python"), "-m", "pip", "list", "--format=json"], programs))
    return {canonicalize_name(entry["name"]): entry["version"] for entry in listed}


def test_versions_are_the_tested_ones_and_agree(programs: Path, installed: Mapping[str, str]) -> None:
    assert "No broken requirements found" in done([str(programs / "python"), "-m", "pip", "check"], programs)
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {canonicalize_name(n): v for n, _, v in (line.partition("==") for line in lines if "==" in line)}
    assert installed.keys() - locked.keys() <= {"pip", "setuptools", "va-experiments"}, "the lock does not name them"
    assert {n: v for n, v in installed.items() if n in locked and n != "pip" and locked[n] != v} == {}


def test_the_core_has_no_extras_in_it(installed: Mapping[str, str]) -> None:
    extras = {"hydra-optuna-sweeper", "optuna", "torch", "lightgbm", "python-docx", "mkdocs", "pytest", "ruff", "mypy"}
    assert not extras & installed.keys()
    assert not [n for n in installed if n.startswith("nvidia")], "no CUDA libraries"
    assert len(installed) < 200


def test_helps_are_printed(programs: Path, tmp_path: Path) -> None:
    assert "Usage: va-experiments [OPTIONS] COMMAND" in done([str(programs / "va-experiments"), "--help"], tmp_path)
    text = done([str(programs / "python"), "-m", "va_experiments", "--help"], tmp_path)
    assert "python -m va_experiments model=interva,insilico site=all -m" in text
    assert not list(tmp_path.iterdir())


def test_the_doctor_finds_nothing_to_mend(programs: Path, tmp_path: Path) -> None:
    text = done([str(programs / "va-experiments"), "doctor"], tmp_path)
    for what in ("Ray: started", "MLflow: made a database", "Prefect: a server started"):
        assert f"ok     {what}" in text
    assert "0 problems" in text
    for extra in ("boosting", "gpu", "tuning", "word"):
        assert f"if you need it: pip install 'va-experiments[{extra}]'" in text


def test_the_main_job_runs_with_workers_and_both_servers(programs: Path, tmp_path: Path) -> None:
    short = ("data.n=900", "n_bootstrap=5", "model=interva,nbc", "site=ap,dar")
    text = done([str(programs / "python"), "-m", "va_experiments", *short, "-m"], tmp_path)
    assert "4 done, 0 reused, 0 failed of 4 cells" in text
    assert "SIMULATED" in text
    assert [p.name for p in tmp_path.iterdir()] == ["outputs"]
    (run,) = (tmp_path / "outputs" / "runs").glob("*/*")
    assert (run / "report.html").stat().st_size > 100_000
    assert (tmp_path / "outputs" / "mlflow.db").exists()
    assert (tmp_path / "outputs" / "prefect" / "prefect.db").exists()
    word = done([str(programs / "va-experiments"), "report"], tmp_path)
    assert "left out: tables.docx was left out: it needs python-docx (pip install 'va-experiments[word]')" in word


def test_a_model_of_five_sites_is_applied_without_its_training_data(programs: Path, tmp_path: Path) -> None:
    first_place, other_place = tmp_path / "here", tmp_path / "there"
    first_place.mkdir()
    other_place.mkdir()
    quick = ["execution=inline", "tracking=none", "report=false", "n_bootstrap=2"]
    names = ("nbc", "random_forest", "xgboost")
    train = [f"model={','.join(names)}", "data.n=400", "site=pemba", "save_model=true", *quick, "-m"]
    done([sys.executable, "-m", "va_experiments", *train], first_place, PYTHONPATH=str(ROOT))
    new = load("simulated", {"n": 80, "seed": 9, "sites": ["East", "West"]})
    table = pd.DataFrame(np.array(["N", "Y", "."])[new.symptoms], columns=list(new.symptom_names))
    table.insert(0, "age", new.covariates["age"])
    table.insert(0, "site", [new.sites[k] for k in new.site])
    table.insert(0, "id", new.id)
    table.to_csv(other_place / "new.csv", index=False)
    options = {"path": str(other_place / "new.csv"), "id": "id", "cause": None, "covariates": {"age": [0, 120]}}
    deaths = load("csv", options)
    apply = ["data=csv", "data.path=new.csv", "data.id=id", "data.cause=null", "data.covariates={age: [0, 120]}"]
    for name in names:
        (folder,) = first_place.glob(f"outputs/runs/*/*/models/{name}")
        shutil.copytree(folder, other_place / name)
        model, card = read_model(other_place / name)
        assert list(card["data"]["sites"]) == ["AP", "Bohol", "Dar", "Mexico", "UP"]
        command = [str(programs / "python"), "-m", "va_experiments", "model=registered", f"model.path={name}"]
        done([*command, "protocol=assign", *apply, f"paths.outputs=out-{name}", *quick], other_place)
        (key,) = Store(other_place / f"out-{name}" / "checkpoints").keys()
        ids, _, decoded = decode_prediction(Store(other_place / f"out-{name}" / "checkpoints").load(key).predictions())
        questions = deaths.select(card["questions"])
        expected = model.predict(dataclasses.replace(questions, causes=model.causes_, groups=()))
        assert ids.tolist() == deaths.id.tolist()
        assert decoded.probability.tobytes() == expected.probability.tobytes()
        (other_place / name / "card.json").write_text("{}")
        text = done([*command, "protocol=assign", *apply, *quick], other_place, code=2)
        assert "card.json differs from its checksum" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model=lightgbm"], "install the extra 'boosting': pip install 'va-experiments[boosting]'"),
        (["model=voting", "model.members=[nbc,lightgbm]"], "install the extra 'boosting'"),
        (["hydra/sweeper=optuna"], "needs the extra 'tuning': pip install 'va-experiments[tuning]'"),
        (["model=insilico", "model.device=cuda"], "install the extra 'gpu', or use device=cpu"),
    ],
    ids=["boosting", "boosting in an ensemble", "tuning", "gpu"],
)
def test_what_an_extra_brings_is_refused_by_its_name(
    programs: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    command = [str(programs / "python"), "-m", "va_experiments", *arguments, "site=pemba"]
    assert message in done(command, tmp_path, code=2)
    assert not list(tmp_path.iterdir()), "something was left behind"
