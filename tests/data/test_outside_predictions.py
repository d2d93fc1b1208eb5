"""Causes from another program are read in four forms; what cannot be understood is refused, all problems at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.name_tables import read_two_columns
from va_experiments.data.outside_predictions import read_outside_predictions
from va_experiments.data.prediction_columns import Columns, layout_of
from va_experiments.errors import InputError


def written(folder: Path, text: str) -> Path:
    path = folder / "theirs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_one_cause_a_death(tmp_path: Path) -> None:
    predictions = read_outside_predictions(written(tmp_path, "ID,cause,age\nb,TB,3\na,AIDS,4\nc,,5\n"), Columns())
    assert predictions.form == "one cause"
    assert predictions.id.tolist() == ["a", "b", "c"]
    assert predictions.causes == ("TB", "AIDS")
    assert predictions.probability.tolist() == [[0, 1], [1, 0], [0, 0]]
    assert predictions.named is not None
    assert predictions.named.tolist() == [1, 0, -1]
    assert predictions.rows(np.array(["c", "zz", "a"])).tolist() == [2, -1, 0]


def test_ids_that_a_program_wrote_as_floats_are_found_and_empty_rows_left_out(tmp_path: Path) -> None:
    predictions = read_outside_predictions(written(tmp_path, "id,cause\n12.0,TB\n3.0,AIDS\n,\n,\n"), Columns())
    assert predictions.id.tolist() == ["12.0", "3.0"]
    assert predictions.rows(np.array(["3", "12", "4"])).tolist() == [1, 0, -1]
    assert predictions.rows(np.array(["3.0", "12"])).tolist() == [1, -1], "the ids as they are come first"
    mixed = read_outside_predictions(written(tmp_path, "id,cause\n12.0,TB\nx3,AIDS\n"), Columns())
    assert mixed.rows(np.array(["12"])).tolist() == [-1]


def test_row_names_of_a_matrix_that_r_has_written_are_the_ids(tmp_path: Path) -> None:
    predictions = read_outside_predictions(written(tmp_path, '"","TB","AIDS"\n"d9",0.4,0.6\n"d1",0.5,0.5\n'), Columns())
    assert (predictions.id.tolist(), predictions.causes, predictions.by_row_names) == (
        ["d1", "d9"],
        ("TB", "AIDS"),
        True,
    )
    assert predictions.probability.tolist() == [[0.5, 0.5], [0.4, 0.6]]
    beside = read_outside_predictions(written(tmp_path, '"","id","cause"\n"1","a","TB"\n"2","b","TB"\n'), Columns())
    assert (beside.id.tolist(), beside.by_row_names) == (["a", "b"], False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"","TB","AIDS"\n"1",0.4,0.6\n"2",0.5,0.5\n', "missing column 'id'"),  # row numbers are no ids
        ('"","TB","AIDS"\n"d1",0.4,0.6\n"d1",0.5,0.5\n', "a column has no name"),
        ('"","id","cause"\n"x","a","TB"\n"y","b","TB"\n', "a column has no name"),
    ],
)
def test_a_column_without_a_name_that_may_be_something_else_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_outside_predictions(written(tmp_path, text), Columns())


def test_ranks_without_probabilities_weigh_1_a_half_a_third(tmp_path: Path) -> None:
    predictions = read_outside_predictions(written(tmp_path, "id,cause1,cause2,cause3\na,X,Y,Z\nb,Z,,\n"), Columns())
    assert predictions.form == "ranked causes"
    np.testing.assert_allclose(predictions.probability, [[6 / 11, 2 / 11, 3 / 11], [0, 1, 0]])  # X, Z, Y


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("ID,CAUSE1,LIK1,CAUSE2,LIK2\na,X,0.6,Y,0.3\nb,Y,1,,\n", False),
        ("ID,CAUSE1,LIK1,CAUSE2,LIK2\na,X,60,Y,30\nb,Y,100,,\n", True),
        ("id,cause,probability\na,X,0.6\nb,Y,1\na,Y,0.3\n", False),
        ("id,X,Y,other\na,0.6,0.3,0.1\nb,0,1,0\n", False),
    ],
)
def test_probabilities_in_every_form(tmp_path: Path, text: str, percent: bool) -> None:
    predictions = read_outside_predictions(written(tmp_path, text), Columns(), percent=percent)
    assert predictions.form == "probabilities"
    np.testing.assert_allclose(predictions.probability[:, :2], [[0.6, 0.3], [0, 1]])


def test_several_rows_a_death_with_ranks(tmp_path: Path) -> None:
    predictions = read_outside_predictions(written(tmp_path, "id,rank,cause\na,2,X\na,1,Y\nb,1,X\n"), Columns())
    assert predictions.causes == ("X", "Y")
    assert predictions.named is not None
    assert predictions.named.tolist() == [1, 0]
    np.testing.assert_allclose(predictions.probability, [[1 / 3, 2 / 3], [1, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,cause\na,X\na,Y\n", "1 ids occur more than once (such as 'a' on lines 2, 3)"),
        ("id,cause\n,X\nb,Y\n", "1 rows have no id"),
        ("id,X,Y\na,0.5,0.1\nb,0,0\n", "1 of 2 deaths sum to other than 1 (a: 0.6); correct them"),
        ("id,X,Y\na,40,60\nb,0,100\n", "they look like per cent: set model.percent=true"),
        ("id,X,Y\na,0.5,half\n", "column 'Y' has 'half'; expected a probability"),
        ("id,X,Y\na,1.5,-0.5\n", "column 'Y' has '-0.5'; expected a probability"),
        ("id,cause1,p1,cause2,p2\na,X,0.8,Y,0.7\n", "sum to more than 1 (a: 1.5)"),
        ("id,cause,rank\na,X,first\n", "column 'rank' has 'first'; expected a rank: 1, 2, 3, ..."),
        ("id,gs34,age\na,AIDS,old\n", "no column is called 'cause'"),
        ("sid,cause\na,X\n", "missing column 'id'"),
        ("id,cause1,cause2,p1\na,X,Y,1\n", "2 columns of causes (cause1, cause2) and 1 of probabilities (p1)"),
        ("id,age,X,Y\na,30,0.5,0.5\nb,40,1,0\nc,0,0,1\n", "column 'age' has 40; expected a probability; name the"),
        ("id,cause1,lik1,cause2,lik2\na,X,25,Y,15\n", "if they are per cent, set model.percent=true"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_outside_predictions(written(tmp_path, text), Columns())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "header", ["id,cause1,cause1_prob,cause2,cause2_prob", "id,cause1,prob_cause1,cause2,prob_cause2"]
)
def test_probabilities_may_be_named_after_their_cause(tmp_path: Path, header: str) -> None:
    predictions = read_outside_predictions(written(tmp_path, f"{header}\na,X,0.6,Y,0.3\nb,Y,1,,\n"), Columns())
    np.testing.assert_allclose(predictions.probability, [[0.6, 0.3], [0, 1]])


def test_commas_within_numbers_do_not_separate_columns(tmp_path: Path) -> None:
    predictions = read_outside_predictions(written(tmp_path, "id;X;Y\na;0,25;0,75\nb;1,0;0,0\n"), Columns())
    np.testing.assert_allclose(predictions.probability, [[0.25, 0.75], [1, 0]])


def test_columns_that_are_named_come_first() -> None:
    layout = layout_of(["sid", "cause", "cause34", "seen"], Columns("sid", ("cause34",), trained_on="seen"), "t")
    assert (layout.id, layout.cause, layout.trained_on, layout.ignored) == ("sid", ("cause34",), "seen", ("cause",))
    assert layout.used == ("sid", "cause34", "seen")


@pytest.mark.parametrize("cells", ["60%,40%", '"0,6","0,4"', ".6,0.4", "60 %,40 %"])
def test_probabilities_may_have_a_percent_sign_or_a_decimal_comma(tmp_path: Path, cells: str) -> None:
    predictions = read_outside_predictions(written(tmp_path, f"id,TB,AIDS\na,{cells}\n"), Columns())
    np.testing.assert_allclose(predictions.probability, [[0.6, 0.4]])


def test_empty_rows_of_a_table_of_two_columns_say_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "source,target\nFall,injuries\n,\n,\n")
    assert read_two_columns(path, "source", "target") == {"Fall": "injuries"}


def test_a_table_of_two_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "source,target,note\nHIV,AIDS,\nfever,,none\n")
    assert read_two_columns(path, "source", "target") == {"HIV": "AIDS", "fever": ""}
    with pytest.raises(InputError, match="missing column 'from'; expected the columns 'from' and 'target'"):
        read_two_columns(path, "from", "target")
    with pytest.raises(InputError, match="'HIV' has two partners, 'AIDS' and 'TB'"):
        read_two_columns(written(tmp_path, "source,target\nHIV,AIDS\nHIV,TB\n"), "source", "target")
