"""Read the mutants of a finished mutmut run: which survived, and what each changed."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from pathlib import Path

__all__ = ["NO_TESTS", "SURVIVED", "Counts", "Mutant", "counts", "survivors"]

SURVIVED, NO_TESTS = 0, 33
"""Exit codes that mutmut records: the tests passed; no test runs the function."""


@dataclass(frozen=True)
class Mutant:
    """A change that no test noticed."""

    name: str
    """As ``mutmut show`` takes it."""
    module: str
    function: str
    before: str
    after: str


@dataclass(frozen=True)
class Counts:
    """Mutants of a module by outcome."""

    module: str
    all: int
    killed: int
    survived: int
    not_tried: int
    date: str
    """Day (UTC) on which the last of them was tried."""


def _metas(folder: Path) -> Iterator[tuple[str, Path, dict[str, int], int]]:
    """Yield module, mutated source, exit codes of the mutants that were run, and the number of the others."""
    for meta in sorted((folder / "mutants" / "va_experiments").rglob("*.meta")):
        every = json.loads(meta.read_text())["exit_code_by_key"]
        codes = {k: v for k, v in every.items() if v is not None}
        source = meta.with_suffix("")
        if codes:
            module = ".".join(source.relative_to(folder / "mutants").with_suffix("").parts)
            yield module, source, codes, len(every) - len(codes)


def counts(folder: Path) -> list[Counts]:
    """Count the mutants of each module that was run in a folder where mutmut has run."""
    result = []
    for module, source, codes, not_tried in _metas(folder):
        survived = sum(code in (SURVIVED, NO_TESTS) for code in codes.values())
        saved = datetime.fromtimestamp(source.with_suffix(f"{source.suffix}.meta").stat().st_mtime, UTC)
        date = f"{saved:%Y-%m-%d}"
        result.append(Counts(module, len(codes), len(codes) - survived, survived, not_tried, date))
    return result


def survivors(folder: Path) -> list[Mutant]:
    """List the mutants that survived in a folder where mutmut has run, by module and function."""
    result = []
    for module, source, codes, _ in _metas(folder):
        names = [name for name, code in codes.items() if code in (SURVIVED, NO_TESTS)]
        functions = _functions(source.read_text(encoding="utf-8")) if names else {}
        for name in names:
            short = name.rsplit(".", 1)[1]
            mangled, _, _ = short.rpartition("__mutmut_")
            before, after = _change(functions[f"{mangled}__mutmut_orig"], functions[short])
            function = mangled.removeprefix("x").strip("ǁ").replace("ǁ", ".")
            function = function.removeprefix("_") if not mangled.startswith("xǁ") else function
            result.append(Mutant(name, module, function, before, after))
    return result


def _functions(source: str) -> dict[str, str]:
    """Return the statements of each function, without its name and docstring, as normalised text."""
    texts = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name:
            header = ast.unparse(node.args)
            texts[node.name] = "\n".join([header, *(ast.unparse(statement) for statement in node.body)])
    return texts


def _change(before: str, after: str, around: int = 24) -> tuple[str, str]:
    """Return what differs between two texts, with a few characters around it, each in one line."""
    old, new = before.split("\n"), after.split("\n")
    blocks = [b for b in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if b[0] != "equal"]
    old_text = " ".join(line.strip() for _, i, j, _, _ in blocks for line in old[i:j])
    new_text = " ".join(line.strip() for _, _, _, i, j in blocks for line in new[i:j])
    start = 0
    while start < min(len(old_text), len(new_text)) and old_text[start] == new_text[start]:
        start += 1
    end = 0
    while end < min(len(old_text), len(new_text)) - start and old_text[-1 - end] == new_text[-1 - end]:
        end += 1
    first, last = max(0, start - around), max(0, end - around)
    return old_text[first : len(old_text) - last], new_text[first : len(new_text) - last]
