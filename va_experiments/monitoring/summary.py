"""Print the end of a run: leaderboard, answer, counts, what went wrong, and where everything is.

The leaderboard is printed before the report is made: a report that takes long or fails does not withhold it.
"""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
import textwrap
from typing import TYPE_CHECKING

from va_experiments.engine.context import RunContext
from va_experiments.engine.observers import Observer, RunOutcome
from va_experiments.terminal import is_terminal, say, terminal_width

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TerminalSummary", "board_text", "summary_lines"]

log = logging.getLogger(__name__)


class TerminalSummary(Observer):
    """Prints the leaderboard of a run when its tables are written, and the rest of the summary at its end."""

    def __init__(self) -> None:
        self._printed = False

    def tables_written(self, run: RunContext, outcome: RunOutcome) -> None:
        """Print the leaderboard."""
        self._print_board(run, outcome)

    def run_finished(self, run: RunContext, outcome: RunOutcome) -> None:
        """Print the counts, what went wrong, and where everything is."""
        with contextlib.suppress(BrokenPipeError):  # the output is closed: the run ends normally
            if not self._printed:  # nothing was scored: the cause fractions are in a file of the report
                self._print_board(run, outcome)
            if outcome.answers:
                width = terminal_width()
                say("\n".join(textwrap.fill(a, width, break_on_hyphens=False) for a in outcome.answers) + "\n")
            say("\n".join(summary_lines(run, outcome)), flush=True)

    def _print_board(self, run: RunContext, outcome: RunOutcome) -> None:
        from va_experiments.report.attempts import attempt

        styled = is_terminal(sys.stdout)
        left_out: list[str] = []
        text = attempt("Leaderboard", lambda: board_text(run, outcome, terminal_width(), styled=styled), left_out, "")
        for reason in left_out:
            log.warning("%s", reason)
        if text:
            self._printed = True
            with contextlib.suppress(BrokenPipeError):
                say(text, safe=styled, flush=True)


def board_text(run: RunContext, outcome: RunOutcome, width: int, *, styled: bool = False) -> str:
    """Return the leaderboard, with an empty line before and after it.

    Parameters
    ----------
    run : RunContext
    outcome : RunOutcome
    width : int
        Characters of a line.
    styled : bool
        Whether escape sequences of a terminal make it more readable.
    """
    from va_experiments.report import leaderboard_text

    config, rows = run.config, outcome.rows
    if not len(outcome.cells) or not (rows["status"] == "done").any():
        return ""
    if config.objective not in rows or not rows[config.objective].notna().any():
        return _fractions_text(outcome)
    allowed = config.allow_incomplete
    board = leaderboard_text(
        rows, width, metric=config.objective, allow_incomplete=allowed, counts=False, styled=styled
    )
    return "\n".join(["", board, *_more(rows, width), ""])


def _more(rows: pd.DataFrame, width: int) -> list[str]:
    """Return the lines of nested choices and of labelled deaths, each below an empty one, where the run has them."""
    from va_experiments.analysis.nested_choice import INNER
    from va_experiments.analysis.run_tables import RunTables, checked_cells

    labelled = "target_labels" in rows and (rows["target_labels"].fillna("") != "").any()
    if not labelled and not (rows["protocol"] == INNER).any():
        return []
    from va_experiments.report.choice_section import choice_lines
    from va_experiments.report.label_tables import label_curve_lines

    cells = checked_cells(RunTables(title="", cells=rows))
    parts = [choice_lines(cells, width), label_curve_lines(cells, width)]
    return [line for lines in parts if lines for line in ("", *lines)]


def _fractions_text(outcome: RunOutcome) -> str:
    """Return the greatest cause fractions of each model, where causes were assigned and nothing could be scored."""
    import pandas as pd

    from va_experiments.report.assigned_files import greatest_fractions

    path = next((p for p in outcome.files if p.name == "fractions.csv"), None)
    if path is None:
        return ""
    lines = greatest_fractions(pd.read_csv(path, keep_default_na=False, na_values={"low": [""], "high": [""]}))
    return "\n" + "\n".join(lines) + "\n"


def summary_lines(run: RunContext, outcome: RunOutcome) -> list[str]:
    """Return the lines to print below the leaderboard: counts, what went wrong, and where everything is."""
    counts, config, cells = run.counts, run.config, outcome.cells
    lines: list[str] = []
    if any(d.simulated for d in run.deaths.values()):
        lines.append("The data are SIMULATED: nothing here says anything about real deaths.")
    lines.append(run.counts.now.sentence)
    if counts.done == counts.failed == outcome.missing == 0:
        lines.append("Nothing was fitted: every cell was there already.")
    older = int((cells["older_versions"].fillna("") != "").sum()) if "older_versions" in cells else 0
    if older:
        lines.append(f"{older} reused cells were computed with other library versions (column older_versions)")
    lines += run.notes
    lines += [f"  ! {text}" for text in (*counts.errors, *filter(None, [outcome.error]), *outcome.problems)]
    lines.append(f"cells   {run.folder / 'cells.csv'}")
    if counts.failed:
        lines.append("        column error_traceback: where each failed cell failed")
    lines += [f"{'report' if path.suffix == '.html' else 'table':8}{path}" for path in outcome.files]
    if config.tracking.mlflow and not config.tracking.uri:
        lines.append(f"compare va-experiments ui --outputs {shlex.quote(str(run.outputs))}")
    if run.interrupted or outcome.missing:
        lines.append("Run the same command to continue: finished cells are not computed again.")
    elif counts.failed:
        lines.append("Run the same command to try the failed cells again; finished cells are not computed again.")
    return lines
