"""Protocols: who trains, who is tested, and that neither the model nor the row order has a say."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

from va_experiments.config.protocols import canonical_size
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.protocols import (
    PROTOCOLS,
    Combined,
    Split,
    Splits,
    most_splits,
    protocol_options,
    resolve_site,
    resolve_sites,
    splits,
)
from va_experiments.protocols.stratify import stratified_folds, stratified_order

SITES = ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP")


@pytest.fixture(scope="module")
def deaths() -> Deaths:
    rng = np.random.default_rng(7)
    n = 1200
    cause = rng.choice(34, n, p=rng.dirichlet(np.ones(34)))
    cause[:2] = 33  # whatever was drawn, a rare cause is there
    return Deaths(
        symptoms=rng.integers(-1, 2, (n, 4)).astype(np.int8),
        symptom_names=("a", "b", "c", "d"),
        causes=tuple(f"cause {k}" for k in range(34)),
        cause=cause.astype(np.int16),
        sites=SITES,
        site=rng.choice(6, n, p=[0.25, 0.2, 0.2, 0.2, 0.05, 0.1]).astype(np.int16),
        id=np.array([f"d{i}" for i in rng.permutation(n)]),
        name="six sites",
        simulated=True,
    )


def shuffled(deaths: Deaths) -> Deaths:
    return deaths.take(np.random.default_rng(1).permutation(len(deaths)))


EVERY = [
    {"name": "leave_one_site_out", "train_size": [0.25, "all"]},
    {"name": "in_domain"},
    {"name": "in_domain", "folds": 1, "repeats": 2},
    {"name": "one_to_one", "same_site": True, "train_size": [20, 1.0]},
    {"name": "leave_one_country_out"},
    {"name": "leave_two_sites_out"},
    {"name": "pooled", "repeats": 2, "train_size": ["n=50", "share=0.5"], "replicates": 2},
    {"name": "pooled", "repeats": 1, "stratified": False},
    {"name": "assign"},
    {
        "name": "combined",
        "parts": {"a": {"name": "one_to_one"}, "b": {"name": "in_domain", "train_size": [0.5, "all"]}},
    },
]


@pytest.mark.parametrize("options", EVERY, ids=lambda o: f"{o['name']}-{len(o)}")
def test_train_and_test_are_disjoint_ordered_by_id_and_independent_of_row_order(deaths: Deaths, options: dict) -> None:
    other = shuffled(deaths)
    for split in splits(options, deaths):
        train, test = split.indices(deaths)
        assert train.dtype == test.dtype == np.int32
        assert not set(train) & set(test)
        assert len(test) > 0
        for rows in (train, test):
            assert (np.diff(np.unique(deaths.id, return_inverse=True)[1][rows]) > 0).all()
        for rows, again in zip((train, test), split.indices(other), strict=True):
            np.testing.assert_array_equal(deaths.id[rows], other.id[again])
        assert split.hash(deaths) == split.hash(other)
        assert Split.from_spec(split.spec()) == split
        assert {deaths.sites[k] for k in deaths.site[test]} == set(split.test_sites)
        assert {deaths.sites[k] for k in deaths.site[train]} <= set(split.train_sites)


def test_leave_one_site_out(deaths: Deaths) -> None:
    all_splits = splits({"name": "leave_one_site_out"}, deaths, "all")
    assert [s.test_site for s in all_splits] == list(SITES)
    for split in all_splits:
        train, test = split.indices(deaths)
        assert len(train) + len(test) == len(deaths)
        assert split.test_site not in split.train_sites
    assert [s.test_site for s in splits({"name": "leave_one_site_out"}, deaths, ["up", "ap"])] == ["AP", "UP"]


def test_inner_folds_by_site_leave_the_other_sites_alone(deaths: Deaths) -> None:
    inner = ["AP", "Dar", "UP"]
    all_splits = splits({"name": "leave_one_site_out", "train_sites": inner}, deaths, inner)
    assert [(s.train_sites, s.test_site) for s in all_splits] == [
        (("Dar", "UP"), "AP"),
        (("AP", "UP"), "Dar"),
        (("AP", "Dar"), "UP"),
    ]
    with pytest.raises(InputError, match="train site"):
        splits({"name": "leave_one_site_out", "train_sites": ["Darr"]}, deaths)
    with pytest.raises(InputError, match="no site is left to train on"):
        splits({"name": "leave_one_site_out", "train_sites": "UP"}, deaths, "UP")


def test_folds_test_every_death_once_and_rare_causes_stay_in(deaths: Deaths) -> None:
    assert deaths.cause is not None
    all_splits = splits({"name": "in_domain", "folds": 5}, deaths, "pemba")
    tested = np.concatenate([s.indices(deaths)[1] for s in all_splits])
    at_pemba = np.flatnonzero(deaths.site == SITES.index("Pemba"))
    np.testing.assert_array_equal(np.sort(tested), at_pemba)
    cause = deaths.cause[at_pemba]
    assert 1 in np.bincount(cause)  # there are causes with a single death, in the only site tested
    sizes = [len(s.indices(deaths)[1]) for s in all_splits]
    assert max(sizes) - min(sizes) <= 1


def test_stratified_folds_deal_each_cause_evenly() -> None:
    cause = np.repeat(np.arange(6), [1, 2, 3, 7, 40, 111])
    fold = stratified_folds(cause, 5, np.random.default_rng(3))
    table = np.array([np.bincount(fold[cause == c], minlength=5) for c in range(6)])
    assert (table.max(axis=1) - table.min(axis=1) <= 1).all()
    assert np.ptp(table.sum(axis=0)) <= 1
    assert table.sum() == len(cause)


def test_every_prefix_of_a_stratified_order_has_the_cause_mix() -> None:
    cause = np.repeat(np.arange(4), [500, 300, 190, 10])
    order = stratified_order(cause, np.random.default_rng(5))
    assert sorted(order) == list(range(1000))
    for n in (10, 100, 250, 500, 900):
        count = np.bincount(cause[order[:n]], minlength=4)
        assert np.abs(count - n * np.array([0.5, 0.3, 0.19, 0.01])).max() < 2


def test_stratified_order_draws_a_singleton_with_the_share_as_probability() -> None:
    cause = np.array([0] * 99 + [1])
    drawn = [99 in stratified_order(cause, np.random.default_rng(k))[:20] for k in range(2000)]
    assert np.mean(drawn) == pytest.approx(0.2, abs=3 * np.sqrt(0.2 * 0.8 / 2000) + 0.01)


def test_training_subsets_are_nested_and_replicates_differ(deaths: Deaths) -> None:
    options = {"name": "leave_one_site_out", "train_size": [50, 0.25, 0.5, "all"], "replicates": 3}
    all_splits = [s for s in splits(options, deaths) if s.test_site == "AP"]
    assert len(all_splits) == 3 * 3 + 1
    for replicate in range(3):
        sets = [set(s.indices(deaths)[0]) for s in all_splits if s.replicate == replicate or s.train_size == "all"]
        assert [a <= b for a, b in itertools.pairwise(sets)] == [True] * 3
        assert len(sets[0]) == 50
    first = [tuple(s.indices(deaths)[0]) for s in all_splits if s.train_size == "n=50"]
    assert len(set(first)) == 3


def test_one_fit_serves_all_tested_sites(deaths: Deaths) -> None:
    pairs = splits({"name": "one_to_one", "train_size": [20, "all"]}, deaths)
    assert len(pairs) == 60
    assert len({s.train_key() for s in pairs}) == 12
    by_key: dict[str, set[tuple]] = {}
    for s in pairs:
        by_key.setdefault(s.train_key(), set()).add(tuple(s.indices(deaths)[0]))
    assert all(len(rows) == 1 for rows in by_key.values())
    inside = splits({"name": "in_domain"}, deaths, "ap")
    assert not {s.train_key() for s in inside} & set(by_key)
    loso = {s.test_site: s.train_key() for s in splits({"name": "leave_one_site_out"}, deaths)}
    country = {s.test_site: s.train_key() for s in splits({"name": "leave_one_country_out"}, deaths)}
    assert loso["Mexico"] == country["Mexico"]
    assert loso["AP"] != country["AP+UP"]


def test_leave_two_sites_out(deaths: Deaths) -> None:
    options = {"name": "leave_two_sites_out"}
    all_splits = splits(options, deaths)
    assert len(all_splits) == most_splits(options, deaths) == 30
    assert len({s.train_key() for s in all_splits}) == 15  # one fit for each pair
    assert {(s.test_site, *(set(SITES) - set(s.train_sites) - {s.test_site})) for s in all_splits} == {
        (a, b) for a in SITES for b in SITES if a != b
    }
    assert {s.test_site for s in splits(options, deaths, "ap")} == {"AP"}
    two = deaths.take(deaths.site < 2)
    with pytest.raises(InputError, match="leave_two_sites_out: 2 sites have deaths; expected 3 or more"):
        splits(options, two)


def test_countries(deaths: Deaths) -> None:
    options = {"name": "leave_one_country_out"}
    all_splits = {s.test_site: s.train_sites for s in splits(options, deaths)}
    assert list(all_splits) == ["AP+UP", "Bohol", "Dar+Pemba", "Mexico"]
    assert all_splits["AP+UP"] == ("Bohol", "Dar", "Mexico", "Pemba")
    only = splits(options, deaths, "ap")
    assert [(s.test_site, s.train_sites) for s in only] == [("AP", ("Bohol", "Dar", "Mexico", "Pemba"))]
    protocol = {"name": "leave_one_country_out", "countries": {"one": ["ap", "bohol", "dar"]}}
    assert [s.test_site for s in splits(protocol, deaths)] == ["AP+Bohol+Dar", "Mexico", "Pemba", "UP"]


def test_pooled_and_one_division_have_the_requested_share(deaths: Deaths) -> None:
    pooled = splits({"name": "pooled", "repeats": 3}, deaths)
    assert [s.test_site for s in pooled] == ["all"] * 3
    assert [len(s.indices(deaths)[1]) for s in pooled] == [300] * 3
    assert len({s.hash(deaths) for s in pooled}) == 3
    assert {s.test_site for s in splits({"name": "pooled"}, deaths, ["ap", "up"])} == {"AP+UP"}
    (one,) = splits({"name": "in_domain", "folds": 1}, deaths, "AP")
    train, test = one.indices(deaths)
    assert len(test) == round(0.2 * (len(train) + len(test)))


def test_stratified_divisions_keep_the_cause_mix_and_random_ones_do_not(deaths: Deaths) -> None:
    assert deaths.cause is not None
    off = {}
    for stratified in (True, False):
        (split,) = splits({"name": "pooled", "repeats": 1, "stratified": stratified}, deaths)
        counts = np.bincount(deaths.cause[split.indices(deaths)[1]], minlength=34)
        off[stratified] = np.abs(counts - 0.25 * np.bincount(deaths.cause, minlength=34)).max()
    assert off[True] < 2 < off[False]


def test_seed_changes_random_divisions_only(deaths: Deaths) -> None:
    for options in EVERY:
        a, b = (splits({**options, "seed": seed}, deaths) for seed in (0, 1))
        for x, y in zip(a, b, strict=True):
            drawn = x.divides_sites or x.train_size != "all"
            assert (x.hash(deaths) != y.hash(deaths)) == drawn
            assert (x.spec() != y.spec()) == drawn


def test_assign_needs_no_causes_and_nothing_else_goes_without(deaths: Deaths) -> None:
    hidden = deaths.without_causes()
    (split,) = splits({"name": "assign"}, hidden)
    train, test = split.indices(hidden)
    assert (len(train), len(test)) == (0, len(deaths))
    assert [s.test_site for s in splits({"name": "assign", "by_site": True}, hidden, ["dar", "UP"])] == ["Dar", "UP"]
    with pytest.raises(InputError, match="has no causes"):
        splits({"name": "leave_one_site_out"}, hidden)


@pytest.mark.parametrize(
    ("value", "canonical"),
    [("all", "all"), (1.0, "all"), (500, "n=500"), (0.25, "share=0.25"), ("n=1", "n=1"), ("share=0.50", "share=0.5")],
)
def test_training_sizes(value: object, canonical: str) -> None:
    assert canonical_size(value) == canonical


@pytest.mark.parametrize("value", [1000.0, 0, -5, 1.5, "100", True, 1, None, "n=0", "share=2", "n=1e3", float("nan")])
def test_training_sizes_that_cannot_be_meant(value: object) -> None:
    with pytest.raises(InputError, match="train_size"):
        canonical_size(value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "pooled", "train_size": 1000.0}, r"n_train must be a whole number >= 1; got 1000.0 \(float\)"),
        ({"name": "leave_one_siteout"}, "did you mean 'leave_one_site_out'"),
        ({}, "unknown protocol None"),
        ({"name": "pooled", "repeat": 4}, "unknown key 'repeat' in protocol=pooled; known: .*did you mean 'repeats'"),
        ({"name": "in_domain", "folds": True}, r"folds must be a whole number >= 1; got True \(bool\)"),
        ({"name": "in_domain", "folds": 2.0}, r"folds must be a whole number >= 1; got 2.0 \(float\)"),
        ({"name": "pooled", "test_share": 1.5}, "test_share must be a number between 0 and 1; got 1.5"),
        ({"name": "assign", "train_size": 0.5}, "nothing is trained"),
        ({"name": "pooled", "seed": -1}, "seed must be a whole number >= 0"),
        ({"name": "pooled", "train_size": []}, "empty list"),
        ({"name": "leave_one_country_out", "countries": {"A": ["AP"], "B": ["ap"]}}, "in two countries"),
        ({"name": "leave_one_country_out", "countries": {"Norway": [False]}}, r'got False \(bool\): quote it, as "NO"'),
        ({"name": "one_to_one", "train_size": 6000}, "6000 is more than the .* training deaths of AP; .* too_large"),
        ({"name": "one_to_one", "train_sites": "Andhra"}, "unknown train site 'Andhra'"),
    ],
)
def test_errors_say_what_was_expected(deaths: Deaths, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        splits(options, deaths)


def test_sizes_that_are_too_large_can_be_skipped(deaths: Deaths) -> None:
    all_splits = splits({"name": "one_to_one", "train_size": [100], "too_large": "skip"}, deaths)
    assert all_splits
    assert "Pemba" not in {s.train_sites[0] for s in all_splits}
    with pytest.raises(InputError, match="has no splits"):
        splits({"name": "one_to_one", "train_size": 5000, "too_large": "skip"}, deaths)


def test_site_names() -> None:
    assert resolve_site("ap", SITES) == "AP"
    assert resolve_sites("ALL", SITES) == SITES
    assert resolve_sites(["pemba", "AP", "ap"], SITES) == ("AP", "Pemba")
    with pytest.raises(InputError, match=r"unknown site 'Bohool'; known: AP, .*; did you mean 'Bohol'\?"):
        resolve_site("Bohool", SITES)
    with pytest.raises(InputError, match=r'site must be text; got False \(bool\): quote it, as "NO"'):
        resolve_site(False, SITES)
    with pytest.raises(InputError) as error:
        resolve_sites(["x", "y"], SITES)
    assert len(error.value.problems) == 2
    with pytest.raises(InputError, match="fits several sites"):
        resolve_site("aP", ("AP", "ap"))
    with pytest.raises(InputError, match="no site is named"):
        resolve_sites([], SITES)


def test_a_site_without_deaths_is_an_error(deaths: Deaths) -> None:
    without = deaths.take(deaths.site != SITES.index("UP"))
    with pytest.raises(InputError, match=r"site 'UP' .* has 0 rows"):
        splits({"name": "leave_one_site_out"}, without, "UP")
    assert [s.test_site for s in splits({"name": "leave_one_site_out"}, without)] == list(SITES[:5])
    with pytest.raises(InputError, match="has 0 rows; nothing to test on"):
        splits({"name": "leave_one_site_out"}, without.take([]))
    with pytest.raises(InputError, match=r"site 'UP' .* has 0 rows"):
        Split("one_to_one", ("UP",), "AP").indices(without)
    small = deaths.take(np.flatnonzero(deaths.site == 0)[:3])
    with pytest.raises(InputError, match="too few for 5 folds"):
        Split("in_domain", ("AP",), "AP", n_folds=5).indices(small)


def test_every_protocol_has_defaults_that_work(deaths: Deaths) -> None:
    for name in PROTOCOLS:
        assert protocol_options({"name": name}).name == name
        assert splits({"name": name}, deaths)


@pytest.mark.nightly
@pytest.mark.slow
def test_a_million_splits_are_cheap() -> None:
    script = """
import resource, numpy as np
from va_experiments.data.deaths import Deaths
from va_experiments.protocols import splits
d = Deaths(symptoms=np.zeros((40, 1), np.int8), symptom_names=("a",), causes=("x", "y"), cause=np.arange(40) % 2,
           sites=("A", "B"), site=np.arange(40) // 20, id=np.arange(40).astype(str))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = splits({"name": "pooled", "repeats": 100_000, "train_size": [0.25, 0.5], "replicates": 5}, d)
print(len(found), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3)
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert int(out[0]) == 1_000_000
    assert float(out[1]) < 300  # MB


def test_every_yaml_is_a_protocol_and_writes_out_the_defaults() -> None:
    from pathlib import Path

    import yaml

    for path in sorted((Path(__file__).resolve().parents[1] / "conf" / "protocol").glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        options = protocol_options(content)
        if path.stem != "train_size":
            assert options.name == path.stem
            assert set(content) <= set(type(options).model_fields)
            plain = {k: [*map(list, v.values())] if k == "countries" else v for k, v in vars(options).items()}
            base = {k: [*map(list, v.values())] if k == "countries" else v for k, v in vars(type(options)()).items()}
            if isinstance(options, Combined):
                plain["parts"], base["parts"] = options.each(), Combined().each()
            assert plain == base


def test_a_combined_protocol_has_the_splits_of_its_parts_each_once(deaths: Deaths) -> None:
    whole = {"name": "in_domain", "folds": 1}
    pairs = {"name": "one_to_one", "folds": 1, "same_site": True}
    curve = {"name": "in_domain", "folds": 1, "train_size": [0.5, 1.0]}
    parts = {"whole": whole, "pairs": pairs | {"same_site": False}, "curve": curve | {"test_sites": "ap"}}
    all_splits = splits({"name": "combined", "seed": 3, "parts": parts}, deaths)
    alone = [*splits(pairs | {"seed": 3}, deaths), *splits(curve | {"seed": 3}, deaths, "AP")]
    assert len(all_splits) == 6 + 30 + 1, "the full size of the curve is a split of the first part"
    assert {*all_splits} == {*alone}
    assert most_splits({"name": "combined", "parts": parts}, deaths) == 6 + 36 + 2, "an upper bound"
    only = splits({"name": "combined", "seed": 3, "parts": parts}, deaths, ["Pemba", "UP"])
    assert len(only) == 2 + 10, "the run's sites narrow every part; the curve has none left"


def test_parts_of_a_combined_protocol_inherit_its_options() -> None:
    part = {"name": "pooled", "replicates": 3, "seed": None}
    combined = protocol_options({"name": "combined", "seed": 5, "replicates": 2, "parts": {"a": part}})
    assert isinstance(combined, Combined)
    (options, sites) = combined.each()["a"]
    assert (options.seed, options.replicates, sites) == (5, 3, "all")


def test_every_problem_of_a_combined_protocol_is_reported(deaths: Deaths) -> None:
    parts = {"a": {"name": "pooled", "repeat": 2}, "b": 3, "c": {"name": "assign"}, "d": {"name": "in_domian"}}
    with pytest.raises(InputError) as caught:
        protocol_options({"name": "combined", "parts": parts})
    text = str(caught.value)
    for message in ("unknown key 'repeat' in protocol.parts.a (pooled)", "parts.b must have", "parts.c.name: assign",
                 "did you mean 'in_domain'"):  # fmt: skip
        assert message in text
    with pytest.raises(InputError, match="parts must map words to protocols"):
        protocol_options({"name": "combined", "parts": {}})
    with pytest.raises(InputError, match=r"parts.a.test_sites: unknown site 'Apu'"):
        splits({"name": "combined", "parts": {"a": {"name": "in_domain", "test_sites": "Apu"}}}, deaths)


@pytest.mark.parametrize("options", EVERY, ids=lambda o: o["name"])
def test_splits_held_as_columns_are_those_that_were_put_in(options: dict, deaths: Deaths) -> None:
    all_splits = splits(options, deaths)
    objects = list(all_splits)
    assert all_splits == objects
    assert Splits(objects) == all_splits
    assert all_splits[1:3] == objects[1:3]
    assert all_splits[-1] == objects[-1]
    assert len({s.spec().__repr__() for s in objects}) == len(objects)
    for split, kind in zip(objects, all_splits.kind.tolist(), strict=True):
        assert dataclasses.replace(split, repeat=0, fold=0, replicate=0) == all_splits.kinds[kind]


def test_each_further_repeat_takes_sixteen_bytes(deaths: Deaths) -> None:
    few, many = (splits({"name": "pooled", "repeats": n}, deaths) for n in (10, 10_000))
    assert len(few.kinds) == len(many.kinds) == 1
    assert sum(c.itemsize for c in (many._kind, many._repeat, many._fold, many._replicate)) == 16
    assert many[9_999].repeat == 9_999
