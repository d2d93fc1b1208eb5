"""The metrics of a cell, by name. A new metric is one function and one entry here.

The function takes a `Tally` (sums over deaths, leading axis = resamples) and returns one number for each resample; with
``interval="percentile"`` it gets a bootstrap interval. Suppose the share of deaths not named rightly were wanted::

    def wrong(tally: Tally) -> Floats:
        return 1 - tally.correct.sum(axis=-1) / tally.n

    METRICS["wrong"] = MetricInfo("wrong", False, (0, 1), "Share of deaths not named rightly.", wrong, "percentile")

A metric that needs the deaths one by one (calibration) goes to `CASE_METRICS` and takes `Cases`. A change of a metric's
meaning, or a new metric, raises `METRIC_SET_VERSION`, which is part of every cell's key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.metrics import calibration, csmf, individual, reference_levels
from va_experiments.metrics.sufficient_statistics import Cases, Tally

__all__ = ["CASE_METRICS", "ESTIMATES", "METRICS", "METRIC_SET_VERSION", "MetricInfo", "check_metric"]

METRIC_SET_VERSION = 5
"""Version of the meanings of all metrics together; part of a cell's key."""

Floats = npt.NDArray[np.float64]
Estimate = Callable[[Tally], Floats]


@dataclass(frozen=True)
class MetricInfo:
    """What a metric is called, which way is better, and how it is computed."""

    label: str
    higher_is_better: bool
    range: tuple[float, float]
    """Least and greatest value."""
    description: str
    """One sentence: what is counted, over which causes, what undetermined deaths do."""
    function: Callable
    """Of a `Tally`, for each resample; in `CASE_METRICS` of `Cases`, one number."""
    interval: str = ""
    """Kind of the bootstrap interval over deaths that ``<name>_low`` and ``<name>_high`` give: ``"percentile"``
    (`va_experiments.metrics.resampling.interval`), or ``"inversion"`` for CSMF accuracies, which a small sample biases
    (`va_experiments.metrics.csmf_interval`). Without one: no kind tried covers as it says."""


ESTIMATES: Mapping[str, tuple[str, Estimate]] = {
    "top": ("the shares of the named causes", lambda t: t.csmf_top),
    "mean": ("the mean probability", lambda t: t.csmf_mean),
    "model": ("the model's own CSMF", lambda t: t.csmf_model),
}
"""The three estimates of the cause fractions, by the ending of their metrics' names: in words, and of a `Tally`."""


def _accuracy(variant: Callable[[npt.ArrayLike, npt.ArrayLike], Floats], estimate: Estimate, tally: Tally) -> Floats:
    return variant(tally.csmf_true, estimate(tally))


def _cccsmf(estimate: Estimate, tally: Tally) -> Floats:
    return csmf.chance_corrected(csmf.csmf_accuracy(tally.csmf_true, estimate(tally)))


def _csmf_metrics() -> dict[str, MetricInfo]:
    rows: dict[str, MetricInfo] = {}
    lowest = -1.0
    for name, (source, estimate) in ESTIMATES.items():
        rows[f"csmf_accuracy_{name}"] = MetricInfo(
            f"CSMF accuracy ({name})",
            True,
            (lowest, 1),
            f"CSMF accuracy of {source}; declared list; undetermined deaths are a class of their own.",
            functools.partial(_accuracy, csmf.csmf_accuracy, estimate),
            interval="inversion",
        )
        rows[f"cccsmf_{name}"] = MetricInfo(
            f"CCCSMF ({name})",
            True,
            (-5.5, 1),
            f"CSMF accuracy of {source}, corrected for chance by the constant 1 - 1/e.",
            functools.partial(_cccsmf, estimate),
            interval="inversion",
        )
        rows[f"csmf_accuracy_{name}_determined"] = MetricInfo(
            f"CSMF accuracy ({name}), determined only",
            True,
            (lowest, 1),
            f"CSMF accuracy of {source} after undetermined deaths are dropped and the rest scaled to 1.",
            functools.partial(_accuracy, csmf.csmf_accuracy_determined, estimate),
        )
        rows[f"csmf_accuracy_{name}_redistributed"] = MetricInfo(
            f"CSMF accuracy ({name}), redistributed",
            True,
            (lowest, 1),
            f"CSMF accuracy of {source} after undetermined deaths are spread evenly over the declared list.",
            functools.partial(_accuracy, csmf.csmf_accuracy_redistributed, estimate),
        )
    return rows


def _mean_ccc(t: Tally) -> Floats:
    if t.n_causes < 2:
        return np.full(t.n.shape, np.nan)
    return individual.macro(individual.chance_corrected_concordance(t.correct, t.true), t.true)


def _median_ccc(t: Tally) -> Floats:
    return individual.median_over_present(individual.chance_corrected_concordance(t.correct, t.true), t.true)


METRICS: dict[str, MetricInfo] = {
    **_csmf_metrics(),
    "top1": MetricInfo(
        "top-1 accuracy",
        True,
        (0, 1),
        "Share of deaths whose named cause is the true one; undetermined deaths are errors.",
        lambda t: t.correct.sum(axis=-1) / t.n,
        interval="percentile",
    ),
    "top3": MetricInfo(
        "top-3 accuracy",
        True,
        (0, 1),
        "Share of deaths with the true cause among the three most probable; ties in the order of the declared list; "
        "undetermined deaths, and true causes of probability 0, are errors.",
        lambda t: t.top3 / t.n,
        interval="percentile",
    ),
    "mean_ccc": MetricInfo(
        "mean CCC",
        True,
        (-1, 1),
        "Chance-corrected concordance (N = declared list), unweighted mean over causes with deaths in the test set.",
        _mean_ccc,
        interval="percentile",
    ),
    "median_ccc": MetricInfo(
        "median CCC",
        True,
        (-1, 1),
        "Chance-corrected concordance (N = declared list), median over causes with deaths in the test set.",
        _median_ccc,
    ),
    "pccc3": MetricInfo(
        "partial CCC, top 3",
        True,
        (-1, 1),
        "Top-3 accuracy corrected for chance, (C - 3/N) / (1 - 3/N), N = declared list.",
        lambda t: individual.partial_concordance(t.top3 / t.n, 3, t.n_causes),
    ),
    "macro_sensitivity": MetricInfo(
        "macro sensitivity",
        True,
        (0, 1),
        "Unweighted mean sensitivity over causes with deaths in the test set; undetermined deaths are errors.",
        lambda t: individual.macro(individual.sensitivity(t.correct, t.true), t.true),
        interval="percentile",
    ),
    "macro_ppv": MetricInfo(
        "macro PPV",
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
        "log loss",
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
        "undetermined",
        False,
        (0, 1),
        "Share of deaths for which no cause is named.",
        lambda t: np.maximum(t.n - t.named.sum(axis=-1), 0) / t.n,
    ),
}
"""Metrics of a `Tally`, by name: they can be resampled."""


def _csmf_true(cases: Cases) -> Floats:
    return csmf.cause_fractions(cases.truth, cases.n_causes)


def _interval_coverage(cases: Cases) -> float:
    if cases.csmf_draws is None:
        return float("nan")
    return float(calibration.csmf_interval_coverage(_csmf_true(cases), cases.csmf_draws).mean())


def _label_coverage(cases: Cases) -> float:
    return (
        float("nan") if cases.train_cause is None else reference_levels.label_coverage(cases.truth, cases.train_cause)
    )


def _coverage_ceiling(cases: Cases) -> float:
    if cases.train_cause is None:
        return float("nan")
    return reference_levels.coverage_ceiling(_csmf_true(cases), cases.train_cause)


CASE_METRICS: dict[str, MetricInfo] = {
    "ece": MetricInfo(
        "ECE",
        False,
        (0, 1),
        "Expected calibration error of the largest probability, 15 bins of equal width; undetermined left out.",
        lambda c: calibration.expected_calibration_error(c.truth, c.probability),
    ),
    "ece_classwise": MetricInfo(
        "class-wise ECE",
        False,
        (0, 1),
        "Mean over the declared causes of the calibration error of each, 15 bins; undetermined left out.",
        lambda c: calibration.classwise_calibration_error(c.truth, c.probability),
    ),
    "csmf_chance": MetricInfo(
        "CSMF accuracy of guessing",
        True,
        (-1, 1),
        "Expected CSMF accuracy when each death gets a cause at random, for this truth and number of deaths.",
        lambda c: reference_levels.chance_accuracy(_csmf_true(c), len(c.truth)),
    ),
    "csmf_ceiling": MetricInfo(
        "CSMF accuracy, finite-sample ceiling",
        True,
        (0, 1),
        "Expected CSMF accuracy of a fresh, rightly labelled sample of as many deaths from the same cause mix.",
        lambda c: reference_levels.finite_sample_ceiling(_csmf_true(c), len(c.truth)),
    ),
    "csmf_interval_coverage": MetricInfo(
        "coverage of CSMF intervals",
        True,
        (0, 1),
        "Share of the declared causes whose true fraction lies in the 95% interval of the model's CSMF draws; "
        "only for models that have draws.",
        _interval_coverage,
    ),
    "label_coverage": MetricInfo(
        "label coverage",
        True,
        (0, 1),
        "Share of test deaths whose cause occurs in training: a ceiling of top-1 accuracy.",
        _label_coverage,
    ),
    "csmf_ceiling_coverage": MetricInfo(
        "CSMF accuracy, label-coverage ceiling",
        True,
        (0, 1),
        "Best CSMF accuracy of an estimate without the causes that are absent from training.",
        _coverage_ceiling,
    ),
}
"""Metrics of `Cases`, by name: computed once, on the whole test set."""

for _name in ESTIMATES:
    CASE_METRICS[f"cccsmf_empirical_{_name}"] = MetricInfo(
        f"CCCSMF ({_name}), empirical chance",
        True,
        (-float("inf"), 1),
        f"csmf_accuracy_{_name} corrected by csmf_chance, the chance level of this truth and number of deaths.",
        lambda c: float("nan"),  # follows from two others: see `score`
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
