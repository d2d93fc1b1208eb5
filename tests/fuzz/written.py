"""A file with given bytes, for as long as it is tried."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["written"]


@contextlib.contextmanager
def written(raw: bytes, name: str = "a.csv") -> Iterator[Path]:
    """Yield the path of a file with these bytes, alone in a folder."""
    with tempfile.TemporaryDirectory(prefix="va-fuzz-") as folder:
        path = Path(folder) / name
        path.write_bytes(raw)
        yield path
