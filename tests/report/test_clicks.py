"""Clicks on the page's tables: ranked by another metric, sorted by a column, saved as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import CHROMIUM, MISSING, Page, chromium
from tests.fake_content import fake_content
from va_experiments.report import build_report

pytestmark = pytest.mark.browser

BOARD = "document.querySelector('#leaderboard table[data-chooser]')"
ROWS = f"Array.from({BOARD}.tBodies[0].rows).filter(r => !r.hidden && !r.classList.contains('ceiling'))"
HEADS = f"Array.from({BOARD}.tHead.rows[0].cells)"
SAVED = """
window.saved = {};
URL.createObjectURL = blob => { blob.text().then(text => { window.saved.text = text; }); return "blob:none"; };
URL.revokeObjectURL = () => {};
HTMLAnchorElement.prototype.click = function () { window.saved.name = this.download; };
true
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A report of three models and two baselines at three sites, in a browser."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("clicked")
    content = fake_content(sites=("AP", "Bohol", "Mexico"))
    html = build_report(content, folder / "report", figure_formats=()).html
    with chromium(folder / "profile") as page:
        page.size(1280, 900)
        page.go(html.as_uri())
        page.until("document.body.dataset.figures === 'drawn'")
        yield page


def column(page: Page, place: int) -> list[str]:
    """Return what the leaderboard's rows have in a column, without the smaller line under a figure."""
    return page.say(f"{ROWS}.map(r => r.cells[{place}].firstChild ? r.cells[{place}].firstChild.textContent : '')")


def choose(page: Page, metric: str) -> None:
    select = "document.querySelector('#leaderboard .tools select')"
    page.say(f"(s => {{ s.value = '{metric}'; s.dispatchEvent(new Event('change')); return s.value; }})({select})")


def test_another_metric_ranks_the_models_anew_and_the_first_puts_them_back(opened: Page) -> None:
    before = [column(opened, place) for place in range(3)]
    choose(opened, "top1")
    means = column(opened, 2)
    values = [float(text) for text in means if text != "-"]
    assert means[: len(values)] == sorted(means[: len(values)], key=float, reverse=True), "no mean comes last"
    assert column(opened, 2) != before[2]
    top1 = opened.say(f"{HEADS}.findIndex(h => h.textContent === 'Top-1')")
    assert means == column(opened, top1), "one figure, wherever it stands"
    ranks = [rank for rank in column(opened, 0) if rank]
    assert ranks == [str(k + 1) for k in range(len(ranks))]
    unranked = [
        n for n, rank, mean in zip(column(opened, 1), column(opened, 0), means, strict=True) if not rank and mean != "-"
    ]
    assert unranked
    assert all("(baseline)" in name for name in unranked)
    choose(opened, "csmf_accuracy_top")
    assert [column(opened, place) for place in range(3)] == before


def test_a_click_on_a_heading_sorts_by_its_column_and_another_click_turns_it_round(opened: Page) -> None:
    place = opened.say(f"{HEADS}.findIndex(h => h.textContent === 'Bohol')")
    click = f"(h => {{ h.querySelector('button').click(); return h.getAttribute('aria-sort'); }})({HEADS}[{place}])"
    assert opened.say(click) == "descending"
    down = [float(text) for text in column(opened, place) if text != "-"]
    assert down == sorted(down, reverse=True)
    assert opened.say(click) == "ascending"
    assert [float(text) for text in column(opened, place) if text != "-"] == down[::-1]


def test_the_button_saves_what_the_table_shows(opened: Page) -> None:
    assert opened.say(SAVED)
    opened.say("(b => { b.click(); return b.textContent; })(document.querySelector('#leaderboard .tools button'))")
    opened.until("window.saved.text !== undefined")
    assert Path(opened.say("window.saved.name")).suffix == ".csv"
    head, *rows = csv.reader(io.StringIO(opened.say("window.saved.text")))
    assert head[:4] == ["#", "Model", "Mean", "Mean interval"]
    assert {"AP", "Bohol", "Mexico", "AP interval"} <= set(head)
    shown = [row for row in rows if row[1] in column(opened, 1)]
    assert [row[2] for row in shown] == column(opened, 2)
