"""``va-experiments``: look at, check and look after runs; ``va-experiments run`` is ``python -m va_experiments``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["run"]:
        from va_experiments.__main__ import end
        from va_experiments.__main__ import main as run

        sys.argv = [sys.argv[0], *given[1:]]
        end(run())
    parser = argparse.ArgumentParser(prog="va-experiments", description=__doc__)
    parser.add_argument("command", choices=["run"], help="run: the same as python -m va_experiments")
    parser.parse_args(given)
    return 0
