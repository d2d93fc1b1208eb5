"""One tidy row a cell: the columns of ``cells.csv``, which scripts build on, and of the MLflow runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from va_experiments.cell import Cell, Result, versions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIRST_COLUMNS", "cell_row", "cells_frame", "older_versions"]

FIRST_COLUMNS = (
    "model",
    "protocol",
    "train_sites",
    "test_site",
    "train_size",
    "repeat",
    "fold",
    "replicate",
    "testset",
    "features",
    "data",
    "simulated",
    "n_train",
    "n_test",
    "n_causes",
    "status",
    "reused",
    "csmf_accuracy_top",
    "csmf_accuracy_mean",
    "csmf_accuracy_model",
    "top1",
    "top3",
    "mean_ccc",
    "fit_seconds",
    "predict_seconds",
    "cell_key",
    "prediction_sha256",
)
"""The columns that come first, in this order; further metrics, intervals, timings and errors follow."""


def older_versions(result: Result) -> str:
    """Return which libraries a reused result was computed with that differ from the ones here, or an empty string."""
    then = result.facts.get("versions")
    if not result.reused or not then:
        return ""
    now = versions()
    return ", ".join(f"{k} {then[k]} (now {now.get(k, 'absent')})" for k in sorted(then) if then[k] != now.get(k))


def cell_row(cell: Cell, result: Result, *, job: str, run_id: str, simulated: bool, model: str) -> dict[str, Any]:
    """Return the row of one cell; every figure of a failed cell is absent, never zero."""
    split, facts = cell.split, result.facts
    warnings = list(facts.get("warnings") or [])
    if isinstance(said := result.diagnostics.get("warning"), str) and said:
        warnings.insert(0, said)
    row: dict[str, Any] = {
        "run_id": run_id,
        "job": job,
        "model": model,
        "model_params": json.dumps(dict(cell.model.params), sort_keys=True, default=list),
        "protocol": split.protocol,
        "train_sites": "+".join(split.train_sites),
        "test_site": split.test_site,
        "train_size": split.train_size,
        "repeat": split.repeat,
        "fold": split.fold,
        "replicate": split.replicate,
        "testset": str(cell.setting.testset.get("name", "natural")),
        "features": cell.setting.features,
        "data": cell.setting.data,
        "simulated": simulated,
        "seed": cell.setting.seed,
        "n_train": facts.get("n_train"),
        "n_test": facts.get("n_test"),
        "n_causes": len(facts.get("causes", ())) or None,
        "status": result.status,
        "reused": result.reused,
        "older_versions": older_versions(result),
        "cell_key": result.key,
        "fit_key": cell.fit_key,
        "model_digest": cell.model.digest.hex()[:16],
        "split_sha256": facts.get("split_sha256"),
        "prediction_sha256": result.prediction_sha256 or None,
        "attempt": result.attempt,
        "worker": facts.get("worker"),
        "started": facts.get("started"),
        "ended": facts.get("ended"),
        "peak_memory_mb": facts.get("peak_memory_mb"),
        "testset_method": facts.get("testset_method"),
        "testset_sha256": facts.get("testset_sha256"),
        "n_test_sets": facts.get("n_test_sets"),
        "csmf_estimator": facts.get("csmf_estimator", "model"),
        "csmf_abstained": facts.get("csmf_abstained"),
        "converged": result.diagnostics.get("converged"),
        "warning": "; ".join(warnings)[:500],
        **result.timings,
        **result.metrics,
    }
    if result.failure is not None:
        row |= {
            "error_class": result.failure.error,
            "error_message": result.failure.message,
            "error_traceback": result.failure.traceback,
        }
    return row


def cells_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the rows as a table, the fixed columns first, sorted so that the order of completion cannot show."""
    import pandas as pd  # most of a second, which nothing before the first table needs

    frame = pd.DataFrame(list(rows))
    for name in FIRST_COLUMNS:
        if name not in frame:
            frame[name] = None
    rest = [c for c in frame.columns if c not in FIRST_COLUMNS]
    frame = frame[[*FIRST_COLUMNS, *rest]]
    order = ["model", "protocol", "train_sites", "test_site", "train_size", "repeat", "fold", "replicate", "cell_key"]
    # an adaptive sweeper may ask for a cell again: the first row says what became of it
    frame = frame.drop_duplicates("cell_key", keep="first")
    return frame.sort_values(order, kind="stable").reset_index(drop=True)
