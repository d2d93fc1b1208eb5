"""List all figures of a report in the page's order, and write their static forms (PNG, SVG, PDF)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from va_experiments.analysis.leaderboard import Leaderboard, full_size, other_levels
from va_experiments.analysis.run_tables import RunTables, as_numbers
from va_experiments.report.charts.calibrated import calibrated_figures
from va_experiments.report.charts.calibration import (
    calibration_figure,
    classwise_figure,
    convergence_figure,
    csmf_figure,
)
from va_experiments.report.charts.comparison import ranks_figure
from va_experiments.report.charts.cost import gantt_figure, memory_figure, time_figure
from va_experiments.report.charts.fractions import fractions_figures
from va_experiments.report.charts.label_curves import label_curve_figures
from va_experiments.report.charts.learning import learning_curve_figure
from va_experiments.report.charts.losses import drops_by_model_figure, drops_figure, drops_shown, similarity_figure
from va_experiments.report.charts.scores import (
    differences_figure,
    leaderboard_figure,
    matrix_figure,
    named,
)
from va_experiments.report.charts.strata import strata_figures
from va_experiments.report.charts.style import Figure, left_out, specification
from va_experiments.report.charts.svg import draw
from va_experiments.report.charts.transfer import (
    cause_model_figure,
    cause_site_figure,
    confusion_figure,
    transfer_figure,
)
from va_experiments.report.charts.vega import Layers
from va_experiments.results.schema import SETTING_COLUMNS
from va_experiments.text_sanitizing import plain_columns

__all__ = ["Figure", "all_figures", "static_svg"]

MOST_SETTINGS = 6
"""Settings that get figures of their own; the tables have all."""


def all_figures(content: RunTables, cells: pd.DataFrame, boards: Sequence[Leaderboard]) -> list[Figure]:
    """Return the figures for these cells and leaderboards; one whose data are missing says so instead.

    Leaderboard, matrix and differences are drawn for each setting at full training size, confusion for each level of
    causes; what goes deeper (causes, calibration, CSMF) for the first.
    """
    full = full_size(boards)
    figures: list[Figure] = []
    for i, board in enumerate(full[:MOST_SETTINGS]):
        suffix = f"-{i + 1}-{board.setting.slug}" if i else ""
        figures += [
            leaderboard_figure(board, f"leaderboard{suffix}"),
            matrix_figure(board, f"matrix{suffix}"),
            differences_figure(board, content.comparisons, f"differences{suffix}"),
        ]
    main = full[0]
    one_to_one = next((b for b in full if b.setting.protocol == "one_to_one"), main)
    figures += ranks_figure(main, content.ranks, "ranks")
    figures.append(transfer_figure(one_to_one, _of(cells, one_to_one)))
    split = next((b for b in full if len(drops_shown(b, content.drops))), main)
    figures.append(drops_figure(split, content.drops, content.notes.get("drops", "")))
    figures += drops_by_model_figure(split, content.drops)
    figures.append(similarity_figure(content.similarity, content.notes.get("similarity", "")))
    of_board = _of(cells, main)
    names = of_board[["cell_key", "label", "test_site"]]
    causes = _joined(content.causes, names)
    if causes is None:
        why = "No figures by cause were recorded."
        figures += [
            left_out("causes-by-model", "transfer", "Sensitivity by cause", why),
            left_out("csmf", "csmf", "CSMF, true against estimated", why),
        ]
    else:
        figures += [cause_model_figure(main, causes), cause_site_figure(main, causes), csmf_figure(main, causes)]
    confusion = _joined(content.confusion, names)
    groups = (
        {}
        if causes is None or "group" not in causes
        else dict(zip(causes["cause"], causes["group"].fillna(""), strict=True))
    )
    figures += [
        confusion_figure(main, confusion, groups, by_group=True),
        confusion_figure(main, confusion, groups, by_group=False),
    ]
    for board in other_levels(full):
        joined = _joined(content.confusion, _of(cells, board)[["cell_key", "label", "test_site"]])
        figures.append(confusion_figure(board, joined, {}, by_group=False, level=board.setting.cause_list))
    figures += [learning_curve_figure(boards, cells), *label_curve_figures(cells)]
    figures += [calibration_figure(main, _joined(content.reliability, names))]
    figures.append(classwise_figure(main, _joined(content.classwise, names)))
    figures += calibrated_figures(content.calibrated, cells)
    short = named(main)
    labelled = cells.assign(label=[short.get(label, label) for label in cells["label"]])
    figures += [time_figure(labelled), memory_figure(labelled), gantt_figure(labelled), convergence_figure(labelled)]
    return [*fractions_figures(content.fractions), *figures, *strata_figures(content.strata)]


def static_svg(chart: Layers) -> str:
    """Return the chart at rest as SVG text, with each choice at its first value."""
    return draw(specification(chart))


def _of(cells: pd.DataFrame, board: Leaderboard) -> pd.DataFrame:
    keep = pd.Series(True, index=cells.index)
    for column in SETTING_COLUMNS:
        keep &= cells[column].astype(str) == getattr(board.setting, column)
    return cells[keep]


def _joined(table: pd.DataFrame | None, names: pd.DataFrame) -> pd.DataFrame | None:
    if table is None or not len(table):
        return None
    table = table.drop(columns=[c for c in ("label", "test_site") if c in table.columns])
    table = plain_columns(table, ["cause", "group", "true_cause", "top_cause"])
    joined = table.merge(names, on="cell_key", how="inner")
    for column in joined.columns.difference(
        ["cell_key", "label", "test_site", "cause", "group", "true_cause", "top_cause"]
    ):
        joined[column] = as_numbers(joined[column])
    return joined if len(joined) else None
