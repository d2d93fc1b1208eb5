"""Derive the columns of all metrics and of their intervals from the registry of metrics."""

from __future__ import annotations

from collections.abc import Iterator

from va_experiments.metrics.registry import CASE_METRICS, METRICS, MetricInfo
from va_experiments.results.column import Column, Kind, MLflow, Role

__all__ = ["metric_columns"]

ENDS = (("low", "lower"), ("high", "upper"))


def metric_columns() -> Iterator[Column]:
    """Yield the columns of all metrics: values, intervals, values of the deaths one by one, resampled test sets."""
    for name, info in METRICS.items():
        yield _column(name, Role.METRIC, info.description, info)
    for kind in ("percentile", "inversion"):
        for name, info in METRICS.items():
            if info.interval == kind:
                yield from _limits(name, info)
    for name, info in CASE_METRICS.items():
        yield _column(name, Role.METRIC, info.description, info)
    for name, info in METRICS.items():
        if not info.interval:
            yield from _limits(name, info)
        for end, word in ENDS:
            meaning = f"{word} end of the 95% interval of the median of `{name}` over resampled test sets"
            yield _column(f"{name}_median_{end}", Role.INTERVAL, meaning, info)


def _limits(name: str, info: MetricInfo) -> Iterator[Column]:
    """Yield the columns of a metric's 95% interval, over the test deaths or over resampled test sets."""
    for end, word in ENDS:
        yield _column(f"{name}_{end}", Role.INTERVAL, f"{word} end of the 95% interval of `{name}`", info)


def _column(name: str, role: Role, meaning: str, info: MetricInfo) -> Column:
    return Column(name, Kind.NUMBER, role, meaning, range=info.range, mlflow=MLflow.METRIC)
