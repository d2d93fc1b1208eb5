"""Score the models of a run in strata of the test deaths, and estimate the cause fractions of each.

In: the rows of a run, the store, the data, and the names of columns. Out: a table with one row for each model, setting
and stratum. The test deaths of all cells of a setting are taken together: a death that is tested several times counts
as often.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from va_experiments.analysis.cause_fractions import LEAST_DEATHS, TOO_SMALL, wilson
from va_experiments.analysis.run_tables import model_labels
from va_experiments.cell import prediction_blocks
from va_experiments.cell.cause_level import CauseLevel, truth_at_level
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.data.deaths import Deaths
from va_experiments.data.strata import strata_of
from va_experiments.metrics.csmf import csmf_accuracy
from va_experiments.metrics.individual import chance_corrected_concordance, macro
from va_experiments.protocols import Split
from va_experiments.results.schema import SETTING_COLUMNS, TABLES

__all__ = ["STRATA_COLUMNS", "strata_fractions", "strata_scores"]

STRATA_COLUMNS = (
    *("model", *SETTING_COLUMNS, "stratum", "deaths"),
    *(*TABLES["strata"], "note"),
)
"""Columns of ``strata.csv``."""

BLOCK = 1 << 15


@dataclass
class _Counts:
    """Sums over the deaths of a stratum, by cause."""

    n: int = 0
    true: Any = 0.0
    named: Any = 0.0
    correct: Any = 0.0
    probability: Any = 0.0
    squares: Any = 0.0
    causes: tuple[str, ...] = field(default=())

    def add(self, truth: npt.NDArray, probability: npt.NDArray[np.float64], top: npt.NDArray) -> None:
        n_causes = probability.shape[1]
        self.n += len(truth)
        self.true = self.true + np.bincount(truth, minlength=n_causes)
        self.named = self.named + np.bincount(top[top >= 0], minlength=n_causes)
        self.correct = self.correct + np.bincount(truth[truth == top], minlength=n_causes)
        self.probability = self.probability + probability.sum(axis=0)
        self.squares = self.squares + (probability * probability).sum(axis=0)


Key = tuple[str, ...]


def _collected(
    rows: pd.DataFrame, store: Store, deaths: Mapping[str, Deaths], strata: Sequence[str]
) -> dict[tuple[Key, str], _Counts]:
    """Return the sums of each model and setting, by stratum; ``all`` first."""
    collected: dict[tuple[Key, str], _Counts] = {}
    done = rows[(rows["status"] == "done") & (rows["testset"] == "natural")]
    if not len(done):
        return collected
    done = done.assign(label=model_labels(done)).sort_values(["label", "cell_key"], kind="stable")
    for row in done[["label", *SETTING_COLUMNS, "cell_key"]].itertuples(index=False):
        label, *setting, key = map(str, row)
        for stratum, causes, truth, probability, top in _blocks(store, deaths, key, strata):
            counts = collected.setdefault(((label, *setting), stratum), _Counts(causes=causes))
            counts.add(truth, probability, top)
    return collected


def _blocks(
    store: Store, deaths: Mapping[str, Deaths], key: str, strata: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...], npt.NDArray, npt.NDArray[np.float64], npt.NDArray]]:
    try:
        stored = store.load(key, check=False)
    except CorruptCell:
        return
    if stored is None:
        return
    config = stored.manifest["config"]
    data = deaths.get(config["setting"]["fingerprint"])
    if data is None or not data.labelled:
        return
    assert data.cause is not None
    _, test = Split.from_spec(config["split"]).indices(data)
    cause = data.cause[test]
    if "score_at" in config["setting"]:
        cause = truth_at_level(cause, CauseLevel.from_tree({"name": "", **config["setting"]["score_at"]}))
    masks = {"all": np.ones(len(test), dtype=bool)}
    for name in strata:
        masks |= strata_of(data, name).masks(test.astype(np.intp))
    causes = tuple(stored.manifest["facts"]["causes"])
    start = 0
    for probability, top in prediction_blocks(stored.predictions(), BLOCK):
        places = slice(start, start + len(top))
        start += len(top)
        for stratum, mask in masks.items():
            in_stratum = mask[places]
            if in_stratum.any():
                yield stratum, causes, cause[places][in_stratum], probability[in_stratum], top[in_stratum]


def strata_scores(
    rows: pd.DataFrame, store: Store, deaths: Mapping[str, Deaths], strata: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the metrics by stratum (`STRATA_COLUMNS`), and true and estimated fractions by stratum and cause.

    Parameters
    ----------
    rows : DataFrame
        Rows of the cells.
    store : Store
    deaths : mapping of fingerprint to Deaths
    strata : sequence of str
        Columns that deaths are divided by.
    """
    scores, fractions = [], []
    for ((label, *setting), stratum), counts in _collected(rows, store, deaths, strata).items():
        named = {"model": label, **dict(zip(SETTING_COLUMNS, setting, strict=True)), "stratum": stratum}
        few = counts.n < LEAST_DEATHS
        top1 = float(counts.correct.sum() / counts.n)
        low, high = (math.nan, math.nan) if few else wilson(top1, top1, counts.n)
        true, top, mean = counts.true / counts.n, counts.named / counts.n, counts.probability / counts.n
        scores.append(
            {
                **named,
                "deaths": counts.n,
                "top1": top1,
                "top1_low": low,
                "top1_high": high,
                "mean_ccc": float(macro(chance_corrected_concordance(counts.correct, counts.true), counts.true)),
                "csmf_accuracy_top": float(csmf_accuracy(true, top)),
                "csmf_accuracy_mean": float(csmf_accuracy(true, mean)),
                "note": TOO_SMALL if few else "",
            }
        )
        fractions += strata_fractions(named, counts.causes, true, top, counts.n)
    return pd.DataFrame(scores, columns=list(STRATA_COLUMNS)), pd.DataFrame(fractions)


def strata_fractions(
    named: Mapping[str, str], causes: Sequence[str], true: npt.NDArray, top: npt.NDArray, n: int
) -> list[dict[str, Any]]:
    """Return the true fraction and that of the named causes, with its interval, of each cause of a stratum."""
    rows = []
    for cause, is_true, is_named in zip(causes, true.tolist(), top.tolist(), strict=True):
        low, high = (math.nan, math.nan) if n < LEAST_DEATHS else wilson(is_named, is_named, n)
        rows.append(
            {
                **named,
                "cause": cause,
                "true": is_true,
                "fraction": is_named,
                "low": low,
                "high": high,
                "deaths": n,
                "note": TOO_SMALL if n < LEAST_DEATHS else "",
            }
        )
    return rows
