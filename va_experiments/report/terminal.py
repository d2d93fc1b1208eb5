"""Format the leaderboard as plain text for a terminal of any width."""

from __future__ import annotations

import math
import textwrap

import pandas as pd

from va_experiments.analysis.leaderboard import OVERALL, Leaderboard, leaderboards
from va_experiments.analysis.run_tables import TRIVIAL_MODELS, RunTables, checked_cells
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import metric_label
from va_experiments.results.counts import CellCounts
from va_experiments.terminal import cell_len, cut_text, text_table

__all__ = ["counts_line", "leaderboard_rows", "leaderboard_text"]

MODEL_WIDTH = 28
"""Longest model name printed in full; parameters beyond it are cut with an ellipsis."""


def leaderboard_text(
    cells: pd.DataFrame,
    width: int = 80,
    *,
    metric: str = "csmf_accuracy_top",
    allow_incomplete: bool = False,
    counts: bool = True,
    styled: bool = False,
) -> str:
    """Return the leaderboards of `cells` as lines of at most `width` characters (40 at the least), ending with counts.

    Where the table is too wide, site names are abbreviated, then intervals dropped, then sites left out from the right
    (and counted in words below).

    Parameters
    ----------
    cells : DataFrame
        One row a cell, as in :class:`~va_experiments.analysis.run_tables.RunTables`.
    counts : bool
        Whether the last line counts the cells, including those of the baselines.
    styled : bool
        Whether the best model is bold and the baselines are dim, by escape sequences of a terminal.
    """
    checked = checked_cells(RunTables(title="", cells=cells, primary_metric=metric))
    width = max(width, 40)
    lines: list[str] = []
    for board in leaderboards(checked, metric, allow_incomplete=allow_incomplete):
        lines += [*_wrapped(f"{metric_label(metric)}: {board.setting.title}", width)]
        if board.setting.simulated:
            lines += _wrapped("SIMULATED DATA: the figures say nothing about real deaths", width)
        lines += [*_table(board, width, styled), ""]
    return "\n".join([*lines, *_wrapped(counts_line(checked), width)] if counts else lines).rstrip("\n")


def leaderboard_rows(cells: pd.DataFrame, metric: str, *, allow_incomplete: bool = False) -> list[dict[str, str]]:
    """Return the leaderboards of `cells` as rows of words and figures, best first, for a page that shows tables.

    The first column is headed by the metric and holds models (``*``: trivial); the mean, the sites and the setting
    follow. An empty figure is one that there is not.
    """
    checked = checked_cells(RunTables(title="", cells=cells, primary_metric=metric))
    rows = []
    for board in leaderboards(checked, metric, allow_incomplete=allow_incomplete):
        for record in board.records():
            model = record["label"] + (" *" if record["trivial"] else "")
            row = {metric_label(metric): model, "mean": format_number(record["mean"])}
            row |= {site: format_number(board.at_site(record["label"], site)[0]) for site in board.sites}
            rows.append(row | {"setting": board.setting.title})
    return rows


def counts_line(cells: pd.DataFrame) -> str:
    """Return how many cells are done, reused and failed, and how many are of baselines."""
    return CellCounts.of_rows(cells, frozenset(TRIVIAL_MODELS)).sentence


def _table(board: Leaderboard, width: int, styled: bool) -> list[str]:
    sites = board.sites
    for digits, site_width, interval, n_sites in _attempts(sites):
        body = _rows(board, sites[:n_sites], digits, site_width, interval, styled=False)
        if max(map(cell_len, body)) <= width:
            break
    else:
        body = [line[:width] for line in body]
        styled = False
    if styled:
        body = _rows(board, sites[:n_sites], digits, site_width, interval, styled=True)
    notes = []
    left_out = sites[n_sites:]
    if left_out:
        notes += _wrapped(f"{len(left_out)} sites not shown because the window is narrow: {', '.join(left_out)}", width)
    kinds = sorted({k for k in board.rows["interval"] if k})
    if interval and kinds:
        notes += _wrapped(f"[..] {'; '.join(kinds)}. * baseline: uses no symptoms.", width)
        if (board.rows["low"] > board.rows["mean"]).any():
            notes += _wrapped("An interval above its figure: chance lowers CSMF accuracy in a small sample.", width)
    elif board.rows["trivial"].any():
        notes.append("* baseline: uses no symptoms")
    for label, row in board.rows.iterrows():
        if row["note"]:
            notes += _wrapped(f"{label}: {row['note']}", width)
    return body + notes


def _attempts(sites: list[str]) -> list[tuple[int, int, bool, int]]:
    """Return (digits, width of a site's column, interval shown, sites shown), from the fullest to the barest."""
    full = max([5, *map(len, sites)])
    attempts = [(3, full, True, len(sites)), (3, 6, True, len(sites)), (2, 4, True, len(sites))]
    attempts += [(3, 5, False, len(sites)), (2, 4, False, len(sites))]
    return attempts + [(2, 4, False, n) for n in range(len(sites) - 1, -1, -1)]


def _rows(
    board: Leaderboard, sites: list[str], digits: int, site_width: int, interval: bool, *, styled: bool
) -> list[str]:
    head = ["#", "model", "mean", *(["95% interval"] if interval else []), *(cut_text(s, site_width) for s in sites)]
    rows, trivial = [], []
    for row in board.records():
        label = row["label"]
        rank = "" if math.isnan(row["rank"]) else str(int(row["rank"]))
        name = cut_text(f"{label}{' *' if row['trivial'] else ''}", MODEL_WIDTH)
        line = [rank, name, format_number(row["mean"], digits) or "-"]
        if interval:
            low, high = format_number(row["low"], digits), format_number(row["high"], digits)
            line.append("" if math.isnan(row["low"]) else f"[{low}, {high}]")
        line += [format_number(board.at_site(label, s)[0], digits) or "-" for s in sites]
        rows.append(line)
        trivial.append(bool(row["trivial"]))
    for reference, ceiling in board.ceilings.iterrows():
        line = ["", str(reference), format_number(ceiling[OVERALL], digits) or "-", *([""] if interval else [])]
        rows.append(line + [format_number(ceiling[s], digits) or "-" for s in sites])
        trivial.append(True)

    def style(number: int) -> str:
        return "bold" if number < 0 or rows[number][0] == "1" else "dim" if trivial[number] else ""

    return text_table(head, rows, left=(1, 3) if interval else (1,), gap=1, rule=True, style=style if styled else None)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width) or [""]
