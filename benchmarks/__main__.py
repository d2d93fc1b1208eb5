"""List the benchmarks, ``python -m benchmarks``, or run one: ``python -m benchmarks NAME [options]``."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

__all__ = ["main"]


def known() -> dict[str, str]:
    """Find the name and first line of each module here that can be run, without importing any."""
    results = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        runs = any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
        if runs and not path.name.startswith("__"):
            results[path.stem] = (ast.get_docstring(tree) or "").split("\n")[0]
    return results


def main(arguments: list[str]) -> int:
    """Run the benchmark that the first argument names, or list all."""
    names = known()
    if not arguments or arguments[0] in ("-h", "--help"):
        print("python -m benchmarks NAME [--json FILE] [--help]\n")
        for name, line in names.items():
            print(f"  {name:<20} {line}")
        return 0
    if arguments[0] not in names:
        print(f"unknown benchmark '{arguments[0]}'; known: {', '.join(names)}", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"benchmarks.{arguments[0]}").main(arguments[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
