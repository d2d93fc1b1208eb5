"""List and query the cells of the store as rows, without changing anything."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from va_experiments.commands.run_lookup import OUTPUTS, Outputs, read_json
from va_experiments.errors import InputError, did_you_mean, shown

if TYPE_CHECKING:
    from va_experiments.checkpoints import Store

__all__ = ["Place", "Query", "StoredCell", "age_seconds", "find_cells", "n_bytes", "store_at", "stored_cells"]


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


@dataclass(frozen=True)
class Place:
    """Where the store is."""

    outputs: Outputs = OUTPUTS
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the store; default: OUTPUTS/checkpoints.")
    ] = None


@dataclass(frozen=True)
class Query:
    """Options by which cells are chosen; all that are given must hold."""

    model: Annotated[str | None, typer.Option(metavar="NAME", help="Cells of this model.")] = None
    site: Annotated[str | None, typer.Option(metavar="NAME", help="Cells tested at this site.")] = None
    protocol: Annotated[str | None, typer.Option(metavar="NAME", help="Cells of this protocol.")] = None
    data: Annotated[
        str | None, typer.Option(metavar="NAME", help="Cells of this data set (name, or beginning of its SHA-256).")
    ] = None
    key: Annotated[str | None, typer.Option(metavar="HEX", help="Cells whose key begins so.")] = None
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Cells committed longer ago: 45m, 12h, 30d, 8w.")
    ] = None
    newer_than: Annotated[str | None, typer.Option(metavar="AGE", help="Cells committed less long ago.")] = None
    larger_than: Annotated[str | None, typer.Option(metavar="SIZE", help="Cells larger than 500k, 20M, 1G.")] = None
    other_versions: Annotated[
        bool, typer.Option("--other-versions", help="Cells computed with other library versions than here.")
    ] = False

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for, so that every cell is chosen."""
        return self == Query()


def store_at(place: Place, *, must_exist: bool = True) -> Store:
    """Return the store at a place."""
    root = place.store or place.outputs / "checkpoints"
    if must_exist and not (root / "cells").is_dir():
        raise InputError(
            f"no store at '{root}': name the folder of outputs with --outputs DIR, or the store's with --store"
        )
    from va_experiments.results.stored_cells import open_store

    return open_store(root)


def stored_cells(store: Store) -> Iterator[StoredCell]:
    """Yield the cells of a store, sorted by key; a cell whose manifest cannot be read has the model ``?``."""
    from va_experiments.cell import versions

    now, installed = time.time(), versions()
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
            older=", ".join(f"{k} {v}" for k, v in sorted(then.items()) if installed.get(k) != v),
            folder=folder,
            manifest=manifest,
        )


def find_cells(store: Store, query: Query) -> list[StoredCell]:
    """Return the cells that a query chooses.

    Raises
    ------
    InputError
        If a name is nowhere in the store, or an age or size cannot be read.
    """
    cells = list(stored_cells(store))
    problems = []
    for option, attribute in (("model", "model"), ("site", "test_site"), ("protocol", "protocol")):
        known = sorted({getattr(c, attribute) for c in cells})
        if (value := getattr(query, option)) is not None and value not in known and cells:
            problems.append(
                f"--{option}: no cell of {shown(value)}; known: {', '.join(known)}{did_you_mean(value, known)}"
            )
    older, newer = age_seconds(query.older_than), age_seconds(query.newer_than)
    larger = n_bytes(query.larger_than)
    if problems:
        raise InputError(problems)
    return [
        c
        for c in cells
        if query.model in (None, c.model)
        and query.site in (None, c.test_site)
        and query.protocol in (None, c.protocol)
        and (query.data is None or c.data == query.data or c.manifest.get("data_sha256", "").startswith(query.data))
        and (query.key is None or c.key.startswith(query.key.lower()))
        and (older is None or c.age > older)
        and (newer is None or c.age < newer)
        and (larger is None or c.bytes > larger)
        and (not query.other_versions or c.older)
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
