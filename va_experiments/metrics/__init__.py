"""Compute metrics of individual and population cause assignment, and compare models with statistics.

>>> from va_experiments.metrics import score                              # doctest: +SKIP
>>> score(test.cause, prediction, test.causes).values["csmf_accuracy_mean"]  # doctest: +SKIP
"""

from va_experiments.metrics.registry import CASE_METRICS, METRIC_SET_VERSION, METRICS, MetricInfo
from va_experiments.metrics.score import Scores, score
from va_experiments.metrics.testset_scores import score_design, score_test_sets
from va_experiments.metrics.testsets import TestSets, draw_test_sets, testset_options

__all__ = [
    "CASE_METRICS",
    "METRICS",
    "METRIC_SET_VERSION",
    "MetricInfo",
    "Scores",
    "TestSets",
    "draw_test_sets",
    "score",
    "score_design",
    "score_test_sets",
    "testset_options",
]
