"""Reading WHO 2016 data in InterVA-5's input form."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from va_experiments.data import load, read_who2016
from va_experiments.data.probbase import read_probbase
from va_experiments.errors import InputError

CODES = read_probbase().indicators


@pytest.fixture
def write(tmp_path):
    def write(rows, header=("ID", *CODES)):
        file = tmp_path / "who.csv"
        with file.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([header, *rows])
        return file

    return write


def answers(**given):
    return [given.get(c, ".") for c in CODES]


def test_letters_and_order(write):
    file = write([["b", *answers(i004a="y", i004b="N", i019a="-")], ["a", *answers(i019b="Y", i022a="")]])
    deaths = load("who2016", {"path": str(file)})
    assert deaths.id.tolist() == ["a", "b"]
    assert deaths.cause is None
    assert deaths.causes == read_probbase().causes
    assert deaths.symptoms[1, :3].tolist() == [1, 0, -1]
    assert deaths.symptoms[0, CODES.index("i019b")] == 1
    assert (deaths.symptoms >= 0).sum() == 3


def test_site_and_cause_columns_and_columns_left_out(write):
    cause = read_probbase().causes[3]
    file = write(
        [["1", "x", cause, "note", *answers()], ["2", "y", cause, "note", *answers()]],
        ("ID", "place", "physician", "remark", *CODES),
    )
    deaths = read_who2016(file, site="place", cause="physician")
    assert deaths.sites == ("x", "y")
    assert deaths.cause.tolist() == [3, 3]
    assert any("remark" in e.examples for e in deaths.ledger)
    assert np.all(deaths.symptoms == -1)


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([["1", *answers()], ["1", *answers()]], ("ID", *CODES), "2 rows share id '1'"),
        ([["caf\u00e9", *answers()], ["cafe\u0301", *answers()]], ("ID", *CODES), "2 rows share id 'caf\u00e9'"),
        ([["", *answers()]], ("ID", *CODES), "1 rows have no id"),
        ([["1", *answers(i004a="maybe")]], ("ID", *CODES), "maybe"),
        ([["1", *answers()[1:]]], ("ID", *CODES[1:]), "missing column 'i004a'"),
        ([["1", *answers()]], ("number", *CODES), "missing column 'ID'"),
    ],
)
def test_faults_are_named(write, rows, header, message):
    with pytest.raises(InputError, match=message):
        read_who2016(write(rows, header))


def test_no_file():
    with pytest.raises(InputError, match=r"set data\.path"):
        read_who2016(None)
