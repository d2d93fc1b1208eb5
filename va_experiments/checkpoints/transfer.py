"""Take finished cells from elsewhere (an exported archive, a shared tracking server) into the local store.

In: a cell's key and a function that reads its files. Nothing is stored before it is checked: the manifest's own
checksum, the key, and the SHA-256 of each file.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping

from va_experiments.checkpoints.atomic_files import TEMPORARY, fsync_folder, write_durably
from va_experiments.checkpoints.manifest import CELL_FILES, MANIFEST, find_file_problem, parse_json
from va_experiments.checkpoints.store import Store

__all__ = ["MAX_FILE_BYTES", "TransferError", "check_cell", "transfer_cell"]

MAX_FILE_BYTES = 2 * 2**30
"""Largest size of a file that is accepted."""


class TransferError(ValueError):
    """The files are not those of the cell that they claim to be; nothing was stored."""


def check_cell(store: Store, key: str, contents: Mapping[str, bytes]) -> None:
    """Raise `TransferError` unless the files are those of the cell, and can be used.

    Parameters
    ----------
    store : Store
        Its ``find_problem`` checks the content.
    key : str
    contents : mapping of str to bytes
        Content of each of `CELL_FILES`.
    """
    problem = find_file_problem(contents[MANIFEST], key, contents)
    if not problem:
        try:
            manifest, metrics = (parse_json(contents[name]) for name in (MANIFEST, "metrics.json"))
            problem = store.find_problem(manifest, metrics, contents["predictions.parquet"], full=True)
        except (ValueError, RecursionError) as error:
            problem = f"metrics.json cannot be read ({type(error).__name__}: {error})"
    if problem:
        raise TransferError(f"cell {key[:12]}: {problem}")


def transfer_cell(store: Store, key: str, read: Callable[[str], bytes]) -> bool:
    """Check a cell and commit it to the store; return False if it is stored already.

    Parameters
    ----------
    store : Store
    key : str
        The key that the cell must have.
    read : callable
        Returns the content of one of `CELL_FILES`.

    Raises
    ------
    TransferError
        Naming what does not match.
    NewerSchema
        If a newer version of this package wrote the cell.
    """
    final = store.folder(key)
    if final.is_dir():
        return False
    contents = {name: read(name) for name in CELL_FILES}
    check_cell(store, key, contents)
    final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = final.parent / f"{TEMPORARY}{key[:16]}-{secrets.token_hex(4)}"
    temporary.mkdir(mode=0o700)
    try:
        for name in CELL_FILES:  # the manifest last
            write_durably(temporary / name, contents[name])
        fsync_folder(temporary)
        os.rename(temporary, final)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if final.is_dir():
            return False
        raise
    fsync_folder(final.parent)
    return True
