"""Metrics by name: what is known, labels, directions, reference values, and a refusal with the nearest name."""

from __future__ import annotations

import pytest

from va_experiments.errors import InputError
from va_experiments.metrics.registry import (
    CASE_METRICS,
    METRICS,
    check_metric,
    find_metric,
    known_metrics,
    lower_is_better,
    metric_label,
    reference_levels_of,
    table_metrics,
)


def test_a_metric_is_known_by_its_name_and_another_name_is_refused_with_the_nearest() -> None:
    case_metric = next(iter(CASE_METRICS))
    check_metric("top1", "objective")
    check_metric(case_metric, "objective")
    with pytest.raises(InputError) as raised:
        check_metric("topp1", "objective")
    names = ", ".join([*METRICS, *CASE_METRICS])
    assert str(raised.value) == f"objective: unknown metric 'topp1'; known: {names}; did you mean 'top1'?"
    assert list(known_metrics()) == [*METRICS, *CASE_METRICS]
    assert find_metric(case_metric) is CASE_METRICS[case_metric]
    assert find_metric("topp1") is None


def test_labels_directions_and_tables() -> None:
    assert metric_label("csmf_accuracy_top") == "CSMF accuracy (top causes)"
    assert metric_label("csmf_accuracy_mean_determined") == "CSMF accuracy (mean probability), determined only"
    assert METRICS["cccsmf_model"].label == "CCCSMF (model's own CSMF)"
    assert METRICS["cccsmf_model"].range == (-5.5, 1)
    assert METRICS["csmf_accuracy_top"].range == (-1.0, 1)
    assert metric_label("of_no_metric") == "of no metric"
    assert [lower_is_better(name) for name in ("log_loss", "top1", "of_no_metric")] == [True, False, False]
    assert table_metrics() == tuple(name for name, info in known_metrics().items() if info.in_tables)
    assert {"csmf_accuracy_top", "top1"} <= set(table_metrics())
    assert "csmf_accuracy_top_determined" not in table_metrics()


def test_descriptions_say_what_happens_to_undetermined_deaths() -> None:
    described = {
        "csmf_accuracy_top": "CSMF accuracy of the shares of the named causes; declared list; undetermined deaths are "
        "a class of their own.",
        "cccsmf_mean": "CSMF accuracy of the mean probability, corrected for chance by the constant 1 - 1/e.",
        "csmf_accuracy_model_determined": "CSMF accuracy of the model's own CSMF after undetermined deaths are dropped "
        "and the rest scaled to 1.",
        "csmf_accuracy_top_redistributed": "CSMF accuracy of the shares of the named causes after undetermined deaths "
        "are spread evenly over the declared list.",
    }
    assert {name: METRICS[name].description for name in described} == described


def test_reference_values_are_those_of_the_metrics_family() -> None:
    levels = {name: info for name, info in known_metrics().items() if info.reference_for}
    assert levels
    for metric in ("csmf_accuracy_top", "top1"):
        expected = {name: info.label for name, info in levels.items() if metric.startswith(info.reference_for)}
        assert reference_levels_of(metric) == expected
    assert reference_levels_of("csmf_accuracy_top")


def test_the_csmf_accuracies_that_stand_in_tables_have_intervals_by_inversion() -> None:
    estimates = ("top", "mean", "model")
    inverted = {f"{name}_{estimate}" for name in ("csmf_accuracy", "cccsmf") for estimate in estimates}
    assert {name for name, info in METRICS.items() if info.interval == "inversion"} == inverted
    for kind, words in (("determined", "determined only"), ("redistributed", "redistributed")):
        metric = METRICS[f"csmf_accuracy_top_{kind}"]
        assert (metric.label, metric.interval) == (f"CSMF accuracy (top causes), {words}", "")
