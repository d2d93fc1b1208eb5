"""Print the end of a run: leaderboard, counts, what went wrong, and where everything is."""

from __future__ import annotations

import contextlib
import shutil

from va_experiments.engine.context import RunContext
from va_experiments.engine.observers import Observer, RunOutcome

__all__ = ["TerminalSummary", "summary_lines"]


class TerminalSummary(Observer):
    """Prints the summary of a run when it has finished."""

    def run_finished(self, run: RunContext, outcome: RunOutcome) -> None:
        """Print the summary."""
        width = shutil.get_terminal_size((100, 24)).columns
        with contextlib.suppress(BrokenPipeError):  # nobody reads any more: the run ends as it would have
            print("\n".join(summary_lines(run, outcome, width)), flush=True)


def summary_lines(run: RunContext, outcome: RunOutcome, width: int) -> list[str]:
    """Return the lines to print.

    Parameters
    ----------
    run : RunContext
    outcome : RunOutcome
    width : int
        Characters of a line of the leaderboard.
    """
    from va_experiments.report import leaderboard_text

    counts, config, cells, rows = run.counts, run.config, outcome.cells, outcome.rows
    lines = [""]
    if len(cells) and (rows["status"] == "done").any():
        allowed = config.allow_incomplete
        board = leaderboard_text(rows, width, metric=config.objective, allow_incomplete=allowed, counts=False)
        lines += [board, ""]
    if any(d.simulated for d in run.deaths.values()):
        lines.append("The data are SIMULATED: nothing here says anything about real deaths.")
    lines.append(run.counts.text + (f", {outcome.missing} not computed" if outcome.missing else ""))
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
        lines.append(f"compare va-experiments ui --outputs {run.outputs}")
    if run.interrupted or outcome.missing:
        lines.append("Run the same command to continue: finished cells are not computed again.")
    elif counts.failed:
        lines.append("Run the same command to try the failed cells again; finished cells are not computed again.")
    return lines
