"""``python -m va_experiments.reproductions NAME --data FILE``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
import typer
import typer.main

from va_experiments.errors import InputError
from va_experiments.reproductions.command import reproduce
from va_experiments.terminal import say

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, run the reproduction, and return the exit code: 0 done, 2 invalid input."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(reproduce)
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with typer.main.get_command(app).make_context("python -m va_experiments.reproductions", words) as context:
            return int(context.command.invoke(context))
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        say(f"error: {error.format_message()}", file=sys.stderr)
    except InputError as error:
        say(f"error: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
