"""Several data sets become one: what all ask is kept, the rest is listed, sites and ids are told apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from va_experiments.data.cache import load_cached
from va_experiments.data.deaths import NOT_SHARED, Deaths
from va_experiments.data.readers.union import join_parts, read_union
from va_experiments.data.registry import load
from va_experiments.errors import InputError
from va_experiments.protocols import splits

PLAIN = {"label": "union", "duplicates": "keep"}


@pytest.fixture
def parts(small_deaths: Deaths) -> tuple[Deaths, Deaths]:
    first = small_deaths.take(small_deaths.site < 2).select([s for s in small_deaths.symptom_names if s != "s03"])
    second = small_deaths.take(small_deaths.site > 0).select([s for s in small_deaths.symptom_names if s != "s05"])
    second = dataclasses.replace(second, causes=(*second.causes[:-1], "Other"), name="later")
    return dataclasses.replace(first, name="early"), second


def test_what_all_ask_is_kept_and_the_rest_listed(parts: tuple[Deaths, Deaths], small_deaths: Deaths) -> None:
    joined = join_parts(parts, PLAIN)
    early, later = parts
    assert joined.name == "early+later"
    assert joined.symptom_names == tuple(s for s in small_deaths.symptom_names if s not in ("s03", "s05"))
    listed = {(e.column, e.reason) for e in joined.ledger if e.reason.startswith(NOT_SHARED)}
    assert listed == {
        ("s05", f"{NOT_SHARED} early: not every member has this question"),
        ("s03", f"{NOT_SHARED} later: not every member has this question"),
    }
    assert joined.sites == ("North", "South (early)", "South (later)", *small_deaths.sites[2:])
    assert len(set(joined.id.tolist())) == len(joined) == len(early) + len(later)
    twice = int((small_deaths.site == 1).sum())
    assert sum(i.endswith(" (early)") for i in joined.id.tolist()) == twice
    assert joined.causes == (*early.causes, "Other")
    assert {e.reason for e in joined.ledger if e.column == "cause"} == {
        f"'{early.causes[-1]}' is in the list of early only",
        "'Other' is in the list of later only",
    }
    assert [joined.causes[k] for k in np.asarray(joined.cause)[len(early) :].tolist()] == [
        later.causes[k] for k in np.asarray(later.cause).tolist()
    ]


def test_the_order_of_the_members_changes_nothing(parts: tuple[Deaths, Deaths]) -> None:
    one, other = join_parts(parts, PLAIN), join_parts(parts[::-1], PLAIN)
    assert one.fingerprint == other.fingerprint
    assert splits({"name": "leave_one_site_out"}, one) == splits({"name": "leave_one_site_out"}, other)


def test_names_that_occur_twice_are_numbered(parts: tuple[Deaths, Deaths]) -> None:
    joined = join_parts([dataclasses.replace(d, name="csv") for d in parts], PLAIN | {"label": "all"})
    assert joined.name == "all"
    assert {s for s in joined.sites if s.startswith("South")} == {"South (csv 1)", "South (csv 2)"}


def test_what_does_not_fit_together_is_refused(parts: tuple[Deaths, Deaths]) -> None:
    early, later = parts
    with pytest.raises(InputError, match="two members are the same data"):
        join_parts([early, dataclasses.replace(early, name="again")], PLAIN)
    with pytest.raises(InputError, match=r"later has deaths without a cause .* data=train_and_assign"):
        join_parts([early, later.without_causes()], PLAIN)
    renamed = dataclasses.replace(later, symptom_names=tuple(f"q{k}" for k in range(later.n_symptoms)))
    with pytest.raises(InputError, match="early, later have no question in common"):
        join_parts([early, renamed], PLAIN)
    unlabelled = join_parts([early.without_causes(), later.without_causes()], PLAIN)
    assert unlabelled.cause is None


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "data=union needs two or more data sets"),
        (["simulated"], "data=union needs two or more data sets"),
        (["simulatd", "simulated"], r"data\.members\[0\]: 'simulatd' is neither a reader .* did you mean 'simulated'"),
        ([{"n": 60}, "simulated"], r"data\.members\[0\] has no reader"),
        (["simulated", {"name": "union"}], "union joins data sets itself"),
    ],
)
def test_members_that_are_none(members: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_union(members)


def test_the_cache_gives_the_same_and_knows_each_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        rows = [f"{k},{name},{'AB'[k % 2]},{'YN'[k % 2]},{'NY'[k // 3]}" for k in range(6)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,site,cause,q1,q2", *rows]) + "\n")
    options = {
        "members": [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")],
        "options": {"id": "id"},
        "duplicates": "keep",
    }
    files: list = []
    first = load_cached("union", options, tmp_path / "cache", files)
    assert first.fingerprint == load_cached("union", options, tmp_path / "cache").fingerprint
    assert first.fingerprint == load("union", options).fingerprint
    assert [f.path.name for f in files] == ["a.csv", "b.csv"]
    assert first.sites == ("a", "b")
    assert len(set(first.id.tolist())) == 12


def test_deaths_that_two_members_have_are_named(parts: tuple[Deaths, Deaths]) -> None:
    early, later = parts
    both = int((early.site == 1).sum())
    same_cause = [c != len(early.causes) - 1 for c in np.asarray(early.cause)[early.site == 1].tolist()]
    n = sum(same_cause)  # the last cause has another name in the other member
    assert 0 < n <= both
    with pytest.raises(InputError, match=rf"{n} of {len(later)} deaths of later are in early too") as caught:
        join_parts(parts, PLAIN | {"duplicates": "refuse"})
    assert "data.duplicates=first" in str(caught.value)
    first, deaths = (join_parts(parts, PLAIN | {"duplicates": d}) for d in ("first", "keep"))
    assert len(deaths) - len(first) == n
    assert [e.count for e in first.ledger if e.action == "dropped row" and "earlier member" in e.reason] == [n]
    assert sum(len(e.ids) for e in first.excluded if "another member" in e.reason) == n
    assert first.fingerprint == join_parts(parts[::-1], PLAIN | {"duplicates": "first"}).fingerprint


def test_the_same_deaths_under_other_ids_and_after_a_correction(small_deaths: Deaths) -> None:
    rng = np.random.default_rng(3)
    wide = dataclasses.replace(
        small_deaths,
        symptoms=rng.integers(0, 2, (len(small_deaths), 100)).astype(np.int8),
        symptom_names=tuple(f"q{j}" for j in range(100)),
        blocks=("core",) * 100,
        learned_cuts=(),
    )
    rows = np.arange(20)
    other_ids = dataclasses.replace(wide.take(rows), id=np.array([f"x{k}" for k in rows]), name="again")
    answers = wide.symptoms[rows].copy()
    answers[:, :3] = 1 - answers[:, :3]
    corrected = dataclasses.replace(wide.take(rows), symptoms=answers, name="again")
    for second in (other_ids, corrected):
        with pytest.raises(InputError, match=r"20 of \d+ deaths of (again|\w+) are in \w+ too"):
            join_parts([wide, second], PLAIN | {"duplicates": "refuse"})


def test_deaths_that_only_have_the_same_ids_are_others(small_deaths: Deaths) -> None:
    order = np.random.default_rng(4).permutation(len(small_deaths))
    other = dataclasses.replace(small_deaths.take(order), id=small_deaths.id, name="other")
    half = np.arange(len(small_deaths)) % 2 == 0
    source = small_deaths.id[order]
    unseen = ~np.isin(source, small_deaths.id[half])
    joined = join_parts([small_deaths.take(half), other.take(unseen)], PLAIN | {"duplicates": "refuse"})
    assert len(joined) == int(half.sum() + unseen.sum())


def test_a_question_that_one_member_calls_of_health_care_is_so_in_all(parts: tuple[Deaths, Deaths]) -> None:
    one, other = parts
    blocks = ("hce", *one.blocks[1:])
    joined = join_parts([dataclasses.replace(one, blocks=blocks), other], PLAIN)
    named = {s for s, b in zip(joined.symptom_names, joined.blocks, strict=True) if b == "hce"}
    assert named == {one.symptom_names[0]} & set(joined.symptom_names)
