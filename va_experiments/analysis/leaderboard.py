"""Build the leaderboard: models by test site, their mean where no cell is missing, and the baselines marked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from va_experiments.analysis.comparable_groups import (
    Setting,
    label_order,
    of_setting,
    size_order,
    split_settings,
)
from va_experiments.analysis.intervals import KIND, mean, mean_interval
from va_experiments.analysis.run_tables import records
from va_experiments.metrics.registry import lower_is_better, metric_label, reference_levels_of
from va_experiments.results.schema import IDENTITY, SPLIT_COLUMNS, TABLES

__all__ = [
    "OVERALL",
    "Leaderboard",
    "board_columns",
    "full_size",
    "leaderboard",
    "leaderboards",
    "metric_means",
    "other_levels",
    "site_means",
]


OVERALL = "mean over sites"
"""Column of the mean beside columns that are named after sites."""


NEEDED = (*IDENTITY, "status", "label", "trivial", "simulated")
"""Columns of the cells that a leaderboard needs, beside those of its metric."""


@dataclasses.dataclass(frozen=True, eq=False)
class Leaderboard:
    """One setting's table.

    Attributes
    ----------
    setting : Setting
        What all its cells have in common.
    metric : str
        The metric shown.
    rows : DataFrame
        One row a model, best first, indexed by the model's label: ``model``, ``trivial``, ``rank`` (among complete,
        non-trivial rows; NaN otherwise), ``mean``, ``low``, ``high``, ``interval`` (what low and high are),
        ``beside_low``, ``beside_high``, ``beside`` (a second interval of the mean, and what it is), ``done``,
        ``cells`` (expected), ``undefined`` (done, but this figure does not exist for them), ``note``.
    values, low, high : DataFrame
        Models by test sites: the mean over a site's cells; the interval where a site has one cell that carries one.
    ceilings : DataFrame
        What scores can be read against (finite-sample ceiling, label coverage, chance) by test site, and
        :data:`OVERALL`; without rows where the cells do not have them.
    mix_known : bool
        Whether the design gives the cause mix of the test deaths away: natural test sets of the sites trained on.
    """

    setting: Setting
    metric: str
    rows: pd.DataFrame
    values: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    ceilings: pd.DataFrame
    mix_known: bool = False

    @property
    def of_fractions(self) -> bool:
        """Whether the metric judges cause fractions, not single deaths."""
        return self.metric.startswith(("csmf", "cccsmf"))

    @property
    def cautions(self) -> list[str]:
        """What a reader needs to know to interpret the table correctly, in sentences."""
        sentences = []
        if self.mix_known and self.of_fractions:
            sentences.append(
                "CSMF accuracy means nothing here: the models were trained on deaths of the sites they are tested at, "
                "so the training deaths have the cause mix of the test set, and copying it is nearly right. Judge "
                "single deaths, or choose resampled test sets (testset=dirichlet)."
            )
        best = self.rows.loc[self.rows["trivial"], "mean"].max()
        for name, ceiling in self.ceilings[OVERALL].items():
            if "ceiling" in str(name) and best > ceiling + 1e-9:
                sentences.append(
                    f"A baseline lies above the {name}, which is what a random sample of this size scores on average "
                    "if every label is right: fractions that come from more deaths can be nearer to the truth."
                )
        return sentences

    def records(self) -> list[dict[str, Any]]:
        """Return the rows, best first, as dictionaries with ``label``."""
        return records(self.rows.reset_index(names="label"))

    def at_site(self, label: str, site: str) -> tuple[float, float, float]:
        """Return a model's value at a site and its interval; NaN where there is none."""
        i, j = self.rows.index.get_loc(label), self.sites.index(site)
        return tuple(float(frame.to_numpy()[i, j]) for frame in (self.values, self.low, self.high))  # type: ignore[return-value]

    def paired(self, first: str, second: str) -> list[float]:
        """Return the differences, first minus second, at the sites that both have."""
        difference = self.values.loc[first].to_numpy(dtype=float) - self.values.loc[second].to_numpy(dtype=float)
        return [float(d) for d in difference if not math.isnan(d)]

    @property
    def sites(self) -> list[str]:
        """Test sites, in alphabetical order."""
        return list(self.values.columns)

    def table(self) -> pd.DataFrame:
        """Return everything as one flat table: the form written to files."""
        flat = self.rows.reset_index(names="label")
        for name in TABLES["leaderboard"]:
            flat.insert(len(flat.columns), name, getattr(self.setting, name))
        flat["simulated"] = self.setting.simulated
        flat["metric"] = self.metric
        for site in self.sites:
            name = f"site {site}" if site in flat.columns else site
            flat[name] = self.values[site].to_numpy()
            flat[f"{name}_low"] = self.low[site].to_numpy()
            flat[f"{name}_high"] = self.high[site].to_numpy()
        return flat


def leaderboards(
    cells: pd.DataFrame, metric: str, *, allow_incomplete: bool = False, intervals: pd.DataFrame | None = None
) -> list[Leaderboard]:
    """Return one leaderboard for each setting of `cells`, which are as ``checked_cells`` returns them.

    Parameters
    ----------
    intervals : DataFrame, optional
        Intervals of means, shown beside Student's t, as in
        :class:`~va_experiments.analysis.run_tables.RunTables`.
    """
    groups = split_settings(board_columns(cells, metric))
    boards = [leaderboard(s, group, metric, allow_incomplete=allow_incomplete) for s, group in groups]
    for board in boards:
        has_mean = set(board.rows.index[board.rows["mean"].notna()])
        for row in records(of_setting(intervals, board.setting, metric)):
            if row["model"] in has_mean:
                board.rows.loc[row["model"], "beside_low"] = float(row["low"])
                board.rows.loc[row["model"], "beside_high"] = float(row["high"])
                board.rows.loc[row["model"], "beside"] = str(row["method"])
    return boards


def board_columns(cells: pd.DataFrame, *metrics: str) -> pd.DataFrame:
    """Return the columns of the cells that leaderboards of these metrics need: choosing rows of a few is faster."""
    needed = set(NEEDED)
    for metric in metrics:
        needed |= {metric, f"{metric}_low", f"{metric}_high", *reference_levels_of(metric)}
    return cells[[name for name in cells.columns if name in needed]]


def leaderboard(setting: Setting, cells: pd.DataFrame, metric: str, *, allow_incomplete: bool = False) -> Leaderboard:
    """Return the leaderboard of one setting's cells.

    A site's value is the mean over its cells (folds, repeats, training sites), the overall mean is the mean over sites,
    so that a site counts once however many cells it has. The grid that is expected of every model is the union of the
    splits that any model has. A model that lacks one of them gets no mean, unless `allow_incomplete`.

    The interval of the mean is Student's t over sites (sites are what a new study would differ in) on the logit scale
    of the metric (`va_experiments.analysis.intervals`): k - 1 degrees of freedom, from three sites on; a single cell
    keeps its own interval.
    """
    cells = board_columns(cells, metric).sort_values("cell_key", kind="stable")
    splits = cells.drop_duplicates(list(SPLIT_COLUMNS))
    expected = splits.groupby("test_site").size()
    sites = sorted(map(str, expected.index))
    usable = cells[(cells["status"] == "done") & cells[metric].notna()]
    has_interval = {f"{metric}_low", f"{metric}_high"} <= set(cells.columns)
    rows: list[dict[str, Any]] = []
    values: dict[str, list[float]] = {}
    lows: dict[str, list[float]] = {}
    highs: dict[str, list[float]] = {}
    for name, of_label in cells.groupby("label", sort=True):
        label = str(name)
        done = usable[usable["label"] == label]
        by_site = {str(site): group for site, group in done.groupby("test_site", sort=True)}
        value = {s: mean(group[metric]) for s, group in by_site.items()}
        values[label] = [value.get(s, math.nan) for s in sites]
        lows[label], highs[label] = (
            [_own(by_site.get(s), f"{metric}_{end}") if has_interval else math.nan for s in sites]
            for end in ("low", "high")
        )
        n_done, n_cells = len(done.drop_duplicates(list(SPLIT_COLUMNS))), len(splits)
        complete = n_done == n_cells
        row = {"label": label, "model": of_label["model"].iloc[0], "trivial": bool(of_label["trivial"].iloc[0])}
        row |= {"mean": math.nan, "low": math.nan, "high": math.nan, "interval": "", "beside_low": math.nan}
        row |= {"beside_high": math.nan, "beside": "", "done": n_done, "cells": n_cells}
        row["note"] = "" if complete else f"{n_done} of {n_cells} cells" + ("" if allow_incomplete else ": no mean")
        row["undefined"] = int(((of_label["status"] == "done") & of_label[metric].isna()).sum())
        if row["undefined"]:
            row["note"] += f" ({row['undefined']} done, figure not defined)"
        if value and (complete or allow_incomplete):
            row["mean"] = mean(list(value.values()))
            if len(done) == 1 and has_interval:
                row["low"], row["high"] = float(done[f"{metric}_low"].iloc[0]), float(done[f"{metric}_high"].iloc[0])
                row["interval"] = "of the cell"
            elif len(value) >= 3:
                row["low"], row["high"] = mean_interval(list(value.values()), metric)
                row["interval"] = f"95% {KIND} over {len(value)} sites"
        rows.append(row)
    sign = 1 if lower_is_better(metric) else -1

    def place(row: dict[str, Any]) -> tuple[bool, float, int, str]:
        # Rows without a mean go last, by how much of the grid they have.
        lacks = math.isnan(row["mean"])
        return lacks, 0.0 if lacks else sign * row["mean"], -row["done"], row["label"]

    rows.sort(key=place)
    order = [row["label"] for row in rows]
    table = pd.DataFrame(rows).set_index("label")
    ranked = ~table["trivial"] & table["mean"].notna()
    table.insert(2, "rank", np.where(ranked, ranked.cumsum(), np.nan))

    def frame(columns: dict[str, list[float]]) -> pd.DataFrame:
        return pd.DataFrame.from_dict(columns, orient="index", columns=sites, dtype=float).loc[order]

    known = setting.testset in ("", "natural") and all(
        test and set(test.split("+")) <= set(train.split("+"))
        for train, test in zip(cells["train_sites"].astype(str), cells["test_site"].astype(str), strict=True)
    )
    ceilings = _ceilings(cells, metric, sites)
    if known:  # it supposes that the test deaths are a random sample of a wider mix
        ceilings = ceilings.drop(index=metric_label("csmf_ceiling"), errors="ignore")
    return Leaderboard(setting, metric, table, frame(values), frame(lows), frame(highs), ceilings, known)


def metric_means(
    cells: pd.DataFrame, metrics: Sequence[str], *, allow_incomplete: bool = False
) -> dict[str, dict[str, float]]:
    """Return each model's mean over sites of several metrics, as their leaderboards have it, by metric and label."""
    means = site_means(cells, metrics, allow_incomplete=allow_incomplete)
    return {m: {label: values[OVERALL] for label, values in of_label.items()} for m, of_label in means.items()}


def site_means(
    cells: pd.DataFrame, metrics: Sequence[str], *, allow_incomplete: bool = False
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the values of several metrics as leaderboards have them, by metric, label, and site or :data:`OVERALL`.

    Parameters
    ----------
    cells : DataFrame
        Of one setting.
    metrics : sequence of str
        Columns of the cells.
    """
    splits = [str(key) for key in zip(*(cells[c] for c in SPLIT_COLUMNS), strict=True)]
    sites, labels, done = cells["test_site"].tolist(), cells["label"].tolist(), (cells["status"] == "done").tolist()
    n_splits = len(set(splits))
    rows_of_label: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        rows_of_label.setdefault(str(label), []).append(row)
    means: dict[str, dict[str, dict[str, float]]] = {}
    for metric in metrics:
        values = [float(v) for v in cells[metric]]
        of_label = means[metric] = {}
        for label, rows in rows_of_label.items():
            rows_with_value = [row for row in rows if done[row] and not math.isnan(values[row])]
            by_site: dict[str, list[float]] = {}
            for row in rows_with_value:
                by_site.setdefault(sites[row], []).append(values[row])
            complete = len({splits[row] for row in rows_with_value}) == n_splits
            of_label[label] = {site: mean(own_values) for site, own_values in by_site.items()}
            overall = by_site and (complete or allow_incomplete)
            of_label[label][OVERALL] = mean(list(of_label[label].values())) if overall else math.nan
    return means


def full_size(boards: Sequence[Leaderboard]) -> list[Leaderboard]:
    """Return the boards of models trained on all there was; where there is none, those of the largest size."""
    boards = [b for b in boards if not b.setting.target_labels] or _most_labels(boards)
    full = [b for b in boards if b.setting.train_size in ("", "all")]
    if full:
        return full
    largest = max(size_order(b.setting.train_size) for b in boards)
    return [b for b in boards if size_order(b.setting.train_size) == largest]


def other_levels(full: Sequence[Leaderboard]) -> list[Leaderboard]:
    """Return the boards that differ from the first only in the list of causes at which cells are scored."""
    first = full[0].setting
    return [b for b in full[1:] if dataclasses.replace(b.setting, cause_list=first.cause_list) == first != b.setting]


def _most_labels(boards: Sequence[Leaderboard]) -> list[Leaderboard]:
    """Return the boards with the largest number of labelled deaths of each kind."""
    most: dict[str, int] = {}
    for board in boards:
        kind, n = label_order(board.setting.target_labels)
        most[kind] = max(n, most.get(kind, 0))
    return [b for b in boards if label_order(b.setting.target_labels) in most.items()]


def _ceilings(cells: pd.DataFrame, metric: str, sites: list[str]) -> pd.DataFrame:
    """Return the ceilings by site. They belong to a split, not to a model: each split counts once."""
    names = reference_levels_of(metric)
    ceilings: dict[str, dict[str, float]] = {}
    for column, name in names.items():
        if column not in cells.columns or not cells[column].notna().any():
            continue
        by_split = cells[cells[column].notna()].drop_duplicates(list(SPLIT_COLUMNS))
        by_site = {str(s): mean(group[column]) for s, group in by_split.groupby("test_site", sort=True)}
        row = {s: by_site.get(s, math.nan) for s in sites}
        ceilings[name] = row | {OVERALL: mean(list(by_site.values())) if len(by_site) == len(sites) else math.nan}
    return pd.DataFrame.from_dict(ceilings, orient="index", columns=[*sites, OVERALL], dtype=float)


def _own(group: pd.DataFrame | None, column: str) -> float:
    """Return the interval's end of a site's only cell; several cells of a site have no common interval."""
    return float(group[column].iloc[0]) if group is not None and len(group) == 1 else math.nan
