"""Prepare a process for any of our commands: modes of new files, log records, requests to this machine, a folder."""

from __future__ import annotations

import contextlib
import os
import resource
import sys

from va_experiments.errors import NO_WORKING_FOLDER, InputError, working_folder_is_gone
from va_experiments.http_client import bypass_proxies
from va_experiments.redacted_records import redact_records

__all__ = ["open_standard_streams", "prepare_process"]

_M_ARENA_MAX = -8
"""glibc's option for the number of its heaps."""


def open_standard_streams() -> None:
    """Connect the standard streams that the caller has closed (``>&-``) to the null device; a second call does nothing.

    Otherwise the next file that is opened gets the number of a closed stream: a library or a child that prints would
    write into a database.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode = "w" if number else "r"
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY if number else os.O_RDONLY)
            if null == number:
                os.set_inheritable(number, True)
            else:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 (lasts)


def save_address_space() -> None:
    """Reserve less than usual where the address space is limited (``ulimit -v``).

    Arrow's allocator reserves a gibibyte at once, and glibc up to 128 MB for each thread: address space that is never
    used, but counted. To be called before Arrow is imported.
    """
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    for name, value in {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}.items():  # children too
        os.environ.setdefault(name, value)
    with contextlib.suppress(ImportError, OSError, AttributeError):  # another libc
        import ctypes

        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def prepare_process() -> None:
    """Make new files readable by their owner only, keep secrets out of logs, and requests to here away from proxies.

    Raises
    ------
    InputError
        If the working folder was removed: relative paths name nothing then.
    """
    os.umask(0o077)
    open_standard_streams()
    redact_records()
    bypass_proxies()
    save_address_space()
    if working_folder_is_gone():
        raise InputError(NO_WORKING_FOLDER)
