"""Lock an outputs folder, so that one driver at a time works in it.

The kernel holds the lock and frees it when the process ends, however it ends. A lock file with a process id would stay
behind after a kill.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from va_experiments.checkpoints.atomic_files import disk_full, is_disk_full
from va_experiments.errors import InputError, VaError

__all__ = ["Locked", "OutputsMoved", "lock_outputs"]


class Locked(VaError, RuntimeError):
    """Another process works in this outputs folder."""

    exit_code: ClassVar[int] = 4


class OutputsMoved(VaError, RuntimeError):
    """The outputs folder is no longer the one that this run has locked."""

    exit_code: ClassVar[int] = 5

    def __init__(self, outputs: Path) -> None:
        super().__init__(
            f"the outputs folder '{outputs}' was moved, removed or replaced during the run, which is stopped: run the "
            "same command with paths.outputs=FOLDER, the folder's new place, to continue: finished cells are there"
        )


@contextlib.contextmanager
def lock_outputs(outputs: Path) -> Iterator[Callable[[], bool]]:
    """Hold the lock of an outputs folder while the block runs.

    Yields
    ------
    callable
        Returns whether the folder has been moved, removed or replaced since.

    Raises
    ------
    Locked
        Naming the process, host and start time of the holder.
    InputError
        If the folder cannot be written, or its file system has no locks.
    """
    path = outputs / "lock"
    try:
        outputs.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(error, f"the outputs folder '{outputs}'") from error
        raise InputError(
            f"outputs folder '{outputs}' cannot be written ({error.strerror}): choose another with paths.outputs=FOLDER"
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Locked(_holder(path, outputs)) from None
            raise InputError(
                f"the file system of '{outputs}' has no locks ({error.strerror}), so two runs could write over each "
                f"other: choose a local folder with paths.outputs=FOLDER"
            ) from error
        if not _same_file(fd, path):  # the process that made it has just removed the folder
            raise Locked(f"outputs folder '{outputs}' was removed by another process at this moment; run again")
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):  # a full disk: the lock works, but does not name its holder
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": started}).encode())
        folder = os.stat(outputs)
        yield lambda: not path.exists() and not _is_folder(outputs, folder)
    finally:
        os.close(fd)


def _is_folder(path: Path, known: os.stat_result) -> bool:
    """Return whether a path names a known folder; also where the system does not say (a share that is away)."""
    try:
        return os.path.samestat(known, os.stat(path))
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _same_file(fd: int, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(fd), os.stat(path))
    return False


def _holder(path: Path, outputs: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        who = f"process {holder['pid']} on {holder['host']}, started {holder['started']}"
    except (OSError, ValueError, KeyError):
        who = "another process"
    return f"outputs folder '{outputs}' is in use by {who}; wait for it, stop it, or choose paths.outputs=FOLDER"
