"""Record which jobs are complete in this store, so that the same jobs start no workers when they are run again.

In: the root of the store and the jobs' configs. The record only saves time: if it is wrong (a cell was deleted, the
code has changed), Ray starts after the cells have been looked up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from va_experiments.checkpoints.atomic_files import read_file, write_atomically
from va_experiments.config.schema import JobConfig

__all__ = ["is_complete", "mark_complete"]

_MAX_RECORDS = 200


def is_complete(root: Path, jobs: Sequence[JobConfig]) -> bool:
    """Return whether all cells of these jobs are in the store under `root`."""
    return _digest(jobs) in _read_records(root)


def mark_complete(root: Path, jobs: Sequence[JobConfig]) -> None:
    """Record that all cells of these jobs are in the store."""
    digest = _digest(jobs)
    others = [d for d in _read_records(root) if d != digest]
    write_atomically(root / "complete.json", json.dumps([*others, digest][-_MAX_RECORDS:]).encode())


def _read_records(root: Path) -> list[str]:
    try:
        records = json.loads(read_file(root / "complete.json"))
    except (OSError, ValueError, RecursionError):
        return []
    return [d for d in records if isinstance(d, str)] if isinstance(records, list) else []


def _digest(jobs: Sequence[JobConfig]) -> str:
    content = [[job.tree(), *_file_states(job.data.tree()), *_file_states(job.model)] for job in jobs]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _file_states(tree: Any) -> Iterator[tuple[int, int]]:
    """Yield size and time of change of every file that a tree names: a changed file gives different cells."""
    if isinstance(tree, Mapping):
        for _, value in sorted(tree.items()):
            yield from _file_states(value)
    elif isinstance(tree, str):
        with contextlib.suppress(OSError, ValueError):
            status = os.stat(tree)
            if stat.S_ISREG(status.st_mode):
                yield status.st_size, status.st_mtime_ns
