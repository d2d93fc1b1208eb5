"""Define what the flow of a run waits for: milestones of the engine, and messages about progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RUNS", "Ending", "Milestone", "RunEvents"]


@dataclass(frozen=True)
class Ending:
    """What the flow shows at the end of a run.

    Parameters
    ----------
    table : sequence of mapping
        Rows of the leaderboard.
    links : mapping of str to str
    error : str
        Why the flow fails; empty where it does not.
    counts : str
        Counts of cells and fits, as a sentence.
    answers : tuple of str
        What the run answers, in sentences.
    setting : str
        Of the leaderboard, where it has only one: it stands above the table, not in each row.
    """

    table: Sequence[Mapping[str, Any]] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    counts: str = ""
    answers: tuple[str, ...] = ()
    setting: str = ""


class Milestone:
    """Something that is reached once, well or with an error."""

    def __init__(self) -> None:
        self._reached, self._error, self._summary = threading.Event(), "", ""

    @property
    def reached(self) -> bool:
        """Whether it is reached."""
        return self._reached.is_set()

    def reach(self, *, error: str = "", summary: str = "") -> None:
        """Mark it as reached; only the first call counts."""
        if not self.reached:
            self._error, self._summary = error, summary
            self._reached.set()

    def wait(self) -> str:
        """Wait until it is reached, and return the summary.

        Raises
        ------
        RuntimeError
            If it was reached with an error.
        """
        self._reached.wait()
        if self._error:
            raise RuntimeError(self._error)
        return self._summary


class RunEvents:
    """Milestones of one run.

    Parameters
    ----------
    next_message : callable
        Return the next message as kind and content: ``jobs`` (labels by number), ``progress`` (percent and text), or
        ``finish`` (an `Ending`).
    started : callable
        Called with the id of the flow run as soon as Prefect has made it.
    """

    def __init__(self, next_message: Callable[[], tuple[str, Any]], started: Callable[[str], None]) -> None:
        self.next_message, self.started = next_message, started
        self.prepared, self.reported = Milestone(), Milestone()
        self.jobs: dict[int, Milestone] = {}

    @property
    def milestones(self) -> list[Milestone]:
        """All milestones."""
        return [self.prepared, *self.jobs.values(), self.reported]


RUNS: dict[str, RunEvents] = {}
"""Events of the runs of this process, by the run's id: a flow's parameters are plain text."""
