"""Write a report: its content in; a folder with the page, the tables and the static figures out."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from va_experiments.analysis.leaderboard import leaderboards
from va_experiments.analysis.majority import with_majority
from va_experiments.analysis.run_tables import RunTables, checked_cells
from va_experiments.report.answer_text import run_answers, run_lines
from va_experiments.report.attempts import attempt
from va_experiments.report.figure_files import figure_files
from va_experiments.report.figures import Figure, all_figures, static_svg
from va_experiments.report.html import page
from va_experiments.report.tables import data_tables, published, write_tables
from va_experiments.results.table_files import write_whole

__all__ = ["ReportPaths", "build_report"]


@dataclasses.dataclass(frozen=True)
class ReportPaths:
    """Where a report was written.

    ``tables`` and ``figures`` map a name with its format (``leaderboard.csv``) to a path; ``skipped`` says in sentences
    what was left out and why.
    """

    html: Path
    folder: Path
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]
    skipped: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    """The answer in sentences, as `va_experiments.report.answer_text` says it."""


def build_report(
    content: RunTables,
    folder: Path,
    *,
    figure_formats: Sequence[str] = ("png", "svg", "pdf"),
    figures: bool = True,
) -> ReportPaths:
    """Write ``report.html``, ``tables/`` and ``figures/`` into `folder` and return where everything is.

    Parameters
    ----------
    content : RunTables
        All that the report shows.
    folder : Path
        Created where needed; files of an earlier report are replaced, each one whole.
    figure_formats : sequence of str
        Static forms written for every figure (none: an empty sequence).
    figures : bool
        Without figures a page needs the least memory.

    Raises
    ------
    InputError
        If the cells lack a column that a report cannot do without. Nothing is written then.
    """
    cells = checked_cells(content)
    shown = with_majority(cells, content.causes)
    ranked = functools.partial(
        leaderboards,
        metric=content.primary_metric,
        allow_incomplete=content.allow_incomplete,
        intervals=content.intervals,
    )
    boards = ranked(shown)
    folder = Path(folder)
    # The majority baseline's fractions are far from all others': a figure of them would show little else.
    drawn = boards if shown is cells or not boards[0].of_fractions else ranked(cells)
    limited: list[str] = []
    none: list[Figure] = []
    listed = attempt("Figures", lambda: all_figures(content, cells, drawn), limited, none) if figures else none
    nothing: dict[str, str] = {}
    svgs = attempt(
        "Static figures", lambda: {f.key: static_svg(f.chart) for f in listed if f.chart is not None}, limited, nothing
    )
    skipped = [f"{f.title}: {f.missing}" for f in listed if f.chart is None]
    prints = {f"leaderboard-{i}-{b.setting.slug}": published(b) for i, b in enumerate(boards, start=1)}
    written: tuple[dict[str, Path], list[str]] = ({}, [])
    table_paths, left_out = attempt(
        "Files of the tables",
        lambda: write_tables(data_tables(cells, boards, content), prints, folder / "tables", content.title),
        limited,
        written,
    )
    figure_paths, missing = figure_files(svgs, folder / "figures", figure_formats)
    limited = [*content.left_out, *limited, *missing]
    html = folder / "report.html"

    def page_with(listed: Sequence[Figure]) -> str:
        return page(dataclasses.replace(content, left_out=tuple(limited)), cells, boards, listed, svgs)

    text = attempt("Figures of the page", lambda: page_with(listed), limited, "") or page_with(none)
    write_whole(html, lambda p: p.write_bytes(text.encode("utf-8", "backslashreplace")))
    scored = content.primary_metric in cells and cells[content.primary_metric].notna().any()
    lines = run_lines(run_answers(content, shown, boards), boards) if scored else []
    return ReportPaths(html, folder, table_paths, figure_paths, (*skipped, *left_out, *limited), tuple(lines))
