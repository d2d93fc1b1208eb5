"""Intermediate states of long fits, kept from attempt to attempt; plain arrays and numbers, never pickle."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from va_experiments.checkpoints.files import write_atomically

__all__ = ["StateStore"]

_KEY = re.compile(r"[0-9a-f]{64}")


class StateStore:
    """The last state of each fit that has not finished, by key.

    Parameters
    ----------
    folder : Path
        Where states lie, one file each: 32 bytes of SHA-256, then an ``.npz`` archive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")
        return self.folder / f"{key}.state"

    def keep(self, key: str, content: bytes) -> None:
        """Keep an encoded state in place of the one before."""
        write_atomically(self._path(key), hashlib.sha256(content).digest() + content)

    def last(self, key: str) -> bytes | None:
        """Return the encoded state kept last, or None when there is none or it is damaged."""
        try:
            raw = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(raw[32:]).digest() != raw[:32]:
            self.drop(key)
            return None
        return raw[32:]

    def drop(self, key: str) -> None:
        """Forget the state: the fit is done."""
        self._path(key).unlink(missing_ok=True)
