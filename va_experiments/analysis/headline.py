"""State the answer in a sentence: the best model against the best baseline, on the same splits."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd

from va_experiments.analysis.comparable_groups import of_setting, split_settings
from va_experiments.analysis.comparisons import NOT_COMPARED
from va_experiments.analysis.intervals import mean, t_interval
from va_experiments.analysis.leaderboard import Leaderboard, board_columns, leaderboard, metric_means
from va_experiments.formatting import format_number
from va_experiments.metrics.registry import DEATH_METRICS, DEFAULT_METRIC, lower_is_better, metric_label

__all__ = ["Answer", "answer", "answers"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer of one leaderboard.

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


def answers(
    board: Leaderboard, cells: pd.DataFrame, comparisons: pd.DataFrame | None = None, *, allow_incomplete: bool = False
) -> list[Answer]:
    """Return what one setting answers to both questions: how well fractions are estimated, and single deaths named.

    Each question is answered by the leaderboard's own metric if that judges it, else by the default metric of fractions
    and by top-1 accuracy; a metric that judges neither (a loss) has a sentence of its own, first.

    Parameters
    ----------
    board : Leaderboard
    cells : DataFrame
        All cells, those of other settings too.
    comparisons : DataFrame, optional
        Paired differences, for the metrics that have them.
    allow_incomplete : bool
        Means over incomplete grids.
    """
    of_deaths = board.metric in DEATH_METRICS
    names = [board.metric if board.of_fractions else DEFAULT_METRIC, board.metric if of_deaths else "top1"]
    group = next(g for s, g in split_settings(board_columns(cells, *names, "mean_ccc")) if s == board.setting)
    sentences = [] if board.of_fractions or of_deaths else [answer(board, comparisons)]
    for question, metric in zip(("Cause fractions", "Single deaths"), names, strict=True):
        if metric not in group or (metric != board.metric and not group[metric].notna().any()):
            continue
        judged = board
        if metric != board.metric:
            judged = leaderboard(board.setting, group, metric, allow_incomplete=allow_incomplete)
        if judged.of_fractions and judged.mix_known:
            sentences.append(Answer(f"{question}: {judged.cautions[0]}", "none"))
            continue
        one = answer(judged, comparisons)
        concordance = _concordance(one, group, allow_incomplete) if metric == "top1" else ""
        sentences.append(dataclasses.replace(one, sentence=f"{question}: {_lowered(one.sentence)}{concordance}"))
    return sentences


def _concordance(one: Answer, group: pd.DataFrame, allow_incomplete: bool) -> str:
    """Return the chance-corrected concordance of the best model and of the best baseline, in words."""
    if "mean_ccc" not in group or not one.best:
        return ""
    means = metric_means(group, ["mean_ccc"], allow_incomplete=allow_incomplete)["mean_ccc"]
    best, base = (format_number(means.get(name, math.nan)) for name in (one.best, one.trivial))
    beside = f", of {one.trivial} {base}" if base else ""
    return f" Mean chance-corrected concordance of {one.best}: {best}{beside}." if best else ""


def _lowered(sentence: str) -> str:
    """Return a sentence as it stands after a colon; names of models keep their first letter."""
    return sentence[:1].lower() + sentence[1:] if sentence.startswith(("No ", "On ")) else sentence


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
            pair = rows[(rows["model_a"] == a) & (rows["model_b"] == b) & rows["low"].notna()]
            if len(pair) == 1:
                row = pair.iloc[0]
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
