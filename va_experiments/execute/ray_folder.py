"""A folder for Ray's sockets and logs that no other user of this machine can enter.

Ray opens its folders to all users (mode 0777), also under a strict umask: another user could replace a socket of Ray by
another socket or a link. So Ray works in a folder inside one that only its owner may enter, with a name that cannot be
guessed. Each run has its own and removes it at its end; the next run removes those of killed
drivers.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from va_experiments.errors import shown_path
from va_experiments.execute.run_channel import EngineUnavailable

__all__ = ["PREFIX", "RayFolder", "find_folder_problem"]

log = logging.getLogger(__name__)

PREFIX = "va-ray-"
"""Beginning of the names of these folders."""

_LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
"""Bytes in the path of a socket, a limit of the kernel (``sun_path``, less its final zero)."""

_INSIDE = f"/{PREFIX}abcdefgh/r/session_2026-01-01_00-00-00_123456_1234567/sockets/plasma_store"
"""The longest path that Ray makes there for a socket."""

_YOUNG = 60
"""Seconds in which a folder without a lock may be one that is just being made."""


class RayFolder:
    """A private folder of one run, below the first usable one of several.

    Parameters
    ----------
    wanted : str or None
        The only folder to make it in (``execution.init._temp_dir``); None: ``RAY_TMPDIR``, else the system's
        temporary folder, else ``/tmp`` or ``/var/tmp``.

    Raises
    ------
    EngineUnavailable
        If it cannot be made anywhere, with the reason for each place.
    """

    def __init__(self, configured: str | None = None) -> None:
        bases, problems = _candidates(configured), []
        for base in bases:
            if problem := find_folder_problem(base):
                problems.append(problem)
                continue
            try:
                self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=os.path.realpath(base)))
            except OSError as error:
                problems.append(f"{shown_path(base)} cannot be written ({error.strerror})")
                continue
            break
        else:
            where = "execution.init._temp_dir" if configured is not None else "RAY_TMPDIR"
            raise EngineUnavailable(
                f"Ray has no folder for its sockets: {'; '.join(problems)}. Name a short folder that only you can "
                f"write to with {where}=FOLDER, or run without Ray (execution=inline)"
            )
        self._needed: list[Path] = []
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if problems:
            log.warning("Ray's files are in %s: %s", shown_path(self.path), "; ".join(problems))
        _remove_abandoned(self.path.parent)

    @property
    def inner(self) -> Path:
        """The folder that Ray gets; it opens it to all, and the one around it keeps them out."""
        return self.path / "r"

    @property
    def vanished(self) -> bool:
        """Whether somebody has removed what Ray needs of it: it was there, and its logs or sockets are not any more.

        Each worker that starts removes the link ``session_latest`` and makes it again, so the link is followed once.
        """
        if not self._needed:
            try:
                session = Path(os.readlink(self.inner / "session_latest"))
            except OSError:
                return False
            needed = [session / name for name in ("logs", "sockets/raylet")]
            if all(path.exists() for path in needed):
                self._needed = needed
            return False
        return not all(path.exists() for path in self._needed)

    def remove(self) -> None:
        """Delete it with everything in it."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _candidates(configured: str | None) -> Sequence[str]:
    if configured is not None:
        return [configured]
    try:
        system = [tempfile.gettempdir()]
    except FileNotFoundError:  # no temporary folder can be written
        system = []
    return list(dict.fromkeys([*filter(None, [os.environ.get("RAY_TMPDIR")]), *system, "/tmp", "/var/tmp"]))


def find_folder_problem(base: str) -> str:
    """Describe why `base` cannot hold a private folder of Ray; return empty text where it can.

    Links are followed first. Of the folder they lead to, and of every folder above it, nobody else may be able to
    rename what is in it: each belongs to root or to this user, and if others may write to it, it has the sticky bit.
    """
    real = os.path.realpath(base)
    if (length := len(os.fsencode(real + _INSIDE))) > _LONGEST_SOCKET:
        return (
            f"sockets in {shown_path(base)} would have paths of {length} bytes, at most {_LONGEST_SOCKET} are possible"
        )
    for folder in (Path(real), *Path(real).parents):
        try:
            about = folder.stat()
        except OSError as error:
            return f"{shown_path(base)} cannot be used ({error.strerror})"
        if not stat.S_ISDIR(about.st_mode):
            return f"{shown_path(base)} is not a folder"
        if about.st_uid not in (0, os.getuid()):
            return f"{shown_path(base)}: {shown_path(folder)} belongs to another user"
        if about.st_mode & 0o022 and not about.st_mode & stat.S_ISVTX:
            return f"{shown_path(base)}: other users can replace what is in {shown_path(folder)}"
    return ""


def _remove_abandoned(base: Path) -> None:
    """Delete what drivers that were killed have left: folders of this user that no process holds."""
    for entry in _own_folders(base):
        with contextlib.suppress(OSError):
            folder = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(entry.path, ignore_errors=True)
            finally:
                os.close(folder)


def _own_folders(base: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(base):
            if not entry.name.startswith(PREFIX) or not entry.is_dir(follow_symlinks=False):
                continue
            about = entry.stat(follow_symlinks=False)
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > _YOUNG:
                yield entry
