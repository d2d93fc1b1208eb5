"""The report as a whole: what is written, what is escaped, what is left out in words."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest
from fake_content import fake_content

from va_experiments.errors import InputError
from va_experiments.report import build_report


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    content = fake_content()
    return content, build_report(content, tmp_path_factory.mktemp("report"), figure_formats=("svg",))


def test_the_page_holds_all_it_needs(built):
    _, paths = built
    text = paths.html.read_text()
    assert len(text) < 10e6
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert "localStorage" not in (text.split('id="specifications"')[0])
    for word in ("Simulated data", "Leaderboard", "prior (trivial)", "4 of 6", "FloatingPointError", "Murray"):
        assert word in text


def test_credentials_of_urls_are_not_shown(built):
    assert "opensesame" not in built[1].html.read_text()


def test_text_of_people_cannot_become_markup(tmp_path):
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    content = fake_content(failures=1, sites=("AP", "UP"), models=("interva", "nbc", "prior"))
    cells = content.cells.replace({"error_message": {"underflow <in> exp & log": evil}, "test_site": {"AP": evil}})
    content = dataclasses.replace(content, cells=cells, title=evil, config=evil)
    text = build_report(content, tmp_path, figure_formats=()).html.read_text()
    assert "<img src=x" not in text
    assert "<script>alert" not in text


def test_missing_columns_are_named_at_once(tmp_path):
    content = fake_content(deep=False)
    cells = content.cells.rename(columns={"cell_key": "cellkey"}).drop(columns=["test_site"])
    with pytest.raises(InputError) as error:
        build_report(dataclasses.replace(content, cells=cells), tmp_path)
    assert "did you mean 'cellkey'" in str(error.value)
    assert "'test_site'" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_bare_minimum_makes_a_report(tmp_path):
    cells = pd.DataFrame(
        {"cell_key": ["a"], "model": ["nbc"], "test_site": ["AP"], "status": ["done"], "csmf_accuracy_top": [0.5]}
    )
    content = dataclasses.replace(
        fake_content(deep=False), cells=cells, ledger=None, causes=None, reliability=None, confusion=None
    )
    paths = build_report(content, tmp_path, figure_formats=())
    assert "No trivial model" in paths.html.read_text()
    assert any("Calibration" in s for s in paths.skipped)


def test_nothing_but_failures_makes_a_report(tmp_path):
    content = fake_content(failures=6, models=("interva",), deep=False)
    text = build_report(content, tmp_path, figure_formats=()).html.read_text()
    assert "no model finished every cell" in text
