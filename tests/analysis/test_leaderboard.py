"""Means, intervals, refusals and order of the leaderboard; labels and settings; the text for a terminal."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.fake_content import fake_content
from va_experiments.analysis.intervals import t_interval
from va_experiments.analysis.leaderboard import leaderboards, metric_means
from va_experiments.analysis.run_tables import RunTables, checked_cells, model_labels
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import METRICS, MetricInfo, known_metrics, lower_is_better
from va_experiments.report.terminal import leaderboard_rows, leaderboard_text

METRIC = "csmf_accuracy_top"


def cells_of(**scores: list[float | None]) -> pd.DataFrame:
    """One cell a model and site A, B, C...; None fails."""
    rows = [
        {"cell_key": f"{m}{s}", "model": m, "test_site": s, "status": "failed" if v is None else "done", METRIC: v}
        for m, values in scores.items()
        for s, v in zip("ABCDEFGH", values, strict=False)
    ]
    return pd.DataFrame(rows).astype({METRIC: float})


def board_of(cells: pd.DataFrame, **options):
    return leaderboards(checked_cells(RunTables(title="", cells=cells)), METRIC, **options)[0]


def test_t_interval_equals_scipys():
    values = [0.70, 0.75, 0.66, 0.78, 0.57, 0.75]
    expected = stats.t.interval(0.95, 5, loc=np.mean(values), scale=stats.sem(values))
    assert t_interval(values) == pytest.approx(expected, abs=1e-12)
    assert all(math.isnan(v) for v in t_interval([0.5]))


def test_models_are_ranked_and_trivial_ones_stand_among_them_unranked():
    board = board_of(cells_of(nbc=[0.7, 0.8, 0.9], prior=[0.6, 0.7, 0.8], bad=[0.1, 0.2, 0.3]))
    assert list(board.rows.index) == ["nbc", "prior", "bad"]
    assert board.rows["trivial"].tolist() == [False, True, False]
    assert board.rows["rank"].tolist()[0] == 1
    assert math.isnan(board.rows["rank"].iloc[1])
    assert board.rows["rank"].iloc[2] == 2
    assert board.rows["mean"].tolist() == pytest.approx([0.8, 0.7, 0.2])


def test_an_incomplete_grid_is_refused_a_mean_unless_allowed():
    cells = cells_of(nbc=[0.9, 0.9, None], slow=[0.5, 0.5, 0.5])
    row = board_of(cells).rows.loc["nbc"]
    assert math.isnan(row["mean"])
    assert row["note"] == "2 of 3 cells: no mean"
    row = board_of(cells, allow_incomplete=True).rows.loc["nbc"]
    assert row["mean"] == pytest.approx(0.9)
    assert row["note"] == "2 of 3 cells"


def test_a_cell_that_was_never_run_counts_as_missing_like_one_that_failed():
    cells = cells_of(nbc=[0.9, 0.9, 0.9], slow=[0.5, 0.5, 0.5])
    cells = cells[cells["cell_key"] != "nbcC"]
    assert board_of(cells).rows.loc["nbc", "note"] == "2 of 3 cells: no mean"


def test_a_metric_that_a_model_lacks_is_not_a_zero():
    cells = cells_of(nbc=[0.9, 0.9, 0.9], slow=[0.5, 0.5, 0.5])
    cells.loc[cells["model"] == "slow", METRIC] = math.nan
    assert board_of(cells).rows.loc["slow", "note"] == "0 of 3 cells: no mean (3 done, figure not defined)"


def test_a_site_counts_once_however_many_cells_it_has():
    cells = cells_of(nbc=[0.2, 0.8])
    more = cells.iloc[[1]].assign(cell_key="nbcB2", fold=1, csmf_accuracy_top=0.6)
    board = board_of(pd.concat([cells, more]))
    assert board.values.loc["nbc"].tolist() == pytest.approx([0.2, 0.7])
    assert board.rows.loc["nbc", "mean"] == pytest.approx(0.45)
    assert board.rows.loc["nbc", "cells"] == 3


def test_the_order_in_which_cells_finished_changes_no_bit():
    rng = np.random.default_rng(3)
    cells = cells_of(nbc=list(rng.random(8)), prior=list(rng.random(8)))
    tables = [board_of(cells.sample(frac=1, random_state=i)).table() for i in range(5)]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], table, check_exact=True)


def test_a_cell_shared_by_two_jobs_counts_once():
    cells = cells_of(nbc=[0.2, 0.8])
    twice = pd.concat([cells, cells.assign(job="second", reused=True)])
    checked = checked_cells(RunTables(title="", cells=twice))
    assert len(checked) == 2
    assert not checked["reused"].any()


def test_natural_and_dirichlet_test_sets_never_share_a_table():
    cells = cells_of(nbc=[0.8, 0.8, 0.8])
    both = pd.concat(
        [cells, cells.assign(cell_key=cells["cell_key"] + "d", testset="dirichlet(1)", csmf_accuracy_top=0.6)]
    )
    boards = leaderboards(checked_cells(RunTables(title="", cells=both)), METRIC)
    assert [b.setting.testset for b in boards] == ["natural", "dirichlet(1)"]
    assert [b.rows["mean"].iloc[0] for b in boards] == pytest.approx([0.8, 0.6])
    assert boards[1].setting.heading == "Dirichlet(1) test sets"


def test_ceilings_belong_to_splits_and_count_each_once():
    cells = cells_of(nbc=[0.8, 0.8], prior=[0.5, 0.5]).assign(csmf_ceiling=[0.9, 0.8, 0.9, 0.8])
    board = board_of(cells)
    assert board.ceilings.loc["finite-sample ceiling"].tolist() == pytest.approx([0.9, 0.8, 0.85])


def test_losses_are_ranked_upwards():
    cells = cells_of(a=[2.0, 2.0, 2.0], b=[1.0, 1.0, 1.0]).rename(columns={METRIC: "log_loss"})
    content = RunTables(title="", cells=cells, primary_metric="log_loss")
    board = leaderboards(checked_cells(content), "log_loss")[0]
    assert board.rows.index.tolist() == ["b", "a"]
    losses = {"log_loss", "brier", "ece", "ece_classwise", "undetermined", "csmf_conformal_width"}
    assert {m for m in known_metrics() if lower_is_better(m)} == losses


def test_a_new_metric_is_ranked_by_its_declared_direction(monkeypatch):
    """Its name holds none of the words that losses usually have."""
    wrong = MetricInfo("Wrong", False, (0, 1), "Share of deaths not named rightly.", lambda t: 1 - t.correct / t.n)
    monkeypatch.setitem(METRICS, "wrong", wrong)
    cells = cells_of(bad=[0.9, 0.9, 0.9], good=[0.1, 0.1, 0.1]).rename(columns={METRIC: "wrong"})
    content = RunTables(title="", cells=cells, primary_metric="wrong")
    assert leaderboards(checked_cells(content), "wrong")[0].rows.index.tolist() == ["good", "bad"]


def test_only_parameters_that_differ_are_in_the_label():
    cells = pd.DataFrame(
        {
            "model": ["nbc", "nbc", "rf"],
            "model_params": ['{"alpha": 1, "k": 3}', '{"alpha": 2, "k": 3}', '{"trees": 500}'],
        }
    )
    assert model_labels(cells) == ["nbc (alpha=1)", "nbc (alpha=2)", "rf"]


def test_estimators_of_the_fractions_that_differ_are_in_the_label():
    """As ``csmf=model,em,vacalibration calibration.level=group,cause`` of two models, one with another parameter."""
    out_of_fold = '"calibration.matrix": "out_of_fold", "csmf": "vacalibration", "csmf_interval": "model"}'
    options = [
        '{"csmf": "model", "csmf_interval": "model"}',
        '{"csmf": "em", "csmf_interval": "model"}',
        '{"calibration.level": "group", ' + out_of_fold,
        '{"calibration.level": "cause", ' + out_of_fold,
    ]
    both = pd.DataFrame({"model": "nbc", "model_params": "{}", "csmf_options": options})
    expected = [
        "nbc",
        "nbc (csmf=em)",
        "nbc (csmf=vacalibration, calibration.level=group)",
        "nbc (csmf=vacalibration, calibration.level=cause)",
    ]
    assert model_labels(both) == expected
    assert model_labels(both, estimators=False) == ["nbc"] * 4
    assert model_labels(both[::-1]) == expected[::-1]
    assert model_labels(both[1:2]) == ["nbc"], "nothing to tell apart"
    two = pd.concat([both[:2].assign(model_params='{"alpha": 1}'), both[:2].assign(model_params='{"alpha": 2}')])
    assert model_labels(two) == ["nbc (alpha=1)", "nbc (alpha=1, csmf=em)", "nbc (alpha=2)", "nbc (alpha=2, csmf=em)"]
    with_intervals = '{"csmf": "model", "csmf_interval": "conformal"}'
    conformal = both[:2].assign(csmf_options=[options[0], with_intervals])
    assert model_labels(conformal) == ["nbc", "nbc (csmf_interval=conformal)"]
    assert model_labels(both.drop(columns="csmf_options")) == ["nbc"] * 4, "a table of an earlier version"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.71, ".710"),
        (-0.0312, "-.031"),
        (1.0, "1.000"),
        (-0.0001, ".000"),
        (2.5, "2.500"),
        (math.nan, ""),
        (-1.25, "-1.250"),
    ],
)
def test_figures_are_printed_as_the_field_prints_them(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(("width", "simulated"), list(itertools.product([40, 50, 60, 80, 120, 200], [True, False])))
def test_text_fits_its_width_and_says_what_it_must(width, simulated):
    content = fake_content(simulated=simulated, deep=False)
    text = leaderboard_text(content.cells, width)
    assert max(map(len, text.splitlines())) <= width
    assert ("SIMULATED" in text) == simulated
    flat = " ".join(text.split())
    assert flat.endswith("34 done, 0 reused, 2 failed of 36 cells; 12 baseline cells beside them")
    assert "interva: 4 of 6 cells: no mean" in flat
    assert "prior *" in text


def test_wide_text_has_everything_in_three_digits():
    content = fake_content(deep=False)
    text = leaderboard_text(content.cells, 200)
    assert all(site in text for site in ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP"))
    assert "95% logit-t over 6 sites" in text


def test_a_replicate_that_is_missing_makes_a_grid_incomplete():
    both = pd.concat([cells_of(nbc=[0.7, 0.6, 0.7]), cells_of(nbc=[0.5, 0.6, None])], ignore_index=True)
    both["replicate"] = [0, 0, 0, 1, 1, 1]
    both["cell_key"] = [f"{k}" for k in range(6)]
    row = board_of(both).rows.loc["nbc"]
    assert (row["done"], row["cells"]) == (5, 6)
    assert row["note"] == "5 of 6 cells: no mean"


def test_rows_for_a_page_have_the_best_first_the_trivial_marked_and_no_mean_of_half_a_grid():
    rows = leaderboard_rows(cells_of(nbc=[0.7, 0.8], prior=[0.6, 0.7], slow=[0.9, None]), METRIC)
    shown = [[row["CSMF accuracy (top causes)"], row["mean"], row["A"], row["B"]] for row in rows]
    assert shown == [
        ["nbc", ".750", ".700", ".800"],
        ["prior *", ".650", ".600", ".700"],
        ["slow", "", ".900", ""],
    ]


def test_means_of_several_metrics_equal_those_of_their_leaderboards():
    cells = cells_of(nbc=[0.7, 0.8, 0.9], prior=[0.6, None, 0.8]).assign(top1=[0.3, 0.4, math.nan, 0.1, 0.2, 0.1])
    checked = checked_cells(RunTables(title="", cells=pd.concat([cells, cells.assign(fold=1, cell_key="f")])))
    for allowed in (False, True):
        means_of = metric_means(checked, [METRIC, "top1"], allow_incomplete=allowed)
        for metric, means in means_of.items():
            board = leaderboards(checked, metric, allow_incomplete=allowed)[0]
            assert means == pytest.approx(board.rows["mean"].to_dict(), nan_ok=True)


def within_a_site(values, **columns):
    cells = cells_of(**values).assign(train_sites=lambda c: c["test_site"], csmf_ceiling=0.94, **columns)
    return board_of(cells)


def test_a_design_that_gives_the_mix_away_is_said_to():
    board = within_a_site({"nbc": [0.90, 0.91], "prior": [0.98, 0.99]})
    assert board.mix_known
    assert "CSMF accuracy means nothing here" in board.cautions[0]
    assert not len(board.ceilings)
    other = within_a_site({"nbc": [0.90, 0.91], "prior": [0.98, 0.99]}, testset="dirichlet(1)")
    assert not other.mix_known
    apart = board_of(cells_of(nbc=[0.7, 0.8]).assign(train_sites=["B+C", "A+C"]))
    assert apart.cautions == []
    pooled = board_of(cells_of(nbc=[0.7]).assign(train_sites="all", test_site="all"))
    assert pooled.mix_known


def test_a_ceiling_below_a_baseline_is_explained():
    board = board_of(cells_of(nbc=[0.8, 0.8], prior=[0.95, 0.95]).assign(train_sites="Z", csmf_ceiling=0.9))
    assert "A baseline lies above the finite-sample ceiling" in board.cautions[0]
