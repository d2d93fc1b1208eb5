"""The names that a run gives to the causes in files of predictions are listed with its other mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from va_experiments.checkpoints import Store
from va_experiments.report.cause_map_file import write_cause_maps


@pytest.mark.parametrize("as_table", [False, True], ids=["a mapping", "a table"])
def test_names_in_files_of_predictions_are_listed(tmp_path: Path, as_table: bool) -> None:
    mapping: Any = {"Paludisme": "Malaria", "unsure": None}
    if as_table:
        mapping = str(tmp_path / "labels.csv")
        Path(mapping).write_text("source,target\nPaludisme,Malaria\nunsure,undetermined\n")
    target = "va_experiments.models.predictions.Predictions"
    model = {"name": "predictions", "_target_": target, "path": "x/doctors.csv", "cause_map": mapping}
    jobs = [
        {"config": {"model": m}} for m in (model, {"name": "nbc", "_target_": "x.NaiveBayes"}, {**model, "label": "B"})
    ]
    rows = pd.DataFrame({"cause_list": [""], "status": ["done"], "data": ["d"], "label": ["doctors"]})
    (file,) = write_cause_maps(rows.iloc[:1].assign(status="failed"), tmp_path, Store(tmp_path), {}, {"jobs": jobs})
    result = pd.read_csv(file, keep_default_na=False)
    assert file.name == "cause_maps.csv"
    assert result["of"].tolist() == ["file of doctors"] * 2 + ["file of B"] * 2
    assert result["source"].tolist() == ["Paludisme", "unsure"] * 2
    assert result["target"].tolist() == ["Malaria", "undetermined"] * 2
    assert write_cause_maps(rows, tmp_path, Store(tmp_path), {}, {"jobs": jobs[1:2]}) == []
