"""Tabulate how much labelled deaths of the test site help, for the page and for a terminal."""

from __future__ import annotations

import pandas as pd

from va_experiments.formatting import format_interval, format_number
from va_experiments.report.charts.label_curves import SAMPLES, curve_groups
from va_experiments.report.html_tables import html_table
from va_experiments.terminal import cut_text, text_table

__all__ = ["label_curve_lines", "label_curve_tables"]


def label_curve_tables(cells: pd.DataFrame) -> list[dict[str, object]]:
    """Return a table for each setting and kind of sample: CSMF accuracy by number of labelled deaths, and top-1."""
    tables = []
    for setting, mix, curves in curve_groups(cells):
        numbers = sorted(set(curves["n"].tolist()))
        columns = [("Estimate", False), *((f"n = {n}", True) for n in numbers)]
        columns += [(f"top-1, n = {n}", True) for n in numbers]
        rows = []
        best = curves.groupby("estimate")["mean"].max().sort_values(ascending=False)
        for estimate in best.index:
            curve = curves[curves["estimate"] == estimate].set_index("n")
            points = [curve.loc[n] if n in curve.index else None for n in numbers]
            cells_ = [
                "-" if p is None else (format_number(p["mean"]), format_interval(p["low"], p["high"])) for p in points
            ]
            cells_ += ["-" if p is None else format_number(p["top1"]) or "-" for p in points]
            rows.append(("trivial" if curve["baseline"].iloc[0] else "", [estimate, *cells_]))
        title = f"CSMF accuracy with n labelled deaths: {SAMPLES[mix]} ({setting})"
        note = (
            f"Means over {int(curves['sites'].min())} sites of the means over replicates, at the deaths that are left. "
            "Half and half: the mean of the labelled deaths' fractions and the model's own."
        )
        tables.append(html_table(title, columns, rows, note=note))
    return tables


def label_curve_lines(cells: pd.DataFrame, width: int) -> list[str]:
    """Return the same means as lines of at most `width` characters; an empty list where no deaths are labelled."""
    lines: list[str] = []
    for setting, mix, curves in curve_groups(cells):
        table = curves.pivot_table(index="estimate", columns="n", values="mean", aggfunc="first")
        table = table.loc[table.max(axis=1).sort_values(ascending=False, kind="stable").index]
        room = max(16, width - 6 * len(table.columns) - 2)
        rows = [
            [cut_text(str(name) + (" *" if name in set(curves.loc[curves["baseline"], "estimate"]) else ""), room)]
            + [format_number(value) or "-" for value in values]
            for name, values in zip(table.index, table.to_numpy().tolist(), strict=True)
        ]
        title = f"CSMF accuracy with n labelled deaths of the test site: {SAMPLES[mix]} ({setting})"
        lines += [cut_text(title, width), *text_table(["", *(f"n={n}" for n in table.columns)], rows, left=(0,))]
        lines.append("* baseline: the labelled deaths' fractions, or their mean with the model's")
    return lines
