"""Count on which deaths two models name different causes, and which causes these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.analysis.cause_fractions import UNDETERMINED

__all__ = ["DISAGREEMENT_COLUMNS", "NamedCauses", "disagreements"]

DISAGREEMENT_COLUMNS = ("data", "model_a", "model_b", "cause_a", "cause_b", "deaths", "share", "agree", "of")
"""``deaths`` with these two causes, their ``share`` of the deaths ``of`` both models, and the share that ``agree``."""

MOST_PAIRS_OF_CAUSES = 50


class NamedCauses:
    """The cause that each model names for each death of the data sets of a run."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, tuple[tuple[str, ...], npt.NDArray[np.int16]]]] = {}

    def add(
        self, data: str, model: str, causes: Sequence[str], n: int, rows: npt.NDArray[np.intp], top: npt.NDArray
    ) -> None:
        """Add named causes.

        Parameters
        ----------
        data, model : str
        causes : sequence of str
            The list that `top` counts in.
        n : int
            Deaths of the data set.
        rows : int array
            Which of them these are.
        top : int array
            Their named causes, -1 undetermined.
        """
        models = self._named.setdefault(data, {})
        if model not in models:
            models[model] = tuple(causes), np.full(n, -2, dtype=np.int16)
        models[model][1][rows] = top

    def table(self) -> pd.DataFrame:
        """Return the pairs of different causes, the most frequent first, for each pair of models."""
        rows: list[dict[str, Any]] = []
        for data, models in self._named.items():
            for a, b in combinations(sorted(models), 2):
                rows += [{"data": data, "model_a": a, "model_b": b} | row for row in disagreements(models, a, b)]
        return pd.DataFrame(rows, columns=list(DISAGREEMENT_COLUMNS))


def disagreements(
    models: Mapping[str, tuple[tuple[str, ...], npt.NDArray[np.int16]]], a: str, b: str
) -> list[dict[str, Any]]:
    """Return a row for each pair of different causes of two models; one row without causes if they never differ.

    Parameters
    ----------
    models : mapping
        Cause list, and named cause of each death (-1 undetermined, -2 not predicted), by model.
    a, b : str
    """
    both = (models[a][1] > -2) & (models[b][1] > -2)
    n = int(both.sum())
    if not n:
        return []
    names = [np.array([*models[m][0], UNDETERMINED], dtype=object) for m in (a, b)]
    union = {cause: k for k, cause in enumerate(dict.fromkeys([*names[0], *names[1]]))}
    code_a, code_b = (
        np.array([union[c] for c in causes_of_model])[models[m][1][both]]
        for causes_of_model, m in zip(names, (a, b), strict=True)
    )
    same = float((code_a == code_b).mean())
    table = np.bincount(code_a * len(union) + code_b, minlength=len(union) ** 2).reshape(len(union), -1)
    np.fill_diagonal(table, 0)
    listed = list(union)
    pairs = np.argsort(-table.ravel(), kind="stable")[:MOST_PAIRS_OF_CAUSES]
    rows: list[dict[str, Any]] = [
        {
            "cause_a": listed[k // len(union)],
            "cause_b": listed[k % len(union)],
            "deaths": int(table.ravel()[k]),
            "share": float(table.ravel()[k]) / n,
            "agree": same,
            "of": n,
        }
        for k in pairs.tolist()
        if table.ravel()[k]
    ]
    return rows or [{"cause_a": "", "cause_b": "", "deaths": 0, "share": 0.0, "agree": same, "of": n}]
