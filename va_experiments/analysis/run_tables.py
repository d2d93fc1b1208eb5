"""Prepare the tables of finished runs, checked and in order, for every analysis and the report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.metrics.registry import DEFAULT_METRIC
from va_experiments.results.column import Kind, Role
from va_experiments.results.schema import COLUMNS, IDENTITY, STATUSES
from va_experiments.text_sanitizing import plain_columns

__all__ = [
    "REPORT_TABLES",
    "TRIVIAL_MODELS",
    "RunTables",
    "add_missing_columns",
    "as_numbers",
    "checked_cells",
    "model_labels",
    "records",
]

TRIVIAL_MODELS = ("prior", "uniform", "majority")
"""Models that use no symptoms. Scores are judged by them, so they are in every table, marked."""

NUMERIC = (Kind.WHOLE, Kind.NUMBER)

REPORT_TABLES = (
    *("causes", "confusion", "reliability", "reliability_classwise"),
    *("intervals", "drops", "similarity", "ledger", "exclusions", "fractions", "disagreements", "strata"),
    "calibrated",
)
"""Tables of a report from which it can be built again without the store."""


@dataclasses.dataclass(frozen=True, eq=False)
class RunTables:
    """All results of one or more runs, as plain tables.

    Parameters
    ----------
    title : str
        Heading of the page.
    cells : DataFrame
        One row a cell, with columns of `va_experiments.results.schema`: those that every row needs, the others
        where known.
    causes : DataFrame, optional
        One row a cell and cause: ``cell_key``, ``cause``, ``group``, ``n_true``, ``sensitivity``, ``ppv``,
        ``csmf_true``, ``csmf_top``, ``csmf_mean``, ``csmf_model``, ``ccc``.
    reliability : DataFrame, optional
        ``cell_key``, ``bin``, ``confidence``, ``accuracy``, ``count``: mean confidence and accuracy of the top cause
        by bin of confidence.
    classwise : DataFrame, optional
        ``cell_key``, ``cause``, ``bin``, ``confidence``, ``accuracy``, ``count``: the same for the probability of every
        cause, whether it comes first or not.
    confusion : DataFrame, optional
        ``cell_key``, ``true_cause``, ``top_cause``, ``count``.
    ledger : DataFrame, optional
        ``action``, ``column``, ``count``, ``reason``: what reading the data dropped or changed.
    exclusions : DataFrame, optional
        ``data``, ``step``, ``reason``, ``deaths``: counts from the rows of the file to the deaths scored.
    config : str
        The configuration as YAML.
    manifest : dict
        Data hash, code and library versions, hardware, seeds.
    methods : list of str
        Sentences of the methods paragraph, each naming a choice and its source.
    comparisons : DataFrame, optional
        Paired differences: ``model_a``, ``model_b``, ``metric``, ``difference`` (a minus b), ``low``, ``high``, ``p``,
        ``method``, and optionally the columns that name a setting (``protocol``, ``testset``, ...).
    intervals : DataFrame, optional
        Intervals of means, shown beside Student's t over sites: ``model``, ``metric``, ``low``, ``high``,
        ``method`` (``95% nested bootstrap over sites and deaths``), and optionally columns that name a setting.
    ranks : DataFrame, optional
        Mean ranks over sites: ``model``, ``mean_rank``, ``critical_difference``, ``n`` (sites), ``p`` (Friedman), and
        optionally columns that name a setting.
    drops : DataFrame, optional
        Where the loss of a transfer comes from, in points of a metric: ``model``, ``test_site``, ``prior_shift``,
        ``symptom_shift``, ``missingness_shift``, ``label_coverage``, and optionally ``train_sites`` and ``metric``.
    similarity : DataFrame, optional
        ``site_a``, ``site_b``, ``auc`` of a classifier that distinguishes the deaths of the two sites (0.5: alike), and
        optionally ``auc_missing``, from what is missing alone.
    fractions : DataFrame, optional
        Cause fractions of deaths to which causes were assigned: the columns of ``fractions.csv``.
    disagreements : DataFrame, optional
        Deaths for which two models name different causes: `va_experiments.analysis.disagreements`.
    strata : DataFrame, optional
        Metrics by stratum of the test deaths: `va_experiments.analysis.strata_tables`.
    calibrated : DataFrame, optional
        Fractions before and after ``csmf=vacalibration``, and its matrices:
        `va_experiments.analysis.calibrated_cells`.
    notes : mapping of str to str
        Under ``drops`` and ``similarity``: what those tables lack, and why, in a sentence.
    primary_metric : str
        The metric by which models are ranked, fixed before the results are seen.
    interval : str
        What a cell's ``_low`` and ``_high`` are.
    left_out : sequence of str
        Parts that could not be made, and why (a limit of memory), in sentences.
    allow_incomplete : bool
        Take means over incomplete grids (marked "n of N"); otherwise such a mean is refused.
    """

    title: str
    cells: pd.DataFrame
    causes: pd.DataFrame | None = None
    reliability: pd.DataFrame | None = None
    classwise: pd.DataFrame | None = None
    confusion: pd.DataFrame | None = None
    ledger: pd.DataFrame | None = None
    exclusions: pd.DataFrame | None = None
    config: str = ""
    manifest: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    methods: list[str] = dataclasses.field(default_factory=list)
    comparisons: pd.DataFrame | None = None
    intervals: pd.DataFrame | None = None
    ranks: pd.DataFrame | None = None
    drops: pd.DataFrame | None = None
    similarity: pd.DataFrame | None = None
    fractions: pd.DataFrame | None = None
    disagreements: pd.DataFrame | None = None
    strata: pd.DataFrame | None = None
    calibrated: pd.DataFrame | None = None
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    primary_metric: str = DEFAULT_METRIC
    interval: str = "95% bootstrap over deaths"
    left_out: Sequence[str] = ()
    allow_incomplete: bool = False


def checked_cells(content: RunTables) -> pd.DataFrame:
    """Return the cells with every column, one row a ``cell_key``, sorted by it, with ``label`` and ``trivial`` added.

    A cell that several jobs or multiruns share is listed once: done before failed, computed before reused. Sorting here
    keeps the order in which cells finished out of every sum.

    Raises
    ------
    InputError
        If columns that a report cannot do without are missing, or a status is unknown.
    """
    cells = content.cells
    # Where every cell failed there is no metric to ask for, and yet a report of the failures to write.
    nothing_done = "status" in cells.columns and not (cells["status"] == "done").any()
    required = [name for name, column in COLUMNS.items() if column.required]
    problems = [
        f"report: column '{c}' is missing from the cells{did_you_mean(c, cells.columns)}"
        for c in (*required, content.primary_metric)
        if c not in cells.columns and not (c == content.primary_metric and nothing_done)
    ]
    if "status" in cells.columns:
        for status in sorted(set(cells["status"]) - set(STATUSES), key=str):
            problems.append(f"report: status {shown(status)} is none of {', '.join(STATUSES)}")
    if not len(cells):
        problems.append("report: there are no cells to report on")
    if problems:
        raise InputError(problems)
    cells = _typed(add_missing_columns(cells, content.primary_metric))
    order = cells.assign(_failed=cells["status"] != "done")
    order = order.sort_values(["cell_key", "_failed", "reused"], kind="stable").drop(columns="_failed")
    order = order.drop_duplicates(list(IDENTITY), ignore_index=True)
    order["label"] = model_labels(order)
    order["trivial"] = order["model"].isin(TRIVIAL_MODELS)
    return order


def add_missing_columns(cells: pd.DataFrame, *metrics: str) -> pd.DataFrame:
    """Add the columns of the schema, and these metrics, that the cells lack, with their defaults."""
    absent = {name: column.default for name, column in COLUMNS.items() if name not in cells.columns}
    nan = {name: float("nan") for name in absent if absent[name] is None and COLUMNS[name].kind in NUMERIC}
    return cells.assign(**absent | nan | {name: float("nan") for name in metrics if name not in cells.columns})


def _typed(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with plain types: text without missing values, floats, Python's True, False and None."""
    texts = {name: column for name, column in COLUMNS.items() if column.kind is Kind.TEXT}
    flags = [name for name, column in COLUMNS.items() if column.kind is Kind.FLAG]
    for name, column in texts.items():
        cells[name] = cells[name].astype(object).where(cells[name].notna(), column.default or "")
    for name in cells.columns.difference([*texts, *flags], sort=False):
        cells[name] = as_numbers(cells[name])
    cells["model_params"] = [p if isinstance(p, str) else json.dumps(p, sort_keys=True) for p in cells["model_params"]]
    cells = plain_columns(cells, [name for name, column in texts.items() if column.role is not Role.ERROR])
    cells = plain_columns(cells, [name for name, column in texts.items() if column.role is Role.ERROR], one_line=False)
    for name in flags:  # NumPy's, Arrow's and text values would each compare differently
        values = [None if pd.isna(v) else bool(v) for v in cells[name]]
        if COLUMNS[name].default is None:
            cells[name] = pd.Series(values, index=cells.index, dtype=object)
        else:
            cells[name] = [COLUMNS[name].default if v is None else v for v in values]
    return cells


def model_labels(cells: pd.DataFrame, *, estimators: bool = True) -> list[str]:
    """Return a name for each cell's model: its own, with those parameters in which the model's cells differ.

    Parameters
    ----------
    cells : DataFrame
        ``model``, ``model_params`` and, where it is known, ``csmf_options``.
    estimators : bool
        Name the estimator of the CSMF too where it is another than the model's own and the model's cells differ in it,
        and options of it in which they differ.
    """
    models = cells["model"].astype(str)
    if not estimators or "csmf_options" not in cells:
        return _labels_of(list(zip(models, cells["model_params"], ["{}"] * len(cells), strict=True)))
    return _labels_of(list(zip(models, cells["model_params"], cells["csmf_options"].fillna("{}"), strict=True)))


def _labels_of(keys: Sequence[tuple[str, Any, str]]) -> list[str]:
    """Return the label of each model, parameters and options of the CSMF."""
    parsed = {key: _parameters(key[1]) for key in dict.fromkeys(keys)}
    parameters_of: dict[str, list[dict[str, str]]] = {}
    for (model, *_), parameters in parsed.items():
        parameters_of.setdefault(model, []).append(parameters)
    by_model = {model: differing_options([o for m, _, o in parsed if m == model]) for model in parameters_of}
    labels: dict[tuple[str, Any, str], str] = {}
    for key, parameters in parsed.items():
        others = parameters_of[key[0]]
        # A parameter that other cells of the model leave out differs too, but is named only where it must be.
        for present in (True, False):
            differing = [
                f"{name}={value}"
                for name, value in sorted(parameters.items())
                if any(o.get(name, value if present else None) != value for o in others)
            ]
            differing += by_model[key[0]][key[2]]
            labels[key] = f"{key[0]} ({', '.join(differing)})" if differing else key[0]
            if list(labels.values()).count(labels[key]) == 1:
                break
    return [labels[key] for key in keys]


def differing_options(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return, for each of a model's ``csmf_options``, those to name: no default, and not the same wherever they are."""
    parsed = {text: _parameters(text) for text in texts}
    values: dict[str, set[str]] = {}
    for options in parsed.values():
        for name, value in options.items():
            values.setdefault(name, set()).add(value)
    named: dict[str, list[str]] = {}
    for text, options in parsed.items():
        ordered = sorted(options.items(), key=lambda option: option[0] != "csmf")  # the estimator, then its options
        named[text] = [f"{name}={value}" for name, value in ordered if value != "model" and len(values[name]) > 1]
    return named


def as_numbers(values: pd.Series) -> pd.Series:
    """Return nullable and object columns that hold numbers as plain floats (nullable whole numbers as int64)."""
    if isinstance(values.dtype, np.dtype) and values.dtype != object:
        return values
    if values.dtype == "Int64" and values.notna().all():
        return values.astype("int64")
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().sum() < values.notna().sum():
        return values
    return pd.Series(numbers.to_numpy(dtype=float, na_value=np.nan), index=values.index)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dictionaries by column name."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _parameters(text: str) -> dict[str, str]:
    try:
        parsed = json.loads(text)
    except (TypeError, ValueError):
        return {"parameters": str(text)} if text else {}
    if not isinstance(parsed, dict):
        return {"parameters": str(text)}
    return {str(k): v if isinstance(v, str) else json.dumps(v, sort_keys=True) for k, v in parsed.items()}
