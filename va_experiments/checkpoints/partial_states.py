"""Intermediate states of long fits, kept from attempt to attempt; plain arrays and numbers, never pickle."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Container
from pathlib import Path

from va_experiments.checkpoints.atomic_files import TEMPORARY, write_atomically

__all__ = ["StateStore"]

log = logging.getLogger(__name__)

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
        self._warned = False

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")
        return self.folder / f"{key}.state"

    def keep(self, key: str, content: bytes) -> None:
        """Keep an encoded state in place of the one before; a disk that cannot take it costs no result."""
        path = self._path(key)
        try:
            write_atomically(path, hashlib.sha256(content).digest() + content)
        except OSError as error:
            if not self._warned:
                log.warning("the state of a long fit could not be kept (%s): a crash would cost more of it", error)
            self._warned = True

    def last(self, key: str) -> bytes | None:
        """Return the encoded state kept last, or None when there is none or it is damaged."""
        try:
            raw = self._path(key).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(raw[32:]).digest() != raw[:32]:
            self.drop(key)
            return None
        return raw[32:]

    def drop(self, key: str) -> None:
        """Forget the state: the fit is done."""
        self._path(key).unlink(missing_ok=True)

    def sweep(self, done: Container[str]) -> None:
        """Forget the states of finished cells, and what interrupted writes have left."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.name.startswith(TEMPORARY) or path.stem in done:
                path.unlink(missing_ok=True)
