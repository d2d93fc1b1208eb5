"""Writing that a crash cannot tear: temporary file in the same folder, fsync, rename, fsync of the folder.

The environment variable ``VA_FAULT`` names a point at which the process ends at once, so that tests can prove it.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

__all__ = [
    "FAULT_POINTS",
    "TEMPORARY",
    "DiskFull",
    "append_line",
    "fault",
    "fsync_folder",
    "is_disk_full",
    "write_atomically",
    "write_durably",
]

TEMPORARY = ".tmp-"
"""Prefix of everything that is not committed yet; swept at start."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

FAULT_POINTS = ("after_write", "before_fsync", "before_manifest", "before_rename", "after_rename")


class DiskFull(RuntimeError):
    """Something could not be written for want of space; nothing that was committed is harmed."""


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that a disk, a quota or a limit on file sizes is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def fault(point: str) -> None:
    """End the process as SIGKILL would, if ``VA_FAULT`` names this point."""
    if os.environ.get("VA_FAULT") == point:
        os._exit(137)


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, and fsync it."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(content)
            file.flush()
            fault("after_write")
            fault("before_fsync")
            os.fsync(fd)
    finally:
        os.close(fd)


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace `path` by `content`: readers see the old or the new file, never a part.

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


def append_line(path: Path, line: str) -> None:
    """Append one line durably; a reader skips a line that a crash has torn, and the next line does not stick to it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        content = (b"\n" if torn else b"") + line.encode("utf-8") + b"\n"
        if os.write(fd, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(fd)
    finally:
        os.close(fd)
