"""Columns of text of a study's own table: from the file to metrics, fractions, report and package."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from tests.data.readers.test_strata_texts import table
from tests.in_process import elsewhere, output_here
from va_experiments.cli import main
from va_experiments.data import load
from va_experiments.data.strata import strata_of

INLINE = ("execution=inline", "tracking=none")
DISTRICT = ("Northshire", "Southshire", "")


def ran(*arguments: str) -> str:
    code, out, err = output_here((*arguments, *INLINE))
    assert code == 0, err
    return out


@pytest.mark.slow
def test_stored_cells_are_shown_by_columns_that_are_named_later() -> None:
    with elsewhere() as root:
        table(Path(), 120, district=DISTRICT, ward=("1", "2"))
        outputs = f"paths.outputs={root / 'o'}"
        study = ("data=study.csv", "data.id=id", "data.exclude=[district,ward]", "model=nbc", outputs)
        assert "2 done, 0 reused" in ran(*study, "report=false")
        code, _, err = output_here((*study, "strata=[district]", *INLINE))
        assert code == 2
        assert "strata: column 'district' of '" in err
        assert "is not kept beside the deaths; add 'data.strata_columns=[district]'" in err
        named = ("data.strata_columns=[district,ward]", "strata=[district,ward]")
        assert "0 done, 2 reused" in ran(*study, *named)
        run = sorted((root / "o" / "runs").glob("*/*"))[-1]
        page = (run / "report.html").read_text(encoding="utf-8")
        scores, fractions = pd.read_csv(run / "strata.csv"), pd.read_csv(run / "strata_fractions.csv")
        assert main(["results", "pack", str(run), "--out", "a.zip"]) == 0
        with zipfile.ZipFile("a.zip") as package:
            packed = b"".join(package.read(name) for name in package.namelist())
        deaths = load("csv", {"path": "study.csv", "id": "id", "strata_columns": ["district", "ward"]})
    nbc = scores[scores["model"] == "nbc"].set_index("stratum")
    assert nbc["deaths"].to_dict() == {
        **{"all": 120, "district=Northshire": 40, "district=Southshire": 40, "district=not known": 40},
        **{"ward=1": 60, "ward=2": 60},
    }
    own_deaths = strata_of(deaths, "district").code == 1
    assert deaths.cause is not None
    true = fractions[(fractions["model"] == "nbc") & (fractions["stratum"] == "district=Southshire")]
    assert true.set_index("cause")["true"].to_dict() == {
        cause: pytest.approx((deaths.cause[own_deaths] == k).mean()) for k, cause in enumerate(deaths.causes)
    }
    assert "Northshire" in page
    assert b"shire" not in packed, "texts of persons are in a package"
    assert b"strata_columns" in packed


def test_causes_are_assigned_by_a_column_that_the_training_table_does_not_have() -> None:
    with elsewhere() as root:
        table(Path(), 90, name="train.csv", urban=("yes", "no"))
        path = table(Path(), 60, name="assign.csv", district=DISTRICT, ward=("1", "2"))
        rows = pd.read_csv(path, dtype=str).drop(columns="cause")
        rows.assign(id="new" + rows["id"], s1=rows["s1"].to_numpy()[::-1]).to_csv(path, index=False)
        data = ("data=train_and_assign", "data.train=train.csv", "data.assign=assign.csv", "data.duplicates=keep")
        options = "data.options={id: id, strata_columns: [district, ward, urban]}"
        ran(*data, options, "protocol=assign", "model=nbc", "strata=[district,ward,urban]", f"paths.outputs={root}")
        (run,) = root.glob("runs/*/*")
        fractions = pd.read_csv(run / "fractions.csv")
        page = (run / "report.html").read_text(encoding="utf-8")
    assert fractions.groupby("stratum", sort=False)["deaths"].first().to_dict() == {
        **{"all": 60, "district=Northshire": 20, "district=Southshire": 20, "district=not known": 20},
        **{"ward=1": 30, "ward=2": 30, "urban=not known": 60},
    }
    assert fractions.groupby("stratum")["fraction"].sum().to_numpy() == pytest.approx(1)
    assert "Northshire" in page
