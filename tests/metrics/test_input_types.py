"""Metrics of numbers in single precision, and of cause numbers of any type, are those of doubles and integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from va_experiments.metrics import (
    calibration,
    comparison,
    conformal,
    csmf,
    csmf_interval,
    individual,
    max_t,
    power,
    quantification,
    ranking,
    reference_levels,
    resampling,
    shift,
)

R = np.random.default_rng(8)
P = R.dirichlet(np.ones(3), size=9).astype(np.float32)  # of deaths, or of test sets
Q = R.dirichlet(np.ones(3), size=9).astype(np.float32)
D = R.normal(0.02, 0.1, 9).astype(np.float32)
CAUSE = np.array([0.0, 1, 2, 0, 1, 2, 0, 1, 2], dtype=np.float32)
NAMED = np.array([0.0, 1, 1, -1, 2, 2, 0, 0, 2], dtype=np.float32)
COUNTS = np.array([3, 4, 2], dtype=np.float32) / np.float32(7)
DEATHS = np.array([30, 40, 20], dtype=np.int8)

CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "reliability": (calibration.reliability, (CAUSE, P)),
    "expected calibration error": (calibration.expected_calibration_error, (CAUSE, P)),
    "temperature": (calibration.apply_temperature, (P, 2.5)),
    "temperature scaling": (lambda p: calibration.Calibration(1.7, np.zeros(3)).apply(p), (P,)),
    "fitted temperature": (calibration.fit_calibration, (CAUSE, P)),
    "coverage of draws": (lambda p, q: calibration.csmf_interval_coverage(p[0], q, level=0.5), (P, Q)),
    "sign flips": (comparison.sign_flip, (D,)),
    "corrected t": (comparison.corrected_t, (D, 30, 10)),
    "t interval": (comparison.t_interval, (D,)),
    "signed ranks": (
        lambda d: comparison.bayesian_signed_rank(d, rope=0.01, rng=np.random.default_rng(1), n_draws=20), (D,),
    ),
    "Holm": (comparison.holm, (np.abs(D),)),
    "McNemar": (comparison.mcnemar, (CAUSE * 1.5, NAMED + 1)),
    "pairs of models": (lambda v: comparison.compare_models(v, "abc", rng=np.random.default_rng(1)), (P,)),
    "conformal interval": (lambda p: conformal.ConformalIntervals(0.1, 6).interval(p), (P,)),
    "conformal coverage": (lambda p, q: conformal.ConformalIntervals(0.5, 6).coverage(p, q), (P, Q)),
    "fitted conformal interval": (conformal.fit_conformal, (P, Q)),
    "CSMF accuracy": (csmf.csmf_accuracy, (P, Q)),
    "CSMF accuracy, determined": (csmf.csmf_accuracy_determined, (P, Q * np.float32(0.7))),
    "CSMF accuracy, redistributed": (csmf.csmf_accuracy_redistributed, (P, Q * np.float32(0.7))),
    "chance-corrected": (csmf.chance_corrected, (P, np.float32(0.1))),
    "interval of the CSMF accuracy": (lambda p, q: csmf_interval.accuracy_interval(p, q[None]), (P, Q)),
    "rank of the true cause": (individual.rank_of_truth, (CAUSE, P)),
    "confusion": (individual.confusion, (CAUSE, NAMED, 3)),
    "partial concordance": (individual.partial_concordance, (COUNTS, 1, 7)),
    "macro": (individual.macro, (COUNTS, COUNTS)),
    "median": (individual.median_over_present, (P[:, :2], P[:, :2])),
    "kappa": (individual.kappa, (DEATHS // 2, DEATHS, DEATHS - 3)),
    "max t": (max_t.max_t, (P[:4],)),
    "components of variance": (power.variance_components, (D, CAUSE)),
    "classify and count": (quantification.classify_and_count, (P,)),
    "mean probability": (quantification.mean_probability, (P,)),
    "Friedman": (ranking.friedman, (P,)),
    "Friedman of mean ranks": (ranking.friedman_of_mean_ranks, (COUNTS, 5)),
    "chance level": (reference_levels.chance_accuracy, (P[0], 20)),
    "ceiling": (reference_levels.finite_sample_ceiling, (P[0], 20)),
    "deviation": (reference_levels.mean_absolute_deviation, (20, P[0], Q[0])),
    "ceiling of coverage": (lambda p: reference_levels.coverage_ceiling(p, [0, 1]), (P[0],)),
    "bootstrap interval": (lambda p: resampling.interval(p[0], p[1:], level=0.5), (P,)),
    "over test sets": (resampling.over_test_sets, (D,)),
    "interval of a median": (resampling.median_interval, (D,)),
    "regression": (resampling.cause_regression, (P, Q)),
    "total variation": (shift.cause_mix_distance, (P[0], Q[0])),
}  # fmt: skip


def numbers(value: Any) -> Any:
    """Return the numbers in a result, whatever holds them."""
    if hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    if isinstance(value, list | tuple):
        return [numbers(each) for each in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def changed(value: Any, how: Callable[[Any], Any]) -> Any:
    return how(value) if isinstance(value, np.ndarray | np.floating) else value


@pytest.mark.parametrize("name", list(CASES))
def test_numbers_of_another_type_are_computed_in_double_precision(name: str) -> None:
    function, arguments = CASES[name]
    whole = {id(CAUSE), id(NAMED)}
    double = [changed(a, lambda v: v.astype(np.int64 if id(v) in whole else np.float64)) for a in arguments]
    expected = numbers(function(*double))
    np.testing.assert_equal(numbers(function(*arguments)), expected)
    if all(not isinstance(a, np.ndarray) or id(a) not in whole for a in arguments):
        listed = [changed(a, lambda v: v.tolist()) for a in double]
        if function.__name__ != "<lambda>":
            np.testing.assert_equal(numbers(function(*listed)), expected)
