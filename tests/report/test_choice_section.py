"""The nested choice in the report and on the terminal, on scores made up so that the answer is known."""

from __future__ import annotations

import pandas as pd

from tests.analysis.test_nested_choice import rows
from va_experiments.report.choice_section import choice_content, choice_lines


def test_the_choice_and_its_optimism_are_printed_and_shown():
    # wild leads by site A alone; chosen without A it is not: .425 nested, .525 in hindsight
    text = " ".join(" ".join(choice_lines(rows(), 80)).split())
    assert "0.425" in text
    assert "best in hindsight 0.525 (wild" in text
    assert "optimism +0.100" in text
    paragraphs, tables = choice_content(rows())
    assert any("optimism +0.100" in p["text"] for p in paragraphs)
    first = tables[0]["table"]["rows"][0]["cells"]
    assert [cell[0] for cell in first][:2] == ["A", "steady: CSMF accuracy (mean probability)"]


def test_a_run_of_one_protocol_has_no_choice():
    outer = rows()
    assert choice_lines(outer[outer["protocol"] == "leave_one_site_out"], 80) == []
    assert choice_content(outer[outer["protocol"] == "leave_one_site_out"]) == ([], [])


def test_a_choice_that_cannot_be_made_says_why():
    table = rows()
    table.loc[5, "status"] = "failed"
    assert any("steady" in line for line in choice_lines(table, 200))
    assert choice_content(table)[1] == []


def test_parameters_tell_models_of_one_name_apart():
    table = pd.concat(
        [rows({"m": (0.5,) * 4}).assign(label="m (C=1)"), rows({"m": (0.6,) * 4}).assign(label="m (C=2)")]
    )
    assert "m (C=2): CSMF accuracy (mean probability) at 4 of 4 sites" in " ".join(choice_lines(table, 300))
