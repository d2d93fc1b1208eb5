"""Compare the results of two runs cell by cell: paired differences of every metric, tests, flips, time and memory.

In: the cells of both runs, as `va_experiments.results.load_results` returns them. Out: tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.analysis.run_tables import TRIVIAL_MODELS, add_missing_columns, model_labels
from va_experiments.metrics.comparison import corrected_t, holm, sign_flip, t_interval
from va_experiments.metrics.max_t import MOST_UNITS, max_t
from va_experiments.metrics.registry import known_metrics, lower_is_better
from va_experiments.results.schema import DEATHS_COLUMNS, SETTING_COLUMNS, SPLIT_COLUMNS
from va_experiments.seeds import generator

__all__ = ["RunDiff", "compare_runs", "worse_models"]

COSTS = ("fit_seconds", "predict_seconds", "cpu_seconds", "peak_memory_mb")


@dataclass(frozen=True)
class RunDiff:
    """What two runs differ in; every difference is the second run less the first.

    Parameters
    ----------
    cells : DataFrame
        One row for each cell that both runs have: ``label`` and the columns of setting and split, ``same_deaths``
        (trained and tested on the same, by the hashes), ``same_prediction`` (equal to the last bit), and for each
        metric ``<metric>_first``, ``<metric>_second``, ``<metric>_difference``.
    tests : DataFrame
        One row for each setting, model and metric, over the cells with the same deaths.
    flips : DataFrame
        Cells in which a model beat the best baseline in one run and not in the other.
    costs : DataFrame
        One row for each model: medians of times over cells, largest memory, of both runs, and their ratio.
    only_first, only_second : int
        Finished cells that the other run does not have.
    """

    cells: pd.DataFrame
    tests: pd.DataFrame
    flips: pd.DataFrame
    costs: pd.DataFrame
    only_first: int
    only_second: int


def compare_runs(first: pd.DataFrame, second: pd.DataFrame, *, metric: str, seed: int = 0) -> RunDiff:
    """Compare two runs.

    A cell of one run belongs to that of the other with the same model (by its label: the parameters in which the models
    of a run differ count, those in which the runs differ do not), setting and split. A part of the setting of which
    each run has one value is not compared: it is what was changed.

    Over two or more sites: the mean of the sites' differences with its t interval, and the exact sign-flip test. Over
    several divisions at one site: the corrected resampled t-test. A single division has a difference and no test. For
    each metric, p is adjusted over models and settings by Holm's rule and, within a setting, by step-down max-T where
    all models have all sites.

    Parameters
    ----------
    first, second : DataFrame
        Cells of each run, with its baselines.
    metric : str
        By which flips are judged.
    seed : int
        Of Monte Carlo sign flips, used above 20 sites.
    """
    tables = [_finished(first), _finished(second)]
    changed = [c for c in SETTING_COLUMNS if _changed(c, *tables)]
    key = ["label", *(c for c in SETTING_COLUMNS if c not in changed), *SPLIT_COLUMNS]
    one, two = (t.drop_duplicates(key).set_index(key, drop=False) for t in tables)
    both = one.index.intersection(two.index, sort=False)
    a, b = one.loc[both].reset_index(drop=True), two.loc[both].reset_index(drop=True)
    cells = a[key].copy()
    cells["same_deaths"] = (a[list(DEATHS_COLUMNS)].fillna("") == b[list(DEATHS_COLUMNS)].fillna("")).all(axis=1)
    cells["same_prediction"] = (a["prediction_sha256"] == b["prediction_sha256"]) & a["prediction_sha256"].notna()
    cells["n_train"], cells["n_test"] = a["n_train"], a["n_test"]
    metrics = [m for m in known_metrics() if m in a and m in b and (a[m].notna() & b[m].notna()).any()]
    added: dict[str, Any] = {}
    for name in metrics:
        x, y = a[name].astype(float), b[name].astype(float)
        added |= {f"{name}_first": x, f"{name}_second": y, f"{name}_difference": y - x}
    cells = pd.concat([cells, pd.DataFrame(added, index=cells.index)], axis=1)
    return RunDiff(
        cells,
        _tests(cells, metrics, [c for c in SETTING_COLUMNS if c not in changed], seed),
        _flips(cells, metric),
        _costs(a, b),
        len(one) - len(both),
        len(two) - len(both),
    )


def worse_models(tests: pd.DataFrame, metrics: Sequence[str], tolerance: float = 0.0) -> pd.DataFrame:
    """Return the rows of the tests in which the second run is worse by more than `tolerance`.

    Its interval must lie wholly on the worse side; where there is none (one division), the difference counts alone.
    """
    rows = tests[tests["metric"].isin(metrics)]
    sign = np.where([lower_is_better(m) for m in rows["metric"]], -1.0, 1.0)
    loss = -sign * rows["difference"].to_numpy(dtype=float)
    least = np.minimum(-sign * rows["low"].to_numpy(dtype=float), -sign * rows["high"].to_numpy(dtype=float))
    return rows[(loss > tolerance + 1e-12) & (np.isnan(least) | (least > 0))]


def _finished(cells: pd.DataFrame) -> pd.DataFrame:
    done = add_missing_columns(cells[cells["status"] == "done"])
    done["label"] = model_labels(done)
    for column in (*SETTING_COLUMNS, *SPLIT_COLUMNS):
        done[column] = done[column].astype(object).where(done[column].notna(), "")
    return done


def _changed(column: str, a: pd.DataFrame, b: pd.DataFrame) -> bool:
    values = [set(t[column].astype(str)) for t in (a, b)]
    return all(len(v) == 1 for v in values) and values[0] != values[1]


def _tests(cells: pd.DataFrame, metrics: Sequence[str], setting: list[str], seed: int) -> pd.DataFrame:
    paired = cells[cells["same_deaths"]]
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        tests: list[dict[str, Any]] = []
        for name, group in paired.groupby(setting, sort=True, dropna=False) if setting else [((), paired)]:
            named = dict(zip(setting, name, strict=True))
            known = group[group[f"{metric}_difference"].notna()]
            by_site = {
                str(label): part.groupby("test_site")[f"{metric}_difference"].mean()
                for label, part in known.groupby("label", sort=True)
            }
            tested = [named | _tested(known[known["label"] == m], m, metric, d, seed) for m, d in by_site.items()]
            sites = pd.DataFrame(by_site)
            if 1 < len(sites) <= MOST_UNITS and sites.notna().all().all():
                for row, p in zip(tested, max_t(sites.to_numpy()).tolist(), strict=True):
                    row["p_max_t"] = p
            tests += tested
        for row, p in zip(tests, holm([row["p"] for row in tests]).tolist(), strict=True):
            row["p_holm"] = p
        rows += tests
    columns = [*setting, "label", "metric", "first", "second", "difference", "low", "high", "p", "p_holm", "p_max_t"]
    return pd.DataFrame(rows, columns=[*columns, "smallest_p", "n_sites", "n_cells", "method"])


def _tested(part: pd.DataFrame, label: str, metric: str, by_site: pd.Series, seed: int) -> dict[str, Any]:
    """Return the mean difference of a model with interval and test."""
    difference = part[f"{metric}_difference"].to_numpy(dtype=float)
    row: dict[str, Any] = {"label": label, "metric": metric, "n_sites": len(by_site), "n_cells": len(part)}
    means = part.groupby("test_site")[[f"{metric}_first", f"{metric}_second"]].mean().mean()
    row |= {"first": float(means.iloc[0]), "second": float(means.iloc[1]), "p_max_t": math.nan}
    if len(by_site) > 1:
        values = by_site.to_numpy(dtype=float)
        mean, low, high = t_interval(values)
        test = sign_flip(values, rng=generator(seed, f"{metric} {label}"))
        method = f"t interval and sign-flip test over {len(values)} sites"
        return row | {
            "difference": mean, "low": low, "high": high, "p": test.p, "smallest_p": test.smallest_p, "method": method
        }  # fmt: skip
    if len(difference) > 1:
        result = corrected_t(difference, float(part["n_train"].mean()), float(part["n_test"].mean()))
        return row | {
            "difference": result.mean, "low": result.low, "high": result.high, "p": result.p, "smallest_p": math.nan,
            "method": f"corrected resampled t-test over {len(difference)} divisions",
        }  # fmt: skip
    none = {"low": math.nan, "high": math.nan, "p": math.nan, "smallest_p": math.nan}
    return row | none | {"difference": float(difference.mean()), "method": "one division: no test"}


def _flips(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the cells in which a model beats the best baseline of its split in one run only."""
    columns = [c for c in cells.columns if c == "label" or c in (*SETTING_COLUMNS, *SPLIT_COLUMNS)]
    if f"{metric}_first" not in cells:
        return pd.DataFrame(columns=[*columns, "flip"])
    sign = -1.0 if lower_is_better(metric) else 1.0
    split = [c for c in columns if c != "label"]
    values = [f"{metric}_first", f"{metric}_second"]
    trivial = cells["label"].isin(TRIVIAL_MODELS)
    best = (sign * cells[trivial].set_index(split)[values]).groupby(level=split).max()
    compared = cells[~trivial & cells[values].notna().all(axis=1)].set_index(split)
    compared = compared[compared.index.isin(best.index)]
    ahead = sign * compared[values].to_numpy() > best.loc[compared.index].to_numpy()
    flipped = compared.reset_index()[[*columns, *values]]
    flipped["flip"] = np.where(ahead[:, 0], "from better to worse than the best baseline", "from worse to better")
    return flipped[ahead[:, 0] != ahead[:, 1]].reset_index(drop=True)


def _costs(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for label, first in a.groupby("label", sort=True):
        second = b[b["label"] == label]
        row: dict[str, Any] = {"label": label}
        for name in (c for c in COSTS if c in a and c in b):
            x, y = (
                t[name].astype(float).max() if name == "peak_memory_mb" else t[name].astype(float).median()
                for t in (first, second)
            )
            row |= {f"{name}_first": x, f"{name}_second": y, f"{name}_ratio": y / x if x else math.nan}
        rows.append(row)
    return pd.DataFrame(rows)
