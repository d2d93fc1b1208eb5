"""Store the scores of finished divisions, so that an interrupted reproduction can continue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

__all__ = ["DivisionCache", "Figures"]

Figures = Mapping[str, Mapping[str, float]]
"""Model -> metric -> value, of one division."""


class DivisionCache:
    """Finished divisions of one reproduction: a file of JSON lines, or nothing if there is no folder.

    Parameters
    ----------
    folder : Path or None
        Created if it does not exist.
    key : str
        Digest of everything that the scores depend on; the name of the file.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._file = folder / f"{key}.jsonl" if folder else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def read(self) -> dict[int, Figures]:
        """Read the finished divisions, by number. A line that a crash cut short is ignored."""
        if self._file is None or not self._file.exists():
            return {}
        finished: dict[int, Figures] = {}
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                finished[int(row["division"])] = row["figures"]
            except (ValueError, KeyError, TypeError):
                continue
        return finished

    def add(self, division: int, figures: Figures) -> None:
        """Append a division, on a new line even after one that was cut short."""
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps({"division": division, "figures": figures}) + "\n")
