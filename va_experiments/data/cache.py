"""Parsed data sets kept beside a run, so that a second reading takes a fraction of a second.

The key is a SHA-256 over the file's bytes, the reader's options and `READER_VERSION`. An entry is one ``.npz`` without
objects, whose own SHA-256 stands in its name: a torn, flipped or foreign file is found out, removed and read anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from va_experiments.data.deaths import Deaths, LearnedCut, LedgerEntry
from va_experiments.errors import InputError, shown
from va_experiments.seeds import content_hash

__all__ = ["READER_VERSION", "ReadFile", "load_cached", "pack", "unpack"]

READER_VERSION = 1
"""To be raised with every change of a reader that changes what it returns."""

_ENTRY = re.compile(r"deaths-([0-9a-f]{64})-([0-9a-f]{64})\.npz")
_FIELDS = ("symptom_names", "causes", "sites", "blocks", "groups")


@dataclasses.dataclass(frozen=True)
class ReadFile:
    """A file as it was when it was read."""

    path: Path
    sha256: str
    """Of its bytes on the disk."""
    state: tuple[int, int, int]
    """Inode, size and time of the last change: while these are the same, nothing is read again to compare."""

    @classmethod
    def now(cls, path: Path) -> ReadFile:
        """Return the file as it is now."""
        state = _state(path)
        return cls(path, _sha256(path), state)

    def difference(self) -> str:
        """Return in words how the file differs from what was read; empty text: it does not."""
        try:
            if _state(self.path) == self.state or (now := _sha256(self.path)) == self.sha256:
                return ""
        except OSError as error:
            return f"{shown(str(self.path))} cannot be read any more ({error.strerror})"
        return f"{shown(str(self.path))} has changed: its SHA-256 is {now[:12]}..., the plan's is {self.sha256[:12]}..."


def load_cached(
    name: str,
    options: Mapping[str, Any] | None,
    cache_dir: str | os.PathLike[str],
    seen: list[ReadFile] | None = None,
) -> Deaths:
    """Return ``load(name, options)``, from the cache where an intact entry for the same bytes and options is there.

    Parameters
    ----------
    name, options : see :func:`va_experiments.data.registry.load`
    cache_dir : path
        Created with mode 0700 if need be. Nothing is read or written outside it, and links in it are not followed.
    seen : list, optional
        Is given the file that was read, to be asked later whether it has changed since.

    Raises
    ------
    InputError
        As :func:`va_experiments.data.registry.load`, never because of the cache; and if the file changes meanwhile.
    """
    from va_experiments.data.registry import READERS, check_options, load

    given = check_options(name, options or {})
    reader = READERS[name]
    if reader.file_option is None:
        return load(name, given)
    file = _file(name, given[reader.file_option])
    if file is None:
        return load(name, given)
    before = ReadFile.now(file)
    if seen is not None:
        seen.append(before)
    content = {k: _plain(v) for k, v in given.items() if k != reader.file_option}
    key = content_hash({"reader": name, "version": READER_VERSION, "options": content, "file": before.sha256})
    folder = Path(cache_dir)
    found = _find(folder, key)
    if found is not None:
        return found
    deaths = load(name, {**given, reader.file_option: str(file)})
    if changed := before.difference():
        raise InputError(f"{changed}; that was while it was read: give the command again")
    _store(folder, key, deaths)
    return deaths


def pack(deaths: Deaths) -> bytes:
    """Return a data set as the bytes of an ``.npz`` that holds no objects."""
    header = {field: list(getattr(deaths, field)) for field in _FIELDS}
    header["name"], header["simulated"] = deaths.name, deaths.simulated  # type: ignore[assignment]
    header["covariates"] = list(deaths.covariates)
    header["learned_cuts"] = [dataclasses.astuple(c) for c in deaths.learned_cuts]
    header["ledger"] = [dataclasses.astuple(e) for e in deaths.ledger]
    header["fingerprint"] = deaths.fingerprint  # type: ignore[assignment]
    arrays: dict[str, np.ndarray] = {
        "header": np.frombuffer(json.dumps(header).encode("utf-8"), dtype=np.uint8),
        "symptoms": deaths.symptoms,
        "site": deaths.site,
        "id": np.frombuffer("\x00".join(deaths.id.tolist()).encode("utf-8", "surrogatepass"), dtype=np.uint8),
    }
    if deaths.cause is not None:
        arrays["cause"] = deaths.cause
    for k, value in enumerate(deaths.covariates.values()):
        arrays[f"covariate_{k}"] = value
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


_NOT_PACKED = (
    *(KeyError, TypeError, IndexError, OSError, EOFError, InputError),
    *(zipfile.BadZipFile, zlib.error, RuntimeError),  # the last: encrypted, or of a later version of the format
)


def unpack(raw: bytes) -> Deaths:
    """Return the data set of :func:`pack`.

    Raises
    ------
    ValueError
        If the bytes are no such data set, or its content does not have the fingerprint that it was packed with.
    """
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            ids = arrays["id"].tobytes().decode("utf-8", "surrogatepass").split("\x00")
            deaths = Deaths(
                symptoms=arrays["symptoms"],
                cause=arrays.get("cause"),
                site=arrays["site"],
                id=np.array(ids, dtype=np.str_) if len(arrays["site"]) else np.empty(0, dtype=np.str_),
                covariates={name: arrays[f"covariate_{k}"] for k, name in enumerate(header["covariates"])},
                learned_cuts=tuple(LearnedCut(*c) for c in header["learned_cuts"]),
                ledger=tuple(LedgerEntry(e[0], e[1], e[2], e[3], tuple(e[4])) for e in header["ledger"]),
                name=header["name"],
                simulated=header["simulated"],
                **{field: tuple(header[field]) for field in _FIELDS},
            )
    except _NOT_PACKED as error:
        raise ValueError(f"no packed data set: {error}") from error
    if deaths.fingerprint != header["fingerprint"]:
        raise ValueError("the packed data set does not have the content that it was packed with")
    return deaths


def _file(name: str, given: str | None) -> Path | None:
    """Return the file that will be read, or None where the reader itself must say what is wrong."""
    if name.startswith("phmrc_"):
        from va_experiments.data.readers.phmrc import find_phmrc

        path = find_phmrc(name.removeprefix("phmrc_"), given)
    elif given:
        path = Path(given).expanduser()
    else:
        return None
    return path if "\x00" not in str(path) and path.is_file() else None


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _find(folder: Path, key: str) -> Deaths | None:
    try:
        names = sorted(e.name for e in os.scandir(folder) if e.name.startswith(f"deaths-{key}-"))
    except OSError:
        return None
    for name in names:
        match = _ENTRY.fullmatch(name)
        try:
            descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                raw = file.read()
            if match and hashlib.sha256(raw).hexdigest() == match.group(2):
                return unpack(raw)
        except (OSError, ValueError):
            pass
        _remove(folder / name)
    return None


def _store(folder: Path, key: str, deaths: Deaths) -> None:
    """Write the entry whole or not at all; a full or read-only disk costs the cache, not the run."""
    raw = pack(deaths)
    final = folder / f"deaths-{key}-{hashlib.sha256(raw).hexdigest()}.npz"
    temporary = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".tmp-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, final)
        temporary = None
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        pass
    finally:
        if temporary is not None:
            _remove(Path(temporary))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [[str(k), _plain(v)] for k, v in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return repr(value) if isinstance(value, float) else value
