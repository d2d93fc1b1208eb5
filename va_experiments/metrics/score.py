"""Score one prediction: the truth and a prediction in; metrics with intervals and a table by cause out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.metrics import individual
from va_experiments.metrics.csmf import chance_corrected
from va_experiments.metrics.csmf_interval import accuracy_interval
from va_experiments.metrics.registry import CASE_METRICS, ESTIMATES, METRIC_SET_VERSION, METRICS
from va_experiments.metrics.resampling import bootstrap_weights, interval
from va_experiments.metrics.sufficient_statistics import PredictionLike, ScoredDeaths, Totals, scored_deaths, totals
from va_experiments.seeds import generator

__all__ = ["METRIC_SET_VERSION", "Scores", "evaluate", "per_cause_table", "score"]

LEVEL = 0.95
"""Of all intervals of a cell."""

MAX_WEIGHTS = 10_000_000
"""Largest number of weights at a time, to limit memory for large test sets."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Metrics with intervals, and the table by cause."""

    values: dict[str, float]
    """Metric by name, with ``<name>_low`` and ``<name>_high`` where there is an interval; never NaN or infinite."""
    per_cause: dict[str, npt.NDArray[np.float64]]
    """Columns over the declared causes: ``n_true, sensitivity, specificity, ppv, npv, ccc, csmf_true, csmf_top,
    csmf_mean, csmf_model`` and ``csmf_error`` (csmf_top less csmf_true); NaN where undefined."""


def evaluate(sums: Totals, names: Sequence[str] | None = None) -> dict[str, npt.NDArray[np.float64]]:
    """Compute the metrics of every resample, by name, each of shape (B,).

    Parameters
    ----------
    sums : Totals
    names : sequence of str, optional
        Metrics to compute, of `METRICS`; None means all.
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
    """Compute all metrics of one prediction.

    The entries of `METRICS` and `CASE_METRICS`, and the functions behind them, define what each metric counts.
    Intervals are 95% bootstrap intervals over the test deaths, of the kind named in the entry. Model and split are
    fixed, so the intervals are narrower than the uncertainty about a new site (see
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
        Seed of the resamples. Use the same for all models of a split: they are then scored on the same resamples.
    train_cause : int array, optional
        Causes of the training deaths; adds the label-coverage rows.

    Raises
    ------
    ValueError
        If shapes do not match.
    """
    cases = scored_deaths(truth, prediction, train_cause)
    if cases.n_causes != len(causes):
        raise ValueError(f"probabilities over {cases.n_causes} causes for a list of {len(causes)}")
    sums = totals(cases)
    values = {name: float(value[0]) for name, value in evaluate(sums).items()}
    if n_bootstrap:
        values |= _intervals([sums, *_resampled(cases, n_bootstrap, generator(seed, "bootstrap"))])
    values |= {name: float(info.function(cases)) for name, info in CASE_METRICS.items()}
    for name in ESTIMATES:
        corrected = chance_corrected(values[f"csmf_accuracy_{name}"], values["csmf_chance"])
        values[f"cccsmf_empirical_{name}"] = float(corrected)
    return Scores({k: v for k, v in values.items() if math.isfinite(v)}, per_cause_table(sums))


def _resampled(cases: ScoredDeaths, n_bootstrap: int, rng: np.random.Generator) -> Iterator[Totals]:
    """Yield the sums of the resamples, `MAX_WEIGHTS` at a time."""
    n = len(cases.truth)
    at_once = max(1, MAX_WEIGHTS // n)
    for done in range(0, n_bootstrap, at_once):
        yield totals(cases, bootstrap_weights(n, min(at_once, n_bootstrap - done), rng))


def _intervals(parts: Sequence[Totals]) -> dict[str, float]:
    """Compute the interval of every metric that has one; the first row of the first part is the sample.

    The bounds of a metric cut nothing off a percentile interval, whose ends are values of the metric; of test inversion
    they leave out candidates that no population can be.
    """
    names = [name for name, info in METRICS.items() if info.interval == "percentile"]
    by_part = [evaluate(part, names) for part in parts]
    stacked = np.stack([np.concatenate([values[name] for values in by_part]) for name in names], axis=1)
    ends = dict(zip(names, zip(*interval(stacked[0], stacked[1:], level=LEVEL), strict=True), strict=True))
    true = np.concatenate([part.csmf_true for part in parts])
    estimated = np.stack([np.concatenate([of(part) for part in parts]) for _, of in ESTIMATES.values()])
    for name, *both in zip(ESTIMATES, *accuracy_interval(true, estimated, level=LEVEL), strict=True):
        ends[f"csmf_accuracy_{name}"] = both[0], both[1]
        ends[f"cccsmf_{name}"] = chance_corrected(both[0]), chance_corrected(both[1])
    limits = {}
    for name, (low, high) in ends.items():
        least, most = METRICS[name].range
        limits[f"{name}_low"], limits[f"{name}_high"] = max(float(low), least), min(float(high), most)
    return limits


def per_cause_table(sums: Totals) -> dict[str, npt.NDArray[np.float64]]:
    """Make the table over the declared causes for the first resample (the test set itself)."""
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
