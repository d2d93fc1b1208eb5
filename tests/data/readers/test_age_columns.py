"""Ages in one column, with a unit, or divided between columns: years, months and days by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from va_experiments.commands.data import _parsed
from va_experiments.data import load
from va_experiments.data.check import suggest
from va_experiments.data.readers.age_columns import age_columns, joined_ages, unit_in_name
from va_experiments.errors import InputError

NONE = float("nan")
HEADER = "id,site,cause,s1,s2,s3"
STUDY = [
    f"d{k:02},{'AU'[k % 2]}P,{'XYZ'[k % 3]},{'YN'[k % 5 > 1]},{'YN'[k % 4 > 0]},{'NY'[k % 7 > 2]}" for k in range(24)
]

TABLES: dict[str, tuple[str, list[str], list[float]]] = {
    "parts that add up": ("age_years,age_months,age_days", ["1,6,", "0,0,10", "40,,"], [1.5, 10 / 365.25, 40]),
    "one column each": ("AgeYears,AgeMonths,AgeDays", [",18,", ",,10", "40,,"], [1.5, 10 / 365.25, 40]),
    "the same in each unit": ("ageInYears,ageInMonths", ["1,18", "0,3", "40,480"], [1.5, 0.25, 40]),
    "plain age and months": ("age,age_months", ["1,6", "0,3", "40,"], [1.5, 0.25, 40]),
    "value and unit": ("age_value,age_unit", ["18,months", "10,days", "40,years"], [1.5, 10 / 365.25, 40]),
    "months alone": ("age_in_months,note", ["18,", "3,", "480,"], [1.5, 0.25, 40]),
}


def write(path: Path, columns: str, cells: list[str]) -> Path:
    lines = [f"{row},{cells[k % len(cells)]}" for k, row in enumerate(STUDY)]
    path.write_text("\n".join([f"{HEADER},{columns}", *lines, ""]))
    return path


@pytest.mark.parametrize("what", TABLES)
def test_the_check_reads_the_age(what: str, tmp_path: Path) -> None:
    columns, cells, years = TABLES[what]
    options: dict[str, Any] = dict(suggest(write(tmp_path / "study.csv", columns, cells)).options)
    ages = load(options.pop("name"), options).covariates["age"]
    assert np.allclose(ages, np.resize(years, len(STUDY)))


@pytest.mark.parametrize("what", [w for w in TABLES if w != "months alone"])
def test_the_hint_of_a_run_reads_the_age(what: str, tmp_path: Path) -> None:
    import shlex

    columns, cells, years = TABLES[what]
    options: dict[str, Any] = {"path": str(write(tmp_path / "study.csv", columns, cells)), "id": "id"}
    with pytest.raises(InputError) as caught:
        load("csv", options)
    parsed = _parsed([w for w in shlex.split(caught.value.hint) if w.startswith("data.")])
    assert np.allclose(load("csv", options | parsed).covariates["age"], np.resize(years, len(STUDY)))


def test_a_unit_in_codes_is_asked_and_read(tmp_path: Path) -> None:
    path = write(tmp_path / "study.csv", "age,unit", ["18,2", "10,3", "40,1"])
    assert "are they the units of column 'age'" in " ".join(suggest(path).roles.questions)  # type: ignore[union-attr]
    codes = {"1": "years", "2": "months", "3": "days"}
    options = {"path": str(path), "id": "id", "age": "age", "age_unit": "unit", "age_unit_codes": codes}
    assert np.allclose(load("csv", options).covariates["age"][:3], [1.5, 10 / 365.25, 40])


@pytest.mark.parametrize(
    ("name", "unit"),
    [("age_years", "years"), ("AgeInMonths", "months"), ("Age (days)", "days"), ("age", None), ("age_group", None),
     ("age_unit", None), ("image_months", None), ("dosage_days", None), ("edad_meses", "months")],
)  # fmt: skip
def test_the_unit_in_a_name(name: str, unit: str | None) -> None:
    assert unit_in_name(name) == unit


def test_a_unit_in_letters_and_classes_of_age_are_no_answers(tmp_path: Path) -> None:
    path = write(tmp_path / "study.csv", "age,unit,agecat", ["18,M,1", "10,D,3", "40,Y,4"])
    with pytest.raises(InputError) as caught:
        load("csv", {"path": str(path), "id": "id"})
    text = """data.age=age data.age_unit=unit 'data.age_unit_codes={"D": UNIT, "M": UNIT, "Y": UNIT}'"""
    assert caught.value.hint == f"to read it, add {text} 'data.exclude=[\"agecat\"]'"


def test_words_with_codes_for_the_sex_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "study.csv", "sex", ["1 - Male", "2 - Female", "Female (2)"])
    female = load("csv", {"path": str(path), "id": "id", "sex": "sex"}).covariates["female"]
    assert female[:3].tolist() == [0, 1, 1]


def test_two_columns_of_one_unit_are_no_parts() -> None:
    assert age_columns(["age_years", "ageInYears", "age_days"]) == {}


def test_numbers_that_are_neither_rest_nor_the_same_are_wrong() -> None:
    years, wrong = joined_ages([("years", np.array([1, 40, 2, NONE])), ("months", np.array([6, 99, 3, NONE]))])
    assert wrong.tolist() == [False, True, False, False]
    assert np.isnan(years[3])
