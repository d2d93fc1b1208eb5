"""What an ODK export says in two ways: swapped codes, ages that differ between columns, a part of an export."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.test_who2016_odk import cells, export
from va_experiments.data.readers.odk_header import AGES
from va_experiments.data.readers.who2016_odk import convert_who2016_odk
from va_experiments.data.readers.who2016_table import kinds
from va_experiments.errors import InputError

YES_NO = [q for q, kind in kinds().items() if kind == "yes_no"][:60]


@pytest.mark.parametrize("no", ["0", "2"])
def test_numbers_with_which_most_answers_say_yes_are_asked_about(tmp_path: Path, no: str) -> None:
    drawn = np.random.default_rng(1).random((10, len(YES_NO))) < 0.75
    rows = [{q: "1" if d else no for q, d in zip(YES_NO, row, strict=True)} | {"ageInDays": "9000"} for row in drawn]
    path = export(tmp_path, *rows)
    with pytest.raises(InputError, match=f'7.% of the answers say yes, with "1" for yes and "{no}" for no'):
        convert_who2016_odk(path)
    indicators = convert_who2016_odk(path, value_map={"1": "no", no: "yes"}).indicators
    words = [{q: {"1": "no", no: "yes"}.get(v, v) for q, v in row.items()} for row in rows]
    np.testing.assert_array_equal(indicators, convert_who2016_odk(export(tmp_path, *words)).indicators)
    mirrored = [{q: {"1": no, no: "1"}.get(v, v) for q, v in row.items()} for row in rows]
    np.testing.assert_array_equal(indicators, convert_who2016_odk(export(tmp_path, *mirrored)).indicators)


def test_ages_that_differ_between_columns_are_noted_with_these_columns(tmp_path: Path) -> None:
    rows = [
        {"ageInDays": "5", "age_neonate_days": "5", "age_adult": ""},
        {"ageInDays": "", "age_neonate_days": "5", "age_adult": "45"},
        {"ageInDays": "16801", "age_neonate_days": "", "age_adult": "45"},
    ]
    converted_export = convert_who2016_odk(export(tmp_path, *rows))
    assert [(e.count, e.examples) for e in converted_export.ledger if "ages that differ" in e.reason] == [
        (1, ("age_adult",))
    ]
    with pytest.raises(InputError, match=r"'240' 1 times\) are no answer to question age_child_months"):
        convert_who2016_odk(export(tmp_path, {"age_child_months": "240"}, {"age_child_months": "24"}))


def test_deaths_before_birth_are_refused_or_counted(tmp_path: Path) -> None:
    good = {"x-Id10021": "1980-03-01", "x-Id10023": "2018-06-12"}
    path = export(tmp_path, *[good] * 2, {"x-Id10021": "2018-06-12", "x-Id10023": "1980-03-01"})
    with pytest.raises(InputError, match="1 of 3 deaths whose age follows from the dates alone were before the birth"):
        convert_who2016_odk(path, duplicates="keep")
    converted_export = convert_who2016_odk(path, duplicates="keep", max_unknown=0.5)
    assert [e.count for e in converted_export.ledger if "before the birth" in e.reason] == [1]
    assert np.isnan(converted_export.covariates["age"]).sum() == 1


def test_a_part_of_an_export_without_age_and_sex_is_refused(tmp_path: Path) -> None:
    part = dict.fromkeys(YES_NO, "no")
    with pytest.raises(InputError, match=r"7\d questions, but neither an age nor the sex: is it a part of an export"):
        convert_who2016_odk(export(tmp_path, part))
    for age in ("Id10019", *AGES[:2]):
        assert len(convert_who2016_odk(export(tmp_path, part | {age: ""})).id) == 1


def test_an_archive_of_central_may_have_a_folder_and_an_audit(tmp_path: Path) -> None:
    table = export(tmp_path, {"data-x-Id10147": "yes"}, {"data-x-Id10147": "no"})
    for k, folder in enumerate(("", "export 1/")):
        with zipfile.ZipFile(tmp_path / f"{k}.zip", "w") as file:
            file.write(table, f"{folder}who va.csv")
            file.writestr(f"{folder}who va - audit.csv", "event\nx\n")
            file.writestr(f"{folder}who va-child.csv", "KEY,PARENT_KEY\n1,2\n")
        assert cells(tmp_path / f"{k}.zip", "i147o") == ["y", "n"]


@pytest.mark.parametrize(("female", "male"), [("Féminin", "Masculin"), ("Mujer", "Hombre"), ("Kike", "Kiume")])
def test_the_sex_and_refusals_are_read_in_more_languages(tmp_path: Path, female: str, male: str) -> None:
    refused = ("Se negó a responder", "Recusou-se a responder", "Alikataa kujibu", "A refusé de répondre")
    path = export(tmp_path, *[{"Id10019": sex, "Id10147": r} for sex in (female, male) for r in refused])
    assert cells(path, "i019b") == [*"yyyynnnn"]
    assert cells(path, "i147o") == ["."] * 8


def test_the_choice_itself_may_stand_in_its_column(tmp_path: Path) -> None:
    path = export(
        tmp_path, {"Id10235/face": "face", "Id10235/trunk": ""}, {"Id10235/face": "", "Id10235/trunk": "Trunk"}
    )
    assert cells(path, "i235a") == ["y", "n"]
