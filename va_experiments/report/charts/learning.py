"""Draw learning curves: score against number of training deaths, and where the curves cross."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import pandas as pd

from va_experiments.analysis.intervals import KIND, mean, mean_interval
from va_experiments.analysis.leaderboard import Leaderboard
from va_experiments.metrics.registry import metric_label
from va_experiments.report.charts.scores import named
from va_experiments.report.charts.style import Figure, inline, left_out, legend, model_colours
from va_experiments.report.charts.vega import Chart, field, layer

__all__ = ["crossings", "learning_curve_figure"]


def crossings(curve: pd.DataFrame, models: Sequence[str]) -> str:
    """Return in words where the curves of the first six of `models` cross (linear in the logarithm of the size).

    Parameters
    ----------
    curve : DataFrame
        ``model``, ``n_train``, ``mean``.
    """
    crossed = []
    lines = {m: of_model.sort_values("n_train").set_index("n_train")["mean"] for m, of_model in curve.groupby("model")}
    for i, first in enumerate(models[:6]):
        for second in models[i + 1 : 6]:
            gap = (lines[first] - lines[second]).dropna()
            for n, m, before, after in zip(gap.index, gap.index[1:], gap, gap.iloc[1:], strict=False):
                if before * after < 0:
                    at = math.exp(math.log(n) + math.log(m / n) * before / (before - after))
                    crossed.append(f"{first} and {second} at {float(f'{at:.2g}'):,.0f}")
    if not crossed:
        return "No two of the leading curves cross."
    more = f" and {len(crossed) - 8} more" if len(crossed) > 8 else ""
    return f"Curves cross (in training deaths, by interpolation): {'; '.join(crossed[:8])}{more}."


def _over(board: Leaderboard, label: str, sites: Sequence[str]) -> tuple[float, float, float]:
    """Return the mean over `sites`, which have every size, with its interval: over others, a curve would bend."""
    at = [board.at_site(label, site) for site in sites]
    if len(at) == 1:
        return at[0]
    values = [value for value, _, _ in at]
    return mean(values), *(mean_interval(values, board.metric) if len(values) >= 3 else (math.nan, math.nan))


def _points(family: Sequence[Leaderboard], cells: pd.DataFrame, sites: Sequence[str]) -> pd.DataFrame:
    """Return the score of each model and training size over `sites`, with the mean number of training deaths."""
    points = []
    for board in family:
        s = board.setting
        of_curve = cells[
            (cells["data"] == s.data)
            & (cells["features"] == s.features)
            & (cells["protocol"] == s.protocol)
            & (cells["testset"] == s.testset)
            & (cells["train_size"] == s.train_size)
            & cells["test_site"].isin(sites)
        ]
        n = of_curve["n_train"].mean()
        for label, row in board.rows.iterrows():
            if not math.isnan(row["mean"]):
                score, low, high = _over(board, str(label), sites)
                points.append(
                    {"model": str(label), "n_train": n, "mean": score, "low": low, "high": high, "size": s.train_size}
                )
    return pd.DataFrame(points, columns=["model", "n_train", "mean", "low", "high", "size"])


def _caption(family: Sequence[Leaderboard], sites: Sequence[str], crossed: str) -> str:
    """Return what the curves show, of which sites, and where they cross."""
    where = dataclasses.replace(family[0].setting, train_size="all").title
    fewer = len(sites) < max(len(board.sites) for board in family)
    which = f"{', '.join(sites)}{' alone has' if len(sites) == 1 else ' alone have'} every size" if fewer else ""
    bands = (
        "its intervals over deaths" if len(sites) == 1 else f"95% {KIND} intervals over sites" if len(sites) > 2 else ""
    )
    return (
        f"{'Score' if len(sites) == 1 else 'Mean over sites'} against training deaths ({where})"
        f"{f'; {which}' if which else ''}{f'; bands are {bands}' if bands else ''}. {crossed}"
    )


def learning_curve_figure(boards: Sequence[Leaderboard], cells: pd.DataFrame) -> Figure:
    """Return score against number of training deaths, one line a model, over the sites that have every size."""
    title, section = "Learning curves", "learning"
    groups: dict[tuple[str, ...], list[Leaderboard]] = {}
    for board in boards:
        s = board.setting
        if s.target_labels:
            continue  # a curve of its own: `charts.label_curves`
        groups.setdefault((s.data, s.features, s.protocol, s.testset), []).append(board)
    family = max(groups.values(), key=len, default=[])
    if len(family) < 2:
        return left_out(
            "learning-curves", section, title, "The training size does not vary in this run (protocol train_size)."
        )
    sites = sorted(set.intersection(*(set(board.sites) for board in family)))
    if not sites:
        return left_out("learning-curves", section, title, "No test site has every training size.")
    curve = _points(family, cells, sites)
    curve = curve[curve["n_train"] > 0]
    if curve["n_train"].nunique() < 2:
        return left_out("learning-curves", section, title, "Fewer than two training sizes are complete.")
    short = named(family[0])
    trivial = {short.get(str(m), str(m)): bool(t) for board in family for m, t in board.rows["trivial"].items()}
    curve["model"] = [short.get(m, m) for m in curve["model"]]
    models = [m for m in dict.fromkeys([*short.values(), *sorted(set(curve["model"]))]) if m in set(curve["model"])]
    colour, shape = model_colours(models, [trivial[m] for m in models])
    x = field(
        "n_train:Q",
        scale={"type": "log", "nice": False, "padding": 12},
        title="Training deaths (mean over cells, log scale)",
        axis={"format": "~s", "tickCount": 5, "labelOverlap": True},
    )
    y = field("mean:Q", scale={"zero": False}, title=metric_label(family[0].metric))
    tint = field("model:N", scale=colour, legend=legend(models))
    base = Chart(inline(curve))
    band = base.mark("area", opacity=0.09).encode(x=x, y=field("low:Q", scale={"zero": False}), y2="high:Q", color=tint)
    line = base.mark("line", strokeWidth=2).encode(x=x, y=y, color=tint)
    dots = base.mark("point", filled=True, size=60, opacity=1).encode(
        x=x,
        y=y,
        color=tint,
        shape=field("model:N", scale=shape, legend=legend(models)),
        tooltip=["model:N", "size:N", field("n_train:Q", format=".0f"), field("mean:Q", format=".3f")],
    )
    caption = _caption(family, sites, crossings(curve, [m for m in models if not trivial[m]]))
    return Figure("learning-curves", section, title, caption, layer(band, line, dots).height(320))
