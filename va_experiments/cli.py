"""``va-experiments``: run comparisons, watch them, manage their results.

The module of a command is imported when the command is called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence

import click
from click.exceptions import Exit, NoArgsIsHelpError

from va_experiments.commands import COMMANDS
from va_experiments.commands.command_line import Group, command_of
from va_experiments.config.folder import conf_dir
from va_experiments.errors import UNUSABLE, InputError, VaError, did_you_mean, shown, shown_path
from va_experiments.process_exit import end
from va_experiments.process_setup import open_standard_streams, prepare_process
from va_experiments.terminal import say

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; without `arguments`, as the installed command, end the process with it.

    0 done; 2 something in the command, a file or an option cannot be used; 3 what was checked does not hold, or cells
    are missing; 4 the outputs folder is in use; 5 the disk is full; 130 and 143 stopped by Ctrl-C and SIGTERM; 141
    nobody reads the output any more; 1 anything unexpected.
    """
    open_standard_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["__complete"]:
        from va_experiments.commands.word_completion import typed_candidates

        for word in typed_candidates(" ".join(words[1:])):
            say(word)
        return _flushed(0)
    if _runs_jobs(words):
        from va_experiments.__main__ import main as run

        sys.argv = [sys.argv[0], *(words[1:] if words[0] == "run" else words)]
        end(run())
    debug = "--debug" in words
    code = _run([w for w in words if w != "--debug"], debug=debug)
    code = _flushed(code)
    if arguments is None:
        end(code)
    return code


def _runs_jobs(words: Sequence[str]) -> bool:
    """Return whether the words are those of ``python -m va_experiments``: ``run``, KEY=VALUE, or an option of Hydra."""
    first, second, *_ = [*(word for word in words if word != "--debug"), "", ""]
    if second.startswith("="):  # KEY = VALUE: what is wrong is said as for the other overrides
        return True
    if first in COMMANDS or first in ("-h", "--help", "--version", ""):
        return first == "run"
    return "=" in first or first[0] in "-+~"


class _Commands(Group):
    """All commands; each is imported when it is called, and none for the list of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return command_of(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            known = ", ".join(COMMANDS)
            near = did_you_mean(args[0], COMMANDS)
            if args[0] in {path.stem for path in (conf_dir() / "model").glob("*.yaml")}:
                near = f"; to run the model, write model={args[0]}"
            raise InputError(
                f"unknown command {shown(args[0])}; known: {known}{near}",
                hint="KEY=VALUE runs jobs, as in va-experiments model=nbc site=ap",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        say(version("va-experiments"))
        ctx.exit()


def _commands() -> _Commands:
    """Return the command above all commands."""
    version = click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
    )
    debug = click.Option(["--debug"], is_flag=True, expose_value=False, help="Show where an error arose.")
    return _Commands(
        name="va-experiments",
        help="Run comparisons, watch them, manage their results.\n\n"
        "va-experiments KEY=VALUE ... runs jobs, as python -m va_experiments does.",
        epilog="va-experiments COMMAND --help explains a command.",
        params=[version, debug],
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        no_args_is_help=True,
    )


def _run(words: Sequence[str], *, debug: bool) -> int:
    hint = ""
    try:
        prepare_process()
        command = _commands()
        with command.make_context("va-experiments", list(words)) as context:
            code = command.invoke(context)
        sys.stdout.flush()
        return int(code or 0)
    except Exit as leaving:
        return leaving.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _nobody_reads()
    except NoArgsIsHelpError as error:
        say(error.format_message())
        return 2
    except click.UsageError as error:
        code, lines = 2, [error.format_message()]
        hint = f"{error.ctx.command_path} --help shows what it takes" if error.ctx is not None else ""
    except InputError as error:
        code, lines, hint = 2, str(error).splitlines(), error.hint
    except VaError as error:
        code, lines = error.exit_code, [str(error)]
    except OSError as error:
        code, lines = _of_the_system(error)
        debug = debug or code == 1
    except RuntimeError as error:
        code, lines, debug = 1, [str(error)], True
    if debug:
        say(traceback.format_exc(), file=sys.stderr)
    for line in lines:
        say(f"error: {line}", file=sys.stderr)
    if hint:
        say(hint, file=sys.stderr)
    return code


def _of_the_system(error: OSError) -> tuple[int, list[str]]:
    """Return the exit code and what is said of an error of the operating system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return 5, [str(error)]
    if error.errno in (*UNUSABLE, errno.ENOENT, errno.EEXIST) and isinstance(error.filename, str | bytes):
        place = shown_path(os.fsdecode(error.filename))
        return 2, [f"{place} cannot be used: {error.strerror}; name another file or folder"]
    return 1, [str(error)]


def _flushed(code: int) -> int:
    """Write what is left; 141 where the reader has gone, as a shell says of a program that SIGPIPE ended."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _nobody_reads()
    return code


def _nobody_reads() -> int:
    """Write no more to standard output: the reader (less, head) has closed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
