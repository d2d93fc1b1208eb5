"""List the questionnaires of the PHMRC study, each with the rules that read its answers."""

from __future__ import annotations

from va_experiments.data.readers.phmrc_rules import Module
from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["MODULES", "module_of"]

MODULES = ("adult", "child", "neonate")
"""Questionnaires."""


def module_of(name: str) -> Module:
    """Load the rules of ``adult``, ``child`` or ``neonate``."""
    if name == "adult":
        from va_experiments.data.readers.phmrc_adult import ADULT as module
    elif name == "child":
        from va_experiments.data.readers.phmrc_child import CHILD as module
    elif name == "neonate":
        from va_experiments.data.readers.phmrc_neonate import NEONATE as module
    else:
        raise InputError(
            f"unknown PHMRC module {shown(name)}; known: {', '.join(MODULES)}{did_you_mean(name, MODULES)}"
        )
    return module
