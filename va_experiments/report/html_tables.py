"""Prepare the page's tables as plain data: columns, rows of text, a note, folded or open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from va_experiments.analysis.comparable_groups import split_settings
from va_experiments.analysis.leaderboard import OVERALL, Leaderboard, full_size, metric_means, site_means
from va_experiments.analysis.performance import cost_by_model, critical_path, slowest_cells
from va_experiments.analysis.resampled_sets import resampled_sets
from va_experiments.analysis.run_tables import RunTables, records
from va_experiments.formatting import format_duration, format_interval, format_number, format_p_value
from va_experiments.metrics.registry import lower_is_better, metric_label, table_metrics
from va_experiments.report.charts.losses import PARTS, drops_shown
from va_experiments.report.charts.scores import difference_rows

__all__ = [
    "board_table",
    "calibration_table",
    "cost_table",
    "differences_table",
    "exclusions_table",
    "html_table",
    "ledger_table",
    "losses_table",
    "metrics_tables",
    "path_table",
    "sets_table",
    "slowest_table",
    "sources_table",
    "warnings_table",
]

MOST_SETTINGS = 6
MOST_LEDGER = 400
MOST_WARNINGS = 100
MOST_PATH = 30


def html_table(
    title: str,
    columns: Sequence[tuple[str, bool]],
    rows: Sequence[tuple[str, Sequence[Any]]],
    *,
    note: str = "",
    closed: bool = False,
) -> dict[str, Any]:
    """Return a table for the template.

    Parameters
    ----------
    columns : sequence of (str, bool)
        Name, and whether it holds numbers (aligned right).
    rows : sequence of (str, sequence)
        CSS class and cells; a cell is text, or a pair of text and a smaller line under it.
    """
    table = {
        "title": title,
        "columns": [{"name": name, "numeric": numeric} for name, numeric in columns],
        "rows": [
            {"kind": kind, "cells": [c if isinstance(c, tuple) else (c, "") for c in cells]} for kind, cells in rows
        ],
        "note": note,
        "closed": closed,
    }
    return {"table": table}


DEATHS = {"top1": "Top-1", "mean_ccc": "CCC", "csmf_accuracy_top": "CSMF accuracy"}
"""Metrics whose means are in every leaderboard, whatever it ranks by -> heading."""


def board_table(board: Leaderboard, cells: pd.DataFrame, content: RunTables, title: str) -> dict[str, Any]:
    """Return a leaderboard: means with intervals, the means of both questions' metrics, each site with its interval.

    Parameters
    ----------
    board : Leaderboard
    cells : DataFrame
        All cells, with those of the baseline `majority`.
    content : RunTables
    title : str
        Heading; empty for none.
    """
    interval = content.interval
    group = next(g for s, g in split_settings(cells) if s == board.setting)
    others = {m: name for m, name in DEATHS.items() if m in group and group[m].notna().any() and m != board.metric}
    means = metric_means(group, list(others), allow_incomplete=content.allow_incomplete)
    beside = sorted({k for k in board.rows["beside"] if k})
    columns = [("#", True), ("Model", False), ("Mean", True), *[("Nested bootstrap", True)] * bool(beside)]
    columns += [*((name, True) for name in others.values()), *((s, True) for s in board.sites), ("Cells", True)]
    rows = []
    for row in board.records():
        kind = "trivial" if row["trivial"] else "incomplete" if row["note"] else ""
        label = f"{row['label']} (baseline)" if row["trivial"] else row["label"]
        values: list[Any] = ["" if math.isnan(row["rank"]) else int(row["rank"]), label]
        values.append((format_number(row["mean"]) or "no mean", format_interval(row["low"], row["high"])))
        values += [format_interval(row["beside_low"], row["beside_high"])] if beside else []
        values += [format_number(means[m].get(row["label"], math.nan)) or "-" for m in others]
        for site in board.sites:
            value, low, high = board.at_site(row["label"], site)
            values.append((format_number(value) or "-", format_interval(low, high)))
        rows.append((kind, [*values, f"{row['done']} of {row['cells']}"]))
    for name, ceiling in board.ceilings.iterrows():
        mean, *scores = [format_number(ceiling[s]) or "-" for s in (OVERALL, *board.sites)]
        rows.append(("ceiling", ["", str(name), mean, *[""] * (bool(beside) + len(others)), *scores, ""]))
    kinds = sorted({k for k in board.rows["interval"] if k})
    note = f"{metric_label(board.metric)}. Small figures are intervals; of the mean: {'; '.join(kinds) or 'none'}"
    of_site = interval if board.setting.testset in ("", "natural") else "95% over its test sets"
    note += f"; of a site: {of_site}." if board.low.notna().any().any() else "."
    note += f" Nested bootstrap, of the mean too: {'; '.join(beside)}." if beside else ""
    note += f" {', '.join(others.values())}: means over sites; CCC is chance-corrected concordance." if others else ""
    note += "".join(f" {caution}" for caution in board.cautions)
    above = (board.low > board.values) & board.low.notna()
    if above.any().any():
        note += " An interval may lie above its figure: chance lowers CSMF accuracy in a small sample."
    without = [str(r["label"]) for r in board.records() if r["undefined"]]
    if without:
        note += f" {', '.join(without)}: done, but this figure is not defined for it on these test sets."
    absent = [m for m in ("prior", "uniform") if m not in set(board.rows["model"])]
    if absent:
        note += f" Not run in this setting: the baselines {' and '.join(absent)}."
    table = html_table(title, columns, rows, note=note)
    table["table"]["chooser"] = _chooser(board, group, allow_incomplete=content.allow_incomplete)
    return table


def _chooser(board: Leaderboard, group: pd.DataFrame, *, allow_incomplete: bool) -> dict[str, Any]:
    """Return what the page needs to rank the models by another metric: labels, directions and values."""
    names = [m for m in dict.fromkeys([board.metric, *table_metrics()]) if m in group and group[m].notna().any()]
    means = site_means(group, names, allow_incomplete=allow_incomplete)
    shown = {r["label"]: f"{r['label']} (baseline)" if r["trivial"] else r["label"] for r in board.records()}
    values = {
        m: {
            shown[label]: [_or_none(of.get(site, math.nan)) for site in (OVERALL, *board.sites)]
            for label, of in means[m].items()
            if label in shown
        }
        for m in names
    }
    return {
        "metrics": [[m, metric_label(m), lower_is_better(m)] for m in names],
        "sites": board.sites,
        "values": values,
    }


def _or_none(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None  # as the table prints it, whose figures it replaces


def sets_table(board: Leaderboard, cells: pd.DataFrame, *, title: bool) -> dict[str, Any] | None:
    """Return both kinds of interval at each site where test sets are resampled, or None where they are not."""
    body = []
    for r in records(resampled_sets(board, cells)):
        both = (
            format_interval(r["over_sets_low"], r["over_sets_high"]),
            format_interval(r["median_low"], r["median_high"]),
        )
        body.append(("", [r["label"], r["test_site"], r["n_sets"] or "", format_number(r["median"]), *both]))
    names = [("Model", False), ("Tested on", False), ("Test sets", True), ("Median", True)]
    names += [("95% over test sets", True), ("95% of the median", True)]
    note = "Over test sets: what a single test set may give. Of the median: how well the median over all sets is known."
    where = f": {board.setting.heading}" if title else ""
    return html_table(f"Resampled test sets{where}", names, body, note=note, closed=len(body) > 12) if body else None


def metrics_tables(content: RunTables, cells: pd.DataFrame, boards: Sequence[Leaderboard]) -> list[dict[str, Any]]:
    """Return one table a setting: every metric's mean over sites, by model in the primary metric's order."""
    metrics = [m for m in table_metrics() if m in cells.columns and cells[m].notna().any()]
    if len(metrics) < 2:
        return []
    tables = []
    for main in full_size(boards)[:MOST_SETTINGS]:
        setting = main.setting
        group = next(g for s, g in split_settings(cells) if s == setting)
        means = metric_means(group, metrics, allow_incomplete=content.allow_incomplete)
        rows = []
        for row in main.records():
            name = f"{row['label']} (baseline)" if row["trivial"] else row["label"]
            values = [format_number(means[m].get(row["label"], math.nan)) or "-" for m in metrics]
            rows.append(("trivial" if row["trivial"] else "", [name, *values]))
        columns = [("Model", False), *((metric_label(m), True) for m in metrics)]
        tables.append(html_table(f"All metrics, mean over sites: {setting.heading}", columns, rows, closed=True))
    return tables


def calibration_table(board: Leaderboard, cells: pd.DataFrame) -> dict[str, Any] | None:
    """Return the calibration metrics by model, means over test sites, or None where the cells have none of them."""
    shown = {
        "ece": "ECE",
        "ece_classwise": "Class-wise ECE",
        "log_loss": "Log loss",
        "brier": "Brier score",
        "csmf_interval_coverage": "Coverage of CSMF intervals",
    }
    shown = {m: name for m, name in shown.items() if m in cells and cells[m].notna().any()}
    if not shown:
        return None
    group = next(g for s, g in split_settings(cells) if s == board.setting)
    done = group[group["status"] == "done"]
    means = done.groupby(["label", "test_site"])[list(shown)].mean().groupby("label").mean().astype(float)
    rows = []
    for r in board.records():
        if r["label"] in means.index:
            name = f"{r['label']} (baseline)" if r["trivial"] else r["label"]
            values = [format_number(means[m][r["label"]]) or "-" for m in shown]
            rows.append(("trivial" if r["trivial"] else "", [name, *values]))
    note = "Means over test sites; lower is better"
    if "csmf_interval_coverage" in shown:
        note += ". Coverage: share of causes whose true fraction lies in the model's own 95% interval (.95 is right)"
    columns = [("Model", False), *((name, True) for name in shown.values())]
    return html_table("Calibration by model", columns, rows, note=f"{note}.") if rows else None


def losses_table(board: Leaderboard, drops: pd.DataFrame | None) -> dict[str, Any] | None:
    """Return the parts of every transfer's loss, or None where there are none."""
    rows = drops_shown(board, drops)
    parts = [p for p in PARTS if p in rows]
    body = []
    for r in records(rows):
        trained = str(r.get("train_sites", "")).split("+")
        where = f"{len(trained)} sites" if len(trained) > 2 else " + ".join(trained)
        ends = [format_number(float(r[c])) for c in ("home", "abroad") if c in r]
        values = [*ends, format_number(r["total"]), *(format_number(float(r[p])) for p in parts)]
        body.append(("", [r["model"], where, r["test_site"], *values]))
    columns = [("Model", False), ("Trained on", False), ("Tested on", False)]
    columns += [(name, True) for c, name in (("home", "At home"), ("abroad", "At the test site")) if c in rows]
    columns += [("Loss", True), *((PARTS[p].capitalize(), True) for p in parts)]
    title = f"Parts of the loss in {metric_label(str(rows['metric'].iloc[0]))}: table" if body else ""
    return html_table(title, columns, body, closed=True) if body else None


def differences_table(board: Leaderboard, comparisons: pd.DataFrame | None) -> dict[str, Any] | None:
    """Return the paired differences, or None where there are none.

    The method that most pairs have stands under the table, another one under the pair that it belongs to.
    """
    differences = difference_rows(board, comparisons).sort_values("difference", ascending=False)
    extra = {
        "p_holm": "p, Holm",
        "p_max_t": "p, max-T",
        "smallest_p": "Smallest p there is",
        "first_better": "P(first better)",
        "equivalent": "P(equivalent)",
    }
    extra = {c: name for c, name in extra.items() if c in differences and differences[c].notna().any()}
    usual = str(differences["method"].value_counts().index[0]) if len(differences) else ""
    body = []
    for r in records(differences):
        ps = [format_p_value(float(r[c])) for c in ("p", *extra)]
        pair = r["pair"], "" if r["method"] == usual else str(r["method"])
        body.append(("", [pair, format_number(r["difference"]), format_interval(r["low"], r["high"]), *ps]))
    columns = [("First - second", False), ("Difference", True), ("95% interval", True), ("p", True)]
    columns += [(name, True) for name in extra.values()]
    note = f"Method: {usual}." if usual else ""
    return html_table(f"{board.setting.heading}: table", columns, body, note=note, closed=True) if body else None


def cost_table(cells: pd.DataFrame) -> dict[str, Any] | None:
    """Return time and memory by model, or None where no cell is done."""
    body = []
    for r in records(cost_by_model(cells)):
        times = [format_duration(r[c]) for c in ("fit_seconds_median", "predict_seconds_median", "cpu_seconds_total")]
        body.append(("", [r["model"], r["cells"], *times, megabytes(r["peak_memory_mb_max"])]))
    names = ["Cells", "Fit, median", "Predict, median", "CPU, all cells", "Peak memory"]
    return html_table("Cost by model", [("Model", False), *((n, True) for n in names)], body) if body else None


def slowest_table(cells: pd.DataFrame) -> dict[str, Any] | None:
    """Return the ten cells with most time and what their stages took, or None where no timing was recorded."""
    slow = slowest_cells(cells)
    stages = [s for s in slow.columns if s.endswith("_seconds") and s != "total_seconds" and slow[s].notna().any()]
    body = []
    for r in records(slow):
        trained = str(r.get("train_sites", "")).split("+")
        where = f"{len(trained)} sites" if len(trained) > 2 else " + ".join(trained)
        times = [format_duration(r["total_seconds"]), *(format_duration(r[s]) for s in stages)]
        body.append(("", [r["model"], where, r["test_site"], *times, megabytes(r.get("peak_memory_mb", math.nan))]))
    columns = [("Model", False), ("Trained on", False), ("Tested on", False), ("Time", True)]
    columns += [(s.removesuffix("_seconds").capitalize().replace("Cpu", "CPU"), True) for s in stages] + [
        ("Memory", True)
    ]
    note = "Time runs from loading to commit, without the wait in the queue."
    return html_table("Slowest cells", columns, body, note=note) if body else None


def path_table(cells: pd.DataFrame) -> dict[str, Any] | None:
    """Return the chain of cells that decided when the run ended, or None where no timing was recorded."""
    path = critical_path(cells)
    body = []
    for r in records(path.tail(MOST_PATH)):
        times = [format_duration(r[c]) for c in ("waited", "seconds", "end")]
        body.append(("", [r["model"], r["test_site"], r["worker"], *times]))
    columns = [("Model", False), ("Tested on", False), ("Worker", False), ("Idle before", True), ("Took", True)]
    cut = f"the last {MOST_PATH} of {len(path)} cells; " if len(path) > MOST_PATH else ""
    note = f"The chain of cells that ended last ({cut}idle {format_duration(float(path['waited'].sum()))} in all)."
    return html_table("Critical path", [*columns, ("Ended at", True)], body, note=note, closed=True) if body else None


def warnings_table(warned: pd.DataFrame) -> dict[str, Any]:
    """Return the warnings of finished cells."""
    shown = records(warned.head(MOST_WARNINGS))
    body = [("", [r["label"], r["test_site"], str(r["warning"])[:300]]) for r in shown]
    cut = f"The first {MOST_WARNINGS} of {len(warned)}; tables/cells.csv has all." if len(warned) > len(body) else ""
    columns = [("Model", False), ("Tested on", False), ("Warning", False)]
    return html_table("Warnings", columns, body, note=cut, closed=len(warned) > 12)


def exclusions_table(counts: pd.DataFrame | None) -> dict[str, Any] | None:
    """Return the counts from the rows of the file to the deaths scored, None where they are not known."""
    if counts is None or not len(counts):
        return None
    several = counts["data"].nunique() > 1
    columns = [*([("Data", False)] if several else []), ("Step", False), ("Reason", False), ("Deaths", True)]
    body = [
        ("", [*([str(r["data"])] if several else []), str(r["step"]), _text(r["reason"]), f"{int(r['deaths']):,}"])
        for r in records(counts)
    ]
    end = "causes" if counts["step"].astype(str).eq("deaths in causes.csv").any() else "score"
    note = "excluded.csv has one line for each row that was left out."
    return html_table(f"From the file to the {end}", columns, body, note=note)


def ledger_table(ledger: pd.DataFrame) -> dict[str, Any]:
    """Return what reading the data dropped or changed."""
    names = [c for c in ("action", "column", "count", "reason") if c in ledger.columns]
    names += [str(c) for c in ledger.columns if c not in names]
    body = [("", [_text(r[n]) for n in names]) for r in records(ledger.head(MOST_LEDGER))]
    cut = f"The first {MOST_LEDGER} of {len(ledger)}; tables/ledger.csv has all." if len(ledger) > len(body) else ""
    columns = [(n.capitalize(), n == "count") for n in names]
    title = "What reading the data dropped or changed"
    return html_table(title, columns, body, note=cut, closed=True)


def sources_table(sources: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the publications that the methods paragraph cites, or None where it cites none."""
    body = [("", [short, full]) for short, full in sources.items()]
    return html_table("Sources", [("Cited as", False), ("Publication", False)], body, closed=True) if body else None


def megabytes(value: float) -> str:
    """Return memory in words, or nothing."""
    return "" if math.isnan(value) else f"{value:,.0f} MB"


def _text(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
