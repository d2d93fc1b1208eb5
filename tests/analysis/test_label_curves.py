"""Curves over labelled deaths: means over sites of means over replicates, at the sites that have every number."""

from __future__ import annotations

import pandas as pd
import pytest

from va_experiments.analysis.label_curves import label_curves
from va_experiments.report.charts.label_curves import label_curve_figures
from va_experiments.report.label_tables import label_curve_lines, label_curve_tables


def cells() -> pd.DataFrame:
    """Two models, one trained on the labels, at three sites of which C has the small number alone."""
    rows = []
    for kind, model, gain in (("copies=0", "m", 0.0), ("copies=5", "m", 0.1)):
        for n, sites in ((25, "ABC"), (50, "AB")):
            for site in sites:
                for replicate in (0, 1):
                    accuracy = 0.5 + gain + (0.1 if site == "B" else 0) + 0.02 * replicate
                    half = (accuracy + n / 100) / 2
                    rows.append((model, site, replicate, f"n={n} random {kind}", accuracy, n / 100, half, 0.3))
    names = ["model", "test_site", "replicate", "target_labels", "csmf_accuracy_model", "csmf_accuracy_labelled"]
    names += ["csmf_accuracy_half_labelled", "top1"]
    return pd.DataFrame(rows, columns=names).assign(
        status="done", protocol="leave_one_site_out", data="d", features="hce", testset="natural"
    )


def test_means_are_over_the_sites_with_every_number_and_their_replicates():
    curves = label_curves(cells()).set_index(["estimate", "n"])
    assert curves.loc[("m", 25), "mean"] == pytest.approx(0.56)  # A .51, B .61; C has no 50
    assert curves.loc[("m, labelled deaths 5 times in training", 50), "mean"] == pytest.approx(0.66)
    assert curves.loc[("labelled deaths alone", 50), "mean"] == pytest.approx(0.5)
    assert curves.loc[("half labelled, half m", 25), "mean"] == pytest.approx((0.56 + 0.25) / 2)
    assert set(curves["sites"]) == {2}
    assert not any("half labelled, half m, labelled" in e for e, _ in curves.index)


def test_options_of_an_estimator_have_curves_of_their_own():
    one = cells().query("target_labels.str.endswith('copies=0')").assign(csmf_estimator="gbql")
    two = [
        one.assign(csmf_options=f'{{"calibration.level": "{level}", "csmf": "gbql"}}', csmf_accuracy_model=value)
        for level, value in (("group", 0.4), ("cause", 0.6))
    ]
    curves = label_curves(pd.concat(two, ignore_index=True)).set_index(["estimate", "n"])
    assert curves.loc[("m, gbql (calibration.level=group)", 25), "mean"] == pytest.approx(0.4)
    assert curves.loc[("m, gbql (calibration.level=cause)", 50), "mean"] == pytest.approx(0.6)
    assert "m, gbql" in set(label_curves(two[0])["estimate"])


def test_the_page_has_a_figure_and_a_table_and_the_terminal_lines():
    (figure,) = label_curve_figures(cells())
    assert figure.section == "learning"
    assert "mean over 2 sites" in figure.caption
    (table,) = label_curve_tables(cells())
    assert [c["name"] for c in table["table"]["columns"]][:3] == ["Estimate", "n = 25", "n = 50"]
    lines = label_curve_lines(cells(), 80)
    assert any(line.startswith("labelled deaths alone *") and line.endswith(".250  .500") for line in lines)


def test_a_run_without_labelled_deaths_has_none():
    plain = cells().assign(target_labels="")
    assert len(label_curves(plain)) == 0
    assert label_curve_figures(plain) == label_curve_tables(plain) == label_curve_lines(plain, 80) == []
