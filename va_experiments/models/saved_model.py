"""Write a fitted model as a folder that is safe to open, and read it: JSON, arrays, and the libraries' own formats.

``model.json`` (state and causes), ``arrays.npz``, one file for each part of a library, ``card.json`` (what it was
trained on, and how well it did), and ``manifest.json`` with the SHA-256 of each. A folder in which a file differs from
its checksum, is missing, or was added, is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from va_experiments.errors import InputError, shown_path
from va_experiments.models.base import Model
from va_experiments.models.saved_state import SavedState, restored, saved_state

__all__ = ["MANIFEST", "read_card", "read_model", "write_model"]

FORMAT = 1
MANIFEST = "manifest.json"


def write_model(folder: Path, model: Model, card: Mapping[str, Any]) -> str:
    """Write a fitted model and its card into a new folder; return the SHA-256 of the manifest.

    Raises
    ------
    InputError
        If the folder exists, or the model has no safe form; nothing is written then.
    """
    if folder.exists():
        raise InputError(f"{shown_path(folder)} is there already; name a new folder")
    state = saved_state(model)
    buffer = io.BytesIO()
    np.savez(buffer, **state.arrays)  # type: ignore[arg-type]
    files = {
        "model.json": json.dumps({"format": FORMAT, "model": state.tree}, sort_keys=True).encode(),
        "arrays.npz": buffer.getvalue(),
        "card.json": json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        **state.parts,
    }
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = json.dumps({"format": FORMAT, "files": sums}, indent=1, sort_keys=True).encode()
    folder.mkdir(parents=True)
    for name, content in {**files, MANIFEST: manifest}.items():
        (folder / name).write_bytes(content)
    return hashlib.sha256(manifest).hexdigest()


def read_model(folder: Path) -> tuple[Model, dict[str, Any]]:
    """Read a fitted model and its card.

    Raises
    ------
    InputError
        If the folder is none, was made by a later version, or a file in it was changed, removed or added.
    """
    files = _checked(folder)
    tree = json.loads(files["model.json"])
    with np.load(io.BytesIO(files["arrays.npz"]), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    others = ("model.json", "arrays.npz", "card.json")
    parts = {name: content for name, content in files.items() if name not in others}
    return restored(SavedState(tree["model"], arrays, parts)), json.loads(files["card.json"])


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card of a saved model, checked as `read_model` checks it."""
    return dict(json.loads(_checked(folder)["card.json"]))


def _checked(folder: Path) -> dict[str, bytes]:
    where = shown_path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        sums = dict(manifest["files"])
        later = int(manifest["format"]) > FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{where} is not the folder of a saved model ({MANIFEST} cannot be read); va-experiments train makes one"
        ) from error
    if later:
        raise InputError(f"{where} was saved by a later version; update va_experiments")
    there = {p.name for p in folder.iterdir()} - {MANIFEST}
    problems = [f"{where}: {name} is missing" for name in sorted(set(sums) - there)]
    problems += [f"{where}: {name} is not in the manifest" for name in sorted(there - set(sums))]
    files: dict[str, bytes] = {}
    for name in sorted(there & set(sums)):
        files[name] = (folder / name).read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != sums[name]:
            problems.append(f"{where}: {name} differs from its checksum")
    problems += [f"{where}: {n} is missing" for n in ("model.json", "arrays.npz", "card.json") if n not in sums]
    if problems:
        raise InputError(problems, "the folder was changed after it was saved: take it from its source again")
    return files
