"""Figures: each is valid Vega-Lite, and its static form is sound XML with the same names, places and colours."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import altair as alt
import jsonschema
import pytest

from tests.fake_content import fake_content, fuller
from va_experiments.analysis.leaderboard import leaderboards
from va_experiments.analysis.run_tables import checked_cells
from va_experiments.report.charts.scales import Continuous, continuous, format_tick, ramp, ticks
from va_experiments.report.charts.style import specification
from va_experiments.report.charts.svg import WIDTH, draw
from va_experiments.report.charts.vega import Chart, field, layer
from va_experiments.report.figures import all_figures

NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def specifications():
    """Every kind of figure, by key."""
    content = fake_content(protocols=("leave_one_site_out", "one_to_one"), sizes=("all", "share=0.25"))
    content = fuller(content)
    cells = checked_cells(content)
    figures = all_figures(content, cells, leaderboards(cells, content.primary_metric))
    return {f.key: specification(f.chart) for f in figures if f.chart is not None}


@pytest.mark.slow
def test_every_figure_fits_the_schema_of_vega_lite(specifications):
    schema = alt.load_schema()
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert len(specifications) >= 19
    for key, spec in specifications.items():
        assert [e.message[:200] for e in validator.iter_errors(spec)][:1] == [], key


def test_every_static_figure_is_sound_and_names_what_it_shows(specifications):
    for key, spec in specifications.items():
        root = ElementTree.fromstring(draw(spec))
        texts = {t.text for t in root.iter(f"{NAMESPACE}text")}
        layers = spec.get("layer", [spec])
        for axis in ("x", "y"):
            channel = layers[-1]["encoding"].get(axis, {})
            names = channel.get("scale", {}).get("domain") or channel.get("sort") or ()
            assert {n for n in names if isinstance(n, str) and len(n) < 25} <= texts, key
        titles = {c["title"] for p in layers for c in [p["encoding"].get("x", {})] if c.get("title")}
        assert titles <= texts, key
        assert "nan" not in ElementTree.tostring(root, encoding="unicode").lower().replace("stromal", "")


def circles(chart):
    root = ElementTree.fromstring(draw(specification(layer(chart).height(100))))
    return [(float(c.get("cx")), float(c.get("cy")), c.get("fill")) for c in root.iter(f"{NAMESPACE}circle")]


def test_points_stand_where_their_numbers_say():
    rows = [{"v": 0.0, "m": "a"}, {"v": 0.25, "m": "b"}, {"v": 1.0, "m": "a"}]
    chart = Chart(rows).mark("point", size=60, color="#123456")
    chart = chart.encode(x=field("v:Q", scale={"domain": [0, 1]}), y=field("m:N", sort=["b", "a"]))
    assert circles(chart) == [(0, 75, "#123456"), (WIDTH / 4, 25, "#123456"), (WIDTH, 75, "#123456")]


def test_a_static_figure_shows_the_first_choice():
    rows = [{"v": 1.0, "m": "a", "w": "x"}, {"v": 2.0, "m": "a", "w": "y"}]
    chart = Chart(rows).mark("point").encode(x=field("v:Q", scale={"domain": [0, 2]}), y="m:N")
    layers = layer(chart.only("datum.w === pick_w")).choose({"name": "pick_w", "value": "y"}).height(50)
    root = ElementTree.fromstring(draw(specification(layers)))
    assert [c.get("cx") for c in root.iter(f"{NAMESPACE}circle")] == [str(WIDTH)]


def test_bars_are_stacked_on_both_sides_of_zero():
    rows = [{"v": v, "m": "a", "p": p} for v, p in ((0.3, "one"), (-0.2, "two"), (0.1, "three"))]
    words = ["one", "two", "three"]
    scale = {"domain": words, "range": ["#111111", "#222222", "#333333"]}
    chart = Chart(rows).mark("bar", height=10)
    chart = chart.encode(x=field("v:Q", scale={"domain": [-0.5, 0.5]}), y="m:N", color=field("p:N", scale=scale))
    text = draw(specification(layer(chart).height(20)))
    boxes = re.findall(r'<rect x="([\d.]+)" y="5" width="([\d.]+)" height="10" fill="(#\d+)"', text)
    assert [(float(x) / WIDTH, float(w) / WIDTH, c) for x, w, c in boxes] == [
        (0.5, pytest.approx(0.3), "#111111"),
        (pytest.approx(0.3), pytest.approx(0.2), "#222222"),
        (pytest.approx(0.8), pytest.approx(0.1), "#333333"),
    ]


@pytest.mark.parametrize(
    ("ends", "count", "expected"),
    [  # as d3-array's `ticks` gives them
        ((0, 1), 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ((0.43, 0.74), 6, [0.45, 0.5, 0.55, 0.6, 0.65, 0.7]),
        ((-0.1, 0.3), 8, [-0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]),
        ((0, 470), 5, [0, 100, 200, 300, 400]),
    ],
)
def test_ticks_are_round(ends, count, expected):
    assert ticks(*ends, count) == pytest.approx(expected)


def test_scales_reach_zero_round_ends_or_a_padding():
    assert (continuous([3, 87], 0, 100).low, continuous([3, 87], 0, 100).high) == (0, 90)
    padded = continuous([1, 3], 0, 120, zero=False, padding=10)
    assert (padded(1), padded(3)) == pytest.approx((10, 110))
    assert Continuous(0.01, 100, 0, 100, "log")(1) == pytest.approx(50)
    assert Continuous(0, 1, 0, 100, "sqrt")(0.25) == pytest.approx(50)


def test_numbers_and_colours_are_as_on_the_live_figure():
    assert [format_tick(v, ".3~f") for v in (0.5, -0.125, 0)] == ["0.5", "\u22120.125", "0"]
    assert [format_tick(v, "~s") for v in (500, 2000, 1.5e6)] == ["500", "2k", "1.5M"]
    assert [format_tick(v, ".0%") for v in (0, 0.05)] == ["0%", "5%"]
    assert ramp(0.5, [(0, "#000000"), (1, "#ffffff")]) == "#808080"
    assert ramp(7, [(0, "#000000"), (1, "#ffffff")]) == "#ffffff"
