"""Read verbal-autopsy data into `Deaths`.

:func:`load` is what a run uses: a reader by name, with its options. Libraries are imported when a reader is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from va_experiments.data.deaths import Deaths

if TYPE_CHECKING:
    from va_experiments.data.check import describe
    from va_experiments.data.learned_cutoffs import apply_learned_cuts
    from va_experiments.data.readers.csv import read_csv_deaths
    from va_experiments.data.readers.phmrc import read_phmrc
    from va_experiments.data.readers.simulated import simulate_deaths
    from va_experiments.data.readers.who2016 import read_who2016
    from va_experiments.data.readers.who2016_odk import convert_who2016_odk, read_who2016_odk
    from va_experiments.data.registry import load, options_of

__all__ = [
    "Deaths",
    "apply_learned_cuts",
    "convert_who2016_odk",
    "describe",
    "load",
    "options_of",
    "read_csv_deaths",
    "read_phmrc",
    "read_who2016",
    "read_who2016_odk",
    "simulate_deaths",
]

_MODULES = {
    "apply_learned_cuts": "learned_cutoffs",
    "convert_who2016_odk": "readers.who2016_odk",
    "describe": "check",
    "load": "registry",
    "options_of": "registry",
    "read_csv_deaths": "readers.csv",
    "read_phmrc": "readers.phmrc",
    "read_who2016": "readers.who2016",
    "read_who2016_odk": "readers.who2016_odk",
    "simulate_deaths": "readers.simulated",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
