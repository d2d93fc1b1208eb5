"""Hold the progress and partial states of running fits in one Ray process, from which the driver fetches them.

It is no part of `va_experiments.execute`: the process that holds it would import the models with that package, a second
of work at the moment when the first fits need the cores.
"""

from __future__ import annotations

from typing import Any

__all__ = ["ProgressBoard"]


class ProgressBoard:
    """Keeps the last note of each task and the last state of each cell until the driver fetches them."""

    def __init__(self) -> None:
        self._notes: dict[str, dict[str, Any]] = {}
        self._states: dict[str, bytes] = {}

    def note(self, task: str, note: dict[str, Any]) -> None:
        """Keep the latest note of a task."""
        self._notes[task] = note

    def keep(self, key: str, content: bytes) -> None:
        """Keep the latest state of a cell."""
        self._states[key] = content

    def drain(self) -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
        """Return all notes and states, and forget them."""
        notes, states = self._notes, self._states
        self._notes, self._states = {}, {}
        return notes, states
