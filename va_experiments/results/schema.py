"""Declare the columns of a result row, each once: files, MLflow, logs, reports and the reference page read this.

A row describes one cell. `COLUMNS` declares every column except the metrics, whose columns follow from
`va_experiments.metrics.registry`; `columns` returns all of them in the order of ``cells.csv``. To add a column, add one
entry to `COLUMNS`: its value appears in ``cells.csv``, ``cells.parquet``, ``cells.jsonl``, MLflow and the reference.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

from va_experiments.errors import did_you_mean
from va_experiments.metrics.registry import CASE_METRICS, METRICS
from va_experiments.results.column import Column, Kind, MLflow, Role
from va_experiments.results.metric_columns import metric_columns

__all__ = [
    "COLUMNS",
    "DEATHS_COLUMNS",
    "DIVISION_COLUMNS",
    "IDENTITY",
    "MAIN_METRICS",
    "ROW_ORDER",
    "SETTING_COLUMNS",
    "SPLIT_COLUMNS",
    "STATUSES",
    "TABLES",
    "TIMING_COLUMNS",
    "check_row",
    "columns",
    "find_column",
    "leading_columns",
    "tables_of",
]

TEXT, WHOLE, NUMBER, FLAG = Kind.TEXT, Kind.WHOLE, Kind.NUMBER, Kind.FLAG
TAG, PARAM, METRIC = MLflow.TAG, MLflow.PARAM, MLflow.METRIC

STATUSES = ("done", "failed", "missing")
COUNT = (0, math.inf)


def _timing(name: str, meaning: str) -> Column:
    """Declare a duration, looked up by name among the timings of a result."""
    value = lambda o: o.result.timings.get(name)  # noqa: E731 (an expression like those of the other columns)
    return Column(name, NUMBER, Role.TIMING, meaning, unit="s", range=COUNT, mlflow=METRIC, value=value)


_DECLARED = (
    Column(
        "model", TEXT, Role.MODEL, "name of the model; where jobs differ in its parameters, see `model_params`",
        required=True, mlflow=TAG | PARAM, value=lambda o: o.model,
    ),
    Column(
        "protocol", TEXT, Role.SETTING, "which sites are trained on and which are tested",
        default="", mlflow=TAG, value=lambda o: o.cell.split.protocol,
    ),
    Column(
        "train_sites", TEXT, Role.SPLIT, "sites trained on, joined by `+`",
        default="", mlflow=TAG, value=lambda o: "+".join(o.cell.split.train_sites),
    ),
    Column(
        "test_site", TEXT, Role.SPLIT, "site tested",
        required=True, mlflow=TAG | PARAM, value=lambda o: o.cell.split.test_site,
    ),
    Column(
        "train_size", TEXT, Role.SETTING, "`all`, a number of deaths (`n=200`) or a share (`share=0.5`)",
        default="all", mlflow=TAG | PARAM, value=lambda o: o.cell.split.train_size,
    ),
    Column(
        "repeat", WHOLE, Role.SPLIT, "which random division; 0 where there is one",
        default=0, range=COUNT, mlflow=PARAM, value=lambda o: o.cell.split.repeat,
    ),
    Column(
        "fold", WHOLE, Role.SPLIT, "which fold of the division; 0 where there is one",
        default=0, range=COUNT, mlflow=PARAM, value=lambda o: o.cell.split.fold,
    ),
    Column(
        "replicate", WHOLE, Role.SPLIT, "which training subset of this size; 0 where there is one",
        default=0, range=COUNT, value=lambda o: o.cell.split.replicate,
    ),
    Column(
        "testset", TEXT, Role.SETTING, "design of the test set: `natural` or resampled",
        default="natural", mlflow=TAG, value=lambda o: o.testset,
    ),
    Column(
        "features", TEXT, Role.SETTING, "feature level: `no_hce`, `hce`, `hce_words`",
        default="", mlflow=TAG | PARAM, value=lambda o: o.cell.setting.features,
    ),
    Column(
        "data", TEXT, Role.SETTING, "name of the data set",
        default="", mlflow=TAG, value=lambda o: o.cell.setting.data,
    ),
    Column(
        "simulated", FLAG, Role.PROVENANCE, "whether the data are simulated",
        default=False, mlflow=TAG, value=lambda o: o.simulated,
    ),
    Column(
        "n_train", WHOLE, Role.SIZE, "deaths trained on",
        unit="deaths", range=COUNT, mlflow=METRIC, value=lambda o: o.fact("n_train"),
    ),
    Column(
        "n_test", WHOLE, Role.SIZE, "deaths tested",
        unit="deaths", range=COUNT, mlflow=METRIC, value=lambda o: o.fact("n_test"),
    ),
    Column(
        "n_causes", WHOLE, Role.SIZE, "causes in the declared list",
        unit="causes", range=COUNT, value=lambda o: len(o.fact("causes") or ()) or None,
    ),
    Column(
        "status", TEXT, Role.STATUS, "`done`, `failed`, or `missing` (requested, not computed)",
        required=True, choices=STATUSES, mlflow=TAG, value=lambda o: o.status,
    ),
    Column(
        "reused", FLAG, Role.STATUS, "whether the cell was taken from the store, not computed in this run",
        default=False, mlflow=TAG, value=lambda o: o.result.reused,
    ),
    _timing("fit_seconds", "wall time of the fit, shared evenly among the cells of one fit"),
    _timing("predict_seconds", "wall time of the prediction"),
    Column(
        "cell_key", TEXT, Role.PROVENANCE,
        "SHA-256 of what is computed: model, parameters, source, data, split, seed, metric set",
        required=True, mlflow=TAG, value=lambda o: o.result.key,
    ),
    Column(
        "prediction_sha256", TEXT, Role.PROVENANCE,
        "SHA-256 of probabilities, CSMF and named causes: equal if and only if the result is the same to the last bit",
        mlflow=TAG, value=lambda o: o.result.prediction_sha256 or None,
    ),
    Column(
        "cause_list", TEXT, Role.SETTING, "list of causes at which the cell is scored (`score_at=`); empty: the data's",
        default="", mlflow=TAG, value=lambda o: o.cell.setting.cause_list,
    ),
    Column(
        "target_labels", TEXT, Role.SETTING,
        "deaths of the test set with known causes, how they are drawn, and how often each is trained on "
        "(`protocol.target_labels`); empty: none",
        default="", mlflow=TAG, value=lambda o: o.cell.split.target_labels,
    ),
    Column("run_id", TEXT, Role.PROVENANCE, "name of the run", default="", value=lambda o: o.run_id),
    Column(
        "job", TEXT, Role.PROVENANCE, "overrides of the job that requested the cell",
        default="", mlflow=TAG, value=lambda o: o.job,
    ),
    Column(
        "model_params", TEXT, Role.MODEL, "parameters of the model as JSON; in MLflow one each (`model.alpha`)",
        default="{}", value=lambda o: o.model_params,
    ),
    Column(
        "seed", WHOLE, Role.PROVENANCE, "seed of the job",
        default=0, mlflow=PARAM, value=lambda o: o.cell.setting.seed,
    ),
    Column(
        "older_versions", TEXT, Role.PROVENANCE,
        "for reused cells: libraries whose version was another when the cell was computed",
        default="", value=lambda o: o.older_versions,
    ),
    Column("fit_key", TEXT, Role.PROVENANCE, "cells with the same key share one fit", value=lambda o: o.cell.fit_key),
    Column(
        "model_digest", TEXT, Role.PROVENANCE, "digest of model and parameters",
        value=lambda o: o.cell.model.digest.hex()[:16],
    ),
    Column(
        "split_sha256", TEXT, Role.PROVENANCE,
        "SHA-256 of the ids trained on and tested on: the same for every model",
        value=lambda o: o.fact("split_sha256"),
    ),
    Column(
        "attempt", WHOLE, Role.PROVENANCE, "which attempt settled the cell, from 1",
        default=1, range=COUNT, value=lambda o: o.result.attempt,
    ),
    Column("worker", TEXT, Role.PROVENANCE, "host and process that computed it", value=lambda o: o.fact("worker")),
    Column(
        "started", NUMBER, Role.PROVENANCE, "start of the fit, in seconds since 1970 (UTC)",
        unit="s", value=lambda o: o.fact("started"),
    ),
    Column(
        "ended", NUMBER, Role.PROVENANCE, "end of the cell, in seconds since 1970 (UTC)",
        unit="s", value=lambda o: o.fact("ended"),
    ),
    Column(
        "peak_memory_mb", NUMBER, Role.PROVENANCE, "largest resident memory of the worker so far",
        unit="MB", range=COUNT, mlflow=METRIC, value=lambda o: o.fact("peak_memory_mb"),
    ),
    Column(
        "testset_method", TEXT, Role.PROVENANCE, "of a resampled design: how model and resamples go together",
        value=lambda o: o.fact("testset_method"),
    ),
    Column(
        "testset_sha256", TEXT, Role.PROVENANCE, "hash of the resamples: the same for every model",
        value=lambda o: o.fact("testset_sha256"),
    ),
    Column(
        "n_test_sets", WHOLE, Role.SIZE, "number of resampled test sets; 1 for the natural one",
        unit="test sets", range=COUNT, mlflow=METRIC, value=lambda o: o.fact("n_test_sets"),
    ),
    Column(
        "csmf_estimator", TEXT, Role.PROVENANCE, "estimator behind `csmf_accuracy_model` (`csmf=`)",
        default="model", value=lambda o: o.fact("csmf_estimator"),
    ),
    Column(
        "csmf_options", TEXT, Role.PROVENANCE, "`csmf=`, `calibration.…` and `csmf_interval=` of the cell, as JSON; "
        "those that differ are part of a model's label", default="{}", value=lambda o: o.csmf_options,
    ),
    Column(
        "csmf_abstained", TEXT, Role.PROVENANCE, "why that estimator gave no estimate, if it did not",
        value=lambda o: o.fact("csmf_abstained"),
    ),
    Column(
        "csmf_interval_abstained", TEXT, Role.PROVENANCE,
        "why `csmf_interval=conformal` gave no interval, if it did not",
        value=lambda o: o.fact("csmf_interval_abstained"),
    ),
    Column(
        "csmf_lambda", NUMBER, Role.PROVENANCE, "weight of the identity in the matrix of `csmf=vacalibration`; near 1 "
        "nothing is calibrated", value=lambda o: o.fact("csmf_lambda"),
    ),
    Column(
        "csmf_not_calibrated", TEXT, Role.PROVENANCE, "causes or groups that it leaves as they are",
        value=lambda o: o.fact("csmf_not_calibrated"),
    ),
    Column(
        "converged", FLAG, Role.PROVENANCE, "whether an iterative model converged; missing for other models",
        mlflow=TAG, value=lambda o: o.converged,
    ),
    Column("warning", TEXT, Role.PROVENANCE, "warnings of the model", default="", value=lambda o: o.warning),
    _timing("score_seconds", "wall time of the metrics and their intervals"),
    _timing("encode_seconds", "wall time of writing the prediction as bytes"),
    _timing("load_seconds", "wall time of selecting rows and features, shared among the cells of one fit"),
    _timing("tuning_seconds", "of `fit_seconds`, the time for choices: a tuned model's candidates, a stack's weights"),
    _timing("fit_cpu_seconds", "processor time of the fit, shared among the cells of one fit"),
    _timing("cpu_seconds", "processor time of the whole cell"),
    _timing("queue_seconds", "wall time from the start of the batch to the start of the fit"),
    _timing("commit_seconds", "wall time of writing the cell to the store"),
    Column(
        "error_class", TEXT, Role.ERROR, "class of a failed cell's error; a failed cell has no figures, never zero",
        value=lambda o: o.failure("error"),
    ),
    Column("error_message", TEXT, Role.ERROR, "message of the error", value=lambda o: o.failure("message")),
    Column("error_traceback", TEXT, Role.ERROR, "where it was raised", value=lambda o: o.failure("traceback")),
)  # fmt: skip

COLUMNS: dict[str, Column] = {column.name: column for column in _DECLARED}
"""Every column that is no metric, by name, in the order of ``cells.csv``."""

MAIN_METRICS = ("csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model", "top1", "top3", "mean_ccc")
"""Metrics that stand before the timings in ``cells.csv``, and whose means stand on MLflow's run of the whole run."""


def _names(*roles: Role) -> tuple[str, ...]:
    return tuple(column.name for column in _DECLARED if column.role in roles)


SETTING_COLUMNS = tuple(sorted(_names(Role.SETTING)))
"""Columns within whose groups figures may be compared and averaged."""

SPLIT_COLUMNS = _names(Role.SPLIT)
"""Columns that, within a setting, name one split: the same for every model."""

DIVISION_COLUMNS = tuple(
    n for n in _names(Role.SETTING, Role.SPLIT) if n not in ("testset", "features", "data", "cause_list")
)
"""Columns that name a split without the data it divides: protocol, sites, training size, repeats."""

IDENTITY = ("cell_key", "model", *SETTING_COLUMNS, *SPLIT_COLUMNS)
"""Columns that tell a cell from every other one."""

ROW_ORDER = ("model", *DIVISION_COLUMNS, "cell_key")
"""Columns by which the rows of a table are sorted."""

DEATHS_COLUMNS = ("split_sha256", "testset_sha256")
"""Columns that together say which deaths were trained on and tested on, and how often each."""

TIMING_COLUMNS = _names(Role.TIMING)

_ERRORS = _names(Role.ERROR)

TABLES: Mapping[str, tuple[str, ...]] = {
    "leaderboard": ("protocol", "data", "features", "testset", "train_size", "cause_list", "target_labels"),
    "failures": ("cell_key", "model", "train_sites", "test_site", *_ERRORS),
    "slowest cells": (
        *("model", "train_sites", "test_site", "n_train", "n_test", "status"),
        *("queue_seconds", "load_seconds", "fit_seconds", "predict_seconds", "score_seconds", "commit_seconds"),
        *("cpu_seconds", "peak_memory_mb", "worker", "cell_key"),
    ),
    "log": (
        *("run_id", "job", "cell_key", "fit_key", "model", "protocol", "train_sites", "test_site", "worker"),
        *("status", "reused", "attempt", "started", "ended"),
    ),
    "MLflow's runs": (
        *("csmf_accuracy_top", "csmf_accuracy_model", "top1", "top3", "mean_ccc"),
        *("model", "test_site", "train_sites", "testset", "reused"),
    ),
    "split hashes": (*DIVISION_COLUMNS, "split_sha256"),
    "strata": ("top1", "top1_low", "top1_high", "mean_ccc", "csmf_accuracy_top", "csmf_accuracy_mean"),
    "packages": (
        *("cell_key", "prediction_sha256", "seed", "model_params", "fit_key", "model_digest", "split_sha256"),
        *("testset_method", "testset_sha256", "n_test_sets", "csmf_estimator", "csmf_abstained", "converged"),
    ),
    "transfer loss": ("protocol", "data", "features", "train_sites", "test_site", "model_digest"),
}
"""Columns of rows that other tables show, in their order; ``cells`` and ``baselines`` show all."""


def tables_of(name: str) -> tuple[str, ...]:
    """Return the tables that show a column, beside ``cells`` and ``baselines``."""
    return tuple(table for table, names in TABLES.items() if name in names)


def columns() -> Mapping[str, Column]:
    """Return all columns by name, in the order of ``cells.csv``.

    The main metrics stand behind the status, the other metrics and their intervals before the errors.
    """
    tables = (COLUMNS, METRICS, CASE_METRICS)
    return _in_order(tuple((tuple(table), tuple(map(id, table.values()))) for table in tables))


def leading_columns() -> tuple[str, ...]:
    """Return the columns that scripts may rely on to come first in ``cells.csv``, in this order."""
    names = tuple(columns())
    return names[: names.index("prediction_sha256") + 1]


def find_column(name: str) -> Column | None:
    """Return the column of a name, or None."""
    return columns().get(name)


@functools.lru_cache(maxsize=4)
def _in_order(declared: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]) -> Mapping[str, Column]:
    """Return all columns in order; `declared`, the names and entries of the registries, tells when they changed."""
    metrics = {column.name: column for column in metric_columns() if column.name not in COLUMNS}
    main = {name: metrics.pop(name) for name in MAIN_METRICS}
    ordered: dict[str, Column] = {}
    for name, column in COLUMNS.items():
        if column.role is Role.ERROR:
            ordered |= metrics
        ordered[name] = column
        if name == "reused":
            ordered |= main
    return ordered


_REQUIRED = tuple(name for name, column in COLUMNS.items() if column.required)
"""Columns without which a row is refused; no metric is among them."""


def check_row(row: Mapping[str, Any], *, ranges: bool = True) -> list[str]:
    """Find every problem of a row: unknown columns, values of another type or out of range, absent required columns.

    Parameters
    ----------
    row : mapping of str to value
        None, NaN and pandas' missing value stand for no value; columns that are not required may be absent.
    ranges : bool
        Check the range of numbers too.

    Returns
    -------
    list of str
        One sentence each: column, value, what is expected, the nearest known name. Empty for a row that fits.
    """
    known = columns()
    problems = [f"unknown column '{name}'{did_you_mean(name, known)}" for name in row if name not in known]
    absent = [name for name in _REQUIRED if name not in row]
    problems += [f"column '{name}' is missing{did_you_mean(name, set(row) - set(known))}" for name in absent]
    doubtful = [(n, v) for n, v in row.items() if n in known and (ranges or not known[n].is_exact(v))]
    return problems + [text for n, v in doubtful if (text := known[n].problem(v, ranges=ranges))]
