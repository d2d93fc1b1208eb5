"""Record which jobs are complete in this store, so that the same jobs start no workers when they are run again.

In: the root of the store and the jobs' configs. The record only saves time: if it is wrong (a cell was deleted, the
code has changed), Ray starts after the cells have been looked up.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from va_experiments.checkpoints.atomic_files import write_atomically
from va_experiments.config.schema import Config

__all__ = ["is_complete", "mark_complete"]

_MAX_RECORDS = 200
_IRRELEVANT = (
    *("execution", "tracking", "checkpoint", "paths", "alert"),
    *("report", "va34_table", "allow_missing", "on_error", "dry_run"),
)
"""Parts of a config that no cell depends on."""


def is_complete(root: Path, configs: Sequence[Config]) -> bool:
    """Check whether all cells of these jobs were computed before, in the store under `root`."""
    return all(c.resume == "true" for c in configs) and _digest(configs) in _read_records(root)


def mark_complete(root: Path, configs: Sequence[Config]) -> None:
    """Record that all cells of these jobs are in the store under `root`."""
    digest = _digest(configs)
    others = [d for d in _read_records(root) if d != digest]
    write_atomically(root / "complete.json", json.dumps([*others, digest][-_MAX_RECORDS:]).encode())


def _read_records(root: Path) -> list[str]:
    try:
        records = json.loads((root / "complete.json").read_text())
    except (OSError, ValueError):
        return []
    return [d for d in records if isinstance(d, str)] if isinstance(records, list) else []


def _digest(configs: Sequence[Config]) -> str:
    trees = [dataclasses.asdict(c) for c in configs]
    relevant = [{k: v for k, v in tree.items() if k not in (*_IRRELEVANT, "resume")} for tree in trees]
    return hashlib.sha256(json.dumps(relevant, sort_keys=True, default=list).encode()).hexdigest()
