"""The choices that the report itself makes, in sentences for the methods paragraph."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from va_experiments.report.content import ReportContent
from va_experiments.report.leaderboard import Leaderboard
from va_experiments.report.settings import CEILINGS, metric_label

__all__ = ["report_methods"]


_INTERVAL = (
    "Its 95% interval is Student's t over sites with k - 1 degrees of freedom: it says how the mean would vary with "
    "other sites like these, and is wide because there are few."
)


def report_methods(content: ReportContent, cells: pd.DataFrame, boards: Sequence[Leaderboard]) -> list[str]:
    """Return what was ranked, averaged, paired, pooled and left out in this report, and by which rule."""
    metric = content.primary_metric
    texts = [
        f"Models are ranked by {metric_label(metric)}, the run's primary metric. Cells are compared only within one "
        "data set, feature level, protocol, test-set design and training size: the same model scores differently on "
        "natural and on Dirichlet test sets, so these never share a column.",
        "A site's value is the mean over its cells (folds, repeats, training sites); a model's mean is the mean over "
        f"sites, each counted once. {_INTERVAL}",
    ]
    if f"{metric}_low" in cells.columns and cells[f"{metric}_low"].notna().any():
        texts.append(
            f"The interval of a single cell is: {content.interval}. It does not cover the choice of site or split."
        )
    if content.comparisons is not None and len(content.comparisons):
        texts.append("Paired differences are on identical test sets, by the method named beside each.")
    else:
        texts.append(
            "Differences are paired by site: model minus best trivial model on the same splits, with Student's t "
            "interval over sites. They are not adjusted for the number of models compared."
        )
    if any(len(b.ceilings) for b in boards):
        used = next(n for prefix, n in CEILINGS.items() if metric.startswith(prefix))
        texts.append(f"Not a model's score, but what scores can be read against: {', '.join(used.values())}.")
    grid = (
        "Means over incomplete grids were allowed and are marked."
        if content.allow_missing
        else ("A model that lacks a cell of the grid gets no mean.")
    )
    texts.append(f"{grid} Failed cells are left out and listed; none is counted as zero.")
    if content.causes is not None and len(content.causes):
        texts.append(
            "Sensitivity by cause is pooled over deaths: those named right over those there, all cells together."
        )
    return texts
