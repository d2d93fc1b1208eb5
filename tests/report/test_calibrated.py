"""Calibrated fractions beside uncalibrated ones, and the matrix, as figures of a report."""

from __future__ import annotations

import pandas as pd
import pytest

from va_experiments.report.charts.calibrated import calibrated_figures
from va_experiments.report.charts.style import specification
from va_experiments.report.charts.svg import draw


def table() -> pd.DataFrame:
    names = ("a", "b")
    fractions = (("a", 0.6, 0.5, 0.4, 0.7), ("b", 0.4, 0.5, None, None))
    columns = ("cause", "uncalibrated", "calibrated", "low", "high")
    rows = [{"cell_key": "k", "named": "", "weight": 0.4} | dict(zip(columns, r, strict=True)) for r in fractions]
    shares = {"aa": 0.8, "ab": 0.2, "ba": 0.1, "bb": 0.9}
    rows += [{"cell_key": "k", "cause": c, "named": n, "share": shares[c + n]} for c in names for n in names]
    return pd.DataFrame(rows).astype({"low": float, "high": float, "share": float})


def test_bars_stand_beside_each_other_and_the_matrix_is_a_heat_map():
    cells = pd.DataFrame({"cell_key": ["other", "k"], "label": ["m", "eava"], "test_site": ["X", "Y"]})
    bars, matrix = calibrated_figures(table(), cells)
    assert (bars.section, matrix.section) == ("csmf", "csmf")
    assert bars.title == "Calibrated cause fractions, eava at Y"
    assert "Lambda is 0.40" in bars.caption
    shown = [r for rows in specification(bars.chart)["datasets"].values() for r in rows]
    assert {r["bar"] for r in shown} == {f"{c} ({k})" for c in "ab" for k in ("as named", "calibrated")}
    assert [r for r in shown if "low" in r] == [{"bar": "a (calibrated)", "low": 0.4, "high": 0.7}]
    values = [r for rows in specification(matrix.chart)["datasets"].values() for r in rows]
    assert {(r["true cause"], r["named"]): r["value"] for r in values}["b", "a"] == pytest.approx(0.1)
    assert all(draw(specification(f.chart)).startswith("<svg") for f in (bars, matrix))


def test_other_runs_have_none():
    assert calibrated_figures(None, pd.DataFrame({"cell_key": []})) == []
