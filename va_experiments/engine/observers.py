"""Define the events that the engine sends to the observers of a run, without knowing who they are.

An observer is monitoring: it never changes a result, and one that fails is logged and notified no more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.engine.context import RunContext
from va_experiments.results.rows import Row

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CellSettled", "Observer", "Observers", "RunOutcome"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CellSettled:
    """A cell that was computed, reused, or has failed.

    Parameters
    ----------
    row : Row
        Its row, as in ``cells.csv``.
    label : str
        Model and test site.
    folder : Path or None
        Its files in the store; None for a failed cell.
    warnings : tuple of str
        What the model warned of.
    of_cells : int
        Cells that this batch of jobs requests.
    """

    row: Row
    label: str
    folder: Path | None
    warnings: tuple[str, ...]
    of_cells: int

    @property
    def failure(self) -> str:
        """Why it has failed, in a line; empty where it has not."""
        if self.row["status"] != "failed":
            return ""
        return f"{self.label}: {self.row['error_class']}: {self.row['error_message']}"[:300]


@dataclass
class RunOutcome:
    """What a run ended with, given to every observer in turn.

    Parameters
    ----------
    cells, baselines : DataFrame
        Rows of the requested cells, and of the baselines on the same splits.
    missing : int
        Requested cells that were not computed.
    files : list of Path
        Report and tables to name at the end.
    error : str
        Why the run ended early; empty where it did not.
    exit_code : int
    links : dict of str to str
        Pages about the run; observers that make one add it.
    problems : list of str
        What went wrong with monitoring; observers add to it.
    answers : list of str
        What the run answers, in sentences; empty where nothing could be scored.
    """

    cells: pd.DataFrame
    baselines: pd.DataFrame
    missing: int
    files: list[Path]
    error: str
    exit_code: int
    links: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every requested cell has a result."""
        return self.missing == 0 and not self.error and not (self.cells["status"] == "failed").any()

    @property
    def stage(self) -> str:
        """``finished``, or ``stopped`` where requested cells were not computed; cells that failed were."""
        return "stopped" if self.missing or self.error else "finished"

    @property
    def rows(self) -> pd.DataFrame:
        """Cells and baselines as one table."""
        import pandas as pd

        return pd.concat([self.cells, self.baselines], ignore_index=True) if len(self.baselines) else self.cells


class Observer:
    """Base of observers: each notification does nothing."""

    def run_started(self, run: RunContext) -> None:
        """Take note that a run has begun; its folder exists."""

    def jobs_planned(self, labels: Mapping[int, str], summary: str) -> None:
        """Take note of jobs whose data are read and whose cells are planned; `labels` by the number of the job."""

    def cell_settled(self, cell: CellSettled) -> None:
        """Take note of a requested cell that was computed, reused, or has failed."""

    def job_done(self, number: int, *, error: str, summary: str) -> None:
        """Take note that all cells of a job are settled, or will not be: then `error` says why."""

    def progress(self, run: RunContext) -> None:
        """Look at the progress; called every few seconds, in a thread of the engine."""

    def tables_written(self, run: RunContext, outcome: RunOutcome) -> None:
        """Take note that tables and manifest are written; the report, which takes longer, is not."""

    def run_finished(self, run: RunContext, outcome: RunOutcome) -> None:
        """Take note that tables, manifest and report are written."""

    def run_aborted(self, run: RunContext) -> None:
        """Take note that the run has ended by an error, before its tables were written."""

    def close(self) -> None:
        """Release everything; called last, also after an error."""


class Observers:
    """Passes every notification on; an observer that fails is left out from then on.

    Parameters
    ----------
    observers : iterable of Observer
        In the order in which they are notified.
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = list(observers)

    def notify(self, what: str, *arguments: Any, **named: Any) -> None:
        """Call the method `what` of each observer."""
        for observer in list(self._observers):
            try:
                getattr(observer, what)(*arguments, **named)
            except BrokenPipeError:  # the output is closed: the run ends normally
                continue
            except Exception as error:
                log.warning(
                    "%s could not follow the run (%s: %s); results are not affected",
                    type(observer).__name__,
                    type(error).__name__,
                    error,
                )
                if what != "close" and observer in self._observers:
                    self._observers.remove(observer)

    def close(self) -> None:
        """Close the observers, the last one first."""
        self._observers.reverse()
        self.notify("close")
        self._observers.reverse()
