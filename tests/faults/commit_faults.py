"""End the process at one step of a commit, as a kill would; installed in a driver under test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["POINTS", "install"]

POINTS = ("after_write", "before_manifest", "before_rename", "after_rename")
"""Steps: a file is written but not synced; the manifest is missing; all is there but the rename; after the rename."""


def install(point: str) -> None:
    """Replace the functions that commit a cell by ones that end the process with code 137 at `point`."""
    from va_experiments.checkpoints import atomic_files, store

    write, fsync, rename = store.write_durably, os.fsync, Path.rename

    def ending_write(path: Path, content: bytes) -> None:
        if point == "before_manifest" and path.name == "manifest.json":
            os._exit(137)
        if point == "after_write":
            atomic_files.os.fsync = lambda fd: os._exit(137)  # type: ignore[attr-defined]
        write(path, content)

    def ending_rename(self: Path, target: Any) -> Path:
        if Path(target).parent.parent.name != "cells":
            return rename(self, target)
        if point == "before_rename":
            os._exit(137)
        renamed = rename(self, target)
        if point == "after_rename":
            os._exit(137)
        return renamed

    assert point in POINTS, point
    assert fsync is atomic_files.os.fsync  # type: ignore[attr-defined]
    store.write_durably = ending_write
    Path.rename = ending_rename  # type: ignore[method-assign]
