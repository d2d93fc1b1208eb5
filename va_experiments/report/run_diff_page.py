"""Show the comparison of two runs: tables of text for a terminal and a page, and files with all figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.analysis.run_diff import RunDiff
from va_experiments.formatting import format_duration, format_interval, format_number, format_p_value
from va_experiments.metrics.registry import metric_label
from va_experiments.results.schema import MAIN_METRICS
from va_experiments.results.table_files import write_csv, write_whole

__all__ = ["TextTable", "diff_tables", "write_diff"]

MOST_ROWS = 200
"""Rows of a table on the page; the files have all."""


TEST_HEAD = (
    *("model", "metric", "first", "second", "difference", "95% interval", "p", "Holm", "max-T"),
    *("sites", "cells"),
)


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Parameters
    ----------
    title : str
    head : sequence of str
    rows : sequence of sequence of str
    left : sequence of int
        Columns that are set left.
    note : str
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[int] = (0,)
    note: str = ""


def diff_tables(diff: RunDiff, inputs: pd.DataFrame, metrics: Sequence[str] = ()) -> list[TextTable]:
    """Return what is shown of a comparison: inputs, tests, flips, costs; tables without rows are left out.

    Parameters
    ----------
    diff : RunDiff
    inputs : DataFrame
        As `va_experiments.analysis.run_inputs.input_differences` returns it.
    metrics : sequence of str
        Metrics of the table of differences; empty: the main ones.
    """
    tests = diff.tests[diff.tests["metric"].isin(metrics or MAIN_METRICS)]
    tables = [
        TextTable(
            "What the runs were made of", ["kind", "what", "first", "second"],
            [[str(v) for v in row] for row in inputs.itertuples(index=False)], (0, 1, 2, 3),
        ),
        TextTable(
            "Paired differences (second less first)",
            TEST_HEAD,
            [_test(r) for r in tests.to_dict("records")], (0, 1),
            _smallest(tests),
        ),
        TextTable(
            "Cells that flipped", ["model", "trained on", "tested on", "flip"],
            [[str(r["label"]), str(r.get("train_sites", "")), str(r["test_site"]), str(r["flip"])]
             for r in diff.flips.to_dict("records")], (0, 1, 2, 3),
        ),
        TextTable(
            "Time and memory (medians of cells; largest memory)",
            ["model", "fit", "", "predict", "", "memory", ""],
            [_cost(r) for r in diff.costs.to_dict("records")], (0,), "Each pair: first run, second run.",
        ),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def write_diff(
    diff: RunDiff,
    inputs: pd.DataFrame,
    folder: Path,
    *,
    title: str,
    summary: Sequence[str],
    metrics: Sequence[str] = (),
) -> Path:
    """Write ``compare.html`` and the tables with all figures as CSV into `folder`, and return the page."""
    import jinja2
    from markupsafe import Markup

    templates = resources.files("va_experiments.report").joinpath("templates")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(templates.joinpath("compare.html.j2").read_text(encoding="utf-8"))
    text = template.render(
        title=title, summary=summary, tables=diff_tables(diff, inputs, metrics), most=MOST_ROWS,
        css=Markup(templates.joinpath("report.css").read_text(encoding="utf-8")),
    )  # fmt: skip
    files: Mapping[str, pd.DataFrame] = {
        "inputs": inputs, "cells": diff.cells, "differences": diff.tests, "flips": diff.flips, "costs": diff.costs,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in files.items():
        write_csv(table, folder / f"{name}.csv")
    page = folder / "compare.html"
    write_whole(page, lambda path: path.write_text(text, encoding="utf-8"))
    return page


def _test(row: Mapping[Any, Any]) -> list[str]:
    figures = [format_number(row[c]) or "-" for c in ("first", "second", "difference")]
    ps = [format_p_value(row[c]) or "-" for c in ("p", "p_holm", "p_max_t")]
    between = format_interval(row["low"], row["high"]) or "-"
    counts = [str(int(row["n_sites"])), str(int(row["n_cells"]))]
    return [str(row["label"]), metric_label(str(row["metric"])), *figures, between, *ps, *counts]


def _smallest(tests: pd.DataFrame) -> str:
    """Return how small p can be with these sites."""
    known = tests["smallest_p"].dropna()
    return f"With these sites no p value can be below {format_p_value(float(known.min()))}." if len(known) else ""


def _cost(row: Mapping[Any, Any]) -> list[str]:
    cells = [str(row["label"])]
    for name in ("fit_seconds", "predict_seconds", "peak_memory_mb"):
        for run in ("first", "second"):
            value = float(row.get(f"{name}_{run}", float("nan")))
            cells.append("-" if value != value else f"{value:,.0f} MB" if "memory" in name else format_duration(value))
    return cells
