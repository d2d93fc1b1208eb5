"""Report, profile and verification of finished runs; the earlier script's options; a study's own file; the doctor."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK, Ran, run_command


@pytest.mark.slow
def test_profile_has_efficiency_cost_slowest_and_path(finished: Ran, va: Callable) -> None:
    code, out, _ = va("profile", "-n", 3, "--outputs", finished.outputs)
    assert code == 0
    for text in ("parallel efficiency", "Cost by model", "Slowest cells", "Critical path", "interva"):
        assert text in out
    slowest = out.split("Slowest cells")[1].split("Critical path")[0]
    assert "?" not in slowest, "a stage was not recorded"
    assert len(slowest.strip().splitlines()) == 5


@pytest.mark.slow
def test_report_is_built_again_from_the_folder(finished: Ran, va: Callable, tmp_path: Path) -> None:
    code, out, err = va("report", "--outputs", finished.outputs, "--out", tmp_path)
    assert code == 0, err
    assert f"report  {tmp_path / 'report.html'}" in out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "interva" in page
    assert "simulated" in page.lower()
    columns = ["model", "test_site", "csmf_accuracy_top", "top1"]
    old, new = (pd.read_parquet(f / "report/tables/cells.parquet")[columns] for f in (finished.folder, tmp_path))
    pd.testing.assert_frame_equal(new, old)


TABLES = ("leaderboard", "intervals", "comparisons", "causes", "confusion", "reliability", "reliability_classwise",
          "ledger", "similarity", "drops")  # fmt: skip
"""Tables that a rebuilt report has as the first one had them; cost and paths depend on the clock."""


def assert_same_report(first: Path, again: Path) -> None:
    for name in TABLES:
        assert (first / "tables" / f"{name}.parquet").exists() == (again / "tables" / f"{name}.parquet").exists(), name
        if (first / "tables" / f"{name}.parquet").exists():
            old, new = (pd.read_parquet(f / "tables" / f"{name}.parquet") for f in (first, again))
            pd.testing.assert_frame_equal(new, old)
    # A run writes SVG; the command writes the other forms too.
    assert {p.stem for p in (again / "figures").iterdir()} == {p.stem for p in (first / "figures").iterdir()}
    assert {p.suffix for p in (again / "figures").iterdir()} == {".svg", ".png", ".pdf"}
    sections = [re.findall(r"<h2>(.*?)</h2>", (f / "report.html").read_text(encoding="utf-8")) for f in (first, again)]
    assert sections[0] == sections[1]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["with", pytest.param("without", marks=pytest.mark.nightly)])
def test_a_rebuilt_report_has_everything_that_the_first_has(
    store: str, copied: Path, va: Callable, tmp_path: Path
) -> None:
    first = next((copied / "runs").glob("*/*")) / "report"
    if store == "without":
        (copied / "checkpoints").rename(copied / "elsewhere")
    code, _, err = va("report", "--outputs", copied, "--out", tmp_path / "again")
    assert code == 0, err
    assert_same_report(first, tmp_path / "again" / "report")


@pytest.mark.nightly
@pytest.mark.slow
def test_a_report_from_mlflow_alone_has_everything_too(va: Callable, tmp_path: Path) -> None:
    quick = ("execution=inline", "tracking=none", "tracking.mlflow=true", "report=true")
    ran = run_command("model=nbc,interva", "site=pemba,ap", *quick, outputs=tmp_path / "outputs")
    assert ran.code == 0, ran.err
    (tmp_path / "outputs" / "checkpoints").rename(tmp_path / "elsewhere")
    code, _, err = va("report", "--mlflow", "--outputs", tmp_path / "outputs", "--out", tmp_path / "again")
    assert code == 0, err
    assert_same_report(ran.folder / "report", tmp_path / "again" / "report")


@pytest.mark.nightly
@pytest.mark.slow
def test_one_report_over_several_runs(copied: Path, va: Callable, tmp_path: Path) -> None:
    more = run_command("model=tariff", "site=pemba,ap", *QUICK, outputs=copied)
    assert more.code == 0, more.err
    names = [p.name for p in sorted((copied / "runs").glob("*/*"))]
    assert va("report", *names, "--outputs", copied)[0] == 2, "several runs need a place"
    code, out, err = va("report", *names, "--outputs", copied, "--out", tmp_path / "r")
    assert code == 0, err
    cells = pd.read_parquet(tmp_path / "r/report/tables/cells.parquet")
    assert set(cells["model"]) == {"nbc", "interva", "tariff", "prior", "uniform"}
    assert "10 cells, 0 failed" in out, "a cell of two runs counts once"
    tables = tmp_path / "r" / "report" / "tables"
    compared = pd.read_parquet(tables / "comparisons.parquet")
    assert {"tariff", "nbc"} in [{a, b} for a, b in compared[["model_a", "model_b"]].itertuples(index=False)]
    assert len(pd.read_parquet(tables / "ledger.parquet")) > 0


@pytest.mark.slow
def test_verify_computes_the_same_bits(finished: Ran, va: Callable) -> None:
    code, out, _ = va("recompute", "--sample", 2, "--outputs", finished.outputs)
    assert code == 0
    assert out.count("equal, SHA-256") == 2
    assert "2 of 2 cells equal to the last bit (4 finished cells in the run)" in out
    assert out == va("recompute", "--sample", 2, "--outputs", finished.outputs)[1]


def test_verify_sees_other_predictions_and_other_data(copied: Path, va: Callable) -> None:
    folder = next((copied / "runs").glob("*/*"))
    cells = pd.read_parquet(folder / "cells.parquet")
    cells.loc[0, "prediction_sha256"] = "0" * 64
    cells.to_parquet(folder / "cells.parquet")
    code, out, _ = va("recompute", "--sample", 0, "--outputs", copied)
    assert code == 3
    assert "other predictions" in out
    assert "3 of 4 cells equal" in out
    manifest = json.loads((folder / "manifest.json").read_text())
    for job in manifest["jobs"]:
        job["config"]["data"]["seed"] = 7
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, out, _ = va("recompute", "--sample", 0, "--outputs", copied)
    assert code == 3
    assert out.count("cannot be made again") == 4


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "my_study.csv"
    rows = [f"d{i},{'North' if i % 2 else 'South'},{'TB' if i % 3 else 'Malaria'},{'Y' if i % 4 else 'N'},"
            f"{'N' if i % 5 else 'Y'},{'.' if i % 7 else 'Y'}" for i in range(60)]  # fmt: skip
    path.write_text("id,site,cause,cough,fever,rash\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.slow
def test_a_study_is_checked_and_its_yaml_runs(study: Path, tmp_path: Path, va: Callable) -> None:
    code, out, err = va("data", "check", study)
    assert code == 0, err
    for text in ("60 deaths, 3 symptoms, 2 causes", "North", "Malaria", "value_map", "name: csv"):
        assert text in out
    yaml = tmp_path / "conf" / "data" / "my_study.yaml"
    code, out, err = va("data", "check", study, "--write", yaml)
    assert code == 0, err
    hint = next(line for line in out.splitlines() if line.startswith("run it:"))
    arguments = hint.split("python -m va_experiments ")[1].split()
    ran = run_command(*arguments, *QUICK, outputs=tmp_path / "o")
    assert ran.code == 0, ran.err
    assert set(ran.cells["test_site"]) == {"North", "South"}
    code, _, err = va("data", "check", study, "--write", yaml)
    assert code == 2
    assert "is there already" in err


def test_a_study_with_faults_lists_all_of_them_and_writes_nothing(study: Path, tmp_path: Path, va: Callable) -> None:
    text = study.read_text().replace("d7,", "d6,").replace("d12,South,", "d12,,")
    study.write_text(text)
    yaml = tmp_path / "data" / "x.yaml"
    code, out, err = va("data", "check", study, "id=id", "--write", yaml)
    assert code == 2, out
    assert "d6" in err
    assert not yaml.exists()


def test_describe_as_json(va: Callable) -> None:
    code, out, _ = va("data", "describe", "simulated", "n=200", "--json")
    facts = json.loads(out)
    assert code == 0
    assert (facts["n_deaths"], facts["simulated"], facts["n_symptoms"]) == (200, True, 168)


def test_doctor_looks_quickly_and_says_how_to_mend(
    finished: Ran, va: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = va("doctor", "--quick", "--json", "--outputs", finished.outputs)
    checks = {c["what"]: c for c in map(json.loads, out.splitlines())}
    assert code == 0
    for what in ("Python", "packages", "configuration", "outputs", "disk", "memory", "port 5000", "GPU"):
        assert checks[what]["state"] in ("ok", "note"), checks[what]
    from va_experiments.checkpoints import lock_outputs

    with lock_outputs(finished.outputs):
        out = va("doctor", "--quick", "--outputs", finished.outputs)[1]
    assert "in use by process" in out
    from importlib import metadata

    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1.0" if name == "mlflow" else real(name))
    code, out, _ = va("doctor", "--quick", "--outputs", finished.outputs)
    assert code == 3
    assert "wrong  mlflow: 1.0, expected" in out
    assert "-> pip install 'mlflow" in out
    assert "1 problem," in out


@pytest.mark.nightly
@pytest.mark.slow
def test_doctor_tries_ray_mlflow_and_prefect(tmp_path: Path, va: Callable) -> None:
    code, out, _ = va("doctor", "--outputs", tmp_path)
    assert code == 0, out
    for text in ("ran a task in a worker", "made a database and logged a run", "a server started on loopback"):
        assert text in out


@pytest.mark.nightly
@pytest.mark.slow
def test_compare_takes_the_earlier_options_and_writes_the_earlier_table(va: Callable, tmp_path: Path) -> None:
    import subprocess
    import sys

    command = "va34-comparison --sites AP Pemba --models nbc --training-sizes 0.5 1.0 --n-bootstrap 20 --no-parallel"
    code = "import sys; from va_experiments.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = [*command.split(), "--output-dir", str(tmp_path / "results"), "tracking=none"]
    for resumed in (False, True):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert ("Nothing was fitted" in done.stdout) == resumed
    table = pd.read_csv(tmp_path / "results" / "va34_comparison_results.csv")
    assert list(table.columns) == [
        *("experiment_type", "model", "train_site", "test_site", "train_size", "n_train", "n_test"),
        *("csmf_accuracy", "cod_accuracy", "csmf_accuracy_ci_lower", "csmf_accuracy_ci_upper"),
        *("cod_accuracy_ci_lower", "cod_accuracy_ci_upper"),
    ]
    kinds = table.groupby("experiment_type").size().to_dict()
    assert kinds == {"in_domain": 6, "out_domain": 6, "training_size": 6}, "naive Bayes and two trivial models"
    curve = table[(table["experiment_type"] == "training_size") & (table["model"] == "nbc")]
    assert curve["train_size"].tolist() == [0.5, 1.0]
    assert curve["n_train"].tolist() == [622, 1243]
    table = table[table["model"] == "nbc"]
    assert table["csmf_accuracy"].between(table["csmf_accuracy_ci_lower"], table["csmf_accuracy_ci_upper"]).all()
    assert table["n_test"].isin([311, 59, 297, 1554]).all()
    code, _, err = va("report", "--outputs", tmp_path / "results", "--out", tmp_path / "again")
    assert code == 0, err
    name = "va34_comparison_results.csv"
    assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "results" / name).read_bytes()
