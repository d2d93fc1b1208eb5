"""Cells of an ODK export that a program filled in where nothing was asked, and ages in an unexpected unit."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.test_who2016_odk import cells, export
from va_experiments.data.readers.who2016_odk import convert_who2016_odk
from va_experiments.errors import InputError


def option_of(error: InputError) -> dict[str, dict[str, str]]:
    """Return the mapping that a message proposes."""
    (option,) = (w for w in shlex.split(str(error)) if w.startswith("data.value_map="))
    return dict(json.loads(option.rstrip(",").partition("=")[2]))


@pytest.mark.parametrize("filler", ["0", "99"])
def test_ages_in_units_that_were_not_used_are_not_known(tmp_path: Path, filler: str) -> None:
    rows = [
        {"age_child_days": filler, "age_child_months": filler, "age_child_years": str(2 + k % 7), "Id10019": "male"}
        for k in range(12)
    ]
    filled = convert_who2016_odk(export(tmp_path, *rows))
    plain = convert_who2016_odk(export(tmp_path, *[r | {"age_child_days": "", "age_child_months": ""} for r in rows]))
    np.testing.assert_array_equal(filled.indicators, plain.indicators)
    np.testing.assert_array_equal(filled.covariates["age"], plain.covariates["age"])
    counts = {e.column: e.count for e in filled.ledger if "unit in which the age was not given" in e.reason}
    assert counts == {"age_child_days": 12, "age_child_months": 12}


def test_zero_years_of_a_neonate_make_no_infant_of_it(tmp_path: Path) -> None:
    rows = [{"age_neonate_days": str(1 + k), "age_child_years": "0", "age_adult": "0"} for k in range(10)]
    assert cells(export(tmp_path, *rows), "i022f", "i022g") == [".y"] * 10


def test_an_age_of_99_years_stays_where_no_other_column_has_one(tmp_path: Path) -> None:
    rows = [{"age_adult": "99", "age_child_years": ""} for _ in range(12)]
    assert cells(export(tmp_path, *rows), "i022a") == ["y"] * 12


def test_years_in_the_column_of_days_are_asked_about(tmp_path: Path) -> None:
    ages = [str(20 + 2 * k) for k in range(30)]
    path = export(tmp_path, *({"ageInDays": age, "Id10019": "male"} for age in ages))
    with pytest.raises(InputError, match=r"no ageInDays of 30 deaths is above 78, .* are they years"):
        convert_who2016_odk(path)
    converted_export = convert_who2016_odk(path, value_map={"ageInDays": {"78": "78"}})
    assert converted_export.covariates["age"].max() < 1
    both = export(tmp_path, *({"ageInDays": age, "ageInYears": age} for age in ages))
    with pytest.raises(InputError, match="ageInDays equals ageInYears in 30 rows: are they years"):
        convert_who2016_odk(both)
    assert convert_who2016_odk(both, exclude=["ageInDays"]).covariates["age"].max() == 78
    young = export(tmp_path, *({"ageInDays": str(k % 28)} for k in range(30)))
    assert convert_who2016_odk(young).covariates["age"].max() < 1


def test_zeros_in_place_of_empty_cells_are_asked_about(tmp_path: Path) -> None:
    rows = [
        {"Id10147": "no", "Id10148": "0", "Id10153": "no", "Id10154": "0", "Id10120": str(k % 3), "Id10019": "male"}
        for k in range(20)
    ]
    path = export(tmp_path, *rows)
    with pytest.raises(InputError, match="hold 0 where the question was not asked") as caught:
        convert_who2016_odk(path)
    known = option_of(caught.value)
    assert known["Id10120"] == {"0": "dk"}
    assert set(cells(path, "i120a", value_map=known)) == {".", "y"}
    assert set(cells(path, "i120a", value_map=known | {"Id10120": {"0": "0"}})) == {"y"}


@pytest.mark.parametrize("blank", ["", "Missing", "-1", "n/a", "Not applicable"])
def test_only_a_respondent_who_does_not_know_makes_an_hiv_test_uncertain(tmp_path: Path, blank: str) -> None:
    rows = [{"Id10126": cell, "Id10446": "no", "Id10147": "no"} for cell in (blank, "dk", "99", "ref", "yes", "no")]
    column = convert_who2016_odk(export(tmp_path, *rows)).covariates["i126o"]
    assert column[1] == column[2] == column[3]
    assert [column[0], column[4], column[5]] == [-1, 1, 0]


def test_a_meaning_for_all_questions_is_none_of_a_number(tmp_path: Path) -> None:
    rows = [{"Id10147": "2", "Id10148": "2", "Id10153": "1", "Id10154": "9"} for _ in range(3)]
    path = export(tmp_path, *rows)
    converted_export = convert_who2016_odk(path, value_map={"1": "yes", "2": "no"})
    assert not [e for e in converted_export.ledger if e.action == "set missing"]
    with pytest.raises(InputError, match="gives a number for all questions") as caught:
        convert_who2016_odk(path, value_map={"1": "yes", "2": "no", "9": "dk"})
    option = option_of(caught.value)
    assert option == {"Id10154": {"9": "dk"}}
    assert cells(path, "i154a", value_map={"1": "yes", "2": "no", "9": "dk"} | option) == ["."] * 3
    assert cells(path, "i154a", value_map={"1": "yes", "2": "no", "9": "dk", "Id10154": {"9": "9"}}) == ["y"] * 3
