"""Figures of finished divisions on disk, so that an interrupted replay goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Figures", "Kept"]

Figures = Mapping[str, Mapping[str, float]]
"""Model -> metric -> value, of one division."""


class Kept:
    """The divisions of one replay that are done: a file of JSON lines, one for each, or nothing without a folder.

    Parameters
    ----------
    folder : Path or None
        Made where it is missing.
    key : str
        Digest of all that the figures depend on; names the file.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._file = folder / f"{key}.jsonl" if folder else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def read(self) -> dict[int, Figures]:
        """Return what is done, by number of the division. A line that a crash cut short counts as not done."""
        if self._file is None or not self._file.exists():
            return {}
        found: dict[int, Figures] = {}
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                found[int(row["division"])] = row["figures"]
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def add(self, division: int, figures: Figures) -> None:
        """Append a division; it is on its own line even after one that was cut short."""
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps({"division": division, "figures": figures}) + "\n")
