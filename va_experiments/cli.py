"""``va-experiments``: run comparisons, watch them, look after what they left."""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from va_experiments.commands import COMMANDS
from va_experiments.errors import InputError, VaError, did_you_mean

__all__ = ["main", "parser_of"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0 done; 2 something in the command, a file or an option cannot be used; 3 what was checked does not hold, or cells
    are missing; 4 the outputs folder is in use; 5 the disk is full; 130 and 143 stopped by Ctrl-C and SIGTERM;
    1 anything unexpected.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["run"]:
        from va_experiments.__main__ import end
        from va_experiments.__main__ import main as run

        sys.argv = [sys.argv[0], *given[1:]]
        end(run())
    os.umask(0o077)
    debug = "--debug" in given
    given = [a for a in given if a != "--debug"]
    if not given or given[0] in ("-h", "--help"):
        print(_overview())
        return 0 if given else 2
    if given[0] == "--version":
        from importlib.metadata import version

        print(version("va-experiments"))
        return 0
    if given[0] not in COMMANDS:
        known = ", ".join(COMMANDS)
        near = did_you_mean(given[0], COMMANDS)
        print(f"error: unknown command '{given[0]}'; known: {known}{near}", file=sys.stderr)
        return 2
    return _run(given[0], given[1:], debug=debug)


class _Paragraphs(argparse.HelpFormatter):
    """Wraps each paragraph of a description by itself."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(super(_Paragraphs, self)._fill_text(p, width, indent) for p in text.strip().split("\n\n"))


def _module(command: str) -> Any:
    return import_module(f"va_experiments.commands.{command.replace('-', '_')}")


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the argument parser of a command."""
    module = _module(command)
    parser = argparse.ArgumentParser(
        prog=f"va-experiments {command}",
        description=module.__doc__,
        formatter_class=_Paragraphs,
        allow_abbrev=False,
    )
    module.arguments(parser)
    return parser


def parsed(command: str, given: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command; ``KEY=VALUE`` may also stand behind its flags."""
    parser = parser_of(command)
    options, rest = parser.parse_known_args(given)
    pairs = [word for word in rest if "=" in word and not word.startswith("-")]
    place = next((name for name in ("options", "overrides") if hasattr(options, name)), "")
    if len(pairs) < len(rest) or (pairs and not place):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if pairs:
        setattr(options, place, [*getattr(options, place), *pairs])
    return options


def _run(command: str, given: Sequence[str], *, debug: bool) -> int:
    hint = ""
    try:
        options = parsed(command, given)
        return int(_module(command).run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output (less, head) has closed it
        sys.stderr.close()
        return 141
    except InputError as error:
        code, lines, hint = 2, str(error).splitlines(), error.hint
    except VaError as error:
        code, lines = error.exit_code, [str(error)]
    except (RuntimeError, OSError) as error:
        code, lines = 5 if getattr(error, "errno", 0) == errno.ENOSPC else 1, [str(error)]
        debug = debug or code == 1
    if debug:
        traceback.print_exc()
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    if hint:
        print(hint, file=sys.stderr)
    return code


def _overview() -> str:
    longest = max(map(len, COMMANDS))
    width = max(shutil.get_terminal_size((100, 24)).columns, 40)
    later = " " * (longest + 4)
    rows = [
        textwrap.fill(text, width, initial_indent=f"  {name:<{longest}}  ", subsequent_indent=later)
        for name, text in COMMANDS.items()
    ]
    explained = "va-experiments COMMAND --help explains a command; --debug shows where an error arose."
    return "\n".join(
        [
            "usage: va-experiments COMMAND [options]",
            "",
            "Run comparisons, watch them, look after what they left.",
            "",
            *rows,
            "",
            textwrap.fill(explained, width),
        ]
    )
