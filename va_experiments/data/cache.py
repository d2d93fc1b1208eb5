"""Cache parsed data sets, so that reading the same file again takes a fraction of a second.

In: the name and options of a reader. Out: `Deaths`. The key of an entry is a SHA-256 over the file's bytes, the
reader's options and `READER_VERSION`. An entry is one ``.npz`` file without pickled objects; its name contains its own
SHA-256, so that a damaged file is detected, deleted and read from the source again.
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
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from va_experiments.data.deaths import Deaths, Excluded, LearnedCut, LedgerEntry
from va_experiments.data.text_columns import TextColumn
from va_experiments.errors import InputError, shown_path
from va_experiments.seeds import content_hash

__all__ = ["READER_VERSION", "ReadFile", "load_cached", "pack", "unpack"]

READER_VERSION = 10
"""Raise this with every change of a reader that changes what it returns."""

_ENTRY = re.compile(r"deaths-([0-9a-f]{64})-([0-9a-f]{64})\.npz")
_FIELDS = ("symptom_names", "causes", "sites", "blocks", "groups")


@dataclasses.dataclass(frozen=True)
class ReadFile:
    """A data file as it was when it was read."""

    path: Path
    sha256: str
    """Of its bytes on the disk."""
    state: tuple[int, int, int]
    """Inode, size and time of the last change: while these are the same, nothing is read again to compare."""

    @classmethod
    def now(cls, path: Path) -> ReadFile:
        """Record the present state of a file."""
        state = _state(path)
        return cls(path, _sha256(path), state)

    def difference(self) -> str:
        """Describe how the file differs from the one that was read; return empty text if it does not."""
        try:
            if _state(self.path) == self.state or (now := _sha256(self.path)) == self.sha256:
                return ""
        except OSError as error:
            return f"{shown_path(self.path)} can no longer be read ({error.strerror})"
        return f"{shown_path(self.path)} has changed: its SHA-256 is {now[:12]}..., the plan's is {self.sha256[:12]}..."


def load_cached(
    name: str,
    options: Mapping[str, Any] | None,
    cache_dir: str | os.PathLike[str],
    read_files: list[ReadFile] | None = None,
) -> Deaths:
    """Load a data set, from the cache if it has an intact entry for the same bytes and options.

    Parameters
    ----------
    name, options : see :func:`va_experiments.data.registry.load`
    cache_dir : path
        Created with mode 0700 if it is missing. Nothing outside it is read or written; links in it are not followed.
    read_files : list, optional
        The file that was read is appended, so that a later change of it can be detected.

    Raises
    ------
    InputError
        As :func:`va_experiments.data.registry.load`, and if the file changes while it is read. The cache raises none.
    """
    from va_experiments.data.registry import READERS, check_options, load, load_parts

    checked = check_options(name, options or {})
    reader = READERS[name]
    if reader.joins:
        module = import_module(reader.module)
        parts = module.parts_of(checked)
        joined: Deaths = module.join_parts(
            load_parts(parts, lambda part, part_options: load_cached(part, part_options, cache_dir, read_files)),
            checked,
        )
        return joined
    if reader.file_option is None:
        return load(name, checked)
    file = _file(name, checked[reader.file_option])
    if file is None:
        return load(name, checked)
    before = ReadFile.now(file)
    if read_files is not None:
        read_files.append(before)
    content = {k: _plain(v) for k, v in checked.items() if k != reader.file_option}
    key = content_hash({"reader": name, "version": READER_VERSION, "options": content, "file": before.sha256})
    folder = Path(cache_dir)
    cached = _find(folder, key)
    if cached is not None:
        return cached
    deaths = load(name, {**checked, reader.file_option: str(file)})
    if changed := before.difference():
        raise InputError(f"{changed}; it changed while it was being read: run the command again")
    _store(folder, key, deaths)
    return deaths


def pack(deaths: Deaths) -> bytes:
    """Encode a data set as the bytes of an ``.npz`` archive without pickled objects."""
    header = {field: list(getattr(deaths, field)) for field in _FIELDS}
    header["name"], header["simulated"] = deaths.name, deaths.simulated  # type: ignore[assignment]
    header["covariates"] = list(deaths.covariates)
    header["strata_columns"] = [[name, list(column.values)] for name, column in deaths.strata_columns.items()]
    header["learned_cuts"] = [dataclasses.astuple(c) for c in deaths.learned_cuts]
    header["ledger"] = [dataclasses.astuple(e) for e in deaths.ledger]
    header["excluded"] = [dataclasses.astuple(e) for e in deaths.excluded]
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
    for k, column in enumerate(deaths.strata_columns.values()):
        arrays[f"strata_column_{k}"] = column.code
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


_NOT_PACKED = (
    *(KeyError, TypeError, IndexError, OSError, EOFError, InputError),
    *(zipfile.BadZipFile, zlib.error, RuntimeError),  # the last: encrypted, or of a later version of the format
)


def unpack(raw: bytes) -> Deaths:
    """Decode the bytes of :func:`pack`.

    Raises
    ------
    ValueError
        If the bytes are not a packed data set, or the content does not match the fingerprint.
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
                excluded=tuple(Excluded(reason, tuple(ids)) for reason, ids in header["excluded"]),
                name=header["name"],
                simulated=header["simulated"],
                strata_columns={
                    name: TextColumn(tuple(values), arrays[f"strata_column_{k}"])
                    for k, (name, values) in enumerate(header["strata_columns"])
                },
                **{field: tuple(header[field]) for field in _FIELDS},
            )
    except _NOT_PACKED as error:
        raise ValueError(f"not a packed data set: {error}") from error
    if deaths.fingerprint != header["fingerprint"]:
        raise ValueError("the content of the packed data set does not match its fingerprint")
    return deaths


def _file(name: str, option: str | None) -> Path | None:
    """Find the file that will be read; return None if the reader itself has to report the problem."""
    if name.startswith("phmrc_"):
        from va_experiments.data.readers.phmrc import find_phmrc

        path = find_phmrc(name.removeprefix("phmrc_"), option)
    elif name.startswith("immcmc_"):
        from va_experiments.data.readers.immcmc import find_immcmc

        path = find_immcmc(name.removeprefix("immcmc_"), option)
    elif option:
        path = Path(option).expanduser()
    else:
        return None
    return path if "\x00" not in str(path) and path.is_file() else None


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


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
    """Write an entry completely or not at all. If the disk refuses it, the run continues without a cache entry."""
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
