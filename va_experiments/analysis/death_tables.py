"""List the predictions of single deaths: the first causes by name with their probabilities, and the true cause."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.analysis.run_tables import RunTables, checked_cells
from va_experiments.cell import decode_prediction
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.models.base import Prediction
from va_experiments.results.schema import DIVISION_COLUMNS

__all__ = ["N_CAUSES", "predictions_of_deaths", "ranked_causes"]

N_CAUSES = 3
"""Causes named for each death."""


def ranked_causes(prediction: Prediction, n: int = N_CAUSES) -> npt.NDArray[np.intp]:
    """Return the first `n` causes of each death, shape (n_deaths, n): the cause that is named, then by probability.

    -1 stands for all causes of an undetermined death, and for causes with probability 0 after the first.
    """
    probability = prediction.probability
    assert prediction.top_cause is not None
    named = np.asarray(prediction.top_cause, dtype=np.intp)
    score = probability.copy()
    determined = np.flatnonzero(named >= 0)
    score[determined, named[determined]] = np.inf  # before all others, also where it is not the most probable one
    order = np.argsort(-score, axis=1, kind="stable")[:, :n]
    shown = np.take_along_axis(score, order, axis=1) > 0
    shown &= (named >= 0)[:, None]
    return np.where(shown, order, -1)


def predictions_of_deaths(
    cells: pd.DataFrame, store: Store, *, ids: Collection[str] = (), most_rows: int | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return one row for each finished cell and death, and the keys of cells whose predictions are not in the store.

    Parameters
    ----------
    cells : DataFrame
        One row for each cell, as `va_experiments.results.load_results` returns them.
    store : Store
    ids : collection of str
        Deaths to list; empty: all.
    most_rows : int, optional
        No more cells are read once the table has so many rows; it is cut there.

    Returns
    -------
    DataFrame
        ``model`` (with the parameters in which the models of the run differ), ``site``, those of the columns
        ``train_sites``, ``train_size`` and so on in which a model's cells at a site differ, ``id``, ``cause_1``,
        ``probability_1``, ..., ``true_cause``. A text is empty and a number missing where there is none.
    """
    done = checked_cells(RunTables(title="", cells=cells.assign(_none=np.nan), primary_metric="_none"))
    done = done[done["status"] == "done"].sort_values(["label", "test_site", "cell_key"], kind="stable")
    texts = done[[c for c in DIVISION_COLUMNS if c != "test_site"]].astype(str)
    varies = texts.groupby([done["label"], done["test_site"]]).nunique() > 1
    distinct = [str(c) for c in texts.columns if varies[c].any()]
    parts, absent, rows = [], [], 0
    for cell in done.to_dict("records"):
        if most_rows is not None and rows >= most_rows:
            break
        try:
            stored = store.load(str(cell["cell_key"]), check=False)
        except CorruptCell:
            stored = None
        if stored is None:
            absent.append(str(cell["cell_key"]))
            continue
        names, truth, prediction = decode_prediction(stored.predictions())
        part = _rows(names, truth, prediction, stored.manifest["facts"]["causes"], ids)
        part.insert(0, "model", cell["label"])
        part.insert(1, "site", cell["test_site"])
        for place, column in enumerate(distinct, start=2):
            part.insert(place, column, cell[column])
        parts.append(part)
        rows += len(part)
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.head(most_rows) if most_rows is not None else table, absent


def _rows(
    names: npt.NDArray[np.str_],
    truth: npt.NDArray[np.int16],
    prediction: Prediction,
    causes: list[str],
    ids: Collection[str],
) -> pd.DataFrame:
    chosen = np.flatnonzero(np.isin(names, list(ids))) if ids else np.arange(len(names))
    words = np.array([*causes, ""], dtype=object)  # -1 is the last: no cause
    ranked = ranked_causes(prediction)[chosen]
    columns: dict[str, object] = {"id": names[chosen].astype(object)}
    for place in range(ranked.shape[1]):
        cause = ranked[:, place]
        probability = prediction.probability[chosen, np.maximum(cause, 0)]
        columns[f"cause_{place + 1}"] = words[cause]
        columns[f"probability_{place + 1}"] = np.where(cause >= 0, probability, np.nan)
    columns["true_cause"] = words[np.maximum(truth[chosen], -1)]
    return pd.DataFrame(columns)
