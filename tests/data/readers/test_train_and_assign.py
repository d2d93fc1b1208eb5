"""Two data sets are joined: what both ask is kept, the rest is listed, and the second has no causes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from va_experiments.cell import Cell, Fit, ModelSpec, Setting, decode_prediction, run_fit
from va_experiments.data.cache import load_cached
from va_experiments.data.deaths import NOT_SHARED, Deaths
from va_experiments.data.readers.train_and_assign import join_deaths, read_train_and_assign
from va_experiments.errors import InputError
from va_experiments.models.nbc import NaiveBayes
from va_experiments.protocols import splits


@pytest.fixture
def joined(small_deaths: Deaths) -> Deaths:
    train = small_deaths.take(small_deaths.site < 2).select([s for s in small_deaths.symptom_names if s != "s03"])
    assign = small_deaths.take(small_deaths.site > 0).select([s for s in small_deaths.symptom_names if s != "s05"])
    return join_deaths(train, assign, "both")


def test_what_both_ask_is_kept_and_the_rest_listed(joined: Deaths, small_deaths: Deaths) -> None:
    assert joined.symptom_names == tuple(s for s in small_deaths.symptom_names if s not in ("s03", "s05"))
    listed = {(e.column, e.reason.split(":")[0]) for e in joined.ledger if e.reason.startswith(NOT_SHARED)}
    assert listed == {("s05", f"{NOT_SHARED} data.train"), ("s03", f"{NOT_SHARED} data.assign")}
    south = int((small_deaths.site == 1).sum())
    assert sum(i.endswith(" (training)") for i in joined.id.tolist()) == south
    assert joined.sites_to_train_on == ("North (training)", "South (training)")
    assert not joined.labelled


def test_models_learn_from_the_first_and_are_asked_about_the_second(joined: Deaths, small_deaths: Deaths) -> None:
    (split,) = splits({"name": "assign"}, joined)
    spec = ModelSpec.from_config({"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"})
    cell = Cell(spec, split, Setting("both", joined.fingerprint, "hce", {"name": "natural"}, "model", 5, 1))
    (result,) = run_fit(Fit(cell.fit_key, (cell,)), joined)
    assert result.failure is None
    assert result.metrics == {}
    ids, truth, prediction = decode_prediction(result.predictions)
    assert set(truth.tolist()) == {-1}
    shared = small_deaths.select(list(joined.symptom_names))
    model = NaiveBayes().fit(shared.take(shared.site < 2))
    test = shared.take(shared.site > 0)
    assert ids.tolist() == test.id.tolist()
    assert model.predict(test.without_causes()).probability.tobytes() == prediction.probability.tobytes()


def test_no_other_protocol_uses_them_and_no_model_learns_from_the_second(joined: Deaths) -> None:
    with pytest.raises(InputError, match="has deaths without a cause: only protocol=assign"):
        splits({"name": "leave_one_site_out"}, joined)
    with pytest.raises(InputError, match="has deaths without a cause: a model cannot learn"):
        NaiveBayes().fit(joined)
    with pytest.raises(InputError, match="has known causes, on which models train; causes can be assigned at South"):
        splits({"name": "assign"}, joined, ["North (training)"])


def test_data_without_a_common_question_or_causes_are_refused(small_deaths: Deaths) -> None:
    renamed = dataclasses.replace(small_deaths, symptom_names=tuple(f"q{k}" for k in range(12)))
    with pytest.raises(InputError, match="no question in common"):
        join_deaths(small_deaths, renamed, "x")
    with pytest.raises(InputError, match="nothing to train on"):
        join_deaths(small_deaths.without_causes(), small_deaths, "x")
    with pytest.raises(InputError) as caught:
        read_train_and_assign({"path": "x.csv"})
    assert caught.value.problems == (
        "data.train has no reader; expected {name: csv, path: FILE, ...}",
        "data=train_and_assign needs a table of deaths without known causes: set data.assign=FILE",
    )


def test_the_cache_gives_the_same_and_knows_both_files(tmp_path) -> None:
    for name, cause in (("train", ",cause"), ("new", "")):
        rows = [
            f"{name}{k},s,{'YN'[k % 2]},N{',AB'[0:2] if cause and k % 2 else ',B' if cause else ''}" for k in range(6)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"id,site,q1,q2{cause}", *rows]) + "\n")
    options = {"train": str(tmp_path / "train.csv"), "assign": str(tmp_path / "new.csv"), "options": {"id": "id"}}
    files: list = []
    first = load_cached("train_and_assign", options, tmp_path / "cache", files)
    again = load_cached("train_and_assign", options, tmp_path / "cache")
    assert first.fingerprint == again.fingerprint == read_train_and_assign(**options).fingerprint
    assert [f.path.name for f in files] == ["train.csv", "new.csv"]
    assert np.asarray(first.cause).tolist().count(-1) == 6


ANSWERS = "\n".join(f"d{k},A,{'XY'[k % 2]},{'YN'[k % 3 > 0]},{'YN'[k % 5 > 1]}" for k in range(60))


def test_causes_in_the_table_to_assign_are_not_looked_at(tmp_path: Path) -> None:
    for name in ("train", "new"):
        (tmp_path / f"{name}.csv").write_text(f"id,site,cause,s1,s2\n{ANSWERS}\n")
    files = {"train": str(tmp_path / "train.csv"), "assign": str(tmp_path / "new.csv")}
    deaths = read_train_and_assign(**files, options={"id": "id", "duplicates": "keep"})
    assert deaths.symptom_names == ("s1", "s2")
    assert np.asarray(deaths.cause)[-60:].tolist() == [-1] * 60


def test_a_hint_says_where_options_of_a_joined_table_stand(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(f"id,site,cause,s1,s2\n{ANSWERS}\n")
    (tmp_path / "new.csv").write_text("id,s1,s2\nd1,Y,N\n")
    files = {"train": str(tmp_path / "train.csv"), "assign": str(tmp_path / "new.csv")}
    with pytest.raises(InputError, match=r"data\.site=null says that all deaths are of one place") as caught:
        read_train_and_assign(**files, options={"id": "id", "duplicates": "keep"})
    assert "within data.options={OPTION: VALUE} for all tables" in caught.value.hint
    assign = {"name": "csv", "path": files["assign"], "id": "id", "site": None, "cause": None}
    deaths = read_train_and_assign(files["train"], assign, options={"id": "id", "duplicates": "keep"})
    assert len(deaths) == 61


def test_deaths_in_both_tables_are_refused_until_asked(small_deaths: Deaths) -> None:
    assign = small_deaths.take(small_deaths.site > 0)
    both = int((small_deaths.site > 0).sum())
    with pytest.raises(
        InputError, match=rf"{both} of {len(small_deaths)} deaths to train on are among those to assign"
    ):
        join_deaths(small_deaths, assign, "both", "refuse")
    first = join_deaths(small_deaths, assign, "both", "first")
    assert len(first) == len(small_deaths)
    assert any("to be assigned too" in e.reason and e.count == both for e in first.ledger)
    deaths = join_deaths(small_deaths, assign, "both", "keep")
    assert len(deaths) == len(small_deaths) + both
    assert any("kept by data.duplicates" in e.reason for e in deaths.ledger)
    with pytest.raises(InputError, match="nothing is left"):
        join_deaths(assign, assign, "both", "first")


def test_other_deaths_are_joined(small_deaths: Deaths) -> None:
    train, assign = (small_deaths.take(rows) for rows in (small_deaths.site == 0, small_deaths.site > 0))
    assert len(join_deaths(train, assign, "both", "refuse")) == len(small_deaths)


HEAD = "no,place,cause,years,a,b,extra"
ROWS = ("1,North,X,30,1,0,z", "2,North,Y,40,0,1,z", "3,South,X,50,1,1,z", "4,South,Y,60,0,0,z")


def test_a_table_to_assign_is_read_as_the_other_is_described(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("\n".join((HEAD, *ROWS)) + "\n")
    (tmp_path / "new.csv").write_text("no,place,years,b,a\n5,East,70,1,0\n6,East,80,0,1\n")
    described = {
        **{"name": "csv", "path": str(tmp_path / "train.csv"), "id": "no", "site": "place", "age": "years"},
        **{
            "value_map": {"1": "Y", "0": "N"},
            "exclude": ["extra"],
            "site_map": {"South": "Coast"},
            "causes": ["Y", "X"],
        },
    }
    deaths = read_train_and_assign(described, str(tmp_path / "new.csv"))
    assert deaths.sites == ("Coast", "North", "East")
    assert deaths.causes == ("Y", "X")
    assert deaths.symptom_names == ("a", "b")
    assert deaths.symptoms[-2:].tolist() == [[0, 1], [1, 0]]
    assert deaths.covariates["age"][-2:].tolist() == [70, 80]
    other = {"value_map": {"1": "N", "0": "Y"}}
    deaths_read = read_train_and_assign({**described, **other}, str(tmp_path / "new.csv"), options=other)
    assert deaths_read.symptoms[-2:].tolist() == [[1, 0], [0, 1]]
