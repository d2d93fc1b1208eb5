"""Tabulate how much labelled deaths of the test site help: CSMF accuracy against their number, with two baselines.

In: the cells of a run with ``protocol.target_labels``. Out: one row for each estimate and number of labelled deaths.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from va_experiments.analysis.comparable_groups import label_order
from va_experiments.analysis.intervals import mean, mean_interval
from va_experiments.analysis.run_tables import TRIVIAL_MODELS, add_missing_columns, differing_options, model_labels
from va_experiments.results.schema import SETTING_COLUMNS

__all__ = ["LABEL_COLUMNS", "label_curves"]

LABEL_COLUMNS = ("setting", "mix", "estimate", "baseline", "n", "mean", "low", "high", "top1", "sites")
"""Columns of the result of `label_curves`."""

_OWN, _LABELLED, _HALF = "csmf_accuracy_model", "csmf_accuracy_labelled", "csmf_accuracy_half_labelled"


def label_curves(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the curves of all models and both baselines, over the sites that have every number of labelled deaths.

    The mean is over sites, of the mean over replicates at each, with the 95% interval of the mean over sites where
    there are three or more.

    Parameters
    ----------
    cells : DataFrame
        Rows of a run, with ``label`` where parameters tell models apart.

    Returns
    -------
    DataFrame
        `LABEL_COLUMNS`; ``mix`` is ``random`` or ``dirichlet``, ``baseline`` whether the labelled deaths' fractions
        take part, ``top1`` the models' top-1 accuracy (NaN for baselines).
    """
    cells = add_missing_columns(cells, _OWN, _LABELLED, _HALF, "top1", "csmf_options")
    cells = cells[(cells["status"] == "done") & (cells["target_labels"] != "")]
    rows: list[dict[str, Any]] = []
    if len(cells):
        kind, number = zip(*map(label_order, cells["target_labels"].astype(str)), strict=True)
        cells = cells.assign(_kind=kind, _n=number)
        names = [name for name in SETTING_COLUMNS if name != "target_labels"]
        for values, group in cells.groupby(names, sort=True, dropna=False):
            value_of = dict(zip(names, map(str, values), strict=True))
            setting = ", ".join(
                filter(None, (value_of[name] for name in ("data", "features", "protocol", "cause_list")))
            ).replace("_", " ")
            for mix, of_mix in group.groupby(group["_kind"].str.partition(" ")[0], sort=False):
                rows += [{"setting": setting, "mix": mix} | row for row in _curves(of_mix)]
    return pd.DataFrame(rows, columns=list(LABEL_COLUMNS))


def _curves(cells: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the points of one setting and kind of sample."""
    numbers = sorted(set(cells["_n"]))
    sites = set.intersection(*(set(of_n["test_site"]) for _, of_n in cells.groupby("_n")))
    cells = cells[cells["test_site"].isin(sites)]
    if not len(cells):
        return
    for n in numbers:  # the same deaths for every model
        yield _point("labelled deaths alone", cells[cells["_n"] == n], n, _LABELLED, baseline=True)
    if "label" in cells:
        cells = cells.assign(label=model_labels(cells, estimators=False))
    name = "label" if "label" in cells else "model"
    cells = cells.assign(csmf_options=cells["csmf_options"].astype(object).where(cells["csmf_options"].notna(), "{}"))
    pairs = cells[["csmf_estimator", "csmf_options"]].drop_duplicates().astype(str).to_numpy()
    columns = [name, "csmf_estimator", "csmf_options", "_kind"]
    for (label, estimator, options, kind), of_estimate in cells.groupby(columns, sort=False):
        copies = str(kind).rpartition("=")[2]
        model = str(label) + (f", {estimator}" if estimator not in ("", "model") else "")
        named = differing_options([text for other, text in pairs if other == str(estimator)])[str(options)]
        model += f" ({', '.join(named)})" if named else ""
        model += f", labelled deaths {copies} times in training" if copies != "0" else ""
        for n in numbers:
            cells_of_n = of_estimate[of_estimate["_n"] == n]
            if len(cells_of_n):
                yield _point(model, cells_of_n, n, _OWN, baseline=False)
        halved = (
            copies == "0" and estimator in ("", "model") and str(of_estimate["model"].iloc[0]) not in TRIVIAL_MODELS
        )
        for n in numbers if halved else ():
            cells_of_n = of_estimate[of_estimate["_n"] == n]
            if len(cells_of_n):
                yield _point(f"half labelled, half {model}", cells_of_n, n, _HALF, baseline=True)


def _point(estimate: str, cells: pd.DataFrame, n: int, metric: str, *, baseline: bool) -> dict[str, Any]:
    by_site = cells.groupby("test_site")[metric].mean()
    values = by_site.tolist()
    low, high = mean_interval(values, metric) if len(values) >= 3 else (math.nan, math.nan)
    top1 = math.nan if baseline else mean(cells.groupby("test_site")["top1"].mean().tolist())
    row = {"estimate": estimate, "baseline": baseline, "n": n, "mean": mean(values), "low": low, "high": high}
    return row | {"top1": top1, "sites": len(values)}
