"""Symptom columns: rows that are no deaths, and cells that everybody understands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_inputs.files import rows
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.errors import InputError

HEADER = "id,site,cause,s1,s2,s3,s4"
DEATHS = [f"d{k},{'AB'[k % 2]}P,{'XY'[k % 3 > 0]},{'YN'[k % 2]},{'YN'[k % 3 > 0]},N,Y" for k in range(40)]


@pytest.mark.parametrize(
    ("at", "row", "said"),
    [
        (20, "ID,Site,Cause,Did he cough?,Fever?,Wound?,Rash?", "line 22: most of its cells are no answers, such as"),
        (40, "Total,all,all,17,13,24,36", "line 42: most of its cells are no answers, such as '17', '13'"),
        (20, HEADER, "line 22 repeats the names of the columns"),
    ],
    ids=["labels", "totals", "header"],
)
def test_a_row_that_is_no_death_is_named(at: int, row: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows(*DEATHS[:at], row, *DEATHS[at:], header=HEADER))
    with pytest.raises(InputError) as caught:
        read_csv_deaths(path, id="id", duplicates="keep")
    (problem,) = caught.value.problems
    assert said in problem
    assert "value_map" not in problem + caught.value.hint


def test_a_death_with_one_odd_cell_stays(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows(*DEATHS, "d40,AP,X,perhaps,N,N,Y", header=HEADER))
    deaths = read_csv_deaths(path, id="id", duplicates="keep", max_unknown=0.1)
    assert len(deaths) == 41
