"""Which jobs have come to their end in this store: the same ones again find nothing to compute, and need no workers.

A guess, to spare Ray its start: if it is wrong (a cell was deleted, the code has changed), Ray starts a second later,
when the cells have been looked up.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from va_experiments.checkpoints.atomic_files import write_atomically
from va_experiments.config.schema import Config

__all__ = ["remember", "were_done"]

_KEPT = 200
_NO_MATTER = (
    *("execution", "tracking", "checkpoint", "paths", "alert"),
    *("report", "va34_table", "allow_missing", "on_error", "dry_run"),
)
"""Parts of a config that no cell depends on."""


def were_done(root: Path, configs: Sequence[Config]) -> bool:
    """Return whether jobs of these configs have been done, all of their cells, in the store under `root`."""
    return all(c.resume == "true" for c in configs) and _digest(configs) in _known(root)


def remember(root: Path, configs: Sequence[Config]) -> None:
    """Note that all cells of these jobs are in the store."""
    digest = _digest(configs)
    known = [d for d in _known(root) if d != digest]
    write_atomically(root / "complete.json", json.dumps([*known, digest][-_KEPT:]).encode())


def _known(root: Path) -> list[str]:
    try:
        found = json.loads((root / "complete.json").read_text())
    except (OSError, ValueError):
        return []
    return [d for d in found if isinstance(d, str)] if isinstance(found, list) else []


def _digest(configs: Sequence[Config]) -> str:
    trees = [dataclasses.asdict(c) for c in configs]
    plain = [{k: v for k, v in tree.items() if k not in (*_NO_MATTER, "resume")} for tree in trees]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=list).encode()).hexdigest()
