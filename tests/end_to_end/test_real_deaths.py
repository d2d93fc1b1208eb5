"""The main job on the real deaths, and the figures that are known for them (METRICS, section 1.2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import QUICK, run_command

SITES = {"AP": 1554, "Bohol": 1259, "Dar": 1726, "Mexico": 1586, "Pemba": 297, "UP": 1419}
NB_BY_SITE = {  # CSMF accuracy by top cause, top-1
    "AP": (0.750, 0.380),
    "Bohol": (0.749, 0.362),
    "Dar": (0.667, 0.300),
    "Mexico": (0.775, 0.298),
    "Pemba": (0.572, 0.397),
    "UP": (0.747, 0.388),
}


@pytest.mark.real_data
@pytest.mark.nightly
@pytest.mark.slow
def test_main_job_on_real_adults(tmp_path: Path, adult: str) -> None:
    ran = run_command("model=interva,insilico", "data=phmrc_adult", adult, *QUICK, "-m", outputs=tmp_path)
    assert ran.code == 0, ran.err
    cells = ran.cells
    assert len(cells) == 12
    assert cells.groupby("test_site")["n_test"].first().to_dict() == SITES
    assert cells["n_causes"].eq(34).all()
    assert "simulated" not in ran.out.lower()


@pytest.mark.real_data
@pytest.mark.slow
def test_naive_bayes_lands_on_the_known_figures(tmp_path: Path, adult: str) -> None:
    ran = run_command("model=nbc", "data=phmrc_adult", adult, "data.compat=true", *QUICK, "-m", outputs=tmp_path)
    assert ran.code == 0, ran.err
    cells = ran.cells.set_index("test_site")
    assert cells["csmf_accuracy_top"].mean() == pytest.approx(0.710, abs=0.01)
    assert cells["top1"].mean() == pytest.approx(0.354, abs=0.01)
    assert cells["top3"].mean() == pytest.approx(0.569, abs=0.01)
    for site, (accuracy, top1) in NB_BY_SITE.items():
        assert cells.loc[site, "csmf_accuracy_top"] == pytest.approx(accuracy, abs=0.01), site
        assert cells.loc[site, "top1"] == pytest.approx(top1, abs=0.01), site


@pytest.mark.real_data
@pytest.mark.nightly
@pytest.mark.slow
def test_copying_the_training_csmf_lands_on_the_known_figure(tmp_path: Path, adult: str) -> None:
    ran = run_command("model=prior,uniform", "data=phmrc_adult", adult, *QUICK, "-m", outputs=tmp_path)
    means = ran.cells.groupby("model")[["csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model"]].mean()
    assert means.loc["prior", "csmf_accuracy_model"] == pytest.approx(0.673, abs=0.002)
    assert means.loc["prior", "csmf_accuracy_mean"] == pytest.approx(0.673, abs=0.002)
    assert means.loc["uniform", "csmf_accuracy_model"] == pytest.approx(0.571, abs=0.002)


@pytest.mark.real_data
@pytest.mark.nightly
@pytest.mark.slow
def test_the_child_file_works_the_same_way(tmp_path: Path, adult: str) -> None:
    path = adult.replace("adult.csv.gz", "child.csv.gz")
    ran = run_command("model=nbc,interva", "data=phmrc_child", path, *QUICK, "-m", outputs=tmp_path)
    assert ran.code == 0, ran.err
    assert len(ran.cells) == 12
    assert ran.cells.groupby("test_site")["n_test"].first().sum() == 2064
    assert ran.cells["n_causes"].eq(21).all()
