"""Hash the source code that defines a model, so that an edited algorithm is computed again."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Hashable
from functools import lru_cache

__all__ = ["code_digest"]

_MODELS = "va_experiments.models"


@lru_cache(maxsize=256)
def code_digest(estimator_class: Hashable) -> str:
    """Return a digest of the source files that define a model: its module and those it imports from its own package.

    Part of a cell's key, so that an edited algorithm is never answered with results of the old one.
    """
    digest = hashlib.sha256()
    for module in sorted(_source_modules(str(estimator_class.__module__))):
        path = getattr(sys.modules[module], "__file__", None)
        if path and os.path.isfile(path):
            with open(path, "rb") as file:
                digest.update(module.encode() + b"\0" + file.read().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def _source_modules(start: str) -> set[str]:
    """Names of loaded modules in the same package that `start` imports, directly or through another, and `start`."""
    package = _MODELS if start.startswith(f"{_MODELS}.") else start.rpartition(".")[0]
    found, waiting = set(), [start]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        path = getattr(importlib.import_module(module), "__file__", None)
        found.add(module)
        if not (path and path.endswith(".py")):
            continue
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
            elif isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            else:
                continue
            waiting += [
                n
                for n in names
                if package and n.startswith(package + ".") and _is_module(n) and not n.endswith((".base",))
            ]
    return found


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False
