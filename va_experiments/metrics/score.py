"""`score`: the truth and one prediction in; every metric with its interval, and the per-cause table, out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.metrics import individual
from va_experiments.metrics.csmf import chance_corrected
from va_experiments.metrics.registry import CASE_METRICS, METRIC_SET_VERSION, METRICS
from va_experiments.metrics.resampling import bootstrap_weights, cause_regression, interval, over_test_sets
from va_experiments.metrics.tally import PredictionLike, Tally, cases_of, tally
from va_experiments.metrics.testsets import TestSets
from va_experiments.seeds import generator

__all__ = ["METRIC_SET_VERSION", "Scores", "evaluate", "score", "score_test_sets"]

LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Scores:
    """What `score` returns."""

    values: dict[str, float]
    """Metric by name, with ``<name>_low`` and ``<name>_high`` where there is an interval; never NaN or infinite."""
    per_cause: dict[str, npt.NDArray[np.float64]]
    """Columns over the declared causes: ``n_true, sensitivity, specificity, ppv, npv, ccc, csmf_true, csmf_top,
    csmf_mean, csmf_model`` and ``csmf_error`` (csmf_top less csmf_true); NaN where undefined."""


def evaluate(sums: Tally, names: Sequence[str] | None = None) -> dict[str, npt.NDArray[np.float64]]:
    """Return the metrics of every resample of a tally, by name, each of shape (B,).

    Parameters
    ----------
    sums : Tally
    names : sequence of str, optional
        Metrics of `METRICS` wanted; None means all.
    """
    return {name: METRICS[name].function(sums) for name in (METRICS if names is None else names)}


def score(
    truth: npt.ArrayLike,
    prediction: PredictionLike,
    causes: Sequence[str],
    *,
    n_bootstrap: int = 100,
    seed: int = 0,
    train_cause: npt.ArrayLike | None = None,
) -> Scores:
    """Return all metrics of one prediction.

    What each metric counts is said by its entry in `METRICS` and `CASE_METRICS`, and by the function behind it.
    Intervals are 95% bootstraps over the test deaths, of the kind that the metric's entry names: they hold the model
    and the split fixed, so they are narrower than the uncertainty about a new site (see
    `va_experiments.metrics.comparison`).

    Parameters
    ----------
    truth : int array, shape (n,)
        True causes, index into `causes`.
    prediction : PredictionLike
        With `probability`, `csmf` and `top_cause`.
    causes : sequence of str
        The declared cause list.
    n_bootstrap : int
        Resamples; 0 for no intervals.
    seed : int
        Of the resamples. Give all models of a split the same: they are then scored on the same resamples.
    train_cause : int array, optional
        Causes of the training deaths; adds the label-coverage rows.

    Raises
    ------
    ValueError
        If shapes do not fit together.
    """
    cases = cases_of(truth, prediction, train_cause)
    if cases.n_causes != len(causes):
        raise ValueError(f"probabilities over {cases.n_causes} causes for a list of {len(causes)}")
    n = len(cases.truth)
    weights = np.ones((n_bootstrap + 1, n))
    if n_bootstrap:
        weights[1:] = bootstrap_weights(n, n_bootstrap, generator(seed, "bootstrap"))
    sums = tally(cases, weights)
    resampled = evaluate(sums)
    values = {name: float(value[0]) for name, value in resampled.items()}
    if n_bootstrap:
        for kind in ("percentile", "hull"):
            names = [name for name, info in METRICS.items() if info.interval == kind]
            stacked = np.stack([resampled[name] for name in names], axis=1)
            for name, low, high in zip(names, *interval(stacked[0], stacked[1:], level=LEVEL, kind=kind), strict=True):
                least, most = METRICS[name].range
                values[f"{name}_low"], values[f"{name}_high"] = max(float(low), least), min(float(high), most)
    values |= {name: float(info.function(cases)) for name, info in CASE_METRICS.items()}
    for name in ("top", "mean", "model"):
        corrected = chance_corrected(values[f"csmf_accuracy_{name}"], values["csmf_chance"])
        values[f"cccsmf_empirical_{name}"] = float(corrected)
    return Scores({k: v for k, v in values.items() if math.isfinite(v)}, _per_cause(sums))


def _per_cause(sums: Tally) -> dict[str, npt.NDArray[np.float64]]:
    """Return the table over the declared causes, of the first resample (the test set itself)."""
    true, named, correct = sums.true[0], sums.named[0], sums.correct[0]
    return {
        "n_true": true.copy(),
        "sensitivity": individual.sensitivity(correct, true),
        "specificity": individual.specificity(correct, true, named, sums.n[0]),
        "ppv": individual.positive_predictive_value(correct, named),
        "npv": individual.negative_predictive_value(correct, true, named, sums.n[0]),
        "ccc": individual.chance_corrected_concordance(correct, true),
        "csmf_true": sums.csmf_true[0],
        "csmf_top": sums.csmf_top[0],
        "csmf_mean": sums.csmf_mean[0],
        "csmf_model": sums.csmf_model[0].copy(),
        "csmf_error": sums.csmf_top[0] - sums.csmf_true[0],
    }


def score_test_sets(
    truth: npt.ArrayLike,
    prediction: PredictionLike,
    causes: Sequence[str],
    sets: TestSets,
    *,
    csmf_model: npt.ArrayLike | None = None,
    train_cause: npt.ArrayLike | None = None,
) -> Scores:
    """Return all metrics over many resampled test sets of one prediction.

    The prediction is made once and its deaths are resampled: right for models that treat deaths one by one. For a joint
    model (InSilicoVA) score each set's own prediction with `score`, or give at least its CSMF of each set.

    Parameters
    ----------
    truth, prediction, causes, train_cause
        As for `score`.
    sets : TestSets
        From `va_experiments.metrics.testsets.draw_test_sets`; the same for all models.
    csmf_model : float array, shape (n_sets, n_causes), optional
        The model's own CSMF on each set. Without it the ``..._model`` metrics are given only where the model's CSMF is
        its mean probability or the shares of its named causes, for then they follow.

    Returns
    -------
    Scores
        ``values[name]`` is the median over test sets; ``<name>_low, <name>_high`` the 2.5 and 97.5 percentiles *over
        test sets*; ``<name>_median_low, <name>_median_high`` the 95% bootstrap interval *of the median*, which is
        narrower by the square root of the number of sets and says nothing of a single test set. ``per_cause`` has,
        beside the natural test set's columns, the regression over test sets of estimated (csmf_top) on true fraction
        of each cause: ``csmf_slope, csmf_intercept, csmf_rmse`` (Murray 2011).
    """
    cases = cases_of(truth, prediction, train_cause)
    if cases.n_causes != len(causes):
        raise ValueError(f"probabilities over {cases.n_causes} causes for a list of {len(causes)}")
    sums = tally(cases, sets.weights, csmf_model)
    known = csmf_model is not None or cases.csmf_follows
    names = [name for name in METRICS if known or "model" not in name]
    values: dict[str, float] = {"n_test_sets": float(len(sets.weights))}
    for name, value in evaluate(sums, names).items():
        defined = value[np.isfinite(value)]
        if len(defined):
            values |= over_test_sets(defined, LEVEL).named(name)
    per_cause = _per_cause(tally(cases))
    per_cause |= dict(
        zip(("csmf_slope", "csmf_intercept", "csmf_rmse"), cause_regression(sums.csmf_true, sums.csmf_top), strict=True)
    )
    return Scores({k: v for k, v in values.items() if math.isfinite(v)}, per_cause)
