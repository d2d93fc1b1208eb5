"""Offer the files of a folder behind ``data=``, and the sites of the chosen table behind ``site=``.

Only the first rows of a table are read, as plain text, so that the Tab key answers at once; what cannot be read so is
left out.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from va_experiments.data.table_names import TABLES, YAMLS

__all__ = ["data_files", "sites_of_data"]

PLAIN = (".csv", ".csv.gz", ".tsv")
"""Tables whose sites are offered."""

MOST_ROWS = 50_000
"""Rows that are read."""

MOST_SITES = 200
"""A column with more values is no column of sites."""


def data_files(value: str) -> Iterator[str]:
    """Yield the tables, YAML files and folders whose path begins with `value`.

    Parameters
    ----------
    value : str
        What stands behind ``data=`` so far.
    """
    before = value[: value.rfind("/") + 1]
    with contextlib.suppress(OSError):
        for path in sorted(Path(before or ".").iterdir()):
            if path.name.startswith(".") and not value.endswith("."):
                continue
            if path.is_dir():
                yield f"{before}{path.name}/"
            elif path.name.endswith((*TABLES, *YAMLS)):
                yield f"{before}{path.name}"


def sites_of_data(words: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """Return the sites of the table that a command names by ``data=``; nothing where it names none.

    Parameters
    ----------
    words : sequence of str
        Whole words of the command.
    folders : sequence of Path
        ``conf/`` and the folder of ``--config-dir``.
    """
    values = {key: value for key, _, value in (word.partition("=") for word in words)}
    options = {k.removeprefix("data."): v for k, v in values.items() if k.startswith("data.")}
    name = values.get("data", "")
    if name.endswith(PLAIN):
        return _sites({"path": name, **options})
    yamls = [Path(name)] if name.endswith(YAMLS) else [folder / "data" / f"{name}.yaml" for folder in folders[1:]]
    for path in yamls:
        if path.is_file():
            return _sites({**_yaml(path), **options})
    return []


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    with contextlib.suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tree if isinstance(tree, dict) else {}
    return {}


def _sites(options: Mapping[str, Any]) -> list[str]:
    """Return the names in the column of sites, in order; nothing where the table cannot be read."""
    path, column = Path(str(options.get("path", ""))), str(options.get("site") or "site")
    named = options.get("site_map")
    renamed = named if isinstance(named, dict) else {}
    with contextlib.suppress(OSError, EOFError, UnicodeError, csv.Error, ValueError), _opened(path, options) as text:
        rows = csv.reader(text, delimiter=str(options.get("sep") or ("\t" if path.suffix == ".tsv" else ",")))
        place = [name.strip() for name in next(rows, [])].index(column)
        sites = {row[place].strip() for row in itertools.islice(rows, MOST_ROWS) if len(row) > place}
        names = {renamed.get(name, name) for name in (unicodedata.normalize("NFC", n) for n in sites if n)}
        return sorted(map(_quoted, filter(None, names))) if len(names) <= MOST_SITES else []
    return []


def _quoted(name: Any) -> str:
    """Return a name as Hydra reads it: in quotes where it has brackets, commas and the like."""
    return str(name) if re.fullmatch(r"\w[\w .+*%@?|/-]*", str(name)) else f"'{name}'"


def _opened(path: Path, options: Mapping[str, Any]) -> TextIO:
    encoding = str(options.get("encoding") or "utf-8-sig")
    if not path.is_file():  # a pipe would never answer
        raise FileNotFoundError(path)
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")
