"""Define what the registry holds of a metric: label, direction, range, meaning and function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["MetricInfo"]


@dataclass(frozen=True)
class MetricInfo:
    """Everything about a metric: tables, ranks, comparisons, MLflow's views and sweepers read it here."""

    label: str
    """What it is called in headings and on axes."""
    higher_is_better: bool
    range: tuple[float, float]
    """Least and greatest value."""
    description: str
    """One sentence: what is counted, over which causes, what undetermined deaths do."""
    function: Callable[..., Any]
    """Of a `Totals`, for each resample; in `CASE_METRICS` of `ScoredDeaths`, one number."""
    interval: str = ""
    """Kind of the bootstrap interval over deaths that ``<name>_low`` and ``<name>_high`` give: ``"percentile"``
    (`va_experiments.metrics.resampling.interval`), or ``"inversion"`` for CSMF accuracies, which a small sample biases
    (`va_experiments.metrics.csmf_interval`). Without one: no kind tried covers as it says."""
    in_tables: bool = True
    """Whether it is a column of the report's table of all metrics."""
    reference_for: str = ""
    """Beginning of the names of the metrics that it is a reference value for; empty for a model's own score."""
    defined_for: str = "every model with a labelled test set"
    """Where it has a value."""
