"""Prepare a process for any of our commands: modes of new files, requests to this machine, a folder to work in."""

from __future__ import annotations

import os

from va_experiments.errors import InputError
from va_experiments.http_client import bypass_proxies

__all__ = ["prepare_process"]


def prepare_process() -> None:
    """Make new files readable by their owner only, and keep requests to this machine away from proxies.

    Raises
    ------
    InputError
        If the working folder was removed: relative paths name nothing then.
    """
    os.umask(0o077)
    bypass_proxies()
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the working folder no longer exists: change to one that does (cd FOLDER)") from None
