"""Deaths by site and cause, and a model's scores by cause, on counts worked out by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tests.analysis.test_leaderboard import METRIC, cells_of
from va_experiments.analysis.cause_tables import deaths_by_site, scores_by_cause
from va_experiments.analysis.headline import answers
from va_experiments.analysis.leaderboard import leaderboards
from va_experiments.analysis.recommendation import recommendation
from va_experiments.analysis.run_tables import RunTables, checked_cells

CELLS = checked_cells(RunTables(title="", cells=cells_of(nbc=[0.7, 0.8], prior=[0.6, 0.7])))
# By cause: true deaths, rightly named ones, named ones (of 10 at A, of 10 at B).
COUNTS = {"nbcA": [(6, 3, 4), (4, 2, 6), (0, 0, 0)], "nbcB": [(2, 1, 2), (8, 6, 8), (0, 0, 0)]}


def causes() -> pd.DataFrame:
    rows = []
    for key, counts in (COUNTS | {"priorA": COUNTS["nbcA"]}).items():
        for cause, (true, right, named) in zip("xyz", counts, strict=True):
            share = right / true if true else math.nan
            rows.append((key, cause, true, share, named / 10, 0.1))
    return pd.DataFrame(rows, columns=["cell_key", "cause", "n_true", "sensitivity", "csmf_top", "csmf_mean"])


def test_deaths_count_once_however_many_models_were_tested():
    table = deaths_by_site(causes(), CELLS)
    assert table.to_dict() == {"A": {"y": 4, "x": 6, "z": 0}, "B": {"y": 8, "x": 2, "z": 0}}
    assert list(table.index) == ["y", "x", "z"]
    assert not len(deaths_by_site(None, CELLS))


def test_scores_by_cause_are_pooled_over_deaths():
    table = scores_by_cause(causes(), CELLS, "nbc", "csmf_top").set_index("cause")
    assert list(table.index) == ["y", "x", "z"]
    assert table.loc["y"].tolist() == pytest.approx([12, 8 / 12, 8 / 14, (8 / 12 - 1 / 3) / (2 / 3), 0.6, 0.7])
    assert table.loc["x"].tolist() == pytest.approx([8, 4 / 8, 4 / 6, (4 / 8 - 1 / 3) / (2 / 3), 0.4, 0.3])
    assert math.isnan(table.loc["z", "sensitivity"])
    assert math.isnan(table.loc["z", "ppv"])
    assert scores_by_cause(causes(), CELLS, "nbc", "csmf_mean")["estimated_share"].tolist() == pytest.approx([0.1] * 3)


def advice(top1, simulated=False, **scores):
    cells = cells_of(**scores).assign(top1=top1, simulated=simulated, data="visits")
    checked = checked_cells(RunTables(title="", cells=cells))
    board = leaderboards(checked, METRIC)[0]
    return recommendation(answers(board, checked), board)


def test_the_recommendation_follows_from_both_answers():
    top1 = [0.40, 0.42, 0.44, 0.06, 0.06, 0.06]
    text = advice(top1, nbc=[0.60, 0.61, 0.62], prior=[0.70, 0.69, 0.68])
    assert "for cause fractions, no model" in text
    assert "for naming single deaths, nbc" in text
    assert "(visits)" in text
    assert "With 3 sites" in text
    assert "for cause fractions at a site like these, nbc" in advice(
        top1, nbc=[0.80, 0.81, 0.82], prior=[0.60, 0.61, 0.615]
    )
    assert "none. Simulated" in advice(top1, simulated=True, nbc=[0.8, 0.8, 0.8], prior=[0.6, 0.6, 0.6])
