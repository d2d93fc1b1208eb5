"""Make the part of the page on assigned causes: what it is, the fractions as a table, and where models disagree."""

from __future__ import annotations

from typing import Any

import pandas as pd

from va_experiments.analysis.cause_fractions import TOO_SMALL
from va_experiments.analysis.run_tables import RunTables, records
from va_experiments.formatting import format_interval, format_number
from va_experiments.report.html_tables import html_table

__all__ = ["assigned_content"]

MOST_FRACTIONS = 300
FEWEST_OF_A_PAIR = 3
MOST_DISAGREEMENTS = 60
"""Rows of the table, divided among the pairs of models."""


def assigned_content(content: RunTables) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Return paragraphs and tables; nothing where no causes were assigned."""
    fractions = content.fractions
    if fractions is None or not len(fractions):
        return [], []
    text = (
        "These deaths have no known cause, so nothing can be scored. causes.csv has the causes of each death, "
        "fractions.csv all fractions. An interval shows how much the fraction would vary with other deaths of the same "
        "kind; it does not contain the errors of the model."
    )
    items = [_fractions(fractions)]
    if content.disagreements is not None and len(content.disagreements):
        items.append(_disagreements(content.disagreements))
    return [{"text": text, "kind": ""}], items


def _fractions(table: pd.DataFrame) -> dict[str, Any]:
    ordered = table.sort_values(["data", "model", "stratum"], kind="stable")
    shown = ordered[ordered["fraction"] > 0].groupby(["data", "model", "stratum"], sort=False, group_keys=False)
    largest = pd.concat([of_stratum.sort_values("fraction", ascending=False, kind="stable") for _, of_stratum in shown])
    rows = [
        (
            "",
            [
                str(r["model"]),
                str(r["stratum"]),
                str(r["cause"]),
                (format_number(float(r["fraction"])), _interval(r)),
                f"{int(r['deaths']):,}",
            ],
        )
        for r in records(largest.head(MOST_FRACTIONS))
    ]
    names = [("Model", False), ("Stratum", False), ("Cause", False), ("Fraction", True), ("Deaths", True)]
    left = len(largest) - len(rows)
    note = "Small figures are 95% intervals." + (f" {left} more rows are in fractions.csv." if left > 0 else "")
    return html_table("Fractions by model and stratum", names, rows, note=note, closed=True)


def _interval(row: dict[str, Any]) -> str:
    if row.get("note") == TOO_SMALL:
        return TOO_SMALL
    return format_interval(float(row["low"]), float(row["high"]))


def _disagreements(table: pd.DataFrame) -> dict[str, Any]:
    rows = []
    ordered = table.sort_values(["data", "model_a", "model_b", "deaths"], ascending=[True] * 3 + [False], kind="stable")
    pairs = ordered.groupby(["data", "model_a", "model_b"], sort=False)
    shown = pairs.head(max(FEWEST_OF_A_PAIR, MOST_DISAGREEMENTS // pairs.ngroups))
    for r in records(shown):
        both = f"{format_number(float(r['agree']))} of {int(r['of']):,}"
        pair = f"{r['model_a']} and {r['model_b']}"
        rows.append(("", [pair, both, str(r["cause_a"]), str(r["cause_b"]), f"{int(r['deaths']):,}"]))
    names = [("Models", False), ("Agree", True), ("The first says", False), ("The second says", False)]
    note = "The share of the deaths to which both give the same cause, and the most frequent differences."
    if left := len(table) - len(shown):
        note += f" {left:,} more rows are in tables/disagreements.csv."
    return html_table("Where models disagree", [*names, ("Deaths", True)], rows, note=note)
