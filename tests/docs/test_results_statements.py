"""What the pages of results say in sentences is what their tables and the code say: figures, floors, transductive."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT
from va_experiments.models.ensembles.ensemble_members import make_member

RESULTS = ROOT / "docs" / "results"


def page(name: str) -> str:
    """Return the text of a page of results, each run of blanks as one."""
    return " ".join((RESULTS / f"{name}.md").read_text(encoding="utf-8").split())


def rows(name: str) -> list[list[str]]:
    """Return the cells of all rows of tables on a page of results."""
    text = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    return [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_models_marked_as_transductive_are_those_whose_predictions_depend_on_the_test_set() -> None:
    assert "Models marked † are transductive" in page("leave_one_site_out")
    table = [cells for cells in rows("leave_one_site_out") if len(cells) == 8 and cells[1] == "6"]
    named = {re.sub(r"[*† ]", "", cells[0]): "†" in cells[0] for cells in table}
    assert named["stacking"]
    assert len(named) >= 14
    assert {name for name, marked in named.items() if marked != make_member(name).depends_on_test_set} == set()


def test_the_block_of_health_care_experience_is_worth_what_the_table_says() -> None:
    figures = {tuple(cells[:3]): (cells[3].lstrip("0"), cells[5].lstrip("0")) for cells in rows("floors")}
    with_it, without = (figures["adult", level, "logistic_regression"] for level in ("hce", "no_hce"))
    text = page("floors")
    assert f"({' / '.join(with_it)} with it, {' / '.join(without)} without)" in text
    floor, prior = figures["child", "any", "*majority*"][1], figures["child", "hce", "*prior*"][1]
    assert f"for children {floor} against {prior}" in text


def test_the_page_on_ensembles_says_that_the_recipe_was_chosen_on_these_sites_and_what_it_gives_children() -> None:
    text = page("ensembles")
    assert "they were not fixed in advance" in text
    assert "All of the lead in CSMF accuracy over the plain mean is Pemba" in text
    child = {cells[0]: cells[3].split(" ")[0].lstrip("0") for cells in rows("quantifiers") if len(cells) == 6}
    adaptive, plain = child["adaptive counts (stacking)"], child["mean probability"]
    assert f"({adaptive} against {plain} for the plain mean of the two members" in text


@pytest.mark.parametrize("folder", ["results", "models"])
def test_the_accuracy_within_sites_is_the_project_s_own(folder: str) -> None:
    text = " ".join((ROOT / "docs" / folder / "ensembles.md").read_text(encoding="utf-8").split())
    assert re.search(r"same members (has|have|reach) (top-1 )?\.519", text)


def test_no_page_takes_intervals_over_sites_for_a_check_of_a_reproduction() -> None:
    assert "not whether it is the published figure" in page("reproduce_mccormick_2016")
    assert "one range for three methods together, so no figure of a single method can be reproduced" in page(
        "reproduce_murray_2014"
    )
    assert "`python -m benchmarks.unconverged --divisions 16`" in page("reproduce_flaxman_2018")
