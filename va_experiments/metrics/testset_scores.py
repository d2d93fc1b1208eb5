"""Score a prediction under a test-set design: resample one prediction, or predict every test set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments import callbacks
from va_experiments.metrics.calibration import csmf_interval_coverage
from va_experiments.metrics.conformal import ConformalIntervals
from va_experiments.metrics.csmf import cause_fractions
from va_experiments.metrics.registry import METRICS
from va_experiments.metrics.resampling import cause_regression, over_test_sets
from va_experiments.metrics.score import LEVEL, Scores, evaluate, per_cause_table, score
from va_experiments.metrics.sufficient_statistics import PredictionLike, Totals, scored_deaths, totals
from va_experiments.metrics.testsets import Natural, TestSets, draw_test_sets, testset_options

__all__ = ["score_design", "score_each_test_set", "score_test_sets"]

PredictSets = Callable[[Sequence[npt.NDArray[np.intp]]], Iterable[PredictionLike]]
"""Function that predicts each test set by itself: from the rows of each set, with repeats, to one prediction each."""


def score_design(
    testset: Mapping[str, Any] | Natural,
    truth: npt.ArrayLike,
    prediction: PredictionLike,
    causes: Sequence[str],
    *,
    seed: int,
    n_bootstrap: int = 100,
    train_cause: npt.ArrayLike | None = None,
    predict: PredictSets | None = None,
    intervals: ConformalIntervals | None = None,
) -> tuple[Scores, dict[str, Any]]:
    """Compute all metrics of a prediction under a test-set design, and record the method.

    Parameters
    ----------
    testset : mapping or design
        ``{"name": "natural"}`` gives `score`; any other, medians and intervals over its test sets.
    truth, prediction, causes, n_bootstrap, train_cause
        As for `score`; `prediction` is that of the natural test set.
    seed : int
        From the split's specification, never from the model: then all models are scored on the same sets.
    predict : callable, optional
        For models whose predictions depend on the test set.
    intervals : ConformalIntervals, optional
        Adds their coverage and width; over test sets, the mean of both.

    Returns
    -------
    scores : Scores
    facts : dict
        ``testset_sha256`` (equal for models tested on the same sets), ``n_test_sets``, and ``testset_method``:
        ``"natural"``, ``"predicted once, predictions resampled"`` or ``"predicted on each test set"``.
    """
    design = testset_options(testset)
    sets = draw_test_sets(design, truth, causes, seed=seed, train_cause=train_cause)
    facts: dict[str, Any] = {"testset_sha256": sets.hash, "n_test_sets": len(sets.weights)}
    if isinstance(design, Natural):
        scores = score(truth, prediction, causes, n_bootstrap=n_bootstrap, seed=seed, train_cause=train_cause)
        if intervals is not None:
            csmf = np.asarray(prediction.csmf)
            _add_coverage(scores, intervals, scores.per_cause["csmf_true"], csmf)
            low, high = intervals.interval(csmf)
            scores.per_cause.update({"csmf_low": low, "csmf_high": high})
        return scores, facts | {"testset_method": "natural"}
    if predict is None:
        scores = score_test_sets(truth, prediction, causes, sets, train_cause=train_cause, intervals=intervals)
        return scores, facts | {"testset_method": "predicted once, predictions resampled"}
    scores = score_each_test_set(truth, predict, prediction, causes, sets, train_cause=train_cause, intervals=intervals)
    return scores, facts | {"testset_method": "predicted on each test set"}


def score_test_sets(
    truth: npt.ArrayLike,
    prediction: PredictionLike,
    causes: Sequence[str],
    sets: TestSets,
    *,
    csmf_model: npt.ArrayLike | None = None,
    train_cause: npt.ArrayLike | None = None,
    intervals: ConformalIntervals | None = None,
) -> Scores:
    """Compute all metrics of one prediction over many resampled test sets.

    The prediction is made once and its deaths are resampled, which is correct if the prediction of a death does not
    depend on the other deaths. For a model that looks at the whole test set (InSilicoVA), score the prediction of each
    set with `score`, or give at least its CSMF of each set.

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
    cases = scored_deaths(truth, prediction, train_cause)
    if cases.n_causes != len(causes):
        raise ValueError(f"probabilities over {cases.n_causes} causes for a list of {len(causes)}")
    sums = totals(cases, sets.weights, csmf_model)
    known = csmf_model is not None or cases.csmf_follows
    names = [name for name in METRICS if known or "model" not in name]
    scores = _summary(evaluate(sums, names), totals(cases), sums.csmf_true, sums.csmf_top)
    if intervals is not None and known:
        _add_coverage(scores, intervals, sums.csmf_true, sums.csmf_model)
    return scores


def _add_coverage(scores: Scores, intervals: ConformalIntervals, true: npt.ArrayLike, csmf: npt.ArrayLike) -> None:
    scores.values["csmf_conformal_coverage"] = intervals.coverage(true, csmf)
    scores.values["csmf_conformal_width"] = intervals.width(csmf)


def score_each_test_set(
    truth: npt.ArrayLike,
    predict: PredictSets,
    prediction: PredictionLike,
    causes: Sequence[str],
    sets: TestSets,
    *,
    train_cause: npt.ArrayLike | None = None,
    intervals: ConformalIntervals | None = None,
) -> Scores:
    """Compute all metrics over test sets that are predicted one by one, as models that look at the whole test set need.

    Parameters
    ----------
    truth, causes, sets, train_cause
        As for `score_test_sets`.
    predict : callable
        Rows of all test sets to an iterable over their predictions, in order.
    prediction : PredictionLike
        Of the natural test set, for the natural columns of ``per_cause``.

    Returns
    -------
    Scores
        As from `score_test_sets`, with the ``..._model`` metrics of each set's own CSMF, and the mean over test sets of
        ``csmf_interval_coverage`` for models that give draws for each set.
    """
    cause = np.asarray(truth)
    all_totals, covered = [], []
    rows = [sets.rows(k) for k in range(len(sets.weights))]
    parts, predictions = callbacks.Parts([1.0] * len(rows), states=True), iter(predict(rows))
    for own_rows in rows:
        with parts.next():
            cases = scored_deaths(cause[own_rows], next(predictions), train_cause)
            all_totals.append(totals(cases))
        if cases.csmf_draws is not None:
            own_true = cause_fractions(cases.truth, cases.n_causes)
            covered.append(float(csmf_interval_coverage(own_true, cases.csmf_draws).mean()))
    by_set = [evaluate(t) for t in all_totals]
    values = {name: np.concatenate([v[name] for v in by_set]) for name in METRICS}
    true, top = (np.concatenate([getattr(t, name) for t in all_totals]) for name in ("csmf_true", "csmf_top"))
    scores = _summary(values, totals(scored_deaths(truth, prediction, train_cause)), true, top)
    if len(covered) == len(rows):
        scores.values["csmf_interval_coverage"] = math.fsum(covered) / len(covered)
    if intervals is not None:
        _add_coverage(scores, intervals, true, np.concatenate([t.csmf_model for t in all_totals]))
    return scores


def _summary(
    values: Mapping[str, npt.NDArray[np.float64]],
    natural: Totals,
    csmf_true: npt.NDArray[np.float64],
    csmf_top: npt.NDArray[np.float64],
) -> Scores:
    named: dict[str, float] = {"n_test_sets": float(len(csmf_true))}
    for name, value in values.items():
        defined = value[np.isfinite(value)]
        if len(defined):
            named |= over_test_sets(defined, LEVEL).named(name)
    columns = ("csmf_slope", "csmf_intercept", "csmf_rmse")
    per_cause = per_cause_table(natural) | dict(zip(columns, cause_regression(csmf_true, csmf_top), strict=True))
    return Scores({k: v for k, v in named.items() if math.isfinite(v)}, per_cause)
