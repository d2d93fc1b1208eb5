"""Write files so that a crash leaves the old or the new content, never a part.

In: a path and bytes. The bytes go into a temporary file in the same folder, which is synced to disk and then renamed;
the folder is synced last.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import ClassVar

from va_experiments.errors import VaError

__all__ = [
    "TEMPORARY",
    "DiskFull",
    "append_line",
    "disk_full",
    "fsync_folder",
    "is_disk_full",
    "read_file",
    "write_atomically",
    "write_durably",
]

TEMPORARY = ".tmp-"
"""Prefix of files and folders that are not committed yet; deleted at the start of a run."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFull(VaError, RuntimeError):
    """A file could not be written because the disk is full; committed files are intact."""

    exit_code: ClassVar[int] = 5


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that a disk, a quota or a limit on file sizes is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def disk_full(error: OSError, place: str) -> DiskFull:
    """Return the error that says what is used up where nothing can be written: the disk, a quota or a limit."""
    if error.errno == errno.EFBIG:
        return DiskFull(f"{place} cannot be written: the limit on the size of a file is reached: raise it (ulimit -f)")
    if error.errno == errno.EDQUOT:
        return DiskFull(f"{place} cannot be written: your quota of the disk is used up: free some space first")
    return DiskFull(f"the disk of {place} is full: free some space first")


def fsync_folder(folder: Path) -> None:
    """Sync a folder to disk, so that renames in it survive a power failure."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file, readable by its owner only, and sync it to disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
    finally:
        os.close(fd)


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace the content of `path`: readers see the old or the new file, never a part.

    ``durable=False`` leaves out the fsync, for files such as a status page that are rewritten every second.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        fsync_folder(path.parent)


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file; `OSError` for what is none: a pipe keeps a reader waiting, a device has no end."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        parts = [os.read(fd, about.st_size + 1)]
        while parts[-1]:
            parts.append(os.read(fd, 1 << 20))
        return b"".join(parts)
    finally:
        os.close(fd)


def append_line(path: Path, line: str) -> None:
    """Append one line and sync it to disk. After a line that a crash cut short, start on a new line."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        content = (b"\n" if torn else b"") + line.encode("utf-8") + b"\n"
        if os.write(fd, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(fd)
    finally:
        os.close(fd)
