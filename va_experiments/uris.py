"""Write paths as URIs and read them back: no other module makes a path part of an address.

A path may hold any character. In the address of an SQLite database ``?`` begins the options and ``%`` an escape, so a
path with such a character is written in SQLite's own form, ``file:`` with escapes.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

__all__ = ["file_of", "file_uri", "sqlite_file", "sqlite_uri"]

_SQLITE = re.compile(r"sqlite(?:\+(?:pysqlite|aiosqlite))?:///(?P<rest>.*)", re.DOTALL)


def file_uri(path: Path) -> str:
    """Return the ``file:`` URI of a path; links are followed, a relative path is taken from the working folder."""
    return path.resolve().as_uri()


def file_of(uri: str) -> Path | None:
    """Return the path that a ``file:`` URI names, None for other addresses and for files of another host."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" and not parts.netloc else None


def sqlite_uri(path: Path, driver: str = "pysqlite") -> str:
    """Return the address of an SQLite database, as SQLAlchemy, MLflow and Prefect take it.

    Parameters
    ----------
    path : Path
    driver : {"pysqlite", "aiosqlite"}
        SQLAlchemy's driver; ``aiosqlite`` where the database is used by asynchronous code.
    """
    full = str(path.resolve())
    plain = "sqlite" if driver == "pysqlite" else f"sqlite+{driver}"
    if not any(c in full for c in "?%#"):
        return f"{plain}:///{full}"
    # With the driver named, MLflow takes the text behind the slashes for an address and not for a folder to be made.
    return f"sqlite+{driver}:///file:{quote(full)}?uri=true"


def sqlite_file(uri: str) -> Path | None:
    """Return the file that the address of an SQLite database names; None for other addresses and for no file at all."""
    match = _SQLITE.fullmatch(uri)
    if match is None:
        return None
    path, _, query = match["rest"].partition("?")
    if dict(parse_qsl(query)).get("uri") == "true" and path.startswith("file:"):
        path = unquote(path.removeprefix("file:"))
    return Path(path) if path and path != ":memory:" else None
