"""``python -m va_experiments.reproductions NAME --data FILE``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from va_experiments.errors import InputError
from va_experiments.reproductions.command import arguments, run

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, run the reproduction, and return the exit code: 0 done, 2 invalid input."""
    parser = argparse.ArgumentParser(prog="python -m va_experiments.reproductions", description=run.__doc__)
    arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
