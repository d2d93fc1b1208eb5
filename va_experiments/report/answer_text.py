"""Say what a run answers, in two sentences: fractions and single deaths, each against the best baseline.

Terminal, report, Prefect and MLflow show what is returned here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd

from va_experiments.analysis.cell_tables import by_cause
from va_experiments.analysis.comparisons import paired_comparisons
from va_experiments.analysis.headline import Answer, answers
from va_experiments.analysis.leaderboard import Leaderboard, full_size, leaderboards
from va_experiments.analysis.majority import with_majority
from va_experiments.analysis.run_tables import RunTables, checked_cells
from va_experiments.checkpoints import Store

__all__ = ["MOST_ANSWERS", "answer_lines", "run_answers", "run_lines"]

MOST_ANSWERS = 8
"""Settings that are answered one by one."""


def run_answers(content: RunTables, shown: pd.DataFrame, boards: Sequence[Leaderboard]) -> list[list[Answer]]:
    """Return the answers of the first settings whose models are trained on all there is.

    Parameters
    ----------
    content : RunTables
    shown : DataFrame
        Its cells, with those of the baseline `majority`.
    boards : sequence of Leaderboard
    """
    allowed = content.allow_incomplete
    return [
        answers(board, shown, content.comparisons, allow_incomplete=allowed)
        for board in full_size(boards)[:MOST_ANSWERS]
    ]


def run_lines(answers: Sequence[Sequence[Answer]], boards: Sequence[Leaderboard]) -> list[str]:
    """Return the answers of the first setting as sentences, and how many settings there are beside it."""
    if not answers:
        return []
    more = len(full_size(boards)) - 1
    beside = [f"The report answers {more} more setting{'s' if more > 1 else ''}."] if more > 0 else []
    return [*(answer.sentence for answer in answers[0]), *beside]


def answer_lines(rows: pd.DataFrame, metric: str, store: Store, *, allow_incomplete: bool = False) -> list[str]:
    """Return the sentences of a run whose report is not built; empty where nothing could be scored.

    Parameters
    ----------
    rows : DataFrame
        Cells and baselines.
    metric : str
        What the leaderboard ranks by.
    store : Store
        Has the cells of `prior`, from which the baseline `majority` follows.
    allow_incomplete : bool
    """
    done = rows[rows["status"] == "done"] if len(rows) else rows
    if not len(done) or metric not in done or not done[metric].notna().any():
        return []
    prior = done[(done["model"] == "prior") & done["cell_key"].isin(set(store.keys()))]
    content = RunTables(
        title="",
        cells=rows,
        causes=by_cause(store, prior, {}) if len(prior) else None,
        comparisons=paired_comparisons(rows.drop_duplicates("cell_key"), (metric,)),
        primary_metric=metric,
        allow_incomplete=allow_incomplete,
    )
    cells = checked_cells(content)
    shown = with_majority(cells, content.causes)
    boards = leaderboards(shown, metric, allow_incomplete=allow_incomplete)
    return run_lines(run_answers(dataclasses.replace(content, cells=cells), shown, boards), boards)
