"""Load what the report needs before it is built, beside the fits, where nobody waits for it."""

from __future__ import annotations

import contextlib
import importlib

__all__ = ["MODULES", "warm_up"]

MODULES = (
    "va_experiments.report.inputs",
    "va_experiments.report.build",
    "jinja2",
    "pyarrow.parquet",
    "scipy.special",
    "docx",
)


def warm_up() -> None:
    """Import what builds the report; nothing is said where a module fails, the report says it."""
    for name in MODULES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
