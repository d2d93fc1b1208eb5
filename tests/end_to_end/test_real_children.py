"""Real children: trained, fixed and foreign models meet at the broad causes, and every mapping is listed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, output_here
from va_experiments.data import load
from va_experiments.data.cause_lists import map_causes

MODELS = ("nbc", "interva5", "eava", "doctors")


@pytest.mark.real_data
@pytest.mark.slow
def test_nbc_interva5_eava_and_a_file_are_scored_on_phmrc_s_children(phmrc_dir: Path) -> None:
    options = {"path": str(phmrc_dir), "indicators": True}
    deaths = load("phmrc_child", options)
    with elsewhere() as root:
        named = [deaths.causes[c] if k % 2 else "Pneumonia" for k, c in enumerate(deaths.cause.tolist())]
        pd.DataFrame({"id": deaths.id, "cause": named}).to_csv(root / "doctors.csv", index=False)
        (root / "conf" / "model").mkdir(parents=True)
        yaml = f"defaults: [predictions]\npath: {root / 'doctors.csv'}\n"
        (root / "conf" / "model" / "doctors.yaml").write_text(yaml)
        data = ("data=phmrc_child", f"data.path={phmrc_dir}", "data.indicators=true", "site=mexico")
        command = ("--config-dir", str(root / "conf"), f"model={','.join(MODELS)}", *data, "score_at=[broad]", "-m")
        code, out, err = output_here((*command, "n_bootstrap=2", *QUICK, f"paths.outputs={root}"))
        assert code == 0, err
        (run,) = root.glob("runs/*/*")
        cells, maps = pd.read_parquet(run / "cells.parquet"), pd.read_csv(run / "cause_maps.csv")
    assert "causes of broad_child" in " ".join(out.split())
    assert set(cells["model"]) == set(MODELS)
    assert (cells["n_test"] == 126).all()
    assert cells["split_sha256"].nunique() == 1
    scores = cells.set_index("model")
    assert (scores["csmf_accuracy_top"].between(0.3, 1)).all()
    assert scores.loc["nbc", "csmf_accuracy_top"] == pytest.approx(0.754, abs=0.001)
    assert scores.loc["interva5", "csmf_accuracy_top"] == pytest.approx(0.484, abs=0.001)
    assert scores.loc["eava", "csmf_accuracy_top"] == pytest.approx(0.437, abs=0.001)
    assert maps.groupby("of").size().to_dict() == {
        "data phmrc_child": 21,
        "model eava": 61,
        "model interva5": 61,
    }
    ours = maps[maps["of"] == "data phmrc_child"].set_index("source")["target"].to_dict()
    assert ours == map_causes(deaths.causes, "broad_child", what="va21")[1]
