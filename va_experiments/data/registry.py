"""Readers by name, as a run's configuration names them: ``load("phmrc_adult", {"path": "adult.csv.gz"})``.

A reader is one row of `READERS`: where its function is and which options it takes. ``conf/data/<name>.yaml`` shows the
same options with the same defaults (a test compares the two).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["READERS", "Option", "Reader", "check_options", "load", "options_of"]


@dataclass(frozen=True)
class Option:
    """Default and kind of one option; `kind` is ``text``, ``flag``, ``whole``, ``number``, ``names`` or ``mapping``."""

    default: Any
    kind: str
    nullable: bool = False


@dataclass(frozen=True)
class Reader:
    """A function ``(**options) -> Deaths``, found by module and name so that nothing is imported before it is used.

    `fixed` are arguments that a run does not choose; `file_option` names the option that holds the file, if any.
    """

    module: str
    function: str
    options: Mapping[str, Option]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    file_option: str | None = None


def _phmrc(module: str) -> Reader:
    return Reader(
        "va_experiments.data.readers.phmrc",
        "read_phmrc",
        {
            "path": Option(None, "text", nullable=True),
            "compat": Option(False, "flag"),
            "durations": Option(False, "flag"),
            "drop_unlabelled": Option(False, "flag"),
        },
        # every block is read; a run takes the blocks it wants with `Deaths.with_features`
        fixed={"module": module, "features": "hce_words"},
        file_option="path",
    )


READERS: dict[str, Reader] = {
    "simulated": Reader(
        "va_experiments.data.readers.simulated",
        "simulate_deaths",
        {
            "n": Option(None, "whole", nullable=True),
            "seed": Option(20_090_101, "whole"),
            "sites": Option(None, "names", nullable=True),
            "n_symptoms": Option(168, "whole"),
        },
    ),
    "phmrc_adult": _phmrc("adult"),
    "phmrc_child": _phmrc("child"),
    "phmrc_neonate": _phmrc("neonate"),
    "csv": Reader(
        "va_experiments.data.readers.csv",
        "read_csv_deaths",
        {
            "path": Option(None, "text", nullable=True),
            "id": Option(None, "text", nullable=True),
            "site": Option("site", "text"),
            "cause": Option("cause", "text", nullable=True),
            "symptoms": Option(None, "names", nullable=True),
            "exclude": Option([], "names"),
            "value_map": Option({"Y": "Y", "N": "N", ".": "."}, "mapping"),
            "covariates": Option({}, "mapping"),
            "causes": Option(None, "names", nullable=True),
            "sites": Option(None, "names", nullable=True),
            "groups": Option({}, "mapping"),
            "hce": Option([], "names"),
            "words": Option([], "names"),
            "drop_unlabelled": Option(False, "flag"),
            "sep": Option(",", "text"),
            "decimal": Option(".", "text"),
            "encoding": Option("utf-8-sig", "text"),
            "label": Option("csv", "text"),
        },
        file_option="path",
    ),
    "who2016": Reader(
        "va_experiments.data.readers.who2016",
        "read_who2016",
        {
            "path": Option(None, "text", nullable=True),
            "id": Option("ID", "text"),
            "site": Option(None, "text", nullable=True),
            "cause": Option(None, "text", nullable=True),
            "value_map": Option(
                {"y": "Y", "Y": "Y", "n": "N", "N": "N", ".": ".", "-": ".", "NA": "."},
                "mapping",
            ),
            "sep": Option(",", "text"),
            "encoding": Option("utf-8-sig", "text"),
            "label": Option("who2016", "text"),
        },
        file_option="path",
    ),
}
"""Name in ``data=`` -> reader."""


def options_of(name: str) -> dict[str, Any]:
    """Return every option of a reader with its default."""
    return {key: option.default for key, option in _reader(name).options.items()}


def load(name: str, options: Mapping[str, Any] | None = None) -> Deaths:
    """Return the deaths of one reader.

    Parameters
    ----------
    name : str
        A key of `READERS`.
    options : mapping, optional
        The composed ``data`` configuration; a key ``name`` is ignored, keys left out take their defaults.

    Raises
    ------
    InputError
        If the name or an option is unknown or of the wrong type (all named at once), or the data cannot be used.
    """
    reader = _reader(name)
    given = check_options(name, options or {})
    function = getattr(import_module(reader.module), reader.function)
    return function(**reader.fixed, **given)


def check_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a reader, completed by defaults and checked for keys and types."""
    known = _reader(name).options
    given = {str(k): v for k, v in options.items() if k != "name"}
    problems = [
        f"unknown key '{key}' in data={name}; known: {', '.join(known)}{did_you_mean(key, known)}"
        for key in given
        if key not in known
    ]
    for key, option in known.items():
        if key in given and (wrong := _wrong(given[key], option)):
            problems.append(f"data.{key} {wrong}")
    if problems:
        raise InputError(problems)
    return {key: given.get(key, option.default) for key, option in known.items()}


def _wrong(value: Any, option: Option) -> str:
    if value is None:
        return "" if option.nullable else f"must be {_EXPECTED[option.kind]}; got nothing"
    whole = isinstance(value, int) and not isinstance(value, bool)
    right = {
        "text": isinstance(value, str),
        "flag": isinstance(value, bool),
        "whole": whole,
        "number": whole or isinstance(value, float),
        "names": isinstance(value, list | tuple | dict) and all(isinstance(v, str) for v in value),
        "mapping": isinstance(value, Mapping),
    }[option.kind]
    if right:
        return ""
    hint = (
        f' - quote it: "{"NO" if value is False else "YES"}"'
        if option.kind == "text" and isinstance(value, bool)
        else ""
    )
    return f"must be {_EXPECTED[option.kind]}; got {shown(value)} ({type(value).__name__}){hint}"


_EXPECTED = {
    "text": "text",
    "flag": "true or false",
    "whole": "a whole number",
    "number": "a number",
    "names": "a list of names",
    "mapping": "a mapping",
}


def _reader(name: str) -> Reader:
    if name not in READERS:
        raise InputError(f"unknown data {shown(name)}; known: {', '.join(READERS)}{did_you_mean(name, READERS)}")
    return READERS[name]
