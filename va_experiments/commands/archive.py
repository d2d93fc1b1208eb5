"""Pack finished cells into one file for another machine: a plain tar, checked member by member on import."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from va_experiments.checkpoints import Store
from va_experiments.checkpoints.atomic_files import TEMPORARY
from va_experiments.checkpoints.manifest import CELL_FILES, parse_json
from va_experiments.checkpoints.transfer import MAX_FILE_BYTES, TransferError, check_cell, transfer_cell
from va_experiments.commands.cell_query import StoredCell
from va_experiments.errors import InputError, shown

__all__ = ["export_cells", "import_cells"]

INDEX = "va-checkpoints.json"
MAX_INDEX_BYTES = 256 * 2**20
"""Largest size of the index, with more than a million cells."""

_MEMBER = re.compile(r"cells/([0-9a-f]{64})/(predictions\.parquet|metrics\.json|manifest\.json)")


def export_cells(cells: Sequence[StoredCell], path: Path) -> int:
    """Write the cells to a new file, and return its size in bytes.

    The same cells give the same bytes: names, order, times and owners are fixed.
    """
    if path.exists():
        raise InputError(f"'{path}' is there already; choose another name or remove it")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder '{path.parent}' to write '{path.name}' into")
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    index: dict[str, Any] = {"schema": 1, "cells": {}}
    for cell in cells:
        index["cells"][cell.key] = hashlib.sha256((cell.folder / "manifest.json").read_bytes()).hexdigest()
    try:
        with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
            _add(archive, INDEX, json.dumps(index, sort_keys=True).encode())
            for cell in cells:
                for name in CELL_FILES:
                    _add(archive, f"cells/{cell.key}/{name}", (cell.folder / name).read_bytes())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path.stat().st_size


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, 0
    archive.addfile(member, io.BytesIO(content))


def import_cells(path: Path, store: Store) -> tuple[int, int, list[str]]:
    """Take the cells of an exported file into the store: all of them, or none if one is refused.

    The file is read twice, first to check every cell. Members are read into memory one cell at a time and never
    unpacked by name, so that none can land anywhere else.

    Returns
    -------
    (int, int, list of str)
        Cells taken in, cells that were there already, and what was wrong with those that were refused.

    Raises
    ------
    InputError
        If the file is not such an archive, or holds anything that does not belong there; nothing is written.
    OSError
        If the store cannot be written; what was taken in before is removed.
    """
    refused = _find_problems(path, store)
    imported: list[str] = []
    n_present = 0
    try:
        for key, contents in _cells(path) if not refused else ():
            if key == INDEX:
                continue
            if transfer_cell(store, key, contents.__getitem__):
                imported.append(key)
            else:
                n_present += 1
    except BaseException:
        for key in imported:
            store.remove(key)
        raise
    return len(imported), n_present, refused


def _find_problems(path: Path, store: Store) -> list[str]:
    """Describe what is wrong with each cell of an exported file; nothing is written."""
    index: dict[str, str] | None = None
    seen: set[str] = set()
    problems: list[str] = []
    for key, contents in _cells(path):
        if key == INDEX:
            index = _index(path, contents[INDEX])
            continue
        if index is None:
            raise InputError(
                f"'{path}': the archive does not begin with {INDEX}: it was not made by checkpoints export"
            )
        if key not in index:
            raise InputError(f"'{path}' holds the cell {key[:12]}, which {INDEX} does not name; nothing was written")
        seen.add(key)
        if hashlib.sha256(contents["manifest.json"]).hexdigest() != index.get(key):
            problems.append(f"cell {key[:12]}: its manifest is not the one in the archive's index")
            continue
        try:
            check_cell(store, key, contents)
        except TransferError as error:
            problems.append(str(error))
    if index is None:
        raise InputError(f"'{path}': the archive is empty")
    missing = sorted(set(index) - seen)
    return problems + [f"cell {key[:12]}: named in the index, but not in the archive (cut short?)" for key in missing]


def _index(path: Path, raw: bytes) -> dict[str, str]:
    try:
        index = parse_json(raw)
        if index["schema"] != 1:
            raise InputError(f"'{path}' has schema {index['schema']!r}, this version knows 1: update va_experiments")
        return {str(k): str(v) for k, v in index["cells"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"'{path}': {INDEX} cannot be read ({type(error).__name__}: {error})"[:300]) from None


def _cells(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the index, then each cell's files, in the archive's order."""
    if not path.is_file():
        raise InputError(f"'{path}' is not a file" if os.path.lexists(path) else f"there is no file '{path}'")
    names: set[str] = set()
    try:
        with tarfile.open(path, "r:") as archive:
            current, contents = "", dict[str, bytes]()
            for member in archive:
                match = _MEMBER.fullmatch(member.name)
                limit = MAX_FILE_BYTES if match is not None and match[2].endswith(".parquet") else MAX_INDEX_BYTES
                plain = member.isreg() and not member.issparse()  # a file with holes is small here and large when read
                if not plain or member.size > limit or (match is None and member.name != INDEX):
                    raise InputError(
                        f"'{path}' holds {shown(member.name)}, which has no place in an archive of checkpoints; "
                        "nothing of it was written"
                    )
                if member.name in names:
                    raise InputError(f"'{path}' holds {shown(member.name)} twice; nothing of it was written")
                names.add(member.name)
                file = archive.extractfile(member)
                content = file.read() if file is not None else b""
                if match is None:
                    yield INDEX, {INDEX: content}
                    continue
                if match[1] != current and 0 < len(contents) < len(CELL_FILES):
                    raise InputError(f"'{path}' holds a part of the cell {current[:12]} only; nothing was written")
                if match[1] != current:
                    current, contents = match[1], {}
                contents[match[2]] = content
                if len(contents) == len(CELL_FILES):
                    yield current, contents
    except (tarfile.TarError, EOFError, OSError, ValueError, IndexError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"'{path}' cannot be read as an archive of checkpoints ({error})") from None
