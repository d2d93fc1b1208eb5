"""The report as a whole: what is written, what is escaped, what is left out in words."""

from __future__ import annotations

import dataclasses
import html
import json
import re

import pandas as pd
import pytest

from tests.fake_content import fake_content
from va_experiments.analysis.leaderboard import full_size, leaderboards
from va_experiments.analysis.run_tables import checked_cells
from va_experiments.errors import InputError
from va_experiments.report import build_report
from va_experiments.report.data_section import causes_content
from va_experiments.report.figures import all_figures


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    content = fake_content()
    return content, build_report(content, tmp_path_factory.mktemp("report"))


def test_the_page_holds_all_it_needs(built):
    paths = built[1]
    text = paths.html.read_text()
    assert len(text) < 10e6
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert "localStorage" not in (text.split('id="specifications"')[0])
    for word in ("Simulated data", "Leaderboard", "prior (baseline)", "4 of 6", "FloatingPointError", "Murray"):
        assert word in text


def test_each_figure_is_written_in_three_formats(built):
    _, paths = built
    assert {p.suffix for p in paths.figures.values()} == {".png", ".svg", ".pdf"}
    assert all(p.stat().st_size > 2000 for p in paths.figures.values())


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


def test_the_order_of_rows_changes_no_byte_of_the_page(tmp_path):
    content = fake_content(sites=("AP", "Bohol", "Dar"), models=("nbc", "insilico", "prior"))
    texts = []
    for i in range(2):
        shuffled = {
            n: getattr(content, n).sample(frac=1, random_state=i)
            for n in ("cells", "causes", "confusion", "reliability")
        }
        paths = build_report(dataclasses.replace(content, **shuffled), tmp_path / str(i), figure_formats=("svg",))
        texts.append([p.read_bytes() for p in [paths.html, *paths.figures.values()]])
        texts[-1] += [p.read_bytes() for n, p in sorted(paths.tables.items()) if n.endswith(".csv")]
    assert texts[0] == texts[1]


def test_odd_names_and_types_make_a_sound_report(tmp_path):
    """Control characters end the SVG renderer's process; sites may be called like columns; metrics may be infinite."""
    content = fake_content(sites=("AP", "Bohol", "Dar"))
    cells = content.cells.copy()
    cells["test_site"] = cells["test_site"].replace({"AP": "model", "Bohol": "mean", "Dar": "long \u200b& <b> 'site'"})
    cells["model"] = cells["model"].replace({"nbc": "n" * 70, "interva": "a\x00\x1b[31mb\u202e=1+1"})
    cells["csmf_accuracy_top"] = cells["csmf_accuracy_top"].where(cells["model"] != "xgboost", float("inf"))
    cells["csmf_accuracy_mean"] = cells["csmf_accuracy_mean"].astype("Float64")
    cells["extra"] = [{"a": 1}, 2, "x", None] * (len(cells) // 4)
    cells["started"] = None
    cells["testset"] = ["dirichlet(1)" if i % 2 else "dirichlet-1" for i in range(len(cells))]
    causes = content.causes.astype({"sensitivity": "Float64", "n_true": "Int64"}).assign(group=None)
    content = dataclasses.replace(content, cells=cells, causes=causes)
    paths = build_report(content, tmp_path, figure_formats=("svg",))
    text = paths.html.read_text()
    assert "a\\x00\\x1b[31mb\\u202e=1+1" in text
    assert "\x00" not in text
    ids = re.findall(r'<figure id="([^"]*)"', text)
    assert len(ids) == len(set(ids)) >= 16
    back = pd.read_parquet(paths.tables["leaderboard.parquet"])
    assert {"mean", "site mean", "site model"} <= set(back.columns)


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
    assert "No baseline (prior, uniform) was run" in paths.html.read_text()
    assert any("Calibration" in s for s in paths.skipped)


def test_nothing_but_failures_makes_a_report(tmp_path):
    content = fake_content(failures=6, models=("interva",), deep=False)
    text = build_report(content, tmp_path, figure_formats=()).html.read_text()
    assert "no model finished every cell" in text


def test_the_page_begins_with_the_data_and_folds_what_readers_of_results_do_not_need(built):
    text = built[1].html.read_text()
    sections = re.findall(r'<section id="(\w+)">\s*(<details)?', text)
    assert [name for name, _ in sections][:2] == ["data", "answer"]
    folded = {name for name, details in sections if details}
    assert {"cost", "performance", "configuration"} <= folded
    assert not folded & {"data", "answer", "leaderboard", "causes"}
    assert "Deaths by site" in text
    assert "Recommendation: none. Simulated deaths" in text
    assert "Estimates are from the shares of the named causes" in text
    assert "csmf_top." not in text.split('id="specifications"')[0].replace("csmf_top.csv", "")


def test_a_leaderboard_has_both_questions_and_what_the_page_needs_to_rank_by_another_metric(built):
    text = built[1].html.read_text()
    table = re.search(r"<table data-chooser=\"(.*?)\">(.*?)</table>", text, re.DOTALL)
    assert table
    about = json.loads(html.unescape(table.group(1)))
    assert about["metrics"][0] == ["csmf_accuracy_top", "CSMF accuracy (top causes)", False]
    assert ["log_loss", "Log loss", True] in about["metrics"]
    cells = built[0].cells
    nbc = cells[(cells["model"] == "nbc") & (cells["status"] == "done")]
    assert about["values"]["top1"]["nbc"][0] == round(nbc["top1"].mean(), 3), "as the table prints it"
    heads = re.findall(r"<th[^>]*>(.*?)</th>", table.group(2))
    assert heads[:5] == ["#", "Model", "Mean", "Top-1", "CCC"] or {"Top-1", "CCC"} <= set(heads)


def test_confusion_and_results_by_cause_are_shown_at_each_level_of_causes():
    content = fake_content()
    fine_cells = checked_cells(content)
    broad_cells = fine_cells.assign(cause_list="gbd", cell_key=fine_cells["cell_key"] + "g")
    tables = {
        name: pd.concat([table, table.assign(cell_key=table["cell_key"] + "g")], ignore_index=True)
        for name in ("causes", "confusion")
        if (table := getattr(content, name)) is not None
    }
    cells = pd.concat([fine_cells, broad_cells], ignore_index=True)
    both = dataclasses.replace(content, cells=cells, **tables)
    boards = leaderboards(cells, "csmf_accuracy_top")
    keys = [f.key for f in all_figures(both, cells, boards)]
    assert {"confusion-causes", "confusion-causes-gbd"} <= set(keys)
    assert len(keys) == len(set(keys))
    titles = [item["table"]["title"] for item in causes_content(both, cells, full_size(boards))[1]]
    assert len(titles) == 2 * len([t for t in titles if t.endswith(", causes of gbd")])
