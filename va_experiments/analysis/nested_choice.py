"""Score the choice of a model honestly: chosen inside the training sites, for each left-out site.

Choosing the model with the best mean over the left-out sites, and reporting that mean, is optimistic: the same sites
chose and score. Here, for each left-out site, the model with the best mean over the *other* sites is chosen, each of
them predicted by models that saw neither it nor the left-out site; only the chosen model's score at the left-out site
counts (nested cross-validation: Varma and Simon 2006, BMC Bioinformatics 7:91).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from va_experiments.analysis.run_tables import add_missing_columns
from va_experiments.errors import InputError
from va_experiments.metrics.comparison import t_interval
from va_experiments.metrics.registry import METRICS
from va_experiments.results.schema import SETTING_COLUMNS

__all__ = ["CRITERIA", "INNER", "OUTER", "Choice", "NestedChoice", "nested_choice", "run_choices"]

OUTER = "leave_one_site_out"
"""Protocol of the cells that score."""

INNER = "leave_two_sites_out"
"""Protocol of the cells that choose."""

CRITERIA: Mapping[str, tuple[str, ...]] = {
    "CSMF accuracy, by the best estimator": ("csmf_accuracy_model", "csmf_accuracy_mean", "csmf_accuracy_top"),
    "top-1 accuracy": ("top1",),
}
"""What a run chooses by -> the metrics that are candidates for each model."""


@dataclass(frozen=True)
class NestedChoice:
    """The result of `nested_choice` for one criterion.

    Parameters
    ----------
    by_site : DataFrame
        One row for each left-out site: ``site``, ``chosen`` (model, and metric where several are candidates), ``inner``
        (its mean score at the other sites), ``score`` (at the left-out site), ``best`` and ``best_score`` (the best
        model there in hindsight).
    mean, low, high : float
        Mean score of the chosen models over the left-out sites, with its 95% t interval.
    hindsight : str
        The candidate with the best mean over the left-out sites.
    hindsight_mean : float
        That mean.
    """

    by_site: pd.DataFrame
    mean: float
    low: float
    high: float
    hindsight: str
    hindsight_mean: float

    @property
    def optimism(self) -> float:
        """How much better the best candidate in hindsight looks than the nested choice."""
        return self.hindsight_mean - self.mean


@dataclass(frozen=True)
class Choice:
    """A nested choice in one setting of a run, or why there is none.

    Parameters
    ----------
    setting : str
        Data, features and test sets in words.
    criterion : str
        One of `CRITERIA`.
    result : NestedChoice or None
    reason : str
        Why there is no result.
    """

    setting: str
    criterion: str
    result: NestedChoice | None
    reason: str = ""


def run_choices(cells: pd.DataFrame) -> list[Choice]:
    """Return the nested choices of a run, for each setting that has cells of both protocols; else an empty list.

    Parameters
    ----------
    cells : DataFrame
        Rows of the run, with those of the baselines.
    """
    names = [name for name in SETTING_COLUMNS if name != "protocol"]
    cells = add_missing_columns(cells[cells["protocol"].isin([OUTER, INNER])])
    choices = []
    for values, group in cells.groupby(names, sort=True, dropna=False):
        value_of = dict(zip(names, map(str, values), strict=True))
        if group["protocol"].nunique() < 2 or value_of["train_size"] != "all" or value_of["target_labels"]:
            continue
        setting = ", ".join(filter(None, (value_of[name] for name in ("data", "features", "testset", "cause_list"))))
        for criterion, metrics in CRITERIA.items():
            measured = [metric for metric in metrics if metric in group and group[metric].notna().any()]
            if not measured:
                continue
            try:
                choices.append(Choice(setting, criterion, nested_choice(group, measured)))
            except InputError as error:
                choices.append(Choice(setting, criterion, None, "; ".join(error.problems[:2])))
    return choices


def nested_choice(cells: pd.DataFrame, metrics: str | Sequence[str], *, models: Sequence[str] = ()) -> NestedChoice:
    """Choose a model, and a metric's estimator, inside the training sites for each left-out site.

    Parameters
    ----------
    cells : DataFrame
        Rows of a run of ``experiment=nested_loso``: cells of both protocols, one data set, one feature level, natural
        or resampled test sets. Baselines are candidates like other models. The column ``label``, where there is one,
        distinguishes models of one name with different parameters.
    metrics : str or sequence of str
        Metrics of one direction; several (``csmf_accuracy_top``, ``csmf_accuracy_mean``) make as many candidates of
        each model.
    models : sequence of str
        Candidates; empty: all models of the cells.

    Raises
    ------
    InputError
        If cells of a candidate are missing or failed, or there are fewer than three sites.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    directions = {METRICS[name].higher_is_better for name in names}
    if len(directions) != 1:
        raise InputError(f"metrics {', '.join(names)} have different directions; expected one direction")
    higher = directions.pop()
    outer, inner = _scores(cells, names, models)
    sites, candidates = (sorted(set(column)) for column in zip(*outer, strict=True))
    rows = []
    for site in sites:
        others = [s for s in sites if s != site]
        learned = {c: float(np.mean([inner[site, other, c] for other in others])) for c in candidates}
        at_site = {c: outer[site, c] for c in candidates}
        chosen, best = _best(learned, higher=higher), _best(at_site, higher=higher)
        rows.append((site, chosen, learned[chosen], at_site[chosen], best, at_site[best]))
    by_site = pd.DataFrame(rows, columns=["site", "chosen", "inner", "score", "best", "best_score"])
    mean, low, high = t_interval(by_site["score"])
    means = {c: float(np.mean([outer[site, c] for site in sites])) for c in candidates}
    hindsight = _best(means, higher=higher)
    return NestedChoice(by_site, mean, low, high, hindsight, means[hindsight])


def _best(scores: Mapping[str, float], *, higher: bool) -> str:
    """Return the best candidate; of equals the first by name."""
    return max(sorted(scores), key=lambda candidate: scores[candidate] if higher else -scores[candidate])


def _scores(
    cells: pd.DataFrame, metrics: Sequence[str], models: Sequence[str]
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str, str], float]]:
    """Return the scores (site, candidate) -> score and (left-out site, tested site, candidate) -> score."""
    done = cells[cells["status"] == "done"]
    if models:
        done = done[done["model"].isin(models)]
    name = "label" if "label" in done else "model"
    scoring, choosing = (done[done["protocol"] == name] for name in (OUTER, INNER))
    sites = sorted(set(scoring["test_site"]))
    if len(sites) < 3:
        raise InputError(f"{len(sites)} sites were tested under {OUTER}; expected 3 or more, and {INNER} with them")
    outer: dict[tuple[str, str], float] = {}
    inner: dict[tuple[str, str, str], float] = {}
    problems = []
    for row in scoring.to_dict("records"):
        for metric in metrics:
            outer[row["test_site"], _candidate(row[name], metric, metrics)] = float(row[metric])
    for row in choosing.to_dict("records"):
        left = set(sites) - set(str(row["train_sites"]).split("+")) - {row["test_site"]}
        for site, metric in itertools.product(left, metrics):
            inner[site, row["test_site"], _candidate(row[name], metric, metrics)] = float(row[metric])
    for candidate in sorted({c for _, c in outer}):
        absent = [s for s in sites if not math.isfinite(outer.get((s, candidate), math.nan))]
        absent += [
            f"{t} without {s}"
            for s, t in itertools.permutations(sites, 2)
            if not math.isfinite(inner.get((s, t, candidate), math.nan))
        ]
        if absent:
            problems.append(f"{candidate}: no score for {', '.join(absent[:5])}{', ...' if len(absent) > 5 else ''}")
    if problems:
        raise InputError(problems, hint="a nested choice needs every cell: run the same command until none has failed")
    return outer, inner


def _candidate(model: str, metric: str, metrics: Sequence[str]) -> str:
    return model if len(metrics) == 1 else f"{model}: {METRICS[metric].label}"
