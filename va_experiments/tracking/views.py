"""The views that MLflow's page of runs offers under *Views*: what is shown, of which columns, in which order.

MLflow keeps a saved view as a tag of its experiment, under the name below, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from va_experiments.metrics.registry import lower_is_better
from va_experiments.results.schema import TABLES

__all__ = ["CELLS", "experiment_tags", "page_of"]

CELLS = "va-cells"
"""The view that is opened first."""

_PREFIX = "mlflow.sharedViewState."

_CELL_METRICS = ("csmf_accuracy_top", "csmf_accuracy_model", "top1", "top3", "mean_ccc")
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
    cells = [f"metrics.`{name}`" for name in _CELL_METRICS] + [f"tags.`{name}`" for name in TABLES["MLflow's runs"]]
    parents = [f"metrics.`{name}.csmf_accuracy_top`" for name in _PARENT_METRICS]
    views = {
        CELLS: _view(
            "cells, best first",
            "cell",
            f"metrics.`{_CELL_METRICS[0]}`",
            cells,
            milliseconds,
            ascending=lower_is_better(_CELL_METRICS[0]),
        ),
        "va-multiruns": _view("multiruns", "multirun", "attributes.start_time", parents, milliseconds),
    }
    return {"mlflow.experimentKind": "custom_model_development"} | {_PREFIX + key: v for key, v in views.items()}


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
