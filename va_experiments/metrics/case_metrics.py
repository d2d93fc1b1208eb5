"""Compute metrics of a cell that are taken once, on the whole test set: coverage of intervals and of causes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from va_experiments.metrics import calibration, csmf, reference_levels
from va_experiments.metrics.sufficient_statistics import ScoredDeaths

__all__ = ["coverage_ceiling", "csmf_true", "interval_coverage", "label_coverage"]

Floats = npt.NDArray[np.float64]


def csmf_true(cases: ScoredDeaths) -> Floats:
    """Return the true fractions of the declared causes."""
    return csmf.cause_fractions(cases.truth, cases.n_causes)


def interval_coverage(cases: ScoredDeaths) -> float:
    """Return the share of causes whose true fraction the interval of the draws holds; NaN without draws."""
    if cases.csmf_draws is None:
        return float("nan")
    return float(calibration.csmf_interval_coverage(csmf_true(cases), cases.csmf_draws).mean())


def label_coverage(cases: ScoredDeaths) -> float:
    """Return the label coverage; NaN where the training deaths are not known."""
    return (
        float("nan") if cases.train_cause is None else reference_levels.label_coverage(cases.truth, cases.train_cause)
    )


def coverage_ceiling(cases: ScoredDeaths) -> float:
    """Return the best CSMF accuracy without causes absent from training; NaN where these are not known."""
    if cases.train_cause is None:
        return float("nan")
    return reference_levels.coverage_ceiling(csmf_true(cases), cases.train_cause)
