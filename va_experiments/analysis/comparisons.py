"""Compute paired differences between models on the same test sets, from a table of cells."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.analysis.run_tables import add_missing_columns, model_labels
from va_experiments.metrics.comparison import bayesian_signed_rank, compare_models, corrected_t, holm
from va_experiments.metrics.max_t import MOST_UNITS, max_t
from va_experiments.metrics.registry import lower_is_better
from va_experiments.results.schema import DEATHS_COLUMNS, SETTING_COLUMNS, SPLIT_COLUMNS
from va_experiments.seeds import generator

__all__ = ["COLUMNS", "NOT_COMPARED", "paired_comparisons"]

COLUMNS = (
    *SETTING_COLUMNS, "model_a", "model_b", "metric", "difference", "low", "high", "p", "p_holm", "p_max_t",
    "smallest_p", "first_better", "equivalent", "n", "method",
)  # fmt: skip
"""Columns of `paired_comparisons`; ``difference`` is a less b, in the metric's own sense."""

NOT_COMPARED = "not compared"
"""How the method of a pair begins that was not tested on identical test sets."""

MOST_ARRANGEMENTS = 10_000_000
"""Sign arrangements times pairs up to which max-T is computed: 80 MB."""

MOST_PAIRS = 500
"""Above this many pairs of models in a setting each is compared with the trivial model alone, or the first."""


def paired_comparisons(
    cells: pd.DataFrame,
    metrics: Sequence[str] = ("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1"),
    *,
    reference: str | None = None,
    rope: float = 0.01,
    seed: int = 0,
) -> pd.DataFrame:
    """Return every pair of models of every setting, compared on the splits that both have done.

    Paired are cells that were tested on the same deaths after training on the same, by the hashes of the split and of
    its test sets. Two models that have a split in common by its name, but not by its hashes (another seed, other data),
    are not compared: their row has a note and no figures.

    With two or more tested sites: mean over sites (splits of a site are averaged first) with its t interval, the exact
    sign-flip test over sites and the least p it can give, and the Bayesian signed-rank test with a region of practical
    equivalence. With one site, or all pooled, and several random divisions: the corrected resampled t-test of Nadeau
    and Bengio (2003). With a single split there is nothing to compare by. Holm's adjustment is over the pairs of one
    setting and metric, as is that of step-down max-T, where all models have all splits.

    Parameters
    ----------
    cells : DataFrame
        As in `va_experiments.report.RunTables`; failed cells and missing values are left out, pair by pair.
    metrics : sequence of str
        Those that the cells lack are passed over.
    reference : str, optional
        Compare all others with this model (its label) only.
    rope : float
        Differences up to this do not matter in practice.
    seed : int
        Of the Bayesian test's draws.

    Returns
    -------
    DataFrame
        `COLUMNS`; empty where nothing can be compared.
    """
    done = add_missing_columns(cells[cells["status"] == "done"])
    if not len(done):
        return pd.DataFrame(columns=list(COLUMNS))
    done["label"] = model_labels(done)
    rows: list[dict[str, Any]] = []
    for setting, group in done.groupby(list(SETTING_COLUMNS), sort=True, dropna=False):
        named = dict(zip(SETTING_COLUMNS, setting, strict=True))
        for metric in metrics:
            if metric in group and group[metric].notna().any():
                compared = _compared(group, metric, reference, rope, seed)
                rows += [named | {"metric": metric} | row for row in compared]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _compared(group: pd.DataFrame, metric: str, reference: str | None, rope: float, seed: int) -> list[dict[str, Any]]:
    splits = list(SPLIT_COLUMNS)
    known = group[[c for c in DEATHS_COLUMNS if c in group]].astype(object).fillna("")
    group = group.assign(tested_on=known.agg(" ".join, axis=1) if known.shape[1] else "")
    by_split = group.pivot_table(
        index=[*splits, "tested_on"], columns="label", values=metric, aggfunc="first", sort=True, observed=True
    )
    by_split = by_split.dropna(how="all").astype(float)
    models = [str(c) for c in by_split.columns]
    if len(models) < 2 or (reference is not None and reference not in models):
        return []
    if reference is None and len(models) * (len(models) - 1) // 2 > MOST_PAIRS:
        reference = "prior" if "prior" in models else models[0]
    sites = by_split.index.get_level_values("test_site")
    if sites.nunique() > 1:
        return _over_sites(by_split, models, metric, reference, rope, seed)
    if len(by_split) > 1:
        return _over_divisions(by_split, group, models, metric, reference, rope, seed)
    return []


def _over_sites(
    by_split: pd.DataFrame, models: list[str], metric: str, reference: str | None, rope: float, seed: int
) -> list[dict[str, Any]]:
    """Compare by site; a site counts for a pair with the splits that both models have."""
    sign = -1.0 if lower_is_better(metric) else 1.0
    rows: list[dict[str, Any]] = []
    for a, b in _pairs(models, reference):
        if refused := _refused(by_split, a, b):
            rows.append(refused)
            continue
        value = by_split[[a, b]].dropna().groupby(level="test_site").mean()
        if len(value) < 2:
            continue
        one = compare_models(
            sign * value[[a, b]].to_numpy(), [a, b], rope=rope, rng=generator(seed, f"{metric} {a} {b}")
        )[0]
        low, high = sorted((sign * one.low, sign * one.high))
        rows.append(
            {
                "model_a": a,
                "model_b": b,
                "difference": sign * one.mean,
                "low": low,
                "high": high,
                "p": one.p,
                "smallest_p": one.smallest_p,
                "first_better": one.first_better,
                "equivalent": one.equivalent,
                "n": one.n,
                "method": f"t interval and exact sign-flip test over {one.n} sites "
                f"(smallest possible p {one.smallest_p:.3f})",
            }
        )
    return _max_t(_adjusted(rows), by_split)


def _max_t(rows: list[dict[str, Any]], by_split: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows with p adjusted over all pairs at once, where all models have all splits."""
    by_site = by_split.groupby(level="test_site").mean()
    compared = [r for r in rows if r["n"]]
    whole = bool(by_split.notna().all(axis=None)) and 2 <= len(by_site) <= MOST_UNITS
    if not compared or not whole or 2 ** len(by_site) * len(compared) > MOST_ARRANGEMENTS:
        return rows
    of = {str(model): by_site[model].to_numpy() for model in by_site}
    table = np.column_stack([of[r["model_a"]] - of[r["model_b"]] for r in compared])
    p_values = iter(max_t(table).tolist())
    return [r | {"p_max_t": next(p_values)} if r["n"] else r for r in rows]


def _over_divisions(
    by_split: pd.DataFrame,
    group: pd.DataFrame,
    models: list[str],
    metric: str,
    reference: str | None,
    rope: float,
    seed: int,
) -> list[dict[str, Any]]:
    sign = -1.0 if lower_is_better(metric) else 1.0
    n_train, n_test = float(group["n_train"].mean()), float(group["n_test"].mean())
    if not (n_train > 0 and n_test > 0):
        return []
    rows: list[dict[str, Any]] = []
    for a, b in _pairs(models, reference):
        if refused := _refused(by_split, a, b):
            rows.append(refused)
            continue
        difference = (by_split[a] - by_split[b]).dropna().to_numpy()
        if len(difference) < 2:
            continue
        test = corrected_t(difference, n_train, n_test)
        ranked = bayesian_signed_rank(sign * difference, rope=rope, rng=generator(seed, f"{metric} {a} {b}"))
        rows.append(
            {
                "model_a": a,
                "model_b": b,
                "difference": test.mean,
                "low": test.low,
                "high": test.high,
                "p": test.p,
                "first_better": ranked.first_better,
                "equivalent": ranked.equivalent,
                "n": len(difference),
                "method": f"corrected resampled t-test over {len(difference)} divisions (Nadeau and Bengio 2003)",
            }
        )
    return _adjusted(rows)


def _refused(by_split: pd.DataFrame, a: str, b: str) -> dict[str, Any] | None:
    """Return the row of a pair that shares splits by name but not by what was tested, None where all is the same."""
    # By split: whether each has a value, and whether both have one on the same deaths.
    names = [i for i, n in enumerate(by_split.index.names) if n != "tested_on"]
    pairs: dict[tuple[object, ...], list[bool]] = {}
    for key, first, second in zip(by_split.index, by_split[a].notna(), by_split[b].notna(), strict=True):
        seen = pairs.setdefault(tuple(key[i] for i in names), [False, False, False])
        seen[:] = seen[0] or first, seen[1] or second, seen[2] or (first and second)
    together = [same for first, second, same in pairs.values() if first and second]
    differ = together.count(False)
    if not differ:
        return None
    method = f"{NOT_COMPARED}: at {differ} of {len(together)} splits the two had other deaths to learn or to name"
    figures = dict.fromkeys(("difference", "low", "high", "p"), math.nan)
    return {"model_a": a, "model_b": b, **figures, "n": 0, "method": method}


def _pairs(models: list[str], reference: str | None) -> list[tuple[str, str]]:
    if reference is not None:
        return [(m, reference) for m in models if m != reference]
    return list(itertools.combinations(models, 2))


def _adjusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    adjusted = holm(np.array([r["p"] for r in rows], dtype=np.float64))
    return [r | {"p_holm": float(p)} for r, p in zip(rows, adjusted.tolist(), strict=True)]
