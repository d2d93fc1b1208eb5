"""Find readers by the names that configurations use: ``load("phmrc_adult", {"path": "adult.csv.gz"})``.

A reader is one row of `READERS`: where its function is, and the class of its options (`config.data`).
``conf/data/<name>.yaml`` shows the same options with the same defaults (a test compares the two).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from va_experiments.config.data import DATA
from va_experiments.config.fields import Group, file_options
from va_experiments.config.problems import check, known_names
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["READERS", "Reader", "check_options", "load", "options_of", "with_check"]


@dataclass(frozen=True)
class Reader:
    """A function ``(**options) -> Deaths``, found by module and name so that nothing is imported before it is used.

    `options` is the class of its options in `config.data`; `fixed` are arguments that a run does not choose.
    """

    module: str
    function: str
    options: type[Group]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    joins: bool = False
    """Whether it joins what other readers read, so that these are cached; its module has `parts_of`, `join_parts`."""

    @property
    def file_option(self) -> str | None:
        """The option that names the file that is read; None where nothing is read."""
        return next(iter(file_options(self.options)), None)


def _phmrc(module: str) -> Reader:
    # every block is read; a run takes the blocks it wants with `Deaths.with_features`
    fixed = {"module": module, "features": "hce_words"}
    return Reader("va_experiments.data.readers.phmrc", "read_phmrc", DATA[f"phmrc_{module}"], fixed)


def _immcmc(module: str) -> Reader:
    return Reader("va_experiments.data.readers.immcmc", "read_immcmc", DATA[f"immcmc_{module}"], {"module": module})


READERS: dict[str, Reader] = {
    "simulated": Reader("va_experiments.data.readers.simulated", "simulate_deaths", DATA["simulated"]),
    "phmrc_adult": _phmrc("adult"),
    "phmrc_child": _phmrc("child"),
    "phmrc_neonate": _phmrc("neonate"),
    "immcmc_adult": _immcmc("adult"),
    "immcmc_child": _immcmc("child"),
    "immcmc_neonate": _immcmc("neonate"),
    "csv": Reader("va_experiments.data.readers.csv", "read_csv_deaths", DATA["csv"]),
    "who2016": Reader("va_experiments.data.readers.who2016", "read_who2016", DATA["who2016"]),
    "who2016_odk": Reader("va_experiments.data.readers.who2016_odk", "read_who2016_odk", DATA["who2016_odk"]),
    "train_and_assign": Reader(
        "va_experiments.data.readers.train_and_assign", "read_train_and_assign", DATA["train_and_assign"], joins=True
    ),
    "union": Reader("va_experiments.data.readers.union", "read_union", DATA["union"], joins=True),
}
"""Name in ``data=`` -> reader."""


def options_of(name: str) -> dict[str, Any]:
    """Return every option of a reader with its default."""
    return check_options(name, {})


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
    function = getattr(import_module(reader.module), reader.function)
    return function(**reader.fixed, **check_options(name, options or {}))


def check_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a reader, completed by defaults and checked for keys and types."""
    values = {str(k): v for k, v in options.items() if k != "name"}
    checked = check(_reader(name).options, values, "data", f"data={name}")
    plain = checked.model_dump(exclude={"name"})
    return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


def load_parts(
    parts: Sequence[tuple[str, Mapping[str, Any]]], load_one: Callable[[str, Mapping[str, Any]], Deaths]
) -> list[Deaths]:
    """Load the data sets that a reader joins; a hint says where the options that it names stand then.

    Parameters
    ----------
    parts : sequence of (str, mapping)
        Reader and options of each.
    load_one : function
        Such as `load`.
    """
    loaded = []
    for name, options_of_part in parts:
        try:
            loaded.append(load_one(name, options_of_part))
        except InputError as error:
            if not any("data." in text for text in (error.hint, *error.problems)):
                raise
            where = "; write data.OPTION=VALUE within data.options={OPTION: VALUE} for all tables, or for this one "
            example = (
                f"give {{name: {name}, path: {options_of_part.get('path') or 'FILE'}, OPTION: VALUE}} in its place"
            )
            raise InputError(error.problems, hint=(error.hint + where + example).removeprefix("; ")) from None
    return loaded


def with_check(error: InputError, name: str, options: Mapping[str, Any]) -> InputError:
    """Return the error of a study's own table with the command that looks at every column and suggests the options."""
    if name != "csv" or not options.get("path"):
        return error
    advice = (
        f"va-experiments data check {shlex.quote(str(options['path']))} looks at every column and writes the options"
    )
    return InputError(error.problems, hint="\n".join(filter(None, (error.hint, advice))))


def _reader(name: str) -> Reader:
    if name not in READERS:
        raise InputError(f"unknown data {shown(name)}{known_names(READERS)}{did_you_mean(name, READERS)}")
    return READERS[name]
