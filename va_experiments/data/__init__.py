"""Readers of verbal-autopsy data and the `Deaths` they return.

Nothing heavy is imported until a reader is called. :func:`load` is what a run uses: a reader by name, with its options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from va_experiments.data.deaths import Deaths

if TYPE_CHECKING:
    from va_experiments.data.check import describe
    from va_experiments.data.csv import read_csv_deaths
    from va_experiments.data.cuts import apply_learned_cuts
    from va_experiments.data.phmrc import read_phmrc
    from va_experiments.data.registry import load, options_of
    from va_experiments.data.synthetic import simulate_deaths
    from va_experiments.data.who2016 import read_who2016

__all__ = [
    "Deaths",
    "apply_learned_cuts",
    "describe",
    "load",
    "options_of",
    "read_csv_deaths",
    "read_phmrc",
    "read_who2016",
    "simulate_deaths",
]

_HOME = {
    "apply_learned_cuts": "cuts",
    "describe": "check",
    "load": "registry",
    "options_of": "registry",
    "read_csv_deaths": "csv",
    "read_phmrc": "phmrc",
    "read_who2016": "who2016",
    "simulate_deaths": "synthetic",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
