"""A study's own table: what is read, what is kept as it is, and what does not matter."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from va_experiments.data.check import describe, describe_text, suggest_yaml
from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.csv import read_csv_deaths
from va_experiments.data.readers.simulated import simulate_deaths
from va_experiments.data.registry import load

TABLE = "id,site,cause,age,s1,s2,dx\n10,NA,None,40,Y,N,.\n2,North,TB,,N,.,Y\n001,North,TB,7.5,Y,Y,N\n1,NA,None,0,,Y,N\n"
READ = {"id": "id", "causes": ["TB", "None"], "covariates": {"age": [0, 120]}, "hce": ["dx"]}


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def deaths(tmp_path: Path) -> Deaths:
    return read_csv_deaths(write(tmp_path / "study.csv", TABLE), **READ)


def test_text_cells_are_not_converted(deaths: Deaths) -> None:
    assert deaths.id.tolist() == ["001", "1", "2", "10"]  # sorted as numbers, kept as text
    assert deaths.sites == ("NA", "North")
    assert deaths.causes == ("TB", "None")
    assert deaths.cause is not None
    assert deaths.cause.tolist() == [0, 1, 0, 1]
    assert deaths.symptom_names == ("s1", "s2", "dx")
    assert deaths.symptoms.tolist() == [[1, 1, 0], [-1, 1, 0], [0, -1, 1], [1, 0, -1]]
    assert deaths.blocks == ("core", "core", "hce")
    np.testing.assert_array_equal(deaths.covariates["age"], [7.5, 0, np.nan, 40])
    noted = {(e.column, e.count, e.reason) for e in deaths.ledger}
    assert ("site", 2, "used as the name of a site") in noted
    assert any(column == "id" and count == 2 for column, count, _ in noted)


def test_line_ends_marks_packing_and_order_make_no_difference(deaths: Deaths, tmp_path: Path) -> None:
    header, *lines = TABLE.splitlines()
    shuffled = "\n".join([header, *lines[::-1]]) + "\n"
    variants = {
        "crlf.csv": TABLE.replace("\n", "\r\n").encode(),
        "cr.csv": TABLE.replace("\n", "\r").encode(),
        "bom.csv": TABLE.encode("utf-8-sig"),
        "noend.csv": TABLE.rstrip("\n").encode(),
        "shuffled.csv": shuffled.encode(),
        "blank.csv": TABLE.replace("\n", "\n\n").encode(),
        "quoted.csv": TABLE.replace("North", '"North"').encode(),
        "packed.csv.gz": gzip.compress(TABLE.encode(), mtime=0),
    }
    for name, content in variants.items():
        (tmp_path / name).write_bytes(content)
        assert read_csv_deaths(tmp_path / name, **READ).fingerprint == deaths.fingerprint, name
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("folder/study.csv", TABLE)
        archive.writestr("__MACOSX/._study.csv", "x")
    assert read_csv_deaths(tmp_path / "packed.zip", **READ).fingerprint == deaths.fingerprint
    wide = write(tmp_path / "wide.csv", TABLE, "utf-16")
    assert read_csv_deaths(wide, encoding="utf-16", **READ).fingerprint == deaths.fingerprint
    semicolons = write(tmp_path / "semi.csv", TABLE.replace("7.5", "7,5x").replace(",", ";").replace("7;5x", "7,5"))
    assert read_csv_deaths(semicolons, sep=";", decimal=",", **READ).fingerprint == deaths.fingerprint


def test_openva_layout(tmp_path: Path) -> None:
    """Y, empty for no, and . for missing."""
    path = write(tmp_path / "a.csv", "id,site,cause,s1,s2\na,X,TB,Y,\nb,X,TB,.,Y\n")
    deaths = read_csv_deaths(path, id="id", value_map={"Y": "Y", "": "N", ".": "."})
    assert deaths.symptoms.tolist() == [[1, 0], [-1, 1]]


def test_without_id_column_ids_come_from_the_content(tmp_path: Path) -> None:
    text = "site,cause,s1,s2\nX,TB,Y,N\nX,TB,N,N\nX,TB,Y,N\n"
    one = read_csv_deaths(write(tmp_path / "a.csv", text))
    header, *lines = text.splitlines()
    two = read_csv_deaths(write(tmp_path / "b.csv", "\n".join([header, lines[2], lines[1], lines[0]]) + "\n"))
    assert one.fingerprint == two.fingerprint
    assert sum(i.endswith(".2") for i in one.id) == 1


def test_causes_may_be_unknown_or_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,site,cause,s1\n1,X,TB,Y\n2,X,,N\n3,Y,AIDS,N\n")
    dropped = read_csv_deaths(path, id="id", drop_unlabelled=True)
    assert dropped.id.tolist() == ["1", "3"]
    assert dropped.causes == ("AIDS", "TB")
    assert [e.count for e in dropped.ledger if e.action == "dropped row"] == [1]
    hidden = read_csv_deaths(path, id="id", cause=None, exclude=["cause"])
    assert not hidden.labelled
    assert len(hidden) == 3


def test_notes_on_useless_columns_and_lone_causes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,site,cause,s1,s2,s3\n1,X,TB,Y,.,N\n2,X,TB,Y,.,Y\n3,Y,AIDS,.,.,.\n")
    reasons = {e.reason: (e.count, e.examples) for e in read_csv_deaths(path, id="id").ledger}
    assert reasons["symptoms have no answer at any death"] == (1, ("s2",))
    assert reasons["symptoms have the same answer at every death that has one"] == (1, ("s1",))
    assert reasons["deaths have no answer at all; they stay in the data"] == (1, ())
    assert reasons["causes have only one death"] == (1, ("AIDS",))


def test_formula_and_markup_are_data(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,site,cause,s1\n=cmd|' /C calc'!A0,<b>X</b>,@SUM(1),Y\n")
    deaths = read_csv_deaths(path, id="id")
    assert deaths.id.tolist() == ["=cmd|' /C calc'!A0"]
    assert deaths.causes == ("@SUM(1)",)


def test_reading_does_not_import_pandas(tmp_path: Path) -> None:
    """Pandas takes a second to import, longer than most tables take to read."""
    path = write(tmp_path / "a.csv", TABLE)
    code = (
        "import sys; from va_experiments.data import read_csv_deaths;"
        f"read_csv_deaths({str(path)!r}, id='id', covariates={{'age': None}}, causes=['TB', 'None'], hce=['dx']);"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def to_csv(deaths: Deaths, path: Path) -> Path:
    letter = np.array(["N", "Y", "."])
    assert deaths.cause is not None
    with open(path, "w") as file:
        file.write(",".join(["id", "site", "cause", "age", *deaths.symptom_names]) + "\n")
        for k in range(len(deaths)):
            age = deaths.covariates["age"][k]
            cells = [deaths.id[k], deaths.sites[deaths.site[k]], f'"{deaths.causes[deaths.cause[k]]}"']
            cells += ["" if np.isnan(age) else f"{age:g}", *letter[deaths.symptoms[k]]]
            file.write(",".join(cells) + "\n")
    return path


def test_round_trip_by_the_suggested_yaml(tmp_path: Path) -> None:
    simulated = simulate_deaths(500, n_symptoms=30)
    path = to_csv(simulated, tmp_path / "study.csv")
    options = yaml.safe_load(suggest_yaml(path))
    assert options["site"] == "site"
    assert options["cause"] == "cause"
    assert options["id"] == "id"
    assert (options["age"], options["age_unit"]) == ("age", "years")
    deaths = load("csv", {**options, "causes": list(simulated.causes), "sites": list(simulated.sites)})
    order = np.argsort(simulated.id)
    assert np.array_equal(deaths.symptoms, simulated.symptoms[order])
    assert np.array_equal(deaths.cause, simulated.cause[order])  # type: ignore[index]
    assert np.array_equal(deaths.covariates["age"], simulated.covariates["age"][order], equal_nan=True)


def test_suggested_yaml_for_other_codings(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Region;COD;Note;q1;q2\nE;TB;x y;yes;No\nW;HIV;z;no;Don't know\n")
    options = yaml.safe_load(suggest_yaml(path))
    assert (options["site"], options["cause"], options["id"], options["sep"]) == ("Region", "COD", None, ";")
    assert options["exclude"] == ["Note"]
    assert options["value_map"] == {"yes": "Y", "no": "N", "No": "N", "Don't know": ".", "Y": "Y", "N": "N"} or (
        options["value_map"] == {"yes": "Y", "no": "N", "No": "N", "Don't know": "."}
    )
    deaths = load("csv", options)
    assert deaths.symptoms.shape == (2, 2)
    nothing = yaml.safe_load(suggest_yaml(write(tmp_path / "b.csv", "p,q\n1,2\n3,x\n")))
    assert nothing["site"] is None
    assert nothing["cause"] is None


@pytest.mark.parametrize("odd", ["\x7f", "\x85", "\u2028", "\ufeff", "\xa0", "\U0001f600", "\U000e0001", '"\\'])
def test_the_suggested_yaml_reads_columns_of_any_name(tmp_path: Path, odd: str) -> None:
    cell = '"' + f"n{odd}d".replace('"', '""') + '"'
    path = write(tmp_path / "odd.csv", f"site,cause,{cell}\nAP,A,Y\nUP,B,rash\n")
    assert yaml.safe_load(suggest_yaml(path))["exclude"] == [f"n{odd}d"]


def test_describe(deaths: Deaths) -> None:
    facts = describe(deaths)
    assert facts["sites"] == {"NA": 2, "North": 2}
    assert facts["deaths"]["North"] == {"TB": 2}
    assert facts["feature_levels"] == {"no_hce": 2, "hce": 3, "hce_words": 3}
    assert facts["covariates"]["age"] == {"known": 3, "minimum": 0.0, "median": 7.5, "maximum": 40.0}
    text = describe_text(deaths)
    assert "csv: 4 deaths, 3 symptoms, 2 causes" in text
    assert "SIMULATED" in describe_text(simulate_deaths(60, n_symptoms=5))
