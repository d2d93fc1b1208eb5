"""Open a user-supplied file safely: regular files, gzip and zip, within size limits.

In: a path. Out: a stream of expanded bytes, or an error that names the reason. gzip and zip are recognised by their
first bytes and expanded as a stream.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from va_experiments.data.file_kinds import kind_of_file
from va_experiments.data.other_formats import is_table_file, table_as_csv
from va_experiments.errors import InputError, did_you_mean, shown, shown_path
from va_experiments.formatting import format_bytes

__all__ = ["Limits", "check_file", "open_safely"]

_RATIO_FLOOR = 10 << 20  # small files of one repeated row legitimately compress 300-fold
_MAGIC = 1024
_HIDDEN = ("thumbs.db", "desktop.ini")
"""Files that systems leave in archives, beside those whose names begin with a point."""


@dataclass(frozen=True)
class Limits:
    """Largest sizes of one file, in bytes unless stated otherwise."""

    max_bytes: int = 4 << 30
    """On disk."""
    max_expanded: int = 2 << 30
    """After decompression."""
    max_ratio: int = 100
    """Expanded size to packed size, looked at past 10 MB."""
    max_field: int = 1 << 20
    """One cell."""
    max_columns: int = 50_000


_KERNEL = ("/proc/", "/sys/")
"""Folders whose files are made by the kernel when they are read: without size or end, or other at each reading."""


def check_file(path: Path, most: int = 4 << 30) -> None:
    """Raise `InputError` for what is no regular file on a disk, or larger than `most` bytes; nothing is read.

    A pipe would be waited for, a device read without end, and a file of the kernel is other at each reading.
    """
    name = str(path)
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{shown(name)}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    _check_kind(path, status)
    if status.st_size > most:
        raise InputError(f"{shown(name)}: {format_bytes(status.st_size)}; at most {format_bytes(most)} are read")


def _check_kind(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
        raise InputError(f"{shown(str(path))} is {kind}, not a regular file")
    if os.path.realpath(path).startswith(_KERNEL):
        raise InputError(f"{shown(str(path))} is a file of the kernel, not a table; give the path of a file on disk")


@contextmanager
def open_safely(path: Path, limits: Limits) -> Iterator[BinaryIO]:
    """Open the expanded bytes of a regular file; refuse devices, pipes and addresses before reading."""
    name = str(path)
    if "\x00" in name:
        raise InputError(f"{shown(name)}: a path cannot hold a NUL character")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(f"{shown(name)}: no such file{_similar_file(path)}") from None
    except OSError as error:
        raise InputError(f"{shown(name)}: cannot be opened: {error.strerror}") from None
    status = os.fstat(descriptor)
    try:
        _check_kind(path, status)
    except InputError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > limits.max_bytes:
            raise InputError(
                f"{shown(name)}: {format_bytes(status.st_size)} > max_bytes {format_bytes(limits.max_bytes)}"
            )
        magic = file.read(_MAGIC)
        file.seek(0)
        if is_table_file(path, magic):
            yield io.BytesIO(table_as_csv(path, magic, limits.max_expanded))
            return
        start = b"".join(magic[:16].removeprefix(b"\xef\xbb\xbf").split())
        named_json = path.suffix.casefold() in (".json", ".jsonl", ".ndjson") and start[:1] in (b"{", b"[")
        if named_json or start.startswith((b'{"', b'[{"')):
            raise InputError(
                f"{shown(name)} is JSON, not a table; export one row for each death as CSV, or convert it with "
                "pandas: pandas.read_json(FILE).to_csv('deaths.csv', index=False)"
            )
        packed = magic.startswith((b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"))
        if foreign := kind_of_file(magic, unpacked=not packed):
            raise InputError(f"{shown(name)} {foreign}")
        try:
            if magic.startswith(b"\x1f\x8b"):
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield _limit(unpacked, path, status.st_size, limits)
            elif magic.startswith(b"PK\x03\x04") or magic.startswith(b"PK\x05\x06"):
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(archive, path)) as unpacked:
                    yield _limit(unpacked, path, status.st_size, limits)
            else:
                yield file
        except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{shown(name)}: damaged or incomplete archive: {error}") from error


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.is_dir() and not _is_hidden(m.filename)]
    names = {m.filename for m in members}
    if "[Content_Types].xml" in names and ("word/document.xml" in names or "ppt/presentation.xml" in names):
        raise InputError(f"{shown_path(path)} is a document of an office program, not a table; save the table as CSV")
    if "[Content_Types].xml" in names or any(n.startswith("xl/") for n in names):
        raise InputError(f"{shown_path(path)} is an Excel workbook; give it the ending .xlsx, or save it as CSV")
    if "mimetype" in names and "content.xml" in names:
        raise InputError(f"{shown_path(path)} is an OpenDocument file; save the table as CSV or as an Excel workbook")
    for member in members:
        inner = PurePosixPath(member.filename.replace("\\", "/"))
        if inner.is_absolute() or ".." in inner.parts:
            raise InputError(f"{shown_path(path)}: member {shown(member.filename)} points outside the archive")
    members = _of_odk_central(members) or members
    if len(members) != 1:
        listed = ", ".join(shown(m.filename, limit=40) for m in members[:3])
        raise InputError(
            f"{shown_path(path)}: holds {len(members)} files ({listed}); one member only: unpack it and give the table"
        )
    if members[0].flag_bits & 1:
        raise InputError(f"{shown_path(path)}: the archive is encrypted; unpack it first")
    return members[0]


def _of_odk_central(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the table of submissions of an archive as ODK Central writes it, also within a folder.

    It has ``FORM.csv``, a table ``FORM-GROUP.csv`` for each repeated group, ``FORM - audit.csv`` and ``media/``.
    """
    names = [m.filename for m in members]
    folder = os.path.commonpath(names) + "/" if len(names) > 1 and os.path.commonpath(names) else ""
    for main in members:
        stem = main.filename.removesuffix(".csv")
        media = (f"{folder}media/", f"{stem}-", f"{stem} - audit.csv")
        if stem != main.filename and all(n == main.filename or n.startswith(media) for n in names):
            return [main]
    return []


def _is_hidden(name: str) -> bool:
    last = PurePosixPath(name).name.casefold()
    return name.startswith("__MACOSX/") or last in _HIDDEN or last.startswith(".")


class _LimitedStream(io.RawIOBase):
    """Stream of expanded bytes that raises an error when a limit is exceeded."""

    def __init__(self, inner: BinaryIO, path: Path, packed: int, limits: Limits) -> None:
        self._inner, self._path, self._packed, self._limits, self._seen = inner, path, max(packed, 1), limits, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        self._seen += len(data)
        if self._seen > self._limits.max_expanded:
            raise InputError(
                f"{shown_path(self._path)}: expands to more than max_expanded {format_bytes(self._limits.max_expanded)}"
            )
        if self._seen > _RATIO_FLOOR and self._seen > self._packed * self._limits.max_ratio:
            raise InputError(f"{shown_path(self._path)}: expands more than {self._limits.max_ratio}-fold; refused")
        buffer[: len(data)] = data
        return len(data)


def _limit(inner: object, path: Path, packed: int, limits: Limits) -> BinaryIO:
    return cast(BinaryIO, _LimitedStream(cast(BinaryIO, inner), path, packed, limits))


def _similar_file(path: Path) -> str:
    """Name the most similar file in the same folder."""
    try:
        names = [p.name for p in path.parent.iterdir()][:1000]
    except OSError:
        return f"; the folder {shown_path(path.parent)} does not exist"
    return did_you_mean(path.name, names)
