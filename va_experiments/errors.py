"""Define the errors that reach a person: each says what, where, what was expected, and what to do."""

from __future__ import annotations

import difflib
import errno
import os
import unicodedata
from collections.abc import Iterable, Sequence
from typing import ClassVar

__all__ = [
    "MAX_SHOWN",
    "NO_WORKING_FOLDER",
    "UNUSABLE",
    "InputError",
    "VaError",
    "did_you_mean",
    "printable",
    "short_of_memory",
    "shown",
    "shown_path",
    "working_folder_is_gone",
]

MAX_SHOWN = 20
"""Problems listed in full by one error; the rest are counted."""

UNUSABLE = (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EPERM, errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP)
"""What the system says of a path that cannot be used for what it is named for."""


NO_WORKING_FOLDER = "the working folder no longer exists: change to one that does (cd FOLDER)"
"""What is said where relative paths name nothing."""


def working_folder_is_gone() -> bool:
    """Return whether the working folder of this process was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def short_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory or address space is short: of data, a library, a process, a thread."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, ImportError):
        return "failed to map segment" in str(error) or "allocate memory" in str(error)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "start new thread" in str(error))


class VaError(Exception):
    """Base of the errors that end a command with a message of one or more lines, and with an exit code of their own."""

    exit_code: ClassVar[int] = 1
    """What the command line ends with."""


class InputError(VaError, ValueError):
    """Something that a person gave (configuration, file, option) cannot be used. The command line exits with 2.

    Parameters
    ----------
    problems : str or sequence of str
        Every problem found, one sentence each: where, the value, what was expected, what to do. All of them are
        gathered before the error is raised, so that one correction round is enough.
    hint : str
        What to do about all of them, printed below.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: str | Sequence[str], hint: str = "") -> None:
        texts = (problems,) if isinstance(problems, str) else problems
        self.problems: tuple[str, ...] = tuple(printable(p) for p in texts)
        lines = list(self.problems[:MAX_SHOWN])
        if len(self.problems) > MAX_SHOWN:
            lines.append(f"... and {len(self.problems) - MAX_SHOWN} more problems")
        self.hint = printable(hint)
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[str, ...], str]]:
        return type(self), (self.problems, self.hint)


def did_you_mean(value: object, known: Iterable[object], *, prefix: str = "; ") -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest of `known`, or an empty string when none is near.

    Case and accents are ignored, so that ``ap`` finds ``AP`` and ``Bobo`` finds ``Bôbô``.
    """
    by_folded = {_folded(k): str(k) for k in known}
    near = difflib.get_close_matches(_folded(value), list(by_folded), n=1, cutoff=0.6)
    return f"{prefix}did you mean '{by_folded[near[0]]}'?" if near else ""


def _folded(value: object) -> str:
    """Return a name in small letters without accents."""
    text = unicodedata.normalize("NFKD", str(value).casefold())
    return "".join(c for c in text if not unicodedata.combining(c))


def printable(text: str) -> str:
    """Return `text` without what would act on a terminal or cannot be encoded: such characters are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: object, *, limit: int = 80) -> str:
    """Return `value` as quoted text that is safe to print: control and invisible characters escaped, cut at `limit`."""
    text = value if isinstance(value, str) else repr(value)
    safe = _escaped(text)
    if len(safe) > limit:
        safe = safe[: limit - 3] + "..."
    return f"'{safe}'" if isinstance(value, str) else safe


def shown_path(path: str | os.PathLike[str], *, limit: int = 80) -> str:
    """Return `path` as `shown` does, but cut at its beginning, so that the name of the file is always there."""
    safe = _escaped(os.fspath(path))
    return f"'{safe}'" if len(safe) <= limit else f"'...{safe[3 - limit :]}'"


def _escaped(text: str) -> str:
    return "".join(
        c if c == " " or not unicodedata.category(c).startswith(("C", "Z")) else c.encode("unicode_escape").decode()
        for c in text
    )
