"""Write the metrics and fractions by stratum: ``strata.csv`` and ``strata_fractions.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.analysis.run_tables import RunTables, records
from va_experiments.analysis.strata_tables import strata_scores
from va_experiments.checkpoints import Store
from va_experiments.data.deaths import Deaths
from va_experiments.formatting import format_interval, format_number
from va_experiments.report.html_tables import html_table
from va_experiments.results.schema import SETTING_COLUMNS
from va_experiments.results.table_files import write_csv

__all__ = ["strata_content", "write_strata"]

MOST_ROWS = 200


def write_strata(
    rows: pd.DataFrame, folder: Path, store: Store, deaths: Mapping[str, Deaths], strata: Sequence[str]
) -> tuple[list[Path], pd.DataFrame | None]:
    """Write the files of a run whose deaths have known causes, and return them with the table of the metrics.

    Nothing is written without `strata`, or where no death has a known cause (see `assigned_files` for these).
    """
    if not strata or not len(rows):
        return [], None
    scores, fractions = strata_scores(rows, store, deaths, strata)
    if not len(scores):
        return [], None
    paths = [folder / "strata.csv", folder / "strata_fractions.csv"]
    write_csv(scores, paths[0])
    write_csv(fractions, paths[1])
    return paths, scores


def strata_content(content: RunTables) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Return the paragraphs and the table of the page's section; nothing without strata."""
    table = content.strata
    if table is None or not len(table):
        return [], []
    several = [c for c in SETTING_COLUMNS if c != "testset" and table[c].nunique() > 1]
    body = []
    for r in records(table.head(MOST_ROWS)):
        interval = r["note"] or format_interval(float(r["top1_low"]), float(r["top1_high"]))
        setting = ", ".join(str(r[c]) for c in several if r[c])
        cells: list[Any] = [f"{r['model']} ({setting})" if setting else str(r["model"]), str(r["stratum"])]
        cells += [f"{int(r['deaths']):,}", (format_number(float(r["top1"])), interval)]
        cells += [format_number(float(r[c])) for c in ("mean_ccc", "csmf_accuracy_top", "csmf_accuracy_mean")]
        body.append(("", cells))
    names = [("Model", False), ("Stratum", False), ("Deaths", True), ("Top 1", True), ("Mean CCC", True)]
    names += [("CSMF accuracy (top causes)", True), ("CSMF accuracy (mean probability)", True)]
    note = "The test deaths of all cells together; small figures are 95% intervals over deaths."
    note += " strata.csv has all rows." if len(table) > MOST_ROWS else ""
    text = (
        "The same models in parts of the test deaths. CSMF accuracy falls by chance in small strata: compare models, "
        "not strata."
    )
    return [{"text": text, "kind": ""}], [html_table("Metrics by stratum", names, body, note=note, closed=True)]
