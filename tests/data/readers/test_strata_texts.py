"""data.strata_columns: every reader keeps columns of text beside the same deaths, or refuses them in words."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.test_immcmc import simulated
from va_experiments.cli import main
from va_experiments.data import load
from va_experiments.data.deaths import DOUBTFUL, Deaths
from va_experiments.data.probbase import read_probbase
from va_experiments.data.strata import strata_of
from va_experiments.data.strata_advice import strata_advice
from va_experiments.errors import InputError

DISTRICTS = ("North", " North", "South", "", "unknown", "Su\u0301r", "S\u00fcd  Ost", "SOUTH")


def table(folder: Path, n: int = 48, name: str = "study.csv", **columns: Sequence[str]) -> Path:
    """Write a table of `n` deaths with these columns beside id, site, cause and three symptoms."""
    rng = np.random.default_rng(7)
    path = folder / name
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "site", "cause", "s1", "s2", "s3", *columns])
        for k in range(n):
            more = [values[k % len(values)] for values in columns.values()]
            writer.writerow([f"d{k:03}", "AB"[k % 2], ("TB", "HIV")[k // 3 % 2], *rng.choice(["Y", "N"], 3), *more])
    return path


def read(path: Path, *strata: str, **options: object) -> Deaths:
    return load("csv", {"path": str(path), "id": "id", "strata_columns": list(strata), **options})


def texts(deaths: Deaths, name: str) -> list[str]:
    strata = strata_of(deaths, name)
    return [strata.labels[k] for k in strata.code.tolist()]


def test_texts_are_kept_in_one_form_and_the_ledger_says_so(tmp_path: Path) -> None:
    deaths = read(table(tmp_path, district=DISTRICTS), "district")
    assert deaths.symptom_names == ("s1", "s2", "s3")
    expected = ["North", "North", "South", "not known", "not known", "S\u00far", "S\u00fcd Ost", "SOUTH"]
    assert texts(deaths, "district") == expected * 6
    entries = {(e.action, e.count, e.examples) for e in deaths.ledger if e.column == "district"}
    assert ("noted", 12, ("unknown",)) in entries
    assert (DOUBTFUL, 2, ("SOUTH", "South")) in entries
    (normalised,) = [e for e in deaths.ledger if e.action == "normalised"]
    assert normalised.count == 18
    assert "' North'" in normalised.examples


@pytest.mark.parametrize("id", ["id", None])
def test_the_deaths_are_the_same_with_and_without_them(tmp_path: Path, id: str | None) -> None:
    path = table(tmp_path, district=("North", "South", ""), year=("2020-01", "2020-02"))
    left_out = ["district", "year"] + (["id"] if id is None else [])
    without = read(path, id=id, exclude=left_out)
    for options in ({"exclude": left_out}, {"exclude": left_out[2:]}):
        deaths = read(path, "district", "year", id=id, **options)
        assert deaths.fingerprint == without.fingerprint
        assert set(texts(deaths, "year")) == {"2020-01", "2020-02"}


def test_a_row_with_nothing_but_a_text_is_empty(tmp_path: Path) -> None:
    path = table(tmp_path, district=("North", "South"))
    with open(path, "a", encoding="utf-8") as file:
        file.write(",,,,,,West\n")
    deaths = read(path, "district")
    assert len(deaths) == 48
    assert deaths.strata_columns["district"].values == ("North", "South"), "a value that only a dropped row has"


def test_numbers_are_texts_in_their_order_and_99_is_not_known_where_it_stands_apart(tmp_path: Path) -> None:
    path = table(tmp_path, ward=("10", "9", "2", "99"), size=("97", "98", "99", "100"))
    deaths = read(path, "ward", "size")
    assert strata_of(deaths, "ward").labels == ("2", "9", "10", "not known")
    assert deaths.strata_columns["size"].values == ("97", "98", "99", "100")


def test_a_covariate_may_be_named_too_and_a_declared_column_goes_first(tmp_path: Path) -> None:
    path = table(tmp_path, age_group=("15-49", "50+"), hours=("1", "2"))
    deaths = read(path, "age_group", "hours", covariates={"hours": None})
    assert set(texts(deaths, "age_group")) == {"15-49", "50+"}
    assert set(deaths.covariates) == {"hours"}


def test_a_column_that_equals_the_cause_is_no_leak(tmp_path: Path) -> None:
    deaths = read(table(tmp_path, icd=("A15", "A15", "A15", "B20", "B20", "B20")), "icd")
    assert deaths.cause is not None
    assert len(set(zip(texts(deaths, "icd"), deaths.cause.tolist(), strict=True))) == 2


@pytest.mark.parametrize(
    ("strata", "message"),
    [
        (["distrct"], r"missing column 'distrct'.*did you mean 'district'.*\(data.strata_columns\)"),
        (["id"], "column 'id' is the id of each death"),
        (["site"], r"column 'site' is the site: say strata=\[site\]"),
        (["cause"], "column 'cause' is the cause"),
        (["person"], "column 'person' has another value for each of 48 deaths: it tells persons apart"),
        (["hamlet"], "column 'hamlet' has 70 values .* expected at most 60 for data.strata_columns"),
    ],
)
def test_columns_that_cannot_be_strata(tmp_path: Path, strata: list[str], message: str) -> None:
    n = 140 if strata == ["hamlet"] else 48
    path = table(
        tmp_path, n, district=("N", "S"), person=[f"p{k}" for k in range(200)], hamlet=[f"h{k}" for k in range(70)]
    )
    left_out = [c for c in ("district", "person", "hamlet") if c not in strata]
    with pytest.raises(InputError, match=message):
        read(path, *strata, exclude=left_out)


def test_a_symptom_and_the_name_site_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, district=("N", "S"))
    with pytest.raises(InputError, match=r"'s1' is a symptom of data.symptoms, and strata=\[s1\] shows it so"):
        read(path, "s1", symptoms=["s1", "s2"])
    with pytest.raises(InputError, match=r"column 'site' cannot be in data\.strata_columns, because"):
        read(path, "site", site="district")


def test_indicators_of_interva5(tmp_path: Path) -> None:
    codes = read_probbase().indicators
    rng = np.random.default_rng(3)
    path = tmp_path / "who.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", *codes, "province"])
        writer.writerows([k, *rng.choice(["y", "n", "."], len(codes)), ("Sud", "", "Nord ")[k % 3]] for k in range(24))
    deaths = load("who2016", {"path": str(path), "strata_columns": ["province"]})
    assert texts(deaths, "province")[:3] == ["Sud", "not known", "Nord"]
    assert deaths.fingerprint == load("who2016", {"path": str(path)}).fingerprint
    assert not [e for e in deaths.ledger if e.action == "left out"]
    with pytest.raises(InputError, match="column 'ID' is the id"):
        load("who2016", {"path": str(path), "strata_columns": ["ID"]})


def test_an_odk_export(tmp_path: Path) -> None:
    path = tmp_path / "odk.csv"
    header = ["meta-instanceID", *(f"Id{k}" for k in range(10125, 10150)), "hospital"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for k in range(30):
            answers = ["yes" if (k >> j % 5) % 2 else "no" for j in range(25)]
            writer.writerow([f"uuid:{k:02}", *answers, ("H1", "H2", "")[k % 3]])
    deaths = load("who2016_odk", {"path": str(path), "strata_columns": ["hospital"]})
    assert texts(deaths, "hospital") == ["H1", "H2", "not known"] * 10
    assert deaths.fingerprint == load("who2016_odk", {"path": str(path)}).fingerprint
    with pytest.raises(InputError, match="missing column 'hospitals'"):
        load("who2016_odk", {"path": str(path), "strata_columns": ["hospitals"]})
    with pytest.raises(InputError, match="'meta-instanceID' has another value for each of 30 deaths"):
        load("who2016_odk", {"path": str(path), "strata_columns": ["meta-instanceID"]})


@pytest.mark.parametrize("reader", ["immcmc_adult", "phmrc_adult"])
def test_questions_of_phmrc_s_questionnaire_stay_symptoms(tmp_path: Path, reader: str) -> None:
    path = simulated(tmp_path)
    if reader == "phmrc_adult":
        text = path.read_text("latin-1").replace("Bangladesh", "AP").replace("Philippines", "Dar")
        path.write_text(text.replace("Papua New Guinea", "UP"), "latin-1")
    options = {"path": str(path), "drop_unlabelled": True}
    without = load(reader, options)
    deaths = load(reader, options | {"strata_columns": ["G1_05"]})
    assert sorted(set(texts(deaths, "g1_05"))) == ["Female", "Male"]
    assert deaths.fingerprint == without.fingerprint
    cause = "gs_text34" if reader == "immcmc_adult" else "va34"
    for column, why in (("newid", "is the id"), ("site", "is the site"), (cause, "is the cause")):
        with pytest.raises(InputError, match=f"column '{column}' {why}"):
            load(reader, options | {"strata_columns": [column]})
    assert strata_advice(reader, options | {"strata_columns": []}, "g1_05").endswith(
        "add 'data.strata_columns=[g1_05]'"
    )
    assert "data.strata_columns=[COLUMN]" in strata_advice(reader, options | {"strata_columns": []}, "sex")


def test_tables_that_are_joined_take_the_columns_that_they_have(tmp_path: Path) -> None:
    train = table(tmp_path, name="train.csv", district=("North", "South"))
    assign = table(tmp_path, 24, name="assign.csv", hours=("1", "2", "10"), district=("East",))
    assign.write_text(assign.read_text().replace("cause", "other").replace("d0", "e0"))
    options = {"id": "id", "exclude": [], "strata_columns": ["district", "hours"]}
    assigned = {"name": "csv", "path": str(assign), "id": "id", "cause": None, "exclude": ["other"]}
    joined = {
        "train": str(train),
        "assign": {**assigned, "strata_columns": ["district", "hours"]},
        "options": {k: v for k, v in options.items() if k != "exclude"},
        "duplicates": "keep",
    }
    deaths = load("train_and_assign", joined)
    assert texts(deaths, "hours") == ["not known"] * 48 + ["1", "2", "10"] * 8
    assert set(texts(deaths, "district")[:48]) == {"North", "South"}
    assert set(texts(deaths, "district")[48:]) == {"East"}
    with pytest.raises(InputError, match="missing column 'nowhere'"):
        load("train_and_assign", {**joined, "options": {"id": "id", "strata_columns": ["district", "nowhere"]}})
    described = {"name": "csv", "path": str(train), "id": "id", "strata_columns": ["district"]}
    other = table(tmp_path, 24, name="other.csv", hours=("1", "2"))
    both = load(
        "train_and_assign",
        {"train": described, "assign": str(other), "options": {"strata_columns": ["hours"]}, "duplicates": "keep"},
    )
    assert set(both.strata_columns) == {"district", "hours"}
    union = load(
        "union",
        {"members": [str(train), str(other)], "duplicates": "keep",
         "options": {"id": "id", "strata_columns": ["district", "hours"]}},
    )  # fmt: skip
    assert sum(t == "not known" for t in texts(union, "district")) == 24
    assert sum(t == "not known" for t in texts(union, "hours")) == 48


def test_the_option_to_add_is_said(tmp_path: Path) -> None:
    train = table(tmp_path, name="train.csv", district=("N", "S"))
    other = table(tmp_path, name="other.csv", **{"type of ward": ("x", "y")})
    plain = {"path": str(train), "strata_columns": ["year"]}
    assert strata_advice("csv", plain, "district").endswith("add 'data.strata_columns=[year, district]'")
    assert strata_advice("csv", plain, "distrct") == ""
    joined = {"train": str(train), "assign": {"name": "csv", "path": str(other)}, "options": {}}
    assert strata_advice("train_and_assign", joined, "district").endswith(
        "add 'data.options={strata_columns: [district]}'"
    )
    assert strata_advice("train_and_assign", joined, "type of ward").endswith(
        'add strata_columns: ["type of ward"] within data.assign'
    )
    members = {"members": [str(train), {"name": "csv", "path": str(other)}], "options": {"id": "id"}}
    assert strata_advice("union", members, "district").endswith("add strata_columns: [district] within data.options")
    assert strata_advice("union", members, "type of ward").endswith("within data.members[1]")
    assert strata_advice("train_and_assign", {"train": None, "assign": None, "options": {}}, "x") == ""
    assert strata_advice("simulated", {}, "district") == ""


def test_data_check_names_columns_that_may_be_strata(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(
        tmp_path, district=("North", "South"), person=[f"p{k}" for k in range(48)], size=("4", "5", "6"),
        day=("2020-01-02", "2020-01-03"), urban=("rural", "urban"),
    )  # fmt: skip
    assert main(["data", "check", str(path)]) == 0
    output = capsys.readouterr().out
    assert 'keep the columns you need: strata_columns: ["district", "urban"]' in output
    assert main(["data", "check", str(path), "strata_columns=[district]", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["strata_columns"] == {"district": {"North": 24, "South": 24}}
    assert facts["not_symptoms"]["district"] == "text, kept for results by stratum"
    assert facts["n_symptoms"] == 3
    assert main(["data", "check", str(path), "strata_columns=[district]"]) == 0
    output = capsys.readouterr().out
    assert "district: known for 48, 2 values: North 24, South 24" in output
    assert 'strata_columns: ["urban"]' in output
