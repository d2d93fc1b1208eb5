"""State the answer in a sentence: the best model against the best baseline, on the same splits."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd

from va_experiments.analysis.comparable_groups import of_setting
from va_experiments.analysis.comparisons import NOT_COMPARED
from va_experiments.analysis.leaderboard import Leaderboard, mean, t_interval
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import lower_is_better, metric_label

__all__ = ["Answer", "answer"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one leaderboard comes to.

    ``verdict`` is ``better``, ``unclear`` (the interval includes zero, or there is none), ``worse`` or ``none``.
    ``difference`` is best model minus best trivial, positive when the model is the better.
    """

    sentence: str
    verdict: str
    best: str = ""
    trivial: str = ""
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan


def answer(board: Leaderboard, comparisons: pd.DataFrame | None = None) -> Answer:
    """Return who wins, by how much over the best baseline, and whether its interval excludes zero.

    The difference and its interval come from `comparisons` where it has this pair, else they are the mean of the
    differences by site and its t interval over sites.
    """
    rows = board.rows[board.rows["mean"].notna()]
    models, trivial = rows[~rows["trivial"]], rows[rows["trivial"]]
    simulated = "On simulated deaths" if board.setting.simulated else ""
    where = board.setting.title
    metric = metric_label(board.metric)
    if not len(models):
        text = f"no model finished every cell, so no winner is named ({where})."
        return Answer(_sentence(simulated, text), "none")
    best = models.index[0]
    best_mean = models["mean"].iloc[0]
    n_sites = len(board.sites)
    over = f"mean over {n_sites} sites" if n_sites > 1 else f"at {board.sites[0]}"
    has = f"{best} comes first: {metric} {format_number(best_mean)}, {over} ({where})"
    if not len(trivial):
        return Answer(
            _sentence(
                simulated,
                f"{has}. No baseline (prior, uniform) was run, so it is not known whether that is "
                "better than a model without symptoms.",
            ),
            "none",
            str(best),
        )
    base = trivial.index[0]
    difference, low, high, method = _difference(board, str(best), str(base), comparisons)
    if lower_is_better(board.metric):
        difference, low, high = -difference, -high, -low
    beside = f"the best baseline, {base} ({format_number(trivial['mean'].iloc[0])})"
    if method.startswith(NOT_COMPARED):
        interval = "no interval, as the two were not tested on identical test sets"
    elif math.isnan(low):
        interval = "one site: no interval over sites" if n_sites == 1 else "too few sites for an interval"
    else:
        interval = f"95% interval of the difference {format_number(low)} to {format_number(high)}, {method}"
    verdict = "worse" if difference <= 0 else "better" if low > 0 else "unclear"
    if verdict == "worse":
        text = f"no model beats {beside}: {best} comes next, {metric} {format_number(best_mean)}, {over} ({where}); "
        text += f"{interval}."
    else:
        by = (
            "no better than"
            if format_number(difference) == format_number(0.0)
            else f"{format_number(difference)} better than"
        )
        text = f"{has}. That is {by} {beside}; {interval}."
        if verdict == "unclear" and not math.isnan(low):
            text += " The interval includes zero: there is no clear evidence that it is better than a baseline."
    return Answer(_sentence(simulated, text), verdict, str(best), str(base), difference, low, high)


def _difference(
    board: Leaderboard, best: str, base: str, comparisons: pd.DataFrame | None
) -> tuple[float, float, float, str]:
    rows = of_setting(comparisons, board.setting, board.metric)
    if len(rows):
        for a, b, sign in ((best, base, 1), (base, best, -1)):
            own = rows[(rows["model_a"] == a) & (rows["model_b"] == b) & rows["low"].notna()]
            if len(own) == 1:
                row = own.iloc[0]
                ends = sorted((sign * float(row["low"]), sign * float(row["high"])))
                return sign * float(row["difference"]), ends[0], ends[1], str(row.get("method", ""))
            refused = rows[(rows["model_a"] == a) & (rows["model_b"] == b)]
            if len(refused) and str(refused.iloc[0].get("method", "")).startswith(NOT_COMPARED):
                apart = mean(board.paired(best, base))
                return apart, math.nan, math.nan, str(refused["method"].iloc[0])
    both = board.paired(best, base)
    low, high = t_interval(both) if len(both) >= 3 else (math.nan, math.nan)
    return mean(both), low, high, f"t over {len(both)} sites, paired"


def _sentence(simulated: str, text: str) -> str:
    return f"{simulated}, {text}" if simulated else text[:1].upper() + text[1:] if text.startswith("no ") else text
