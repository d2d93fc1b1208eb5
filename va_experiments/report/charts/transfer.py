"""Draw transfer: training site by test site, causes by model and site, confusion between causes and groups."""

from __future__ import annotations

import pandas as pd

from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import metric_label
from va_experiments.report.charts.scores import named
from va_experiments.report.charts.style import Figure, heat_map, left_out, picker

__all__ = ["cause_model_figure", "cause_site_figure", "confusion_figure", "pooled_sensitivity", "transfer_figure"]

MOST_CAUSES = 15
"""Causes shown in a confusion between causes; the others are summed, so that labels stay readable."""


def transfer_figure(board: Leaderboard, cells: pd.DataFrame) -> Figure:
    """Return training site x test site for one model at a time, where models were trained on one site."""
    title = "Transfer from site to site"
    done = cells[
        (cells["status"] == "done") & cells[board.metric].notna() & ~cells["train_sites"].str.contains("+", regex=False)
    ]
    done = done[done["train_sites"] != ""]
    if done["train_sites"].nunique() < 2 or done["test_site"].nunique() < 2:
        return left_out("transfer", "transfer", title, "Needs models trained on one site each (protocol=one_to_one).")
    frame = (
        done.groupby(["label", "train_sites", "test_site"], sort=True)[board.metric].mean().reset_index(name="value")
    )
    frame = frame.rename(columns={"train_sites": "train site", "test_site": "test site"})
    name = named(board)
    frame["model"] = frame.pop("label").map(name)
    frame["text"] = [format_number(v, 2) for v in frame["value"]]
    options = [name[m] for m in board.rows.index if name[m] in set(frame["model"].unique())]
    first = next((o for o in options if not o.endswith("(baseline)")), options[0])
    choose = picker("model", options, first, "Model")
    sites = sorted(set(frame["test site"]) | set(frame["train site"]))
    chart = heat_map(
        frame,
        x="test site",
        y="train site",
        x_order=sites,
        y_order=sites,
        step=30,
        x_title="Test site",
        y_title="Training site",
        legend_title=metric_label(board.metric),
        choose=choose,
        domain=(float(frame["value"].min()), float(frame["value"].max())),
    )
    caption = (
        f"{metric_label(board.metric)} of models trained on one site (rows) and tested on another (columns); "
        f"the static figure shows {first}."
    )
    return Figure("transfer", "transfer", title, caption, chart)


def pooled_sensitivity(causes: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return sensitivity by ``cause`` and `by`: true deaths named right over true deaths, over all cells together.

    Causes without a death have none. Columns ``cause``, `by`, ``value``, ``deaths``.
    """
    rows = causes[(causes["n_true"] > 0) & causes["sensitivity"].notna()].sort_values(["cell_key", "cause"])
    rows = rows.assign(hits=rows["sensitivity"] * rows["n_true"])
    sums = rows.groupby(["cause", by], sort=True)[["hits", "n_true"]].sum().reset_index()
    sums["value"] = sums["hits"] / sums["n_true"]
    return sums.rename(columns={"n_true": "deaths"})[["cause", by, "value", "deaths"]]


def cause_model_figure(board: Leaderboard, causes: pd.DataFrame) -> Figure:
    """Return sensitivity for each cause (most frequent first) and model, over all test sites."""
    title = "Sensitivity by cause and model"
    frame = pooled_sensitivity(causes, "label")
    if not len(frame):
        return left_out("causes-by-model", "transfer", title, "No sensitivities by cause were recorded.")
    name = named(board)
    frame["model"] = frame["label"].map(name)
    frame["text"] = [format_number(v, 2) for v in frame["value"]]
    chart = heat_map(
        frame.drop(columns="label"),
        x="model",
        y="cause",
        x_order=[name[m] for m in board.rows.index],
        y_order=_by_deaths(frame),
        legend_title="Sensitivity",
        domain=(0.0, 1.0),
        step=20,
        tooltip=["deaths"],
    )
    caption = (
        "Share of the deaths of a cause whose top cause is right, over all test sites together; causes by number of "
        f"deaths. {board.setting.title.capitalize()}."
    )
    return Figure("causes-by-model", "transfer", title, caption, chart)


def cause_site_figure(board: Leaderboard, causes: pd.DataFrame) -> Figure:
    """Return sensitivity for each cause and test site, for one model at a time."""
    title = "Sensitivity by cause and test site"
    if causes["test_site"].nunique() < 2:
        return left_out("causes-by-site", "transfer", title, "Needs at least two test sites.")
    name = named(board)
    parts = []
    for label, of_label in causes.groupby("label", sort=True):
        parts.append(pooled_sensitivity(of_label, "test_site").assign(model=name.get(str(label), str(label))))
    frame = pd.concat(parts).rename(columns={"test_site": "test site"})
    if not len(frame):
        return left_out("causes-by-site", "transfer", title, "No sensitivities by cause were recorded.")
    frame["text"] = [format_number(v, 2) for v in frame["value"]]
    present = set(frame["model"].unique())
    options = [name[m] for m in board.rows.index if name[m] in present]
    first = next((o for o in options if not o.endswith("(baseline)")), options[0])
    chart = heat_map(
        frame,
        x="test site",
        y="cause",
        x_order=board.sites,
        y_order=_by_deaths(frame),
        legend_title="Sensitivity",
        domain=(0.0, 1.0),
        step=20,
        tooltip=["deaths"],
        choose=picker("model", options, first, "Model"),
    )
    caption = f"As above, by test site; blank where a site has no death of the cause. The static figure shows {first}."
    return Figure("causes-by-site", "transfer", title, caption, chart)


def confusion_figure(
    board: Leaderboard, confusion: pd.DataFrame | None, groups: dict[str, str], *, by_group: bool, level: str = ""
) -> Figure:
    """Return the share of each true cause's (or group's) deaths that got each top cause, one model at a time.

    Parameters
    ----------
    confusion : DataFrame or None
        ``label``, ``true_cause``, ``top_cause``, ``count``.
    groups : dict
        Group of each cause.
    by_group : bool
        Between groups, or between the most frequent causes.
    level : str
        List of the causes, where it is not that of the first figure.
    """
    key, title = "confusion-groups", "Confusion between groups of causes"
    if not by_group:
        key = f"confusion-causes-{level}" if level else "confusion-causes"
        title = f"Confusion between causes of {level}" if level else "Confusion between causes"
    if confusion is None or not len(confusion):
        return left_out(key, "transfer", title, "No confusion counts were recorded.")
    causes = {*confusion["true_cause"].unique(), *confusion["top_cause"].unique()}
    if by_group:
        named_groups = {c: g for c, g in groups.items() if g}
        if len(set(named_groups.values())) < 2:
            return left_out(key, "transfer", title, "The causes carry no groups.")
        mapping = {c: named_groups.get(c, "other") for c in causes}
    else:
        frequent = confusion.groupby("true_cause")["count"].sum().sort_values(ascending=False, kind="stable")
        most = set(frequent.index[:MOST_CAUSES])
        mapping = {c: c if c in most else "all other causes" for c in causes}
    frame = confusion.assign(true=confusion["true_cause"].map(mapping), top=confusion["top_cause"].map(mapping))
    frame = frame.groupby(["label", "true", "top"], sort=True)["count"].sum().reset_index()
    total = frame.groupby(["label", "true"])["count"].transform("sum")
    frame = frame[total > 0].assign(value=frame["count"] / total)
    name = named(board)
    frame["model"] = frame.pop("label").map(name)
    size = frame.groupby("true")["count"].sum().sort_values(ascending=False, kind="stable")
    order = [c for c in size.index if c != "all other causes"] + (
        ["all other causes"] if "all other causes" in size.index else []
    )
    order += sorted(set(frame["top"].unique()) - set(order))
    # Pairs that never occur are zeros here, not gaps.
    grid = pd.MultiIndex.from_product([sorted(frame["model"].unique()), order, order], names=["model", "true", "top"])
    frame = frame.set_index(["model", "true", "top"]).reindex(grid, fill_value=0).reset_index()
    frame["text"] = [format_number(v, 2) if v >= 0.005 else "" for v in frame["value"]]
    models = set(frame["model"].unique())
    options = [name[m] for m in board.rows.index if name[m] in models]
    first = next((o for o in options if not o.endswith("(baseline)")), options[0])
    frame = frame.rename(columns={"true": "true cause", "top": "named cause", "count": "deaths"})
    chart = heat_map(
        frame,
        x="named cause",
        y="true cause",
        x_order=order,
        y_order=order,
        legend_title="Share of the row",
        domain=(0.0, 1.0),
        scheme="blues",
        step=26 if by_group else 20,
        tooltip=["deaths"],
        printed=by_group,
        choose=picker("model", options, first, "Model"),
        x_title="Named (top cause)",
        y_title="True",
    )
    caption = (
        f"Rows are true {'groups' if by_group else 'causes'}, columns what the model named first; rows sum to 1. "
        f"The static figure shows {first}."
    )
    return Figure(key, "transfer", title, caption, chart)


def _by_deaths(frame: pd.DataFrame) -> list[str]:
    return frame.groupby("cause")["deaths"].sum().sort_values(ascending=False, kind="stable").index.tolist()
