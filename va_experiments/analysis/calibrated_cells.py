"""Collect what ``csmf=vacalibration`` did in each cell: fractions before and after, and the matrix that it used."""

from __future__ import annotations

from typing import Any

import pandas as pd

from va_experiments.checkpoints import CorruptCell, Store

__all__ = ["calibrated_cells"]

COLUMNS = ("cell_key", "cause", "named", "share", "uncalibrated", "calibrated", "low", "high", "weight")

MOST_CELLS = 300


def calibrated_cells(store: Store, cells: pd.DataFrame) -> pd.DataFrame | None:
    """Return one row for each cell and cause, and one for each pair of causes of its matrix; None without such cells.

    Columns: ``cell_key``, ``cause``, then for a fraction ``uncalibrated``, ``calibrated``, ``low``, ``high`` and the
    weight of the identity in the matrix (lambda); for a pair ``named`` and ``share``, the share of the deaths of
    ``cause`` that are named so in the matrix used.

    Parameters
    ----------
    store : Store
    cells : DataFrame
        ``cell_key``, ``status`` and ``csmf_estimator``.
    """
    if "csmf_estimator" not in cells:
        return None
    keys = cells[(cells["status"] == "done") & (cells["csmf_estimator"] == "vacalibration")]["cell_key"].tolist()
    rows: list[dict[str, Any]] = []
    for key in keys[:MOST_CELLS]:
        try:
            stored = store.load(key, check=False)
        except CorruptCell:
            continue
        facts = None if stored is None else stored.manifest["facts"].get("calibration")
        if facts is None:
            continue
        names = facts["causes"]
        for k, cause in enumerate(names):
            row = {"cell_key": key, "cause": cause, "named": "", "weight": facts["lambda"]}
            row |= {name: facts[name][k] for name in ("uncalibrated", "calibrated", "low", "high")}
            rows.append(row)
            rows += [
                {"cell_key": key, "cause": cause, "named": named, "share": share}
                for named, share in zip(names, facts["matrix_used"][k], strict=True)
            ]
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = list(COLUMNS[3:])
    return table.astype(dict.fromkeys(numbers, "float64"))
