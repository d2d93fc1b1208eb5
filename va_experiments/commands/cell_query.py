"""List and query the cells of the store as rows, without changing anything."""

from __future__ import annotations

import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.commands.run_lookup import add_outputs, read_json
from va_experiments.errors import InputError, did_you_mean, shown

if TYPE_CHECKING:
    from va_experiments.checkpoints import Store

__all__ = ["StoredCell", "add_query", "add_store", "age_seconds", "found", "n_bytes", "store_of", "stored_cells"]


@dataclass(frozen=True)
class StoredCell:
    """One cell of the store: what its manifest says, its size in bytes and its age in seconds."""

    key: str
    model: str
    target: str
    protocol: str
    train_sites: tuple[str, ...]
    test_site: str
    data: str
    bytes: int
    age: float
    older: str
    """Libraries that differ from the ones here; empty where none does."""
    folder: Path
    manifest: dict[str, Any] = field(repr=False)


def add_store(parser: ArgumentParser) -> None:
    """Declare where the store is."""
    add_outputs(parser)
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store (default: OUTPUTS/checkpoints)")


def add_query(parser: ArgumentParser) -> None:
    """Declare the options by which cells are chosen; all that are given must hold."""
    chosen = parser.add_argument_group("which cells (all that is given must hold)")
    chosen.add_argument("--model", metavar="NAME", help="of this model")
    chosen.add_argument("--site", metavar="NAME", help="tested at this site")
    chosen.add_argument("--protocol", metavar="NAME", help="of this protocol")
    chosen.add_argument("--data", metavar="NAME", help="of this data set (name, or beginning of its SHA-256)")
    chosen.add_argument("--key", metavar="HEX", help="whose key begins so")
    chosen.add_argument("--older-than", metavar="AGE", help="committed longer ago: 45m, 12h, 30d, 8w")
    chosen.add_argument("--newer-than", metavar="AGE", help="committed less long ago")
    chosen.add_argument("--larger-than", metavar="SIZE", help="taking more room: 500k, 20M, 1G")
    chosen.add_argument("--other-versions", action="store_true", help="computed with other library versions than here")


def store_of(options: Namespace, *, must_exist: bool = True) -> Store:
    """Return the store that the options name."""
    from va_experiments.checkpoints import Store

    root = options.store or options.outputs / "checkpoints"
    if must_exist and not (root / "cells").is_dir():
        raise InputError(
            f"no store at '{root}': name the folder of outputs with --outputs DIR, or the store's with --store"
        )
    return Store(root)


def stored_cells(store: Store) -> Iterator[StoredCell]:
    """Yield the cells of a store, sorted by key; a cell whose manifest cannot be read has the model ``?``."""
    from va_experiments.cell import versions

    now, here = time.time(), versions()
    for key in sorted(store.keys()):
        folder = store.folder(key)
        manifest = read_json(folder / "manifest.json") or {}
        config = manifest.get("config", {})
        split, then = config.get("split", {}), manifest.get("versions", {})
        try:
            committed = folder.stat().st_mtime
            size = sum(p.stat().st_size for p in folder.iterdir())
        except OSError:
            continue
        yield StoredCell(
            key=key,
            model=manifest.get("labels", {}).get("model", "?"),
            target=config.get("model", {}).get("target", "?"),
            protocol=split.get("protocol", "?"),
            train_sites=tuple(split.get("train_sites", ())),
            test_site=split.get("test_site", "?"),
            data=manifest.get("labels", {}).get("data", "?"),
            bytes=size,
            age=max(0.0, now - committed),
            older=", ".join(f"{k} {v}" for k, v in sorted(then.items()) if here.get(k) != v),
            folder=folder,
            manifest=manifest,
        )


def found(store: Store, options: Namespace) -> list[StoredCell]:
    """Return the cells that the query of the options chooses.

    Raises
    ------
    InputError
        If a name is nowhere in the store, or an age or size cannot be read.
    """
    cells = list(stored_cells(store))
    problems = []
    for option, attribute in (("model", "model"), ("site", "test_site"), ("protocol", "protocol")):
        known = sorted({getattr(c, attribute) for c in cells})
        if (asked := getattr(options, option)) is not None and asked not in known and cells:
            problems.append(
                f"--{option}: no cell of {shown(asked)}; known: {', '.join(known)}{did_you_mean(asked, known)}"
            )
    older, newer = age_seconds(options.older_than), age_seconds(options.newer_than)
    larger = n_bytes(options.larger_than)
    if problems:
        raise InputError(problems)
    return [
        c
        for c in cells
        if options.model in (None, c.model)
        and options.site in (None, c.test_site)
        and options.protocol in (None, c.protocol)
        and (
            options.data is None or c.data == options.data or c.manifest.get("data_sha256", "").startswith(options.data)
        )
        and (options.key is None or c.key.startswith(options.key.lower()))
        and (older is None or c.age > older)
        and (newer is None or c.age < newer)
        and (larger is None or c.bytes > larger)
        and (not options.other_versions or c.older)
    ]


def age_seconds(text: str | None) -> float | None:
    """Return ``30d`` as seconds."""
    return _number(text, {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}, "an age such as 45m, 12h, 30d or 8w")


def n_bytes(text: str | None) -> float | None:
    """Return ``20M`` as bytes."""
    return _number(text, {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}, "a size such as 500k, 20M or 1G")


def _number(text: str | None, units: dict[str, int], expected: str) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]?)", text.strip().lower())
    if match is None or match[2] not in units:
        raise InputError(f"{shown(text)} cannot be read; expected {expected}")
    return float(match[1]) * units[match[2]]
