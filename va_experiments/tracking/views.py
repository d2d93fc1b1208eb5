"""Define the saved views of MLflow's page of runs: columns, filters and order.

MLflow keeps a saved view as a tag of its experiment, under the name below, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from va_experiments.metrics.registry import lower_is_better
from va_experiments.results.column import MLflow
from va_experiments.results.schema import TABLES, columns

__all__ = ["CELLS", "experiment_tags", "page_of"]

CELLS = "va-cells"
"""The view that is opened first."""

_PREFIX = "mlflow.sharedViewState."

_PARENT_METRICS = ("nbc", "interva", "insilico", "tariff")


def page_of(experiment: str) -> str:
    """Return what follows a server's address where its table of runs opens with the view of cells."""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={CELLS}"


def experiment_tags(milliseconds: int) -> dict[str, str]:
    """Return the tags of a new experiment: its kind, for which MLflow opens the table of runs, and two saved views.

    Parameters
    ----------
    milliseconds : int
        The time that is shown as the views' age, since 1970.
    """
    shown = TABLES["MLflow's runs"]
    by = shown[0]
    cells = [f"{_kind(name)}.`{name}`" for name in shown]
    parents = [f"metrics.`{name}.csmf_accuracy_top`" for name in _PARENT_METRICS]
    views = {
        CELLS: _view(
            "cells, best first",
            "cell",
            f"metrics.`{by}`",
            cells,
            milliseconds,
            ascending=lower_is_better(by),
        ),
        "va-multiruns": _view("multiruns", "multirun", "attributes.start_time", parents, milliseconds),
    }
    return {"mlflow.experimentKind": "custom_model_development"} | {_PREFIX + key: v for key, v in views.items()}


def _kind(name: str) -> str:
    """Return the part of an MLflow run that holds a column of a row: ``metrics`` or ``tags``."""
    return "metrics" if MLflow.METRIC in columns()[name].mlflow else "tags"


def _view(
    name: str, kind: str, order: str, columns: Sequence[str], milliseconds: int, *, ascending: bool = False
) -> str:
    state = {
        "searchFilter": f"tags.`va.kind` = '{kind}'",
        "orderByKey": order,
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": list(columns),
        "columnOrder": list(columns),
        "columnWidths": {name: max(90, 8 * len(name) - 40) for name in columns},
    }
    times = {"createdAt": milliseconds, "updatedAt": milliseconds}
    return json.dumps({"name": name, **times, "state": json.dumps(state)})
