"""Write the predictions of a run's deaths as a table that MLflow's page shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from va_experiments.checkpoints import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_predictions"]

MOST_PREDICTIONS = 20_000
"""Rows of the table of predictions in MLflow, which shows a table of this size at once."""


def write_predictions(cells: pd.DataFrame, store: Store, folder: Path) -> list[Path]:
    """Write the predictions of single deaths as a table that MLflow previews; no file where there are none.

    A larger table is cut, and its name says so; ``va-experiments predictions`` writes it whole.
    """
    from va_experiments.analysis.death_tables import predictions_of_deaths
    from va_experiments.results.table_files import write_csv

    if not len(cells) or not (cells["status"] == "done").any():
        return []
    table, _ = predictions_of_deaths(cells, store, most_rows=MOST_PREDICTIONS + 1)
    if not len(table):
        return []
    whole = len(table) <= MOST_PREDICTIONS
    path = folder / ("predictions.csv" if whole else f"predictions_first_{MOST_PREDICTIONS}.csv")
    write_csv(table.head(MOST_PREDICTIONS).round(4), path)
    return [path]
