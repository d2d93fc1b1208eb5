"""Write a fitted model as a folder that is safe to open, and read it: JSON, arrays, and the libraries' own formats.

``model.json`` (state and causes), ``arrays.npz``, one file for each part of a library, ``card.json`` (what it was
trained on, and how well it did), and ``manifest.json`` with the SHA-256 of each. A folder in which a file differs from
its checksum, is missing, was added, or is a link, is refused. So is a card whose causes or questions are not those of
the model, and a state or card that differs from the checksum among the arrays, whatever the manifest says. These
checksums have no key: who can write all files can write them too. Only the SHA-256 of the manifest, sent by another
way, shows that a folder is the one that was saved.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.errors import InputError, shown, shown_path
from va_experiments.models.base import Model
from va_experiments.models.saved_state import SavedState, restored, saved_state

__all__ = ["MANIFEST", "listed_files", "read_card", "read_model", "write_model"]

FORMAT = 2
"""Since 2, the arrays have a checksum of state and card."""

MANIFEST = "manifest.json"

MAX_BYTES = 2 << 30
"""Of all files of a model, unpacked."""

_SEAL = "seal"
"""The array that holds the checksum of state and card."""

_TAKE_AGAIN = "take it from its source again"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

_MALFORMED = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, ImportError, OSError, EOFError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What readers of JSON, arrays and libraries raise for content that is none."""


def write_model(folder: Path, model: Model, card: Mapping[str, Any]) -> str:
    """Write a fitted model and its card into a new folder; return the SHA-256 of the manifest.

    The causes and questions of the card are those of the model.

    Raises
    ------
    InputError
        If the folder exists, or the model has no safe form; nothing is written then.
    """
    if folder.exists():
        raise InputError(f"{shown_path(folder)} is there already; name a new folder")
    state = saved_state(model)
    card = {**card, "causes": list(model.causes_), "questions": list(model.symptom_names_)}
    tree = json.dumps({"format": FORMAT, "model": state.tree}, sort_keys=True).encode()
    about = json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8", "backslashreplace")
    buffer = io.BytesIO()
    np.savez(buffer, **state.arrays, **{_SEAL: _seal(tree, about)})  # type: ignore[arg-type]
    files = {"model.json": tree, "arrays.npz": buffer.getvalue(), "card.json": about, **state.parts}
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
    others = ("model.json", "arrays.npz", "card.json")
    parts = {name: content for name, content in files.items() if name not in others}
    try:
        tree, card = json.loads(files["model.json"]), dict(json.loads(files["card.json"]))
        for name in ("arrays.npz", *(n for n in parts if n.endswith(".skops"))):
            with zipfile.ZipFile(io.BytesIO(files[name])) as packed:
                if sum(entry.file_size for entry in packed.infolist()) > MAX_BYTES:
                    raise ValueError(f"{name} unpacks to more than {MAX_BYTES >> 30} GB")
        _check_sizes(files["arrays.npz"])
        with np.load(io.BytesIO(files["arrays.npz"]), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        _check_seal(folder, int(tree["format"]), arrays.pop(_SEAL, None), files)
        model = restored(SavedState(tree["model"], arrays, parts))
        _check_card(folder, card, model)
        return model, card
    except InputError:
        raise
    except _MALFORMED as error:
        raise InputError(
            f"{shown_path(folder)} is not a model as va-experiments train writes it "
            f"({type(error).__name__}: {str(error)[:120]}): take it from its source again"
        ) from error


def _seal(tree: bytes, card: bytes) -> npt.NDArray[np.uint8]:
    """Return the checksum of state and card that the arrays hold."""
    sums = b"".join(hashlib.sha256(content).digest() for content in (tree, card))
    return np.frombuffer(hashlib.sha256(sums).digest(), dtype=np.uint8)


def _check_seal(folder: Path, form: int, seal: npt.NDArray[Any] | None, files: Mapping[str, bytes]) -> None:
    """Raise `InputError` if the arrays were not written with this state and this card."""
    if form < 2 and seal is None:
        return
    if seal is None or seal.tobytes() != _seal(files["model.json"], files["card.json"]).tobytes():
        raise InputError(
            f"{shown_path(folder)}: arrays.npz was not saved with this model.json and card.json; {_TAKE_AGAIN}"
        )


def _check_card(folder: Path, card: Mapping[str, Any], model: Model) -> None:
    """Raise `InputError` if the card names other causes or questions than the model was fitted with."""
    for what, fitted in (("causes", model.causes_), ("questions", model.symptom_names_)):
        named = card.get(what)
        if not isinstance(named, list) or named != list(fitted):
            pairs = zip(named if isinstance(named, list) else [], fitted, strict=False)
            first = next((f": {shown(str(a))} in place of {shown(b)}" for a, b in pairs if a != b), "")
            where = f"{shown_path(folder)}: card.json"
            raise InputError(f"{where} names other {what} than the model was fitted with{first}; {_TAKE_AGAIN}")


def _check_sizes(content: bytes) -> None:
    """Raise ValueError if the header of an array claims more bytes than the array has."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for entry in packed.infolist():
            with packed.open(entry) as file:
                first = np.lib.format.read_magic(file) == (1, 0)
                read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
                shape, _, kind = read(file)
            if math.prod(shape) * kind.itemsize > entry.file_size:
                raise ValueError(f"the header of array {entry.filename[:60]} claims more than the file has")


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card of a saved model, checked as `read_model` checks it."""
    content = _checked(folder)["card.json"]
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{shown_path(folder)}: card.json cannot be read ({type(error).__name__})") from error


def listed_files(folder: Path) -> list[str]:
    """Return the names of the files that the manifest of a folder lists.

    Raises
    ------
    InputError
        If it cannot be read, or lists a name that is not one of a file in this folder.
    """
    return sorted(_manifest(folder))


def _manifest(folder: Path) -> dict[str, str]:
    """Return the checksums by name of file."""
    where, path = shown_path(folder), folder / MANIFEST
    if path.is_symlink():
        raise InputError(f"{where}: {MANIFEST} is a link; copy the files themselves")
    try:
        if not path.is_file() or path.stat().st_size > 1 << 20:
            raise ValueError("no file")
        manifest = json.loads(path.read_bytes())
        sums = {str(name): str(sum_) for name, sum_ in manifest["files"].items()}
        later = int(manifest["format"]) > FORMAT
        if strange := [name for name in sums if not _NAME.fullmatch(name) or name == MANIFEST]:
            raise ValueError(f"{strange[0]} is no name of a file")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{where} is not the folder of a saved model ({MANIFEST} cannot be read); va-experiments train makes one"
        ) from error
    if later:
        raise InputError(f"{where} was saved by a later version; update va_experiments")
    return sums


def _checked(folder: Path) -> dict[str, bytes]:
    where, sums = shown_path(folder), _manifest(folder)
    names = {p.name for p in folder.iterdir()} - {MANIFEST}
    problems = [f"{where}: {name} is missing" for name in sorted(set(sums) - names)]
    problems += [f"{where}: {name} is not in the manifest" for name in sorted(names - set(sums))]
    files: dict[str, bytes] = {}
    present = sorted(names & set(sums))
    problems += [f"{where}: {name} is a link" for name in present if (folder / name).is_symlink()]
    problems += [f"{where}: {name} is no ordinary file" for name in present if not (folder / name).is_file()]
    if not problems and sum((folder / name).stat().st_size for name in present) > MAX_BYTES:
        problems.append(f"{where} holds more than {MAX_BYTES >> 30} GB")
    for name in () if problems else present:
        files[name] = (folder / name).read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != sums[name]:
            problems.append(f"{where}: {name} differs from its checksum")
    problems += [f"{where}: {n} is missing" for n in ("model.json", "arrays.npz", "card.json") if n not in sums]
    if problems:
        raise InputError(problems, f"the folder was changed after it was saved: {_TAKE_AGAIN}")
    return files
