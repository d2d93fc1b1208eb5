"""The answer's verdict: against the best baseline, by the interval of the paired difference."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.test_leaderboard import METRIC, board_of, cells_of
from va_experiments.analysis.headline import answer, answers
from va_experiments.analysis.intervals import t_interval
from va_experiments.analysis.leaderboard import leaderboards
from va_experiments.analysis.run_tables import RunTables, checked_cells


def test_a_clear_winner():
    board = board_of(cells_of(nbc=[0.80, 0.71, 0.75], prior=[0.70, 0.60, 0.66], uniform=[0.5, 0.5, 0.5]))
    headline = answer(board)
    assert headline.verdict == "better"
    assert (headline.best, headline.trivial) == ("nbc", "prior")
    assert headline.difference == pytest.approx(0.1)
    assert (headline.low, headline.high) == pytest.approx(t_interval([0.1, 0.11, 0.09]))
    assert ".100 better than the best baseline, prior (.653)" in headline.sentence


def test_a_difference_whose_interval_includes_zero_is_not_a_win():
    headline = answer(board_of(cells_of(nbc=[0.9, 0.6, 0.66], prior=[0.70, 0.65, 0.66])))
    assert headline.verdict == "unclear"
    assert "there is no clear evidence that it is better than a baseline" in headline.sentence


def test_it_says_so_when_the_trivial_model_wins():
    headline = answer(board_of(cells_of(nbc=[0.5, 0.6, 0.5], prior=[0.70, 0.65, 0.66])))
    assert headline.verdict == "worse"
    assert headline.sentence.startswith("No model beats the best baseline, prior (.670)")


def test_without_trivial_models_or_complete_grids_nothing_is_claimed():
    assert answer(board_of(cells_of(nbc=[0.5, 0.6, 0.5]))).verdict == "none"
    assert "No model finished every cell" in answer(board_of(cells_of(nbc=[0.5, None], prior=[0.4, 0.4]))).sentence


def test_one_site_gets_no_interval():
    headline = answer(board_of(cells_of(nbc=[0.5], prior=[0.4])))
    assert "one site" in headline.sentence
    assert headline.verdict == "unclear"


def test_simulated_deaths_are_named_first():
    cells = cells_of(nbc=[0.8, 0.7, 0.7], prior=[0.7, 0.6, 0.6]).assign(simulated=True)
    assert answer(board_of(cells)).sentence.startswith("On simulated deaths, ")


def test_given_intervals_stand_beside_t():
    cells = checked_cells(RunTables(title="", cells=cells_of(nbc=[0.8, 0.7, 0.75], prior=[0.7, 0.6, 0.66])))
    table = pd.DataFrame(
        [("nbc", METRIC, 0.6, 0.9, "95% nested bootstrap", "natural"), ("nbc", METRIC, 0.1, 0.2, "other", "dirichlet")],
        columns=["model", "metric", "low", "high", "method", "testset"],
    )
    rows = leaderboards(cells, METRIC, intervals=table)[0].rows
    assert rows.loc["nbc", ["beside_low", "beside_high", "beside"]].tolist() == [0.6, 0.9, "95% nested bootstrap"]
    assert rows["interval"].tolist() == ["95% logit-t over 3 sites"] * 2
    assert rows.loc["prior", "beside"] == ""


def test_models_that_were_tested_on_other_deaths_get_no_interval_of_their_difference():
    board = board_of(cells_of(nbc=[0.80, 0.71, 0.75], prior=[0.70, 0.60, 0.66]))
    nothing = float("nan")
    table = pd.DataFrame(
        [("nbc", "prior", METRIC, *[nothing] * 4, "not compared: at 3 of 3 splits")],
        columns=["model_a", "model_b", "metric", "difference", "low", "high", "p", "method"],
    )
    headline = answer(board, table)
    assert headline.verdict == "unclear"
    assert "no interval, as the two were not tested on identical test sets" in headline.sentence


def test_a_given_comparison_is_used_whichever_way_round_it_stands():
    board = board_of(cells_of(nbc=[0.80, 0.71, 0.75], prior=[0.70, 0.60, 0.66]))
    table = pd.DataFrame(
        [("prior", "nbc", METRIC, -0.1, -0.15, -0.05, 0.01, "nested bootstrap")],
        columns=["model_a", "model_b", "metric", "difference", "low", "high", "p", "method"],
    )
    headline = answer(board, table)
    assert (headline.difference, headline.low, headline.high) == pytest.approx((0.1, 0.05, 0.15))
    assert "nested bootstrap" in headline.sentence


def test_both_questions_are_answered_each_against_its_baseline():
    cells = cells_of(nbc=[0.60, 0.61, 0.62], prior=[0.70, 0.69, 0.68])
    cells = cells.assign(top1=[0.40, 0.42, 0.44, 0.06, 0.06, 0.06], mean_ccc=[0.3, 0.3, 0.3, 0.01, 0.0, -0.01])
    checked = checked_cells(RunTables(title="", cells=cells))
    fractions, deaths = answers(leaderboards(checked, METRIC)[0], checked)
    assert (fractions.verdict, deaths.verdict) == ("worse", "better")
    assert fractions.sentence.startswith("Cause fractions: no model beats the best baseline, prior (.690)")
    assert deaths.sentence.startswith("Single deaths: nbc comes first: Top-1 accuracy .420, mean over 3 sites")
    assert "Mean chance-corrected concordance of nbc: .300, of prior .000." in deaths.sentence


def test_fractions_are_not_answered_where_the_design_gives_them_away():
    cells = cells_of(nbc=[0.9, 0.9], prior=[0.98, 0.98]).assign(top1=[0.5, 0.6, 0.1, 0.1], train_sites=list("ABAB"))
    checked = checked_cells(RunTables(title="", cells=cells))
    fractions, deaths = answers(leaderboards(checked, METRIC)[0], checked)
    assert "CSMF accuracy means nothing here" in fractions.sentence
    assert "nbc comes first" in deaths.sentence
