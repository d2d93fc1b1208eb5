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
    ("at", "row", "message"),
    [
        (20, "ID,Site,Cause,Did he cough?,Fever?,Wound?,Rash?", "line 22: most of its cells are no answers, such as"),
        (40, "Total,all,all,17,13,24,36", "line 42: most of its cells are no answers, such as '17', '13'"),
        (20, HEADER, "line 22 repeats the names of the columns"),
    ],
    ids=["labels", "totals", "header"],
)
def test_a_row_that_is_no_death_is_named(at: int, row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows(*DEATHS[:at], row, *DEATHS[at:], header=HEADER))
    with pytest.raises(InputError) as caught:
        read_csv_deaths(path, id="id", duplicates="keep")
    (problem,) = caught.value.problems
    assert message in problem
    assert "value_map" not in problem + caught.value.hint


def test_a_death_with_one_odd_cell_stays(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(rows(*DEATHS, "d40,AP,X,perhaps,N,N,Y", header=HEADER))
    deaths = read_csv_deaths(path, id="id", duplicates="keep", max_unknown=0.1)
    assert len(deaths) == 41


def test_cells_without_meaning_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    rows = [f"d{i},AP,A,{'dk' if i % 2 else 'Y'}" + ",perhaps" * 6 + f",note {i}\n" for i in range(30)]
    path.write_text("id,site,cause,s1,s2,s3,s4,s5,s6,s7,comment\n" + "".join(rows))
    with pytest.raises(InputError) as caught:
        read_csv_deaths(path, id="id")
    first, second, third = (p.partition(": ")[2] for p in caught.value.problems)
    assert first.startswith("value 'perhaps' in 180 cells of 6 columns, such as s2 on line 2; allowed 'Y', 'N', '.'")
    assert second.startswith("comment: 30 cells are no answers, such as value 'note 0' on line 2; allowed")
    assert third.startswith("s1: value 'dk' on line 3 and 14 more; allowed")
