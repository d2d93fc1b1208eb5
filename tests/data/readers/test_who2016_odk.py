"""ODK exports of the WHO 2016 questionnaire give the indicators of InterVA-5, or are refused in words."""

from __future__ import annotations

import csv
import datetime
import gzip
import json
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.odk import HEADERS, SPELLINGS, answers, converted, expected, table
from va_experiments.cli import main
from va_experiments.data import read_who2016, read_who2016_odk
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.odk_dates import read_dates
from va_experiments.data.readers.odk_header import find_questions, version_of
from va_experiments.data.readers.who2016_odk import convert_who2016_odk
from va_experiments.data.readers.who2016_table import choices, kinds, rules
from va_experiments.data.registry import load
from va_experiments.errors import InputError

INDICATORS = read_probbase().indicators
MORE = [f"x-Id{k}" for k in range(10400, 10424)]
"""Questions without answers, so that a table is large enough to be an export."""


def export(tmp_path: Path, *rows: dict[str, str]) -> Path:
    """Write an export with these cells, one row each."""
    names = list(dict.fromkeys(n for row in rows for n in row))
    path = tmp_path / "export.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["meta-instanceID", *names, *MORE])
        writer.writerows(
            [f"uuid:{k}", *(row.get(n, "") for n in names), *[""] * len(MORE)] for k, row in enumerate(rows)
        )
    return path


def cells(path: Path, *names: str, **options: object) -> list[str]:
    """Return the cells of some indicators, one text a death."""
    indicators = convert_who2016_odk(path, **options).indicators
    place = [INDICATORS.index(n) for n in names]
    return ["".join(".ny"[v + 1] for v in row[place]) for row in indicators]


def test_the_table_covers_every_indicator_and_names_only_choices_that_exist() -> None:
    assert {r.indicator for r in rules()} == set(INDICATORS)
    for version in ("1.4", "1.5"):
        seen: set[str] = set()
        for rule in rules(version):
            assert not rule.prerequisite or rule.prerequisite in seen, "a prerequisite is known before it is needed"
            assert rule.condition.choices <= set(choices().get(rule.question, {}))
            seen.add(rule.indicator)
        assert seen == set(INDICATORS)


@pytest.mark.parametrize("header", HEADERS)
def test_every_style_of_header_gives_the_same(header: str) -> None:
    np.testing.assert_array_equal(converted(table(HEADERS[header])).indicators, expected().indicators)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_answers_gives_the_same(spelling: str) -> None:
    converted_export = converted(table(cell=SPELLINGS[spelling]))
    np.testing.assert_array_equal(converted_export.indicators, expected().indicators)
    np.testing.assert_array_equal(converted_export.covariates["age"], expected().covariates["age"])


def test_a_duration_is_met_from_its_first_to_its_last_day(tmp_path: Path) -> None:
    rows = [{"x-Id10147": "yes", "x-Id10148": d} for d in ("6", "7", "13", "14", "15", "99", "dk", "")]
    assert cells(export(tmp_path, *rows), "i148a", "i148b", "i148c") == [
        *("ynn", "nyn", "nyn", "nyy", "nny"),  # 14 days: the table of pyCrossVA has both
        *("...", "...", "..."),
    ]


def test_a_prerequisite_that_is_absent_or_not_known_decides(tmp_path: Path) -> None:
    rows = [{"x-Id10147": fever, "x-Id10149": last} for fever in ("yes", "no", "dk") for last in ("yes", "no", "dk")]
    assert cells(export(tmp_path, *rows), "i149o") == ["y", "n", ".", "n", "n", "n", ".", "n", "."]


def test_several_choices_in_one_cell_and_in_columns_of_their_own(tmp_path: Path) -> None:
    whole = export(tmp_path, {"x-Id10235": "face extremities"}, {"x-Id10235": "everywhere"}, {"x-Id10235": "dk"})
    names = ("i235a", "i235b", "i235c", "i235d")
    assert cells(whole, *names) == ["ynyn", "nnny", "...."]
    assert cells(whole, *names, as_pycrossva=True) == ["nnnn", "nnny", "...."]
    parts = [f"x/Id10235/{c}" for c in ("face", "trunk", "extremities", "everywhere")]
    divided = [dict(zip(parts, marks, strict=True)) for marks in ("1010", "0001")]
    assert cells(export(tmp_path, *divided, {}), *names) == ["ynyn", "nnny", "...."]


DIVIDED = {
    "Kobo": ("x/Id10235/{}", "1", "0"),
    "R": ("x.Id10235.{}", "TRUE", "FALSE"),
    "REDCap": ("id10235___{}", "Checked", "Unchecked"),
    "Stata": ("x_Id10235_{}", "1.0", "0.0"),
    "blanks": ("x-Id10235-{}", "x", ""),
    "brackets": ("x/Id10235 [{}]", "1", "0"),
    "label": ("(Id10235) Where was the rash?/{}", "Yes", "No"),
}
"""Program -> how it names the column of a choice, and what it writes where it is made and where not."""


@pytest.mark.parametrize("program", DIVIDED)
def test_columns_of_one_choice_give_what_the_whole_cell_gives(tmp_path: Path, program: str) -> None:
    name, made, not_made = DIVIDED[program]
    answers = ("face", "face extremities", "dk", "trunk", "")
    parts = ("face", "trunk", "extremities", "everywhere", "dk", "ref")
    rows = [{name.format(p): made if p in a.split() else not_made for p in parts} for a in answers]
    expected = ["ynnn", "ynyn", "....", "nynn", "...."]
    names = ("i235a", "i235b", "i235c", "i235d")
    assert cells(export(tmp_path, *rows), *names) == expected
    both = [{"x-Id10235": a, **row} for a, row in zip(answers, rows, strict=True)]
    assert cells(export(tmp_path, *both), *names) == expected, "the whole cell comes first"


def test_columns_of_choices_answer_where_the_column_of_the_whole_is_empty(tmp_path: Path) -> None:
    parts = [f"x/Id10235/{c}" for c in ("face", "trunk", "extremities", "everywhere")]
    marks = [dict(zip(parts, row, strict=True)) for row in ("1010", "0100")]
    names = ("i235a", "i235b", "i235c", "i235d")
    both = [{"x/Id10235": "", **marks[0]}, {"x/Id10235": "trunk", **marks[1]}]
    assert cells(export(tmp_path, *both), *names) == ["ynyn", "nynn"]
    with pytest.raises(InputError, match="columns of its choices differ in 1 row"):
        read_who2016_odk(export(tmp_path, {"x/Id10235": "face", **marks[1]}, both[1]))


def test_numbers_that_may_have_a_sign_between_thousands_are_refused(tmp_path: Path) -> None:
    for ages in (("9,000", "200"), ("9.000", "200"), ("9.125", "12.500")):
        with pytest.raises(InputError, match="no answer to question ageInDays"):
            read_who2016_odk(export(tmp_path, *({"x-ageInDays": age} for age in ages)))
    for ages in (("9000.000", "200.000"), ("9000,0", "200,0")):
        converted_export = convert_who2016_odk(export(tmp_path, *({"x-ageInDays": age} for age in ages)))
        np.testing.assert_allclose(converted_export.covariates["age"] * 365.25, [9000, 200])


def test_a_table_in_which_nobody_says_no_is_asked_about(tmp_path: Path) -> None:
    questions = [q for q, kind in kinds().items() if kind == "yes_no"][:25]
    marks = np.random.default_rng(3).random((20, 25)) < 0.5
    rows = [{f"x-{q}": "yes" if mark else "" for q, mark in zip(questions, row, strict=True)} for row in marks]
    path, first = export(tmp_path, *rows), f"i{questions[0][4:]}o"  # Id10077: i077o
    with pytest.raises(InputError, match=r"no cell says no to any of \d+ questions .* 'data.value_map="):
        read_who2016_odk(path)
    assert cells(path, first, value_map={"": "no"}) == ["y" if mark else "n" for mark in marks[:, 0]]
    assert cells(path, first, value_map={"": "dk"}) == ["y" if mark else "." for mark in marks[:, 0]]


def test_a_workbook_is_read_by_its_sheet_of_submissions(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    with open(export(tmp_path, {"x-Id10147": "yes"}, {"x-Id10147": "no"}), encoding="utf-8") as file:
        rows = list(csv.reader(file))
    book = openpyxl.Workbook()
    for title, sheet in (("visits", [["PARENT_KEY", "visit"], ["uuid:0", "1"]]), ("Submissions", rows)):
        page = book.create_sheet(title)
        for row in sheet:
            page.append(row)
    book.save(tmp_path / "central.xlsx")
    assert cells(tmp_path / "central.xlsx", "i147o") == ["y", "n"]


def test_what_a_column_of_one_choice_holds_is_understood_or_refused(tmp_path: Path) -> None:
    rows = [{"x/Id10235/face": mark, "x/Id10235/dk": "0"} for mark in ("1", "perhaps", "0")]
    with pytest.raises(InputError, match=r"question Id10235"):
        read_who2016_odk(export(tmp_path, *rows))
    numbered = [{"x-Id10235___2": "1"}, {"x-Id10235___2": "0"}]
    with pytest.raises(InputError, match=r"'x-Id10235___2': 2 of 2 cells .* expected face, trunk"):
        read_who2016_odk(export(tmp_path, *numbered))


@pytest.mark.parametrize("code", ["-1", "-9", "-88", "-99", "-999"])
def test_negative_codes_are_no_durations(tmp_path: Path, code: str) -> None:
    path = export(tmp_path, {"x-Id10120": code, "x-Id10147": code, "x-Id10337": code}, {"x-Id10120": "3"})
    assert cells(path, "i120a", "i147o", "i337a") == ["...", "y.."]


def test_none_is_an_empty_cell_where_a_program_writes_it_everywhere(tmp_path: Path) -> None:
    none = {"x-Id10173": "None", "x-Id10147": "None"}
    assert cells(export(tmp_path, none, {"x-Id10173": "stridor", "x-Id10147": "yes"}), "i173a") == [".", "y"]
    assert cells(export(tmp_path, none | {"x-Id10147": "no"}), "i173a") == ["n"], "here it is a choice: none of them"


MISNAMED = {
    "numbered names": ({f"x-Id{k}_1": "" for k in range(10125, 10145)}, "20 columns such as 'x-Id10125_1'"),
    "an age": ({"age_in_years": "30"}, "no age is read, and column 'age_in_years' may be one"),
    "a sex": ({"gender": "female"}, "no sex is read, and column 'gender' may be it"),
    "both versions": (
        {"x-Id10197b": "3", "x-Id10184_b": "2"},
        "columns of both versions, 1.4 .* and 1.5 .*line.* 2.* answer questions of both",
    ),
}
"""Case -> cells, and the problem."""


@pytest.mark.parametrize("case", MISNAMED)
def test_names_that_are_not_read_are_refused(tmp_path: Path, case: str) -> None:
    row, problem = MISNAMED[case]
    with pytest.raises(InputError, match=problem):
        read_who2016_odk(export(tmp_path, row))


def test_other_names_of_the_numbers_are_told_how_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text(",".join(f"q{k}" for k in range(10120, 10160)) + "\n" + ",".join(["yes"] * 40) + "\n")
    with pytest.raises(InputError, match="write Id before the numbers of 40 columns such as 'q10120'"):
        read_who2016_odk(path)


def test_a_note_beside_a_question_is_not_read(tmp_path: Path) -> None:
    path = export(tmp_path, {"x-Id10147": "yes", "note_Id10147": "a text", "x-Id10019.1": "male", "x-Id10019": "male"})
    assert cells(path, "i147o", "i019a") == ["yy"]


@pytest.mark.parametrize("other", ["x-Id10147_001", "Id10147_x", "(Id10147) Did (s)he have a fever?", "q_Id10147"])
def test_a_column_that_answers_where_the_one_that_is_read_is_empty_is_refused(tmp_path: Path, other: str) -> None:
    half = [{"x-Id10147": "yes", other: ""}, {"x-Id10147": "", other: "no"}]
    with pytest.raises(InputError, match=r"answers question Id10147 in 1 row in .* rename it to again-Id10147"):
        read_who2016_odk(export(tmp_path, *half))
    renamed = [{"x-Id10147": row["x-Id10147"], "again-Id10147": row[other]} for row in half]
    assert cells(export(tmp_path, *renamed), "i147o") == ["y", "n"]
    remark = [{"x-Id10147": "", other: "the mother was away"}, {"x-Id10147": "no", other: "no"}]
    assert cells(export(tmp_path, *remark), "i147o") == [".", "n"], "a remark is no answer"


def test_zero_years_and_zero_months_are_no_age_in_days(tmp_path: Path) -> None:
    rows = [{"ageInYears": "0"}, {"ageInYears": "0", "ageInMonths": "6"}, {"ageInYears2": "40"}, {"ageInMonths": "12"}]
    age = convert_who2016_odk(export(tmp_path, *rows)).covariates["age"]
    np.testing.assert_allclose(age, [np.nan, 0.5, 40, 1])


def test_ages_in_three_units_and_from_dates(tmp_path: Path) -> None:
    rows = [
        {"ageInYears": "70"},
        {"age_adult": "999"},
        {"age_child_months": "50"},
        {"age_child_days": "40"},
        {"age_neonate_days": "3"},
        {"x-Id10021": "1980-03-01", "x-Id10023": "Jun 12, 2018"},
        {"x-Id10021": "2018-06-01T00:00:00.000+02:00", "x-Id10023": "2018-06-12"},
        {"age_child_months": "999"},
        {"ageInDays": "-99"},
    ]
    path = export(tmp_path, *rows)
    groups = [f"i022{letter}" for letter in "abcdefg"]
    place = [INDICATORS.index(g) for g in groups]
    converted_export = convert_who2016_odk(path)
    named = ["".join("abcdefg"[k] for k in np.flatnonzero(row[place] == 1)) for row in converted_export.indicators]
    assert named == ["a", "", "e", "f", "g", "c", "g", "", ""]
    years = [70, np.nan, 50 / 12, 40 / 365.25, 3 / 365.25, 13982 / 365.25, 11 / 365.25, np.nan, np.nan]
    np.testing.assert_allclose(converted_export.covariates["age"], years)


def test_an_age_without_its_group_gives_the_part_of_the_group_too(tmp_path: Path) -> None:
    rows = [
        {"x-Id10019": sex, "x-Id10021": born, "x-Id10023": "12/30/2018"}
        for sex, born in (("female", "Jan 5, 1990"), ("male", "5 Jan 1990"), ("female", "2018-12-25"))
    ]
    path = export(tmp_path, *rows)
    assert cells(path, "i022c", "i022m") == ["yy", "yn", "nn"]
    assert cells(path, "i022g", "i022j", "i022h") == ["nnn", "nnn", "yyn"]
    assert cells(path, "i022c", "i022m", "i022g", as_pycrossva=True) == ["...", ".n.", "..."]


def test_dates_in_several_forms() -> None:
    day, other = datetime.date(2018, 6, 12), datetime.date(2018, 6, 25)
    forms = ("2018-06-12T10:00", "2018/6/12", "Jun 12, 2018", "12 June 2018", "12jun2018", "12-Jun-2018 08:00")
    assert read_dates(forms) == [day] * len(forms)
    assert read_dates(["12/06/2018", "25/06/2018"]) == [day, other]
    assert read_dates(["06.12.2018 11:05 PM", "06.25.2018"]) == [day, other]
    assert read_dates(["2101-01-01", "1 Jan 9999", "01/31/2999", "1849-12-31", "0018-06-12"]) == [None] * 5
    assert read_dates(["2100-12-31", "1850-01-01"]) == [datetime.date(2100, 12, 31), datetime.date(1850, 1, 1)]
    assert read_dates(["12/06/2018", "06/06/2018", "", "dk", "2018-02-31", "11/05/18"]) == [
        *(None, datetime.date(2018, 6, 6)),
        *(None, None, None, None),
    ]


def test_months_are_read_in_five_languages_and_a_beginning_of_two_of_them_is_not() -> None:
    june = [
        "12 juin 2018",
        "12 jun. 2018",
        "12 de junio de 2018",
        "12 de junho del 2018",
        "Juni 12, 2018",
        "12JUIN2018",
    ]
    assert read_dates(june) == [datetime.date(2018, 6, 12)] * len(june)
    others = [
        "1er mars 2018",
        "1 Machi 2018",
        "3 AOÛT 2018",
        "3 févr. 2018",
        "9 Desemba 2018",
        "3 out 2018",
        "4 Febuary 2018",
    ]
    months = [(d.month if d else 0) for d in read_dates(others)]
    assert months == [3, 3, 8, 2, 12, 10, 2]
    assert read_dates(["3 jui 2018", "12 bad 2018"]) == [None, None]
    short = ["1er mars 18", "12 de junio de 18"]
    assert read_dates(short, latest_year=2019) == [datetime.date(2018, 3, 1), datetime.date(2018, 6, 12)]


def test_dates_that_may_be_two_dates_are_refused_until_their_order_is_known(tmp_path: Path) -> None:
    born, died = ("3/4/1980", "1/2/1990", "5/6/2017"), ("3/4/2018", "1/2/2018", "5/6/2018")
    rows = [{"x-Id10021": one, "x-Id10023_a": two} for one, two in zip(born, died, strict=True)]
    path = export(tmp_path, *rows)
    with pytest.raises(InputError, match=r"'x-Id10021': 3 of 3 dates .*3 of the form '9/9/9999'") as e:
        read_who2016_odk(path)
    assert "1980" not in str(e.value)
    assert "data.date_order=day_first" in e.value.hint
    converted_export = convert_who2016_odk(path, date_order="day_first")
    first = (datetime.date(2018, 4, 3) - datetime.date(1980, 4, 3)).days
    assert converted_export.covariates["age"][0] * 365.25 == pytest.approx(first)
    assert np.isfinite(convert_who2016_odk(path, date_order="month_first").covariates["age"]).all()
    assert np.isnan(convert_who2016_odk(path, exclude=["Id10021"]).covariates["age"]).all()
    say = export(tmp_path, *rows, {"x-Id10021": "25/12/1970", "x-Id10023_a": "6/6/2018"})
    assert convert_who2016_odk(say).covariates["age"][0] * 365.25 == pytest.approx(first)


def test_ages_that_name_their_unit_are_read_in_that_of_the_column(tmp_path: Path) -> None:
    rows = [{"x-ageInYears": a, "x-Id10019": "male"} for a in ("45y 3m", "3 yrs", "43", "6 years")]
    ages = convert_who2016_odk(export(tmp_path, *rows)).covariates["age"]
    assert ages.tolist() == pytest.approx([45.25, 3, 43, 6])


def test_a_few_dates_that_are_not_understood_are_counted_without_examples(tmp_path: Path) -> None:
    dates = ["11/05/18", "dk", *(f"2010-01-{k % 28 + 1:02d}" for k in range(150))]
    path = export(tmp_path, *({"x-Id10021": born, "x-Id10023": "2018-06-12"} for born in dates))
    (entry,) = [e for e in read_who2016_odk(path, duplicates="keep").ledger if e.column == "Id10021"]
    assert (entry.action, entry.count, entry.examples) == ("set missing", 1, ())


def test_durations_are_calculated_where_the_export_lacks_them(tmp_path: Path) -> None:
    rows = [
        {"x-Id10153": "yes", "x-Id10154_units": unit, "x-Id10154_a": days, "x-Id10154_b": months}
        for unit, days, months in (("days", "20", "9"), ("Months", "3", "1"), ("months", "3", "88"), ("", "22", ""))
    ]
    assert cells(export(tmp_path, *rows), "i154a", "i154b") == ["yn", "ny", "..", "ny"]


def test_days_that_version_1_5_divides_by_thirty_are_days_again(tmp_path: Path) -> None:
    row = {"x-Id10250_units": "days", "x-Id10250_a": "12", "x-Id10250_b": "", "x-Id10250": "0.4"}
    path = export(tmp_path, row, row | {"x-Id10250_a": "2", "x-Id10250": "0.0666667"}, {"x-Id10250": "0.4"})
    assert cells(path, "i250a", version="1.5") == ["y", "n", "n"]
    assert cells(path, "i250a", version="1.5", as_pycrossva=True) == ["n", "n", "n"]


def test_the_version_follows_from_the_columns() -> None:
    assert version_of(["x-Id10184_b", "x-Id10209"]) == "1.5"
    assert version_of(["ID10197B"]) == "1.4"
    assert find_questions(["a-Id10310_check", "a-Id10019_label", "b-age_adult"]).columns == {
        "Id10019": ["a-Id10019_label"],
        "age_adult": ["b-age_adult"],
    }


def test_rows_of_both_versions_in_one_table_are_read_each_by_its_own(tmp_path: Path) -> None:
    old = {"x-Id10195": "yes", "x-Id10197b": "3", "x-Id10184": "4", "x-Id10190": "1"}
    new = {"x-Id10195": "yes", "x-Id10197": "14", "x-Id10184_b": "1", "x-Id10190_a": "3"}
    names = ("i197a", "i197b", "i184a", "i190o")
    path = export(tmp_path, old, new, {"x-Id10147": "yes"})
    assert cells(path, *names) == ["nyyn", "nyny", "...."]
    assert "version 1.4 and 1.5" in " ".join(e.reason for e in read_who2016_odk(path).ledger)
    alone = [cells(export(tmp_path, row), *names)[0] for row in (old, new)]
    assert alone == ["nyyn", "nyny"]


def test_a_row_that_means_two_things_in_two_versions_is_refused_with_its_line(tmp_path: Path) -> None:
    two = {"x-Id10195": "yes", "x-Id10197": "14"}  # exactly 14 days are 2 weeks in 1.5, and neither in 1.4
    path = export(tmp_path, {"x-Id10184": "4"}, {"x-Id10184_b": "4"}, two)
    with pytest.raises(InputError, match=r"1 of its rows \(lines 4\) answer questions of neither version alone"):
        read_who2016_odk(path)
    assert cells(path, "i197b", version="1.5") == [".", ".", "y"]


def test_years_of_two_digits_are_read_where_the_latest_year_is_said(tmp_path: Path) -> None:
    day, old = datetime.date(2018, 6, 12), datetime.date(1921, 6, 12)
    named = ["12-Jun-18", "Jun 12, 18", "12jun18", "12 June 21"]
    assert read_dates(named) == [None] * 4
    assert read_dates(named, latest_year=2018) == [day, day, day, old]
    assert read_dates(["12/06/18", "12.06.18 11:05"], "day_first", 2019) == [day, day]
    assert read_dates(["18/06/12"], "year_first", 2019) == [day]
    assert read_dates(["06-12-18"], "month_first", 2019) == [day]
    assert read_dates(["18/06/12"], latest_year=2019) == [None], "any of the numbers may be the year"
    assert read_dates(["12 Jun 18:30"], latest_year=2019) == [None]
    path = export(tmp_path, {"x-Id10021": "12/06/50", "x-Id10023": "12/06/18"})
    with pytest.raises(InputError) as e:
        read_who2016_odk(path)
    assert "data.latest_year=2018" in e.value.hint
    converted_export = convert_who2016_odk(path, date_order="day_first", latest_year=2018)
    assert converted_export.covariates["age"].round().tolist() == [68]


def test_empty_rows_are_left_out_and_named_by_line(tmp_path: Path) -> None:
    path = export(tmp_path, {"x-Id10147": "yes"}, {"x-Id10147": "no"})
    width = len(path.read_text().splitlines()[0].split(","))
    path.write_text(path.read_text() + ("," * (width - 1) + "\n") * 2)
    deaths = read_who2016_odk(path)
    assert len(deaths) == 2
    assert [(e.reason, e.ids) for e in deaths.excluded] == [("the row is empty", ("line 4", "line 5"))]
    assert [e.count for e in deaths.ledger if e.reason == "rows are empty"] == [2]
    assert cells(path, "i147o", as_pycrossva=True) == ["y", "n", ".", "."]


def test_the_archive_of_odk_central_is_read_by_its_table_of_submissions(tmp_path: Path) -> None:
    path = export(tmp_path, {"data-x-Id10147": "yes"}, {"data-x-Id10147": "no"})
    archive = tmp_path / "central.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("media/1.amr", b"sound")
        file.write(path, "who va.csv")
        file.writestr("who va-repeat.csv", "KEY,PARENT_KEY\n1,2\n")
    assert cells(archive, "i147o") == ["y", "n"]
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("other.csv", "a\n1\n")
    with pytest.raises(InputError, match="holds 4 files"):
        read_who2016_odk(archive)


def test_suffixes_of_columns_are_no_other_question() -> None:
    names = [
        "a/Id10184_b_v1",
        "a/Id10184_c_v1",
        "g[1]/Id10019[1]",
        "ID_10147",
        "Id10179_1_Enter_minutes",
        "age_adult[1]",
    ]
    assert find_questions(names).columns == {
        q: [n]
        for q, n in zip(("Id10184_b", "Id10184_c", "Id10019", "Id10147", "Id10179_1", "age_adult"), names, strict=True)
    }


def test_what_is_no_answer_is_refused_and_the_hint_reads_it(tmp_path: Path) -> None:
    path = export(tmp_path, {"x-Id10019": "1", "x-Id10147": "yes"}, {"x-Id10019": "2", "x-Id10147": "no"})
    with pytest.raises(
        InputError, match=r"2 of 2 cells .* are no answer to question Id10019; expected female, male"
    ) as e:
        read_who2016_odk(path)
    assert "'data.exclude=[Id10019]'" in e.value.hint
    deaths = read_who2016_odk(path, value_map={"Id10019": {"1": "male", "2": "female"}})
    assert deaths.covariates["female"].tolist() == [0, 1]
    assert "Id10019" not in {entry.column for entry in deaths.ledger}


def test_a_few_odd_cells_are_told(tmp_path: Path) -> None:
    path = export(tmp_path, *({"x-Id10147": "perhaps" if k == 7 else "yes", "x-Id10152": "no"} for k in range(150)))
    deaths = read_who2016_odk(path, duplicates="keep")
    (entry,) = [e for e in deaths.ledger if e.column == "Id10147"]
    assert (entry.action, entry.count, entry.reason) == ("set missing", 1, "answers are not understood")


def test_stillbirths_are_told(tmp_path: Path) -> None:
    signs = ("x-Id10104", "x-Id10109", "x-Id10110")
    path = export(tmp_path, dict.fromkeys(signs, "no"), dict.fromkeys(signs, "yes"), {"x-Id10104": "no"})
    assert [e.count for e in read_who2016_odk(path).ledger if "stillbirths" in e.reason] == [1]


def test_converted_and_read_again_it_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "export.csv").write_bytes(table())
    out = tmp_path / "indicators.csv"
    assert main(["data", "convert", str(tmp_path / "export.csv"), str(out)]) == 0
    assert "24 deaths, 353 indicators" in capsys.readouterr().out
    again, direct = read_who2016(out), read_who2016_odk(tmp_path / "export.csv")
    np.testing.assert_array_equal(again.symptoms, direct.symptoms)
    assert again.id.tolist() == direct.id.tolist()
    assert [row["instanceID"] for row in answers()] == [line.split(",")[0] for line in out.read_text().splitlines()[1:]]
    assert main(["data", "convert", str(tmp_path / "export.csv"), str(out)]) == 2


@pytest.mark.real_data
@pytest.mark.parametrize("file", ["o01_odk_dash", "o02_odk_colon", "o04_prefix_dash", "o06_odk_labelled"])
def test_the_advice_for_an_export_works(shared_dir: Path, file: str) -> None:
    path = shared_dir / "cases" / f"{file}.csv"
    with pytest.raises(InputError, match="read it with data=who2016_odk"):
        load("csv", {"path": str(path)})
    deaths = load("who2016_odk", {"path": str(path)})
    assert deaths.symptoms.shape == (120, 353)
    assert np.isfinite(deaths.covariates["age"]).all()


DIFFERENCES = {"who2016_v141_mock_a": 62, "who2016_v151_mock_b": 1, "who2016_v151_mock_c": 32}
"""Cells in which the default differs from pyCrossVA; docs/how-to/odk.md lists them with their reasons."""

REASONS = {
    "88 and 99 are no number": {
        *("i106a", "i108a", "i120a", "i120b", "i161a", "i169a", "i169b", "i332a", "i367a", "i367b", "i367c", "i382a"),
        *("i394a", "i394b", "i415a"),
    },
    "negative numbers are no numbers": {"i309o"},
    "several choices": {"i235a", "i235b", "i235c", "i260e", "i260f"},
    "months are days": {"i248a", "i250a", "i262a"},
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", DIFFERENCES)
def test_cell_for_cell_as_pycrossva(reference_dir: Path, name: str) -> None:
    def find(stem: str) -> Path:
        return next((reference_dir / "odk").glob(f"{stem}.csv*"))

    file = find(f"{name}_interva5")
    with gzip.open(file, "rt") if file.suffix == ".gz" else open(file) as lines:
        header, *rows = csv.reader(lines)
    assert tuple(header[1:]) == INDICATORS
    theirs = np.array([[".ny".index(c) - 1 for c in row[1:]] for row in rows])
    ours = convert_who2016_odk(find(name), as_pycrossva=True).indicators
    np.testing.assert_array_equal(ours, theirs)
    differ = convert_who2016_odk(find(name)).indicators != theirs
    assert int(differ.sum()) == DIFFERENCES[name]
    assert {INDICATORS[j] for j in np.flatnonzero(differ.any(axis=0))} <= set().union(*REASONS.values())


@pytest.mark.parametrize("code", ["999", "98", "9"])
def test_a_heap_of_one_number_is_asked_about(tmp_path: Path, code: str) -> None:
    rows = [{"Id10120": code if k % 3 == 0 else str(10 + k), "Id10147": "yes", "Id10148": "no"} for k in range(60)]
    path = export(tmp_path, *rows)
    with pytest.raises(InputError, match=rf"Id10120: {code} \(20 times\): do they mean") as caught:
        read_who2016_odk(path)
    (option,) = (w for w in shlex.split(str(caught.value)) if w.startswith("data.value_map="))
    known, number_map = json.loads(option.rstrip(",").partition("=")[2]), {"Id10120": {code: code}}
    assert known == {"Id10120": {code: "dk"}}
    missing, numbers = read_who2016_odk(path, value_map=known), read_who2016_odk(path, value_map=number_map)
    assert (missing.symptoms != numbers.symptoms).any()


@pytest.mark.parametrize("sep", ["/", "___", "."])
@pytest.mark.parametrize("whole", [False, True], ids=["alone", "beside the whole"])
def test_sounds_of_a_baby_and_of_others_may_have_a_column_each(tmp_path: Path, sep: str, whole: bool) -> None:
    answers = {"Id10173_nc": ["stridor grunting", "", "no", ""], "Id10173_a": ["", "wheezing", "", "dk"]}
    rows: list[dict[str, str]] = []
    for k in range(4):
        row = {"Id10184_b": ""}
        for question, cells_of in answers.items():
            made = cells_of[k].split()
            if whole:
                row[question] = cells_of[k]
            for choice in ("stridor", "grunting", "wheezing", "no", "dk"):
                row[f"group-{question}{sep}{choice}"] = str(int(choice in made)) if made else ""
        rows.append(row)
    converted_export = convert_who2016_odk(export(tmp_path, *rows))
    assert [".ny"[v + 1] for v in converted_export.indicators[:, INDICATORS.index("i173a")]] == ["y", "y", "n", "."]
    assert converted_export.covariates["i173b"].tolist() == [1, 0, 0, -1]
