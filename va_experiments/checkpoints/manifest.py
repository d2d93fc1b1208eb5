"""Read and write the manifest of a stored cell: what was computed, with checksums of its files and of itself.

In: a cell and its result, or the bytes of a manifest. Out: the bytes to write, or a checked manifest. The store and the
transfer of cells between stores both check through this module.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from va_experiments.cell import SCHEMA, Cell, Result
from va_experiments.checkpoints.atomic_files import read_file
from va_experiments.errors import VaError, shown

__all__ = [
    "CELL_FILES",
    "FILES",
    "MANIFEST",
    "NewerSchema",
    "checksum_matches",
    "find_file_problem",
    "json_bytes",
    "make_manifest",
    "make_metrics_json",
    "parse_json",
    "verify_files",
]

FILES = ("predictions.parquet", "metrics.json")
"""Files whose checksums a manifest holds."""

MANIFEST = "manifest.json"

CELL_FILES = (*FILES, MANIFEST)
"""All files of a stored cell, in the order in which they are written."""


class NewerSchema(VaError, RuntimeError):
    """A stored cell was written by a newer version of this package, and is left untouched."""

    exit_code: ClassVar[int] = 5


MAX_JSON_BYTES = 32 * 2**20
"""Largest size of a JSON file that is taken from elsewhere; those of a cell have about 10 kB."""


def parse_json(raw: bytes) -> Any:
    """Parse JSON in which no mapping has a key twice; of the two, programs take one or the other.

    Raises
    ------
    ValueError
        Naming the key, or what is no JSON.
    """
    return json.loads(raw, object_pairs_hook=_mapping)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} is there twice")
    return mapping


def json_bytes(content: Any) -> bytes:
    """Write plain data as the JSON text that checksums are taken of: sorted keys, ASCII, no NaN."""
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False).encode("ascii")


def make_metrics_json(result: Result) -> bytes:
    """Write metrics, values by cause and diagnostics as JSON; NaN becomes null."""
    from va_experiments.cell.serialization import plain

    content = {"metrics": result.metrics, "per_cause": result.per_cause, "diagnostics": result.diagnostics}
    return json_bytes(plain(content))


def make_manifest(cell: Cell, result: Result, files: Mapping[str, bytes]) -> bytes:
    """Write the manifest: the cell's content, checksums of its files, seed, versions, timings.

    Parameters
    ----------
    cell : Cell
    result : Result
    files : mapping of str to bytes
        Content of each of `FILES`.
    """
    from va_experiments.cell.serialization import plain

    facts = plain({k: v for k, v in result.facts.items() if k != "versions"})
    body = {
        "schema": SCHEMA,
        "cell_id": result.key,
        "config": plain(cell.content),
        "labels": {"model": cell.model.name, "data": cell.setting.data}
        | ({"cause_list": cell.setting.cause_list} if cell.setting.cause_list else {}),
        "files": {n: {"sha256": hashlib.sha256(c).hexdigest(), "bytes": len(c)} for n, c in files.items()},
        "data_sha256": cell.setting.fingerprint,
        "prediction_sha256": result.prediction_sha256,
        "seed": cell.setting.seed,
        "versions": plain(result.facts.get("versions", {})),
        "facts": facts,
        "timings": plain(result.timings),
        "attempt": result.attempt,
    }
    return json_bytes({**body, "manifest_sha256": hashlib.sha256(json_bytes(body)).hexdigest()})


def checksum_matches(raw: bytes, manifest: Mapping[str, Any]) -> bool:
    """Compare a manifest with its own checksum, which is that of its text without the checksum's line.

    The text itself is hashed: writing the parsed manifest again would take as long as all other checks of a cell.
    """
    checksum = str(manifest["manifest_sha256"])
    line = f' "manifest_sha256": "{checksum}",\n'.encode("ascii", "replace")
    before, separator, after = raw.partition(line)
    return bool(separator) and hashlib.sha256(before + after).hexdigest() == checksum


def verify_files(folder: Path, key: str, manifest: Mapping[str, Any], *, contents: bool) -> dict[str, bytes]:
    """Compare the files of a stored cell with its manifest.

    Parameters
    ----------
    folder : Path
    key : str
        Key that the manifest must have.
    manifest : mapping
    contents : bool
        Compare the SHA-256 of each file too, not only its size.

    Returns
    -------
    dict of str to bytes
        What was read: the content of each of `FILES`, or nothing without `contents`.

    Raises
    ------
    ValueError
        Naming the first file that differs, or the other cell that the manifest belongs to.
    """
    if manifest["cell_id"] != key:
        raise ValueError(f"the manifest is of cell {str(manifest['cell_id'])[:12]}")
    read: dict[str, bytes] = {}
    if os.path.islink(os.path.join(folder, MANIFEST)):
        raise ValueError(f"{MANIFEST} is a link")
    for name in FILES:
        path, expected = os.path.join(folder, name), manifest["files"][name]
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            raise ValueError(f"{name} is a link")
        if about.st_size != expected["bytes"]:
            raise ValueError(f"{name} has {about.st_size} bytes, expected {expected['bytes']}")
        if contents:
            read[name] = read_file(path)
            if hashlib.sha256(read[name]).hexdigest() != expected["sha256"]:
                raise ValueError(f"{name} does not match its SHA-256")
    return read


def find_file_problem(raw: bytes, key: str, contents: Mapping[str, bytes]) -> str:
    """Describe why a manifest and files are not the cell `key`; return empty text where they are.

    Parameters
    ----------
    raw : bytes
        The manifest.
    key : str
    contents : mapping of str to bytes
        Content of each of `FILES`.

    Raises
    ------
    NewerSchema
        If a newer version of this package wrote it.
    """
    for name in (MANIFEST, "metrics.json"):
        if len(contents.get(name, raw)) > MAX_JSON_BYTES:
            return f"{name} has more than {MAX_JSON_BYTES // 2**20} MB"
    try:
        manifest = parse_json(raw)
        schema, expected = manifest["schema"], {name: manifest["files"][name]["sha256"] for name in FILES}
        body = {k: v for k, v in manifest.items() if k != "manifest_sha256"}
        checksum = hashlib.sha256(json.dumps(body, sort_keys=True, indent=1).encode("ascii")).hexdigest()
        recorded = (manifest["cell_id"], manifest["manifest_sha256"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"its manifest cannot be read ({type(error).__name__}: {error})"
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerSchema(f"cell {key[:12]} has schema {schema}, this version knows {SCHEMA}: update va_experiments")
    if recorded != (key, checksum):
        return "its manifest is another cell's, or does not match its own checksum"
    for name in FILES:
        if hashlib.sha256(contents[name]).hexdigest() != expected[name]:
            return f"{name} does not match its SHA-256"
    return ""
