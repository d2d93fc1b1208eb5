"""Files that people have: each is read rightly, or refused with a way out that leads to a data set."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from va_experiments.commands.data import _parsed
from va_experiments.data import load
from va_experiments.data.check import suggest
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError

PLAIN: dict[str, Any] = {"id": "id", "covariates": {"age": [0, 120]}}


@pytest.fixture
def cases(shared_dir: Path) -> Path:
    folder = shared_dir / "cases"
    if not folder.is_dir():
        pytest.skip("needs cases/ of the folder shared/ beside the checkout; it is not here")
    return folder


def read(path: Path, **options: Any) -> Deaths:
    return load("csv", {"path": str(path), **PLAIN, **options})


def refused(path: Path, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    return caught.value


def follow(hint: str) -> dict[str, Any]:
    """Return the options that a hint tells, as a shell and the command would read them."""
    words = shlex.split(hint)
    return _parsed([w for w in words if w.startswith("data.")])


def size(deaths: Deaths) -> tuple[int, int, int, int]:
    return len(deaths), deaths.n_symptoms, len(deaths.causes), len(deaths.sites)


def test_nines_beside_ones_and_zeros(cases: Path) -> None:
    path = cases / "c02b_1_0_9_mixed.csv"
    error = refused(path)
    assert "to read it, add" in error.hint
    deaths = read(path, **follow(error.hint))
    assert size(deaths) == (240, 12, 3, 3)
    cells = [line.split(",")[4:] for line in path.read_text().split()[1:]]
    assert (deaths.symptoms == -1).sum() == sum(row.count("9") for row in cells)
    assert (deaths.symptoms == 1).sum() == sum(row.count("1") for row in cells)


@pytest.mark.parametrize(
    ("file", "symptoms"), [("n13_maybe.csv", 9), ("n05b_french_utf8.csv", 9), ("c05_sex_mf.csv", 9)]
)
def test_the_hint_reads_the_file(cases: Path, file: str, symptoms: int) -> None:
    error = refused(cases / file)
    assert size(read(cases / file, **follow(error.hint))) == (240, symptoms, 3, 3)


def test_french_answers_are_the_english_ones(cases: Path) -> None:
    french = read(
        cases / "n05b_french_utf8.csv", value_map=follow(refused(cases / "n05b_french_utf8.csv").hint)["value_map"]
    )
    assert french.fingerprint == read(cases / "c07_pandas_index.csv").fingerprint


def test_yes_or_blank_is_asked_once(cases: Path) -> None:
    path = cases / "c04_interva4_Y_blank.csv"
    error = refused(path)
    assert len(error.problems) == 1
    assert "Say data.blank=absent or data.blank=missing" in error.problems[0]
    absent, missing = read(path, blank="absent"), read(path, blank="missing")
    assert (absent.symptoms >= 0).all()
    assert not (missing.symptoms == 0).any()


def test_sex_becomes_a_covariate(cases: Path) -> None:
    path = cases / "c05_sex_mf.csv"
    assert refused(path).hint == "to read it, add data.sex=sex"
    female = read(path, sex="sex").covariates["female"]
    assert int(female.sum()) == path.read_text().count(",f,")


@pytest.mark.parametrize("file", ["c07_pandas_index.csv", "c08_excel_trailing.csv", "f01_excel.xlsx"])
def test_what_a_program_left_in_the_table_is_left_out_and_said(cases: Path, file: str) -> None:
    deaths = read(cases / file)
    assert size(deaths) == (240, 9, 3, 3)
    notes = [entry.reason for entry in deaths.ledger]
    assert file == "f01_excel.xlsx" or any("has no name" in note for note in notes)
    assert deaths.fingerprint == read(cases / "c07_pandas_index.csv").fingerprint


def test_a_title_above_the_header_is_left_out_and_said(cases: Path) -> None:
    path = cases / "a09_title_row.csv"
    deaths = load("csv", {"path": str(path), "id": "ID", "site": "SITE", "cause": "CAUSE", "age": "AGE"})
    assert size(deaths) == (240, 9, 3, 3)
    assert any("row 1 is a title" in entry.reason for entry in deaths.ledger)


@pytest.mark.parametrize("id_column", ["id", None])
def test_deaths_that_occur_twice(cases: Path, id_column: str | None) -> None:
    path = cases / "d01_every_row_twice.csv"
    options: dict[str, Any] = {"id": id_column, "exclude": [] if id_column else ["id"]}
    error = refused(path, **options)
    assert any("data.duplicates=first" in problem for problem in error.problems)
    assert len(read(path, **options, duplicates="first")) == 150
    assert len(read(path, **options, duplicates="keep")) == 300


def test_ages_with_a_column_of_units(cases: Path) -> None:
    path = cases / "n08_age_months_unit.csv"
    assert "data.age_unit=age_unit (with data.age=COLUMN)" in refused(path).hint
    ages = load("csv", {"path": str(path), "id": "id", "age": "age", "age_unit": "age_unit"}).covariates["age"]
    months = [float(line.split(",")[3]) for line in path.read_text().split()[1:]]
    assert np.allclose(np.sort(ages), np.sort(months) / 12)
    assert ages.max() < 5


def test_a_column_that_equals_a_cause_is_named(cases: Path) -> None:
    path = cases / "n12_leak.csv"
    error = refused(path, **follow(refused(path).hint))
    assert [p.split("'")[3] for p in error.problems] == ["cod_malaria", "va_result_malaria"]
    excluded = [follow(p.split("leave it out with ")[1].split(", or")[0])["exclude"][0] for p in error.problems]
    assert size(read(path, exclude=excluded)) == (240, 9, 3, 3)
    allowed = read(path, **follow(refused(path).hint), allow_leaks=excluded)
    assert allowed.n_symptoms == 11


def test_sites_and_causes_that_stand_for_not_known(cases: Path) -> None:
    path = cases / "m01_nan_site_unknown_cause.csv"
    site, cause = refused(path).problems
    assert "20 rows without a site" in site
    assert "29 rows without a cause" in cause
    assert "found '-', '99', 'Unknown'" in cause
    deaths = read(path, site_map={"nan": None}, drop_unlabelled=True)
    assert size(deaths) == (195, 9, 3, 3)


def test_no_site_and_other_codes(cases: Path) -> None:
    path = cases / "n01_nbc4va.csv"
    suggestion = suggest(path, {"site": None})
    deaths = load("csv", suggestion.options)
    assert size(deaths) == (240, 9, 3, 1)
    assert suggestion.options["value_map"] == {"0": "N", "1": "Y", "99": "."}


def test_json_is_refused_in_words(cases: Path) -> None:
    assert "is JSON, not a table; export one row for each death as CSV" in str(refused(cases / "f05.json"))


@pytest.mark.parametrize("file", ["o01_odk_dash", "o02_odk_colon", "o04_prefix_dash", "o06_odk_labelled"])
@pytest.mark.parametrize("reader", ["csv", "phmrc_adult", "who2016"])
def test_an_odk_export_is_recognised_by_every_reader(cases: Path, file: str, reader: str) -> None:
    path = cases / f"{file}.csv"
    with pytest.raises(InputError) as caught:
        load(reader, {"path": str(path)})
    (problem,) = caught.value.problems
    assert "is an ODK export of the WHO 2016 questionnaire (36 questions" in problem
    assert problem.endswith(f"read it with data=who2016_odk data.path={path}")


READ = {
    "a09_title_row.csv": (240, 9, 3, 3),
    "c02b_1_0_9_mixed.csv": (240, 12, 3, 3),
    "c05_sex_mf.csv": (240, 9, 3, 3),
    "c07_pandas_index.csv": (240, 9, 3, 3),
    "c08_excel_trailing.csv": (240, 9, 3, 3),
    "f01_excel.xlsx": (240, 9, 3, 3),
    "n05b_french_utf8.csv": (240, 9, 3, 3),
    "n08_age_months_unit.csv": (240, 9, 3, 3),
    "n12_leak.csv": (240, 9, 3, 3),
    "n13_maybe.csv": (240, 9, 3, 3),
}
"""Deaths, symptoms, causes and sites by what the check suggests, without any option."""

ASKED = {
    "c04_interva4_Y_blank.csv": ("data.blank=absent", {"blank": "absent"}, 240),
    "d01_every_row_twice.csv": ("data.duplicates=first", {"duplicates": "first"}, 150),
    "m01_nan_site_unknown_cause.csv": ("data.site_map=", {"site_map": {"nan": None}, "drop_unlabelled": True}, 195),
}
"""What is asked, the answer, and the deaths then read."""


@pytest.mark.parametrize("file", READ)
def test_the_suggested_yaml_reads_the_file(cases: Path, file: str) -> None:
    suggestion = suggest(cases / file)
    options = yaml.safe_load(suggestion.text)
    assert options == json.loads(json.dumps(suggestion.options))
    assert all(isinstance(key, str) for key in options["value_map"])
    deaths = load(options.pop("name"), options)
    assert size(deaths) == READ[file]


@pytest.mark.parametrize("file", ASKED)
def test_what_only_its_owner_knows_is_asked(cases: Path, file: str) -> None:
    question, answer, n = ASKED[file]
    with pytest.raises(InputError, match=question):
        load("csv", suggest(cases / file).options)
    assert len(load("csv", suggest(cases / file, answer).options)) == n


def test_a_table_with_ids_that_is_read_at_once_is_read_with_the_hint(tmp_path: Path) -> None:
    path, plain = tmp_path / "study.csv", {"id": None, "covariates": {}}
    path.write_text("id,site,cause,q1,q2\na,N,M,yes,no\nb,S,I,no,yes\nc,N,I,no,yes\nd,S,M,yes,no\n")
    hint = refused(path, **plain).hint
    assert hint.startswith("to read it, add data.id=id 'data.value_map=")
    deaths = read(path, **plain | follow(hint) | {"allow_leaks": ["q1", "q2"]})
    assert size(deaths) == (4, 2, 2, 2)
    assert list(deaths.id) == ["a", "b", "c", "d"]
    columns = "the columns are 'id', 'site', 'cause', 'q1', 'q2'"
    assert refused(path, site="district").problems[0].endswith(columns)
