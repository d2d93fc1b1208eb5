"""Find which option makes a column of the files at hand one by which results can be divided."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from va_experiments.data.readers.strata_texts import header_of, strata_option
from va_experiments.data.registry import READERS
from va_experiments.errors import InputError, shown, shown_path

__all__ = ["strata_advice"]

_SAYS_IT: Mapping[str, str] = {"sex": "sex", "age_group": "age"}
"""Stratum -> the option that names its column, where the reader has it."""


def strata_advice(name: str, options: Mapping[str, Any], column: str) -> str:
    """Return what to do so that ``strata=`` can name a column; empty text if no file that is read has it.

    Parameters
    ----------
    name : str
        Reader.
    options : mapping
        Its options.
    column : str
    """
    if READERS[name].joins:
        return _in_parts(name, options, column)
    file = _file_of(name, options)
    if file is None:
        return ""
    path, header = file
    if column not in header:
        return _of_person(name, column)
    return _sentence(column, path) + strata_option([*options["strata_columns"], column])


def _sentence(column: str, path: str) -> str:
    return f"strata: column {shown(column)} of {shown_path(path)} is not kept beside the deaths; add "


def _of_person(name: str, column: str) -> str:
    """Return how the sex or the age group can be named with a reader that has no option for it."""
    if column not in _SAYS_IT or _SAYS_IT[column] in READERS[name].options.model_fields:
        return ""
    return (
        f"strata: the data do not say the {column.replace('_', ' ')} in a way that is known, and data={name} has no "
        f"option for it; name the column that says it in two places: data.strata_columns=[COLUMN] strata=[COLUMN]"
    )


def _in_parts(name: str, options: Mapping[str, Any], column: str) -> str:
    """Return the advice for data sets that are joined: for the first one that has the column."""
    try:
        parts = import_module(READERS[name].module).parts_of(options)
    except InputError:
        return ""
    members = options.get("members")
    for k, (reader, part_options) in enumerate(parts):
        file = None if reader not in READERS else _file_of(reader, part_options)
        if file is None or column not in file[1]:
            continue
        key, value = (f"members[{k}]", members[k]) if members else (("train", "assign")[k], None)
        value = options[key] if value is None else value
        within = f"data.{key}" if isinstance(value, Mapping) else "data.options"
        named = part_options if isinstance(value, Mapping) else options.get("options") or {}
        columns = [*(named.get("strata_columns") or ()), column]
        if within == "data.options" and not options.get("options"):
            return _sentence(column, file[0]) + strata_option(columns, key="data.options={strata_columns: ", end="}")
        return f"{_sentence(column, file[0])}{strata_option(columns, key='strata_columns: ')} within {within}"
    return ""


def _file_of(name: str, options: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """Return the path of the table that a reader takes and its columns; None where it has none to choose from."""
    if "strata_columns" not in READERS[name].options.model_fields:
        return None
    module, _, form = name.partition("_")
    if module not in ("phmrc", "immcmc"):
        header = header_of(options)
        return None if header is None else (str(options["path"]), header)
    find = getattr(import_module(READERS[name].module), f"find_{module}")
    try:
        path = find(form, options.get("path"))
    except InputError:
        return None
    header = header_of({"path": path, "encoding": "latin-1"})
    return None if header is None else (str(path), tuple(c.strip().lower() for c in header))
