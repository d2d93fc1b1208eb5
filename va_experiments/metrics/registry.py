"""Register the metrics of a cell by name: a new metric is one function and one entry here.

The function takes `Totals` (sums over deaths, leading axis = resamples) and returns one number for each resample; with
``interval="percentile"`` it gets a bootstrap interval. An example, the share of deaths with a wrong cause::

    def wrong(totals: Totals) -> Floats:
        return 1 - totals.correct.sum(axis=-1) / totals.n

    METRICS["wrong"] = MetricInfo("wrong", False, (0, 1), "Share of deaths with a wrong cause.", wrong, "percentile")

A metric that needs the deaths one by one (calibration) goes to `CASE_METRICS` and takes `ScoredDeaths`. A change of a
metric's meaning, or a new metric, raises `METRIC_SET_VERSION`, which is part of every cell's key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.metrics import calibration, case_metrics, csmf, individual, reference_levels
from va_experiments.metrics.metric_info import MetricInfo
from va_experiments.metrics.sufficient_statistics import Totals

__all__ = [
    "CASE_METRICS",
    "DEATH_METRICS",
    "DEFAULT_METRIC",
    "ESTIMATES",
    "METRICS",
    "METRIC_SET_VERSION",
    "MetricInfo",
    "check_metric",
    "find_metric",
    "known_metrics",
    "lower_is_better",
    "metric_label",
    "reference_levels_of",
    "table_metrics",
]

DEFAULT_METRIC = "csmf_accuracy_top"
"""Metric by which models are ranked wherever no other is chosen: terminal, report, Prefect, MLflow, sweepers, pages."""

DEATH_METRICS = ("top1", "top3", "mean_ccc", "median_ccc", "pccc3", "macro_sensitivity", "macro_ppv", "kappa")
"""Metrics that judge how single deaths are named; the CSMF accuracies judge cause fractions."""

METRIC_SET_VERSION = 6
"""Version of the meanings of all metrics together; part of a cell's key."""

Floats = npt.NDArray[np.float64]
Estimate = Callable[[Totals], Floats]


ESTIMATES: Mapping[str, tuple[str, Estimate]] = {
    "top": ("the shares of the named causes", lambda t: t.csmf_top),
    "mean": ("the mean probability", lambda t: t.csmf_mean),
    "model": ("the model's own CSMF", lambda t: t.csmf_model),
}
"""The three estimates of the cause fractions, by the ending of their metrics' names: in words, and of a `Totals`."""


def _accuracy(variant: Callable[[npt.ArrayLike, npt.ArrayLike], Floats], estimate: Estimate, totals: Totals) -> Floats:
    return variant(totals.csmf_true, estimate(totals))


def _cccsmf(estimate: Estimate, totals: Totals) -> Floats:
    return csmf.chance_corrected(csmf.csmf_accuracy(totals.csmf_true, estimate(totals)))


def _csmf_metrics() -> dict[str, MetricInfo]:
    lowest = -1.0
    words = {"top": "top causes", "mean": "mean probability", "model": "model's own CSMF"}
    families: tuple[tuple[str, str, float, str, Callable[[Estimate], Callable[..., Any]]], ...] = (
        (
            "csmf_accuracy_{}",
            "CSMF accuracy ({})",
            lowest,
            "CSMF accuracy of {}; declared list; undetermined deaths are a class of their own.",
            lambda estimate: functools.partial(_accuracy, csmf.csmf_accuracy, estimate),
        ),
        (
            "cccsmf_{}",
            "CCCSMF ({})",
            -5.5,
            "CSMF accuracy of {}, corrected for chance by the constant 1 - 1/e.",
            lambda estimate: functools.partial(_cccsmf, estimate),
        ),
        (
            "csmf_accuracy_{}_determined",
            "CSMF accuracy ({}), determined only",
            lowest,
            "CSMF accuracy of {} after undetermined deaths are dropped and the rest scaled to 1.",
            lambda estimate: functools.partial(_accuracy, csmf.csmf_accuracy_determined, estimate),
        ),
        (
            "csmf_accuracy_{}_redistributed",
            "CSMF accuracy ({}), redistributed",
            lowest,
            "CSMF accuracy of {} after undetermined deaths are spread evenly over the declared list.",
            lambda estimate: functools.partial(_accuracy, csmf.csmf_accuracy_redistributed, estimate),
        ),
    )
    return {
        name.format(key): MetricInfo(
            label.format(words[key]),
            True,
            (low, 1),
            text.format(source),
            function(estimate),
            interval="inversion" if name.endswith("{}") else "",
            in_tables=name.endswith("{}"),
        )
        for name, label, low, text, function in families
        for key, (source, estimate) in ESTIMATES.items()
    }


def _mean_ccc(t: Totals) -> Floats:
    if t.n_causes < 2:
        return np.full(t.n.shape, np.nan)
    return individual.macro(individual.chance_corrected_concordance(t.correct, t.true), t.true)


def _median_ccc(t: Totals) -> Floats:
    return individual.median_over_present(individual.chance_corrected_concordance(t.correct, t.true), t.true)


METRICS: dict[str, MetricInfo] = {
    **_csmf_metrics(),
    "top1": MetricInfo(
        "Top-1 accuracy",
        True,
        (0, 1),
        "Share of deaths whose named cause is the true one; undetermined deaths are errors.",
        lambda t: t.correct.sum(axis=-1) / t.n,
        interval="percentile",
    ),
    "top3": MetricInfo(
        "Top-3 accuracy",
        True,
        (0, 1),
        "Share of deaths with the true cause among the three most probable; ties in the order of the declared list; "
        "undetermined deaths, and true causes of probability 0, are errors.",
        lambda t: t.top3 / t.n,
        interval="percentile",
    ),
    "mean_ccc": MetricInfo(
        "Mean CCC",
        True,
        (-1, 1),
        "Chance-corrected concordance (N = declared list), unweighted mean over causes with deaths in the test set.",
        _mean_ccc,
        interval="percentile",
    ),
    "median_ccc": MetricInfo(
        "Median CCC",
        True,
        (-1, 1),
        "Chance-corrected concordance (N = declared list), median over causes with deaths in the test set.",
        _median_ccc,
    ),
    "pccc3": MetricInfo(
        "Partial CCC, top 3",
        True,
        (-1, 1),
        "Top-3 accuracy corrected for chance, (C - 3/N) / (1 - 3/N), N = declared list.",
        lambda t: individual.partial_concordance(t.top3 / t.n, 3, t.n_causes),
    ),
    "macro_sensitivity": MetricInfo(
        "Macro sensitivity",
        True,
        (0, 1),
        "Unweighted mean sensitivity over causes with deaths in the test set; undetermined deaths are errors.",
        lambda t: individual.macro(individual.sensitivity(t.correct, t.true), t.true),
        interval="percentile",
    ),
    "macro_ppv": MetricInfo(
        "Macro PPV",
        True,
        (0, 1),
        "Unweighted mean positive predictive value over causes with deaths in the test set; 0 where never named.",
        lambda t: individual.macro(individual.positive_predictive_value(t.correct, t.named), t.true),
    ),
    "kappa": MetricInfo(
        "Cohen's kappa",
        True,
        (-1, 1),
        "Agreement beyond chance; undetermined is a category that only the method uses.",
        lambda t: individual.kappa(t.correct, t.true, t.named),
        interval="percentile",
    ),
    "log_loss": MetricInfo(
        "Log loss",
        False,
        (0, 34.6),
        "Mean minus log probability of the true cause, floor 1e-15; undetermined deaths count as uniform.",
        lambda t: t.log_loss / t.n,
        interval="percentile",
    ),
    "brier": MetricInfo(
        "Brier score",
        False,
        (0, 2),
        "Mean squared distance of probabilities and truth, summed over causes; undetermined deaths count 1.",
        lambda t: t.brier / t.n,
        interval="percentile",
    ),
    "undetermined": MetricInfo(
        "Undetermined",
        False,
        (0, 1),
        "Share of deaths for which no cause is named.",
        lambda t: np.maximum(t.n - t.named.sum(axis=-1), 0) / t.n,
    ),
}
"""Metrics of a `Totals`, by name: they can be resampled."""


CASE_METRICS: dict[str, MetricInfo] = {
    "ece": MetricInfo(
        "ECE",
        False,
        (0, 1),
        "Expected calibration error of the largest probability, 15 bins of equal width; undetermined left out.",
        lambda c: calibration.expected_calibration_error(c.truth, c.probability),
    ),
    "ece_classwise": MetricInfo(
        "Class-wise ECE",
        False,
        (0, 1),
        "Mean over the declared causes of the calibration error of each, 15 bins; undetermined left out.",
        lambda c: calibration.classwise_calibration_error(c.truth, c.probability),
    ),
    "csmf_ceiling": MetricInfo(
        "finite-sample ceiling",
        True,
        (0, 1),
        "Expected CSMF accuracy of a fresh, rightly labelled sample of as many deaths from the same cause mix.",
        lambda c: reference_levels.finite_sample_ceiling(case_metrics.csmf_true(c), len(c.truth)),
        in_tables=False,
        reference_for="csmf_accuracy",
    ),
    "csmf_interval_coverage": MetricInfo(
        "Coverage of CSMF intervals",
        True,
        (0, 1),
        "Share of the declared causes whose true fraction lies in the 95% interval of the model's CSMF draws; "
        "only for models that have draws. Over resampled test sets, the mean for models with draws of each.",
        case_metrics.interval_coverage,
        in_tables=False,
        defined_for="models that give draws of the CSMF",
    ),
    "csmf_conformal_coverage": MetricInfo(
        "Coverage of conformal CSMF intervals",
        True,
        (0, 1),
        "Share of the declared causes whose true fraction lies in the 95% conformal interval around the model's own "
        "CSMF; over resampled test sets, the mean.",
        lambda c: float("nan"),  # learned on training sites: `va_experiments.metrics.conformal`
        in_tables=False,
        defined_for="csmf_interval=conformal",
    ),
    "csmf_conformal_width": MetricInfo(
        "Width of conformal CSMF intervals",
        False,
        (0, 1),
        "Mean over the declared causes of the width of that interval.",
        lambda c: float("nan"),
        in_tables=False,
        defined_for="csmf_interval=conformal",
    ),
    "label_coverage": MetricInfo(
        "label-coverage ceiling",
        True,
        (0, 1),
        "Share of test deaths whose cause occurs in training: a ceiling of top-1 accuracy.",
        case_metrics.label_coverage,
        in_tables=False,
        reference_for="top1",
        defined_for="protocols that train",
    ),
    "csmf_ceiling_coverage": MetricInfo(
        "label-coverage ceiling",
        True,
        (0, 1),
        "Best CSMF accuracy of an estimate without the causes that are absent from training.",
        case_metrics.coverage_ceiling,
        in_tables=False,
        reference_for="csmf_accuracy",
        defined_for="protocols that train",
    ),
    "csmf_accuracy_labelled": MetricInfo(
        "CSMF accuracy (labelled deaths alone)",
        True,
        (-1, 1),
        "CSMF accuracy of the fractions of the labelled deaths of the test site, for the deaths that are tested.",
        lambda c: float("nan"),  # needs the labelled deaths: `va_experiments.cell.target_labels`
        in_tables=False,
        defined_for="protocol.target_labels",
    ),
    "csmf_accuracy_half_labelled": MetricInfo(
        "CSMF accuracy (half labelled, half model)",
        True,
        (-1, 1),
        "CSMF accuracy of the mean of the labelled deaths' fractions and the model's own CSMF.",
        lambda c: float("nan"),
        in_tables=False,
        defined_for="protocol.target_labels",
    ),
    "csmf_chance": MetricInfo(
        "guessing at random",
        True,
        (-1, 1),
        "Expected CSMF accuracy when each death gets a cause at random, for this truth and number of deaths.",
        lambda c: reference_levels.chance_accuracy(case_metrics.csmf_true(c), len(c.truth)),
        in_tables=False,
        reference_for="csmf_accuracy",
    ),
}
"""Metrics of `ScoredDeaths`, by name: computed once, on the whole test set."""

for _name in ESTIMATES:
    CASE_METRICS[f"cccsmf_empirical_{_name}"] = MetricInfo(
        f"CCCSMF ({_name}), empirical chance",
        True,
        (-float("inf"), 1),
        f"csmf_accuracy_{_name} corrected by csmf_chance, the chance level of this truth and number of deaths.",
        lambda c: float("nan"),  # follows from two others: see `score`
        in_tables=False,
    )


def check_metric(name: str, where: str) -> None:
    """Refuse a name that is no metric, with the nearest one; `where` is the option that names it.

    Raises
    ------
    InputError
    """
    known = [*METRICS, *CASE_METRICS]
    if name not in known:
        raise InputError(f"{where}: unknown metric {shown(name)}; known: {', '.join(known)}{did_you_mean(name, known)}")


def known_metrics() -> dict[str, MetricInfo]:
    """Return every metric by name, in the order in which tables show them."""
    return METRICS | CASE_METRICS


def find_metric(name: str) -> MetricInfo | None:
    """Return a metric by its column's name, or None for a column that is none."""
    return METRICS.get(name) or CASE_METRICS.get(name)


def metric_label(name: str) -> str:
    """Return what a metric is called in headings and on axes."""
    info = find_metric(name)
    return info.label if info else name.replace("_", " ")


def lower_is_better(name: str) -> bool:
    """Return whether a smaller value of a metric is the better one."""
    info = find_metric(name)
    return info is not None and not info.higher_is_better


def table_metrics() -> tuple[str, ...]:
    """Return the names of the metrics that the report's table of all metrics shows, in its order."""
    return tuple(name for name, info in known_metrics().items() if info.in_tables)


def reference_levels_of(metric: str) -> dict[str, str]:
    """Return the reference values that a metric is read against: column of the cells -> name."""
    return {
        name: info.label
        for name, info in known_metrics().items()
        if info.reference_for and metric.startswith(info.reference_for)
    }
