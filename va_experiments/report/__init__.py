"""Make leaderboard, figures, tables and the HTML page, from plain tables alone."""

from __future__ import annotations

from va_experiments.analysis.run_tables import TRIVIAL_MODELS, RunTables
from va_experiments.report.build import ReportPaths
from va_experiments.report.profile_text import profile_text
from va_experiments.report.terminal import leaderboard_rows, leaderboard_text

__all__ = [
    "TRIVIAL_MODELS",
    "ReportPaths",
    "RunTables",
    "build_report",
    "leaderboard_rows",
    "leaderboard_text",
    "profile_text",
]


def __getattr__(name: str) -> object:
    # Templates and charts load only when a report is built.
    if name == "build_report":
        from va_experiments.report.build import build_report

        return build_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
