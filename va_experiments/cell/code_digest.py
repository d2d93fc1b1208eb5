"""Hash the source code that defines a model, so that an edited algorithm is computed again."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import io
import os
import sys
import tokenize
from collections.abc import Hashable
from functools import lru_cache

__all__ = ["code_digest"]

_MODELS = "va_experiments.models"

WORDLESS = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER)
"""Kinds of tokens that make no line a line of code."""


@lru_cache(maxsize=256)
def code_digest(estimator_class: Hashable) -> str:
    """Return a digest of the source files that define a model: its module and those it imports from its own package.

    Part of a cell's key, so that an edited algorithm is never answered with results of the old one. Comments,
    docstrings and blank lines are left out: better words about an algorithm do not compute its cells again.
    """
    digest = hashlib.sha256()
    for module in sorted(_source_modules(str(estimator_class.__module__))):
        path = getattr(sys.modules[module], "__file__", None)
        if path and os.path.isfile(path):
            with open(path, "rb") as file:
                digest.update(module.encode() + b"\0" + without_words(file.read()))
    return digest.hexdigest()[:16]


def without_words(source: bytes) -> bytes:
    """Return source code without comments, docstrings and blank lines; a file that is not Python is returned whole.

    Nothing else changes, so that the result is the same on every version of Python, unlike that of ``ast.unparse``.
    """
    source = source.replace(b"\r\n", b"\n")
    try:
        tree, tokens = ast.parse(source), list(tokenize.tokenize(io.BytesIO(source).readline))
    except (SyntaxError, ValueError, tokenize.TokenError):
        return source
    lines = source.decode("utf-8-sig").splitlines()
    rows_of_code = {token.start[0] for token in tokens if token.type not in WORDLESS}
    dropped = {token.start[0] for token in tokens if token.type in WORDLESS} - rows_of_code
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            first, last = node.lineno, node.end_lineno or node.lineno
            after = lines[last - 1].encode()[node.end_col_offset :]
            if not lines[first - 1][: node.col_offset].strip() and not after.strip():  # it has its lines to itself
                dropped |= set(range(first, last + 1))
    return "\n".join(line for row, line in enumerate(lines, 1) if row not in dropped).encode()


def _source_modules(start: str) -> set[str]:
    """Names of loaded modules in the same package that `start` imports, directly or through another, and `start`."""
    package = _MODELS if start.startswith(f"{_MODELS}.") else start.rpartition(".")[0]
    modules, waiting = set(), [start]
    while waiting:
        module = waiting.pop()
        if module in modules:
            continue
        path = getattr(importlib.import_module(module), "__file__", None)
        modules.add(module)
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
    return modules


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False
