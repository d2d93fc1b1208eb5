"""Reading a probbase: the bundled one, and every fault that a file of one's own may have."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.probbase import CAUSES, LETTERS, read_probbase
from va_experiments.errors import InputError


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    """The bundled file, as cells to be spoilt."""
    spec = importlib.util.find_spec("vacheck")
    file = Path(spec.submodule_search_locations[0]) / "data" / "probbaseV5.csv"
    return list(csv.reader(file.read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def write(tmp_path, rows):
    def write(change=lambda rows: rows):
        file = tmp_path / "mine.csv"
        with file.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows(change([list(r) for r in rows]))
        return file

    return write


def test_the_bundled_probbase():
    base = read_probbase()
    assert base.version == "probbase v18 20200403"
    assert base.level.shape == (353, 70)
    assert len(base.causes) == 61
    assert base.causes[2] == "HIV/AIDS related death"
    assert base.indicators[:2] == ("i004a", "i004b")
    assert int((~base.substantive).sum()) == 22  # indicators whose "no" is what counts
    assert (len(base.dont_ask), len(base.ask_if), len(base.neonates_only)) == (1080, 198, 39)
    row, column = base.index("i310o"), base.outputs.index("b_0901")  # the cell in which v18 differs from v19
    assert LETTERS[base.level[row, column]] == "E"


def test_a_file_of_ones_own_reads_the_same(write):
    mine, bundled = read_probbase(write()), read_probbase()
    assert mine.indicators == bundled.indicators
    assert np.array_equal(mine.level, bundled.level)
    assert mine.dont_ask == bundled.dont_ask


def without_column(name):
    def change(rows):
        k = rows[0].index(name)
        return [r[:k] + r[k + 1 :] for r in rows]

    return change


def with_cell(row, name, value):
    def change(rows):
        rows[row][rows[0].index(name)] = value
        return rows

    return change


def empty_cause(rows):
    k = rows[0].index("b_0102")
    for r in rows[3:]:
        r[k] = "N"
    return rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_column("subst"), "no column 'subst'"),
        (without_column("doaskif"), "no column 'doaskif'"),
        (without_column("b_0101"), "60 cause"),
        (with_cell(5, "b_0101", "Q"), "line 6, column b_0101: 'Q'"),
        (with_cell(2, "b_0105", "B++"), "line 3, column b_0105: 'B++'"),
        (empty_cause, "column b_0102: no indicator has a level above N"),
        (with_cell(4, "indic", "i004a"), "indicator 'i004a' occurs twice"),
        (with_cell(4, "subst", "X"), "line 5, column subst: 'X'"),
        (with_cell(4, "dontask1", "i999xY"), "line 5, column dontask1: 'i999xY'"),
        (lambda rows: rows[:1] + rows[3:], "UNCONDITIONAL PRIOR"),
        (lambda rows: [*rows[:5], rows[5][:40], *rows[6:]], "line 6: 40 fields"),
        (lambda rows: [], "no column 'indic'"),
    ],
)
def test_faults_are_named(write, change, message):
    with pytest.raises(InputError) as error:
        read_probbase(write(change))
    assert message in str(error.value)
    assert "mine.csv" in str(error.value)


def test_all_faults_at_once(write):
    def change(rows):
        return with_cell(4, "subst", "X")(with_cell(5, "b_0101", "Q")(rows))

    with pytest.raises(InputError) as error:
        read_probbase(write(change))
    assert len(error.value.problems) == 2


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_probbase(tmp_path / "nowhere.csv")


def test_a_space_within_b_minus_is_read(write):
    base = read_probbase(write(with_cell(5, "b_0101", "B -")))
    assert LETTERS[base.level[2, CAUSES][0]] == "B-"
