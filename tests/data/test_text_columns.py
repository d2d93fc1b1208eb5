"""Columns of text beside the deaths: kept by every step, seen by no model, no part of any key."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from va_experiments.cell.prepare import prepare
from va_experiments.data.cache import pack, unpack
from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.train_and_assign import join_deaths
from va_experiments.data.readers.union import join_parts
from va_experiments.data.strata import strata_of
from va_experiments.data.text_columns import TextColumn, joined_columns, sorted_values
from va_experiments.errors import InputError
from va_experiments.models.insilico.subpopulations import groups_of
from va_experiments.protocols import splits


@pytest.fixture
def with_district(small_deaths: Deaths) -> Deaths:
    code = np.arange(300) % 3 - 1
    return dataclasses.replace(small_deaths, strata_columns={"district": TextColumn(("East", "Oeste"), code)})


def texts(deaths: Deaths, name: str = "district") -> list[str]:
    strata = strata_of(deaths, name)
    return [strata.labels[k] for k in strata.code.tolist()]


def test_take_and_select_keep_them_and_the_fingerprint_ignores_them(
    with_district: Deaths, small_deaths: Deaths
) -> None:
    assert with_district.fingerprint == small_deaths.fingerprint
    assert texts(with_district)[:4] == ["not known", "East", "Oeste", "not known"]
    assert texts(with_district.take([2, 1, 1])) == ["Oeste", "East", "East"]
    assert texts(with_district.take(np.arange(300) == 1)) == ["East"]
    assert texts(with_district.select(["s00"])) == texts(with_district.without_causes()) == texts(with_district)
    assert texts(pickle.loads(pickle.dumps(with_district))) == texts(with_district)  # as Ray and Hydra's callbacks do
    masks = strata_of(with_district, "district").masks(np.arange(6))
    assert {k: v.tolist() for k, v in masks.items()} == {
        "district=East": [False, True, False, False, True, False],
        "district=Oeste": [False, False, True, False, False, True],
        "district=not known": [True, False, False, True, False, False],
    }


def test_the_cache_gives_them_back(with_district: Deaths) -> None:
    again = unpack(pack(with_district))
    assert texts(again) == texts(with_district)
    assert again.strata_columns["district"].values == ("East", "Oeste")


def test_wrong_shapes_and_codes_are_refused(small_deaths: Deaths) -> None:
    for code, message in ((np.zeros(3), "has shape"), (np.full(300, 2), "has an index outside")):
        with pytest.raises(InputError, match=message):
            dataclasses.replace(small_deaths, strata_columns={"x": TextColumn(("a", "b"), code)})


def test_models_do_not_get_them(with_district: Deaths) -> None:
    split = splits({"name": "leave_one_site_out"}, with_district)[0]
    assert prepare(split, "hce", with_district).deaths.strata_columns == {}
    with pytest.raises(InputError, match="which no model sees; name it as the site"):
        groups_of(with_district, "district")


def test_the_same_data_read_with_other_options_give_their_columns(with_district: Deaths, small_deaths: Deaths) -> None:
    assert texts(small_deaths.with_strata_columns_of(with_district)) == texts(with_district)
    assert small_deaths.with_strata_columns_of(None) is small_deaths
    assert small_deaths.with_strata_columns_of(with_district.take(np.arange(10))) is small_deaths


def test_a_table_without_the_column_gives_not_known(with_district: Deaths, small_deaths: Deaths) -> None:
    urban = TextColumn(("rural", "urban"), np.arange(300) % 2)
    assign = dataclasses.replace(small_deaths, strata_columns={"urban": urban}).take(small_deaths.site == 2)
    train = with_district.take(small_deaths.site < 2)
    joined = join_deaths(train, assign, "both")
    n = len(train)
    assert texts(joined)[:n] == texts(train)
    assert set(texts(joined)[n:]) == {"not known"}
    assert set(texts(joined, "urban")[:n]) == {"not known"}
    assert texts(joined, "urban")[n:] == texts(assign, "urban")
    assert {
        (e.column, e.count, e.reason.split(" has ")[0]) for e in joined.ledger if "column of strata" in e.reason
    } == {
        ("district", len(assign), "data.assign"),
        ("urban", n, "data.train"),
    }
    plain = join_deaths(train.without_strata_columns(), assign.without_strata_columns(), "both")
    assert joined.fingerprint == plain.fingerprint


def test_members_of_a_union_without_the_column_give_not_known(with_district: Deaths, small_deaths: Deaths) -> None:
    early = dataclasses.replace(with_district.take(small_deaths.site < 2), name="early")
    later = dataclasses.replace(small_deaths.take(small_deaths.site == 2), name="later")
    joined = join_parts([later, early], {"label": "union", "duplicates": "refuse"})
    assert texts(joined) == [*texts(early), *["not known"] * len(later)]
    assert [e.reason for e in joined.ledger if e.column == "district"] == [
        "member later has no such column of strata; the stratum is 'not known'"
    ]


def test_values_are_sorted_and_joined() -> None:
    assert sorted_values(["10", "9", "2"]) == ("2", "9", "10")
    assert sorted_values(["b", "10", "9"]) == ("10", "9", "b")
    one, other = TextColumn(("b", "c"), np.array([0, -1, 1])), TextColumn(("a", "b"), np.array([1, 0]))
    both = joined_columns([(one, 3), (None, 1), (other, 2)])
    assert both.values == ("a", "b", "c")
    assert both.code.tolist() == [1, -1, 2, -1, 1, 0]


def test_too_many_values_after_a_join_are_refused(small_deaths: Deaths) -> None:
    many = TextColumn(tuple(map(str, range(100))), np.arange(300) % 100)
    with pytest.raises(InputError, match="column 'many' of data 'small' has 100 values; expected at most 60"):
        strata_of(dataclasses.replace(small_deaths, strata_columns={"many": many}), "many")
