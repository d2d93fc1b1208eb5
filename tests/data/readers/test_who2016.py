"""Reading WHO 2016 data in InterVA-5's input form."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from va_experiments.data import load, read_who2016
from va_experiments.data.deaths import SAME_ANSWERS
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


def test_row_names_of_a_matrix_that_r_has_written_are_the_ids(write):
    file = write([["b", *answers(i004a="y")], ["a", *answers(i004a="n")]], ("", *CODES))
    deaths = read_who2016(file)
    assert deaths.id.tolist() == ["a", "b"]
    assert deaths.symptoms[:, 0].tolist() == [0, 1]
    assert "column 1 has no name and is read as ID (row names written by R)" in [e.reason for e in deaths.ledger]
    with pytest.raises(InputError, match="missing column 'ID'"):
        read_who2016(write([["1", *answers()], ["2", *answers()]], ("", *CODES)))


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
        ([["1", *answers(i004a="perhaps")]], ("ID", *CODES), "perhaps"),
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


WORDS = [
    *(("Yes", "No", "DK"), ("1", "0", ""), ("1", "2", "9")),
    *(("TRUE", "FALSE", "NA"), ("T", "F", "?"), ("1.0", "0.0", "nan")),
]


def table(yes="y", no="n", missing=".", n=24):
    """Return deaths whose answers say yes, no and nothing at random, in these words."""
    drawn = np.random.default_rng(0).integers(3, size=(n, len(CODES)))
    return [[f"d{k}", *((yes, no, missing)[v] for v in row)] for k, row in enumerate(drawn.tolist())]


@pytest.mark.parametrize("words", WORDS, ids=lambda w: w[0] + w[1] + w[2])
def test_words_that_everybody_understands_are_read(write, words):
    expected = read_who2016(write(table())).fingerprint
    assert read_who2016(write(table(*words), ("id", *(c.upper() for c in CODES)))).fingerprint == expected


def test_no_that_may_be_0_or_2_is_asked(write):
    with pytest.raises(InputError, match=r"hold both 0 and 2: which of them says no"):
        read_who2016(write([*table("1", "0", "."), ["x", *("2" for _ in CODES)]]))


def test_yes_or_empty_is_asked_and_each_answer_is_read(write):
    file = write(table(no=""))
    with pytest.raises(InputError, match=r"does an empty cell mean that the sign was absent") as caught:
        read_who2016(file)
    absent, missing = ({"y": "Y", "n": "N", ".": ".", "": meaning} for meaning in ("N", "."))
    assert all(f'"": {m}' in str(caught.value) for m in ('"N"', '"."'))
    assert (read_who2016(file, value_map=absent).symptoms == 0).any()
    assert not (read_who2016(file, value_map=missing).symptoms == 0).any()


def test_deaths_that_occur_twice(write):
    rows = [*table(), *([f"{row[0]}b", *row[1:]] for row in table(n=6))]
    known = write([[*row, read_probbase().causes[3]] for row in rows], ("ID", *CODES, "cause"))
    with pytest.raises(InputError, match=r"6 deaths have the same cells as another .*data\.duplicates=first"):
        read_who2016(known, cause="cause")
    file = write(rows)
    deaths = read_who2016(file)  # nothing is trained on them
    assert len(deaths) == len(rows)
    assert [e.count for e in deaths.ledger if e.reason == SAME_ANSWERS] == [6]
    first = read_who2016(file, duplicates="first")
    assert first.fingerprint == read_who2016(write(table())).fingerprint
    assert sum(len(e.ids) for e in first.excluded) == 6


def test_empty_rows_are_left_out_and_rows_of_totals_refused(write):
    expected = read_who2016(write(table())).fingerprint
    empty = ["" for _ in ("ID", *CODES)]
    assert read_who2016(write([*table(), empty])).fingerprint == expected
    with pytest.raises(InputError, match=r"line 26: most of its cells are no answers"):
        read_who2016(write([*table(), ["Total", *("17" for _ in CODES)]]))
    with pytest.raises(InputError, match=r"line 26 repeats the names of the columns"):
        read_who2016(write([*table(), ["ID", *CODES]]))
