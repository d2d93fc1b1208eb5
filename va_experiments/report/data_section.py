"""Make the parts of the page on the data and on causes: deaths by site and cause, exclusions, a model's causes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from va_experiments.analysis.cause_tables import deaths_by_site, scores_by_cause
from va_experiments.analysis.comparable_groups import split_settings
from va_experiments.analysis.leaderboard import Leaderboard, other_levels
from va_experiments.analysis.run_tables import RunTables, records
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import ESTIMATES
from va_experiments.report.html_tables import exclusions_table, html_table, ledger_table

__all__ = ["causes_content", "data_content"]

LEADING = 3
"""Causes that the table of sites names."""


def data_content(
    content: RunTables, cells: pd.DataFrame, board: Leaderboard | None
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Return what was tested, by site and by cause, and what reading the data left out.

    Without a `board` no true cause is known, and nothing was tested.
    """
    texts, items = [], []
    if board is not None:
        group = next(g for s, g in split_settings(cells) if s == board.setting)
        counts = deaths_by_site(content.causes, group)
    if board is not None and len(counts):
        present = int((counts.sum(axis=1) > 0).sum())
        causes = f"{present} causes" if present == len(counts) else f"{present} of {len(counts)} causes"
        texts.append(
            f"{int(counts.to_numpy().sum()):,} deaths of {causes} were tested, at {counts.shape[1]} "
            f"site{'s' if counts.shape[1] > 1 else ''} ({board.setting.title})."
        )
        items += [_sites(counts), _causes(counts)]
    if exclusions := exclusions_table(content.exclusions):
        items.append(exclusions)
    ledger = content.ledger
    if ledger is None or not len(ledger):
        texts.append("Nothing was dropped or changed when the data were read, or no ledger was kept.")
    else:
        excluded = (
            ledger["action"].astype(str).str.contains("drop|exclu|remov", case=False) if "action" in ledger else None
        )
        n = int(pd.to_numeric(ledger.loc[excluded, "count"]).sum()) if excluded is not None and excluded.any() else 0
        what = f" {n:,} {'row or value was' if n == 1 else 'rows or values were'} left out." if n else ""
        number = f"{len(ledger)} {'entry' if len(ledger) == 1 else 'entries'}"
        texts.append(f"The ledger below lists what was changed when the data were read ({number}).{what}")
        items.append(ledger_table(ledger))
    return [{"text": text, "kind": ""} for text in texts], items


def _sites(counts: pd.DataFrame) -> dict[str, Any]:
    rows = []
    for site in counts.columns:
        n_of_cause = counts[site].sort_values(ascending=False, kind="stable")
        leading = ", ".join(f"{cause} {n / n_of_cause.sum():.0%}" for cause, n in n_of_cause.head(LEADING).items() if n)
        rows.append(("", [str(site), f"{int(n_of_cause.sum()):,}", int((n_of_cause > 0).sum()), leading]))
    columns = [("Site", False), ("Deaths", True), ("Causes", True), ("Leading causes", False)]
    return html_table("Deaths by site", columns, rows)


def _causes(counts: pd.DataFrame) -> dict[str, Any]:
    total = counts.sum(axis=1)
    rows = [
        ("", [str(cause), int(total[cause]), *(int(n) for n in values)])
        for cause, values in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    columns = [("Cause", False), ("All", True), *((str(site), True) for site in counts.columns)]
    return html_table("Deaths by cause and site", columns, rows, closed=True)


def causes_content(
    content: RunTables, cells: pd.DataFrame, boards: Sequence[Leaderboard]
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Return the table by cause of each model at each level, the first open; nothing where no causes were recorded."""
    board = boards[0]
    kind = board.metric.rsplit("_", 1)[-1]
    kind = kind if kind in ESTIMATES else "top"
    items: list[dict[str, Any]] = []
    for level_board in (board, *other_levels(boards)):
        group = next(g for s, g in split_settings(cells) if s == level_board.setting)
        level = "" if level_board is board else f", causes of {level_board.setting.cause_list}"
        for row in level_board.records():
            table = scores_by_cause(content.causes, group, row["label"], f"csmf_{kind}")
            if not row["trivial"] and len(table):
                items.append(_by_cause(table, f"{row['label']}{level}", closed=bool(items)))
    if not items:
        return [], []
    text = (
        "All test sets together, the leading causes first. Sensitivity: of the deaths of this cause, the share to "
        "which the model assigns it. PPV: of the deaths to which the model assigns this cause, the share that died of "
        "it. CCC: sensitivity corrected for chance. "
        f"Estimated: fractions from {ESTIMATES[kind][0]}."
    )
    return [{"text": text, "kind": ""}], items


def _by_cause(table: pd.DataFrame, label: str, *, closed: bool) -> dict[str, Any]:
    rows = []
    for r in records(table):
        scores = [format_number(r[c]) or "-" for c in ("sensitivity", "ppv", "ccc")]
        rows.append(
            ("", [r["cause"], f"{r['n']:,}", *scores, _percent(r["true_share"]), _percent(r["estimated_share"])])
        )
    names = ["Deaths", "Sensitivity", "PPV", "CCC", "True %", "Estimated %"]
    return html_table(f"Causes: {label}", [("Cause", False), *((n, True) for n in names)], rows, closed=closed)


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"
