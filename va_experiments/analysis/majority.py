"""Add the baseline that names the commonest training cause: its score follows from the cells of `prior` alone."""

from __future__ import annotations

import math

import pandas as pd

from va_experiments.metrics.registry import known_metrics

__all__ = ["with_majority"]

NAME = "majority"


def with_majority(cells: pd.DataFrame, causes: pd.DataFrame | None) -> pd.DataFrame:
    """Return the cells with a row of the baseline `majority` beside each cell of `prior`, where the run has none.

    The mean probability of `prior` is the cause mix of the training deaths, so the largest of it says which cause the
    baseline names; the true deaths by cause say how often that is right. Nothing is fitted.

    Parameters
    ----------
    cells : DataFrame
        As ``checked_cells`` returns them.
    causes : DataFrame, optional
        One row a cell and declared cause: ``cell_key``, ``cause``, ``n_true``, ``csmf_mean``.
    """
    if causes is None or not {"n_true", "csmf_mean"} <= set(causes) or (cells["model"] == NAME).any():
        return cells
    prior = cells[(cells["model"] == "prior") & (cells["status"] == "done")]
    by_cell = dict(iter(causes[causes["cell_key"].isin(prior["cell_key"])].groupby("cell_key", sort=False)))
    scores = {key: cell_scores for key, causes_of_cell in by_cell.items() if (cell_scores := _scores(causes_of_cell))}
    rows = prior[prior["cell_key"].isin(scores)].copy()
    if not len(rows):
        return cells
    for name, info in known_metrics().items():
        if not info.reference_for:  # those belong to the split
            for column in {name, *(f"{name}{end}" for end in ENDS)} & set(rows):
                rows[column] = math.nan
    for name in ("top1", "mean_ccc", *FRACTIONS):
        if name in rows:
            rows[name] = [scores[key][name] for key in rows["cell_key"]]
    rows["cell_key"] = [f"{key} {NAME}" for key in rows["cell_key"]]
    rows = rows.assign(model=NAME, label=NAME, model_params="{}", trivial=True)
    return pd.concat([cells, rows], ignore_index=True)


ENDS = ("_low", "_high", "_median_low", "_median_high")
FRACTIONS = ("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model")


def _scores(causes: pd.DataFrame) -> dict[str, float]:
    """Return the metrics of the baseline on one test set, empty where its deaths are not known."""
    true = causes["n_true"].astype(float).to_numpy()
    share = causes["csmf_mean"].astype(float).to_numpy()
    n, n_causes = float(true.sum()), len(true)
    if not n > 0 or n_causes < 2 or math.isnan(float(share.max())):
        return {}
    right = float(true[share.argmax()]) / n
    present = int((true > 0).sum())
    others = -1 / (n_causes - 1)  # concordance of a cause that is never named
    ccc = (others * (present - 1) + 1) / present if right > 0 else others
    accuracy = 1 - (1 - right) / (1 - float(true.min()) / n)
    return {"top1": right, "mean_ccc": ccc, **dict.fromkeys(FRACTIONS, accuracy)}
