"""Count the deaths of each site and cause, and judge how one model names each cause."""

from __future__ import annotations

import pandas as pd

__all__ = ["deaths_by_site", "scores_by_cause"]


def deaths_by_site(causes: pd.DataFrame | None, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the tested deaths by cause (rows, the most frequent first) and test site (columns); may be empty.

    Parameters
    ----------
    causes : DataFrame or None
        One row a cell and cause: ``cell_key``, ``cause``, ``n_true``.
    cells : DataFrame
        Of one setting. Each split counts once, and of repeated divisions the first.
    """
    if causes is None or "n_true" not in causes:
        return pd.DataFrame()
    first = (cells["repeat"].fillna(0) == cells["repeat"].min()) & (cells["replicate"] == cells["replicate"].min())
    done = cells[(cells["status"] == "done") & first & cells["cell_key"].isin(causes["cell_key"])]
    done = done.sort_values("cell_key").drop_duplicates(["test_site", "fold"])
    # A saved table of causes may carry the sites already.
    counts = causes[["cell_key", "cause", "n_true"]].merge(done[["cell_key", "test_site"]], on="cell_key")
    if not len(counts):
        return pd.DataFrame()
    counts = counts.assign(n=counts["n_true"].astype(float))
    table = counts.pivot_table(index="cause", columns="test_site", values="n", aggfunc="sum", sort=True).fillna(0)
    table = table.astype(int)
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def scores_by_cause(causes: pd.DataFrame | None, cells: pd.DataFrame, label: str, estimate: str) -> pd.DataFrame:
    """Return how one model names each cause, all its test sets together, the leading causes first; may be empty.

    Parameters
    ----------
    causes : DataFrame or None
        One row a cell and declared cause: ``cell_key``, ``cause``, ``n_true``, ``sensitivity``, ``csmf_top`` and the
        column `estimate`.
    cells : DataFrame
        Of one setting.
    label : str
        The model.
    estimate : str
        Column of the estimated fractions: ``csmf_top``, ``csmf_mean`` or ``csmf_model``.

    Returns
    -------
    DataFrame
        ``cause``, ``n``, ``sensitivity``, ``ppv``, ``ccc``, ``true_share``, ``estimated_share``. Sensitivity and
        concordance are missing for a cause without deaths, the predictive value for one that was never named.
    """
    needed = {"n_true", "sensitivity", "csmf_top", estimate}
    keys = cells.loc[(cells["label"] == label) & (cells["status"] == "done"), "cell_key"]
    if causes is None or not needed <= set(causes):
        return pd.DataFrame()
    of_cells = causes[causes["cell_key"].isin(keys)].sort_values(["cell_key", "cause"])
    if not len(of_cells):
        return pd.DataFrame()
    numbers = of_cells[sorted(needed)].astype(float)
    n_test = numbers["n_true"].groupby(of_cells["cell_key"]).transform("sum")
    sums = pd.DataFrame(
        {
            "cause": of_cells["cause"],
            "n": numbers["n_true"],
            "right": (numbers["sensitivity"].fillna(0) * numbers["n_true"]),
            "named": numbers["csmf_top"] * n_test,
            "estimated": numbers[estimate] * n_test,
        }
    )
    table = sums.groupby("cause", sort=True).sum().reset_index()
    total, n_causes = table["n"].sum(), len(table)
    sensitivity = (table["right"] / table["n"]).where(table["n"] > 0)
    scores = pd.DataFrame(
        {
            "cause": table["cause"],
            "n": table["n"].round().astype(int),
            "sensitivity": sensitivity,
            "ppv": (table["right"] / table["named"]).where(table["named"].round(6) > 0),
            "ccc": (sensitivity - 1 / n_causes) / (1 - 1 / n_causes),
            "true_share": table["n"] / total,
            "estimated_share": table["estimated"] / total,
        }
    )
    return scores.sort_values(["n", "cause"], ascending=[False, True], kind="stable", ignore_index=True)
