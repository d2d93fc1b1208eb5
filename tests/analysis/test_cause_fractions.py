"""Fractions of deaths by cause: intervals, the rule that a stratum is estimated by, and where models disagree."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from va_experiments.analysis.assigned_causes import AssignedCell, cause_rows
from va_experiments.analysis.cause_fractions import TOO_SMALL, Sums, fraction_rows, wilson
from va_experiments.analysis.disagreements import NamedCauses
from va_experiments.cell.serialization import encode_prediction
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Prediction


def test_the_interval_of_a_share_is_wilsons() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263 .2553 to .3662, 15 of 148 .0624 to .1605."""
    assert wilson(81 / 263, 81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15 / 148, 15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert all(math.isnan(v) for v in wilson(0.5, 0.5, 0))


def test_probabilities_vary_less_than_shares() -> None:
    """All deaths at .3 or .5: the mean of 100 varies by .1 / 10, not by .49 / 10."""
    low, high = wilson(0.4, 0.4**2 + 0.1**2, 100)
    assert (high - low) / 2 == pytest.approx(1.96 * 0.01, rel=0.01)


def cell_of(deaths: Deaths, probability: np.ndarray, csmf: np.ndarray, draws: np.ndarray | None = None) -> AssignedCell:
    prediction = Prediction(probability, csmf, draws)
    content = encode_prediction(deaths.id, prediction, None, deaths.causes)
    rows = np.arange(len(deaths))
    blind = deaths.without_causes()
    target = "va_experiments.models.nbc.NaiveBayes"
    return AssignedCell(
        "m", blind, rows, deaths.causes, csmf, draws, content, {"target": target, "params": {}}, (), "all"
    )


def sums_of(cell: AssignedCell, mask: np.ndarray) -> Sums:
    sums = Sums()
    for places, probability, top in cell.blocks():
        in_stratum = mask[places]
        sums.add(probability[in_stratum], top[in_stratum], np.ones(in_stratum.sum(), dtype=bool))
    return sums


def test_a_stratum_is_estimated_by_the_rule_of_the_whole(small_deaths: Deaths) -> None:
    probability = np.random.default_rng(1).dirichlet(np.ones(4), size=300)
    north, everyone = small_deaths.site == 0, np.ones(300, dtype=bool)
    shares = np.bincount(probability.argmax(axis=1), minlength=4) / 300
    for csmf, expected in (
        (probability.mean(axis=0), probability[north].mean(axis=0)),
        (shares, np.bincount(probability[north].argmax(axis=1), minlength=4) / north.sum()),
    ):
        cell = cell_of(small_deaths, probability, csmf)
        rows = fraction_rows(cell, sums_of(cell, everyone), {"site=North": sums_of(cell, north)})
        assert [r["fraction"] for r in rows] == pytest.approx([*csmf, *expected])
        assert [r["stratum"] for r in rows] == ["all"] * 4 + ["site=North"] * 4
        assert [r["deaths"] for r in rows] == [300] * 4 + [int(north.sum())] * 4
        assert all(r["low"] < r["fraction"] < r["high"] for r in rows)


def test_draws_give_the_interval_of_the_whole_and_few_deaths_give_none(small_deaths: Deaths) -> None:
    rng = np.random.default_rng(2)
    probability = rng.dirichlet(np.ones(4), size=300)
    draws = rng.dirichlet([40, 30, 20, 10], size=2000)
    cell = cell_of(small_deaths, probability, draws.mean(axis=0), draws)
    few = np.arange(300) < 9
    rows = fraction_rows(cell, sums_of(cell, ~few | few), {"few": sums_of(cell, few)})
    assert [rows[0]["low"], rows[0]["high"]] == pytest.approx(np.percentile(draws[:, 0], [2.5, 97.5]))
    assert math.isnan(rows[4]["low"])
    assert rows[4]["note"] == TOO_SMALL
    assert rows[0]["note"] == ""


def test_the_named_cause_comes_first_and_an_undetermined_death_has_a_reason(small_deaths: Deaths) -> None:
    deaths = small_deaths.take([0, 1])
    probability = np.array([[0.2, 0.5, 0.3, 0], [0, 0, 0, 0]])
    cell = cell_of(deaths, probability, np.array([0.1, 0.25, 0.15, 0]))
    ((places, block, top),) = cell.blocks()
    row = cause_rows(cell, places, block, top)
    assert [row[f"cause{k}"].tolist() for k in (1, 2, 3)] == [["cause B", ""], ["cause C", ""], ["cause A", ""]]
    assert [row[f"probability{k}"][0] for k in (1, 2, 3)] == [0.5, 0.3, 0.2]
    assert row["undetermined"].tolist() == ["", "no cause is possible with these answers"]
    first_is_named = cause_rows(cell, places, block, np.array([2, -1], dtype=np.int16))
    assert [first_is_named[f"cause{k}"][0] for k in (1, 2, 3)] == ["cause C", "cause B", "cause A"]


def test_disagreements_are_counted_over_the_names_of_both_lists() -> None:
    named = NamedCauses()
    named.add("d", "a", ("TB", "AIDS"), 5, np.arange(4), np.array([0, 0, 1, -1]))
    named.add("d", "b", ("AIDS", "Falls"), 5, np.arange(5), np.array([0, 0, 0, -1, 1]))
    table = named.table()
    assert table[["cause_a", "cause_b", "deaths", "share", "agree", "of"]].to_numpy().tolist() == [
        ["TB", "AIDS", 2, 0.5, 0.5, 4]
    ]


def test_a_sampled_stratum_has_its_draws_and_others_wilsons_interval(small_deaths: Deaths) -> None:
    probability = np.random.default_rng(1).dirichlet(np.ones(4), size=300)
    north, everyone = small_deaths.site == 0, np.ones(300, dtype=bool)
    sampled = np.array([[0.4, 0.3, 0.5], [0.3, 0.25, 0.35], [0.3, 0.2, 0.4], [0, 0, 0]])
    cell = dataclasses.replace(cell_of(small_deaths, probability, probability.mean(axis=0)), sampled={"a=b": sampled})
    strata = {"a=b": sums_of(cell, north), "site=North": sums_of(cell, north)}
    rows = fraction_rows(cell, sums_of(cell, everyone), strata)
    of_stratum = [r for r in rows if r["stratum"] == "a=b"]
    assert [(r["fraction"], r["low"], r["high"]) for r in of_stratum[:3]] == [
        tuple(row) for row in sampled[:3].tolist()
    ]
    n = int(north.sum())
    assert (of_stratum[3]["low"], of_stratum[3]["high"]) == pytest.approx(wilson(0, 0, n)), (
        "draws that are all 0 know no interval"
    )
    other = [r for r in rows if r["stratum"] == "site=North"]
    assert other[0]["fraction"] == pytest.approx(probability[north].mean(axis=0)[0])


def test_a_stratum_of_which_no_death_is_assessed_is_undetermined(small_deaths: Deaths) -> None:
    probability = np.random.default_rng(1).dirichlet(np.ones(4), size=300)
    north, everyone = small_deaths.site == 0, np.ones(300, dtype=bool)
    probability[north] = 0
    assessed = ~north
    csmf = probability[assessed].mean(axis=0)
    cell = cell_of(small_deaths, probability, csmf)
    sums = {}
    for name, mask in (("all", everyone), ("site=North", north)):
        sums[name] = Sums()
        for places, block, top in cell.blocks():
            sums[name].add(block[mask[places]], np.where(block.any(axis=1), top, -1)[mask[places]], assessed[mask])
    rows = fraction_rows(cell, sums["all"], {"site=North": sums["site=North"]})
    of_north = [r for r in rows if r["stratum"] == "site=North"]
    assert [r["fraction"] for r in of_north] == [0, 0, 0, 0, 1]
    assert {(r["deaths"], r["note"]) for r in of_north} == {(0, TOO_SMALL)}


def test_strata_of_a_model_with_draws_count_the_deaths_that_it_assesses(small_deaths: Deaths) -> None:
    probability = np.random.default_rng(1).dirichlet(np.ones(4), size=300)
    assessed = np.arange(300) % 3 > 0
    probability[~assessed] = 0
    csmf = np.array([0.7, 0.1, 0.1, 0.1])
    cell = cell_of(small_deaths, probability, csmf, np.stack([csmf, csmf[::-1]]))
    whole, north = Sums(), small_deaths.site == 0
    sums_of_north = Sums()
    for places, result, top in cell.blocks():
        named = np.where(result.any(axis=1), top, -1)
        whole.add(result, named, assessed[places])
        sums_of_north.add(result[north[places]], named[north[places]], (assessed & north)[places][north[places]])
    of_north = [r for r in fraction_rows(cell, whole, {"site=North": sums_of_north}) if r["stratum"] == "site=North"]
    assert {r["deaths"] for r in of_north} == {int((assessed & north).sum())}
    assert sum(r["fraction"] for r in of_north) == pytest.approx(1)
    assert of_north[0]["fraction"] == pytest.approx(probability[assessed & north].mean(axis=0)[0])
