"""Take a finished cell from elsewhere (another machine's export, a shared tracking server) into the local store.

Nothing of it is trusted before it is checked: names, sizes, the manifest's own checksum and the SHA-256 of each file.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from va_experiments.checkpoints import NewerSchema, Store
from va_experiments.checkpoints.atomic_files import TEMPORARY, fsync_folder, write_durably
from va_experiments.checkpoints.store import FILES

__all__ = ["CELL_FILES", "MOST_BYTES", "AdoptError", "adopt", "checked_manifest"]

CELL_FILES = (*FILES, "manifest.json")
MOST_BYTES = 2 * 2**30
"""A larger file is not a cell's."""


class AdoptError(ValueError):
    """What was offered is not the cell it claims to be; nothing of it was kept."""


def adopt(store: Store, key: str, read: Callable[[str], bytes]) -> bool:
    """Check a cell and commit it to the store; return False when it was there already.

    Parameters
    ----------
    store : Store
    key : str
        The cell it has to be.
    read : callable
        Returns the content of one of `CELL_FILES`.

    Raises
    ------
    AdoptError
        Saying what does not match.
    NewerSchema
        If a newer version of this package wrote it.
    """
    final = store.folder(key)
    if final.is_dir():
        return False
    contents = {name: read(name) for name in CELL_FILES}
    checked_manifest(contents["manifest.json"], key, contents)
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


def checked_manifest(raw: bytes, key: str, contents: Mapping[str, bytes]) -> dict[str, Any]:
    """Return a cell's manifest after checking it and the files against it."""
    from va_experiments.cell import SCHEMA

    try:
        manifest = json.loads(raw)
        schema, expected = manifest["schema"], {name: manifest["files"][name] for name in FILES}
        body = {k: v for k, v in manifest.items() if k != "manifest_sha256"}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True, indent=1).encode("ascii")).hexdigest()
        said = (manifest["cell_id"], manifest["manifest_sha256"])
    except (ValueError, KeyError, TypeError, UnicodeError) as error:
        raise AdoptError(f"cell {key[:12]}: its manifest cannot be read ({type(error).__name__}: {error})") from None
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerSchema(f"cell {key[:12]} has schema {schema}, this version knows {SCHEMA}: update va_experiments")
    if said != (key, digest):
        raise AdoptError(f"cell {key[:12]}: its manifest is another cell's, or does not match its own checksum")
    for name in FILES:
        if hashlib.sha256(contents[name]).hexdigest() != expected[name]["sha256"]:
            raise AdoptError(f"cell {key[:12]}: {name} does not match its SHA-256")
    return dict(manifest)
