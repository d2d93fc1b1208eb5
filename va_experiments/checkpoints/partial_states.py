"""Store the partial states of long fits, so that the next attempt continues where the last one stopped.

In and out: the bytes of an ``.npz`` archive of plain arrays and numbers. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Container
from pathlib import Path

from va_experiments.checkpoints.atomic_files import TEMPORARY, read_file, write_atomically

__all__ = ["PartialStates"]

log = logging.getLogger(__name__)

_KEY = re.compile(r"[0-9a-f]{64}")


class PartialStates:
    """Partial states on disk: the last state of each unfinished fit, by key.

    Parameters
    ----------
    folder : Path
        One file for each state: 32 bytes of SHA-256, then an ``.npz`` archive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._warned = False

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")
        return self.folder / f"{key}.state"

    def save(self, key: str, content: bytes) -> None:
        """Save an encoded state in place of the last one. If the disk refuses it, warn once and continue."""
        path = self._path(key)
        try:
            write_atomically(path, hashlib.sha256(content).digest() + content)
        except OSError as error:
            if not self._warned:
                log.warning(
                    "the partial state of a long fit could not be saved (%s): after a crash, more of it is computed "
                    "again",
                    error,
                )
            self._warned = True

    def load(self, key: str) -> bytes | None:
        """Return the last saved state, or None if there is none or it is damaged."""
        try:
            raw = read_file(self._path(key))
        except OSError:
            return None
        if hashlib.sha256(raw[32:]).digest() != raw[:32]:
            self.delete(key)
            return None
        return raw[32:]

    def delete(self, key: str) -> None:
        """Delete the state of a finished fit."""
        self._path(key).unlink(missing_ok=True)

    def delete_finished(self, finished: Container[str]) -> None:
        """Delete the states of finished cells and what interrupted writes left."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.name.startswith(TEMPORARY) or path.stem in finished:
                path.unlink(missing_ok=True)
