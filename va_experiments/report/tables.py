"""Write every table of the report as CSV and Parquet, and those that people publish as LaTeX and Word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from va_experiments.analysis.leaderboard import OVERALL, Leaderboard
from va_experiments.analysis.performance import cost_by_model, critical_path, slowest_cells
from va_experiments.analysis.resampled_sets import resampled_sets
from va_experiments.analysis.run_tables import RunTables
from va_experiments.formatting import format_interval, format_number
from va_experiments.metrics.registry import metric_label
from va_experiments.results.schema import TABLES
from va_experiments.results.table_files import write_csv, write_parquet, write_whole

__all__ = [
    "PublishedTable",
    "data_tables",
    "latex",
    "published",
    "write_tables",
    "write_word",
]


PublishedTable = tuple[str, pd.DataFrame]
"""A caption and a table of text, ready to print."""


def data_tables(cells: pd.DataFrame, boards: list[Leaderboard], content: RunTables) -> dict[str, pd.DataFrame]:
    """Return the tables with full precision, by name; those without rows are left out."""
    tables = {
        "cells": cells,
        "leaderboard": pd.concat([b.table() for b in boards], ignore_index=True),
        "cost": cost_by_model(cells),
        "slowest_cells": slowest_cells(cells, 25),
        "critical_path": critical_path(cells),
        "causes": _named(_in_order(content.causes, "cause"), cells),
        "confusion": _in_order(content.confusion, "true_cause", "top_cause"),
        "reliability": _in_order(content.reliability, "bin"),
        "reliability_classwise": _in_order(content.classwise, "cause", "bin"),
        "resampled_sets": pd.concat([resampled_sets(b, cells) for b in boards], ignore_index=True),
        "intervals": content.intervals,
        "comparisons": content.comparisons,
        "ranks": content.ranks,
        "drops": content.drops,
        "similarity": content.similarity,
        "fractions": content.fractions,
        "disagreements": content.disagreements,
        "strata": content.strata,
        "calibrated": _in_order(content.calibrated, "cause", "named"),
        "ledger": content.ledger,
        "exclusions": content.exclusions,
        "failures": cells.loc[cells["status"] == "failed", list(TABLES["failures"])],
    }
    return {name: table for name, table in tables.items() if table is not None and len(table)}


def _in_order(table: pd.DataFrame | None, *columns: str) -> pd.DataFrame | None:
    """Return a table that has several rows a cell, sorted, so that the order in which cells finished cannot show."""
    return None if table is None else table.sort_values(["cell_key", *columns], kind="stable", ignore_index=True)


def _named(table: pd.DataFrame | None, cells: pd.DataFrame) -> pd.DataFrame | None:
    """Return a table of several rows for each cell with the cell's model and test site behind its key."""
    if table is None:
        return None
    named = table.drop(columns=["model", "test_site"], errors="ignore")
    known = cells.drop_duplicates("cell_key").set_index("cell_key")
    for place, (name, column) in enumerate((("model", "label"), ("test_site", "test_site")), start=1):
        named.insert(place, name, named["cell_key"].map(known[column]))
    return named


def published(board: Leaderboard) -> PublishedTable:
    """Return a leaderboard as text: rounded, intervals in brackets, trivial rows and missing cells marked."""
    rows, beside = [], sorted({k for k in board.rows["beside"] if k})
    for r in board.records():
        row = {
            "Model": f"{r['label']} (baseline)" if r["trivial"] else r["label"],
            "Mean": format_number(r["mean"]) or r["note"],
        }
        row["95% interval"] = format_interval(r["low"], r["high"])
        row |= {"95% nested bootstrap": format_interval(r["beside_low"], r["beside_high"])} if beside else {}
        rows.append(row | {s: format_number(board.at_site(r["label"], s)[0]) or "-" for s in board.sites})
    for name, values in board.ceilings.iterrows():
        row = {"Model": str(name), "Mean": format_number(values[OVERALL]), "95% interval": ""}
        row |= {"95% nested bootstrap": ""} if beside else {}
        rows.append(row | {s: format_number(values[s]) or "-" for s in board.sites})
    table = pd.DataFrame(rows)
    kinds = sorted({k for k in board.rows["interval"] if k})
    kind = f" Interval of the mean: {'; '.join(kinds)}." if kinds else ""
    kind += f" Beside it: {'; '.join(beside)}." if beside else ""
    caption = f"{metric_label(board.metric)}, {board.setting.title}.{kind}"
    return caption, table


def latex(table: PublishedTable, label: str) -> str:
    """Return a LaTeX table (booktabs): the first column left, the others right, all text escaped."""
    caption, frame = table
    columns = "l" + "r" * (frame.shape[1] - 1)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_tex(caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(_tex(c) for c in frame.columns) + r" \\",
        r"\midrule",
        *(" & ".join(_tex(v) for v in row) + r" \\" for row in frame.itertuples(index=False)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def write_word(tables: list[PublishedTable], path: Path, title: str) -> None:
    """Write a Word document with one table for each of `tables`.

    Raises
    ------
    ImportError
        If python-docx (the extra ``word``) is not installed.
    """
    import docx

    document = docx.Document()
    document.add_heading(_printable(title), level=1)
    for caption, frame in tables:
        document.add_paragraph(_printable(caption), style="Caption")
        grid = document.add_table(rows=1 + len(frame), cols=frame.shape[1], style="Light List")
        lines: list[Sequence[object]] = [list(frame.columns), *frame.to_numpy(dtype=object).tolist()]
        for row, values in zip(grid.rows, lines, strict=True):
            for cell, value in zip(row.cells, values, strict=True):
                cell.text = _printable(str(value))
        document.add_paragraph()
    write_whole(path, lambda p: document.save(str(p)))


def write_tables(
    tables: Mapping[str, pd.DataFrame], prints: Mapping[str, PublishedTable], folder: Path, title: str
) -> tuple[dict[str, Path], list[str]]:
    """Write data tables (CSV, Parquet) and printed ones (LaTeX, Word); return the paths and what was skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    skipped: list[str] = []
    for name, table in tables.items():
        paths[f"{name}.csv"] = folder / f"{name}.csv"
        write_csv(table, paths[f"{name}.csv"])
        paths[f"{name}.parquet"] = folder / f"{name}.parquet"
        write_parquet(table, paths[f"{name}.parquet"])
    if prints:
        paths["tables.tex"] = folder / "tables.tex"
        text = "% needs \\usepackage{booktabs}\n" + "\n".join(latex(t, name) for name, t in prints.items())
        write_whole(paths["tables.tex"], lambda p: p.write_text(text, encoding="utf-8"))
        try:
            write_word(list(prints.values()), folder / "tables.docx", title)
            paths["tables.docx"] = folder / "tables.docx"
        except ImportError:
            skipped.append("tables.docx was left out: it needs python-docx (pip install 'va-experiments[word]').")
    return paths, skipped


_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_TEX |= {c: "\\" + c for c in "&%$#_{}"}


def _tex(value: object) -> str:
    return "".join(_TEX.get(c, c) for c in str(value))


def _printable(text: str) -> str:
    """Return `text` without the control characters that XML, and so Word, cannot hold."""
    return "".join(c for c in text if c in "\t\n" or ord(c) >= 32)
