"""``python -m va_experiments``: compose jobs with Hydra, run them as one multirun.

With and without ``-m`` the same door is used: a command without commas is a sweep of one job.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import traceback
from importlib import import_module

from va_experiments.config.schema import conf_dir
from va_experiments.errors import NO_WORKING_FOLDER, UNUSABLE, VaError, short_of_memory, working_folder_is_gone
from va_experiments.hydra_app import app
from va_experiments.hydra_app.config_errors import format_error, is_config_error
from va_experiments.hydra_app.help_text import help_text
from va_experiments.process_exit import end
from va_experiments.process_setup import prepare_process
from va_experiments.terminal import is_terminal, say

__all__ = ["end", "main", "report_error"]


def main() -> int:
    """Run the command line and return its exit code.

    0 every cell is done; 2 something in the command, config or data cannot be used; 3 cells failed or are missing;
    4 the outputs folder is in use; 5 the disk is full, memory is short or the workers are lost; 130, 143, 129 stopped
    by Ctrl-C, SIGTERM, SIGHUP; 141 nobody reads the output any more; 1 anything unexpected. Without arguments the help
    is printed and the exit code is 2, as nothing was run.
    """
    words = [word for word in sys.argv[1:] if word != "--debug"]
    debug = "--debug" in sys.argv
    if words and "=" not in words[0] and words[0] in import_module("va_experiments.commands").COMMANDS:
        if words[0] != "run":  # by name: the other door imports this one
            return int(import_module("va_experiments.cli").main(sys.argv[1:]))
        sys.argv.remove("run")
        words = words[1:]
    try:
        prepare_process()
        if words in ([], ["-h"], ["--help"]):
            say(help_text(conf_dir()), flush=True)
            return 0 if words else 2
        if is_terminal(sys.stderr) and app.runs_jobs(words):
            say("reading the configuration", file=sys.stderr, flush=True)
        app.run(sys.argv[1:])
    except BaseException as error:
        return report_error(error, debug=debug)
    return _closed(debug=debug)


def _closed(*, debug: bool) -> int:
    if "va_experiments.hydra_app.session" not in sys.modules:
        try:
            sys.stdout.flush()  # what Hydra has shown: a closed pipe is found here
        except BrokenPipeError as error:
            return report_error(error, debug=debug)
        return 0
    from va_experiments.hydra_app.session import session

    try:
        return session.close()
    except BaseException as error:
        return report_error(error, debug=debug)


def report_error(error: BaseException, *, debug: bool) -> int:
    """Print what went wrong, stop what was started, and return the exit code."""
    session = getattr(sys.modules.get("va_experiments.hydra_app.session"), "session", None)
    code: int | None = None
    if session is not None and session.run is not None:
        code = session.run.interrupts.exit_code
    if isinstance(error, SystemExit):
        if error.code in (0, None):
            return _closed(debug=debug) if session is None else 0
        return error.code if isinstance(error.code, int) else 2
    if isinstance(error, KeyboardInterrupt):
        code = code or 130
        say("stopped; run the same command to continue: finished cells are kept", file=sys.stderr)
    elif is_config_error(error):
        code = 2
        say("\n".join(f"error: {line}" for line in format_error(error, conf_dir())), file=sys.stderr)
        if hint := getattr(error, "hint", ""):
            say(hint, file=sys.stderr)
    elif isinstance(error, BrokenPipeError) and _nobody_reads():
        code = 141  # as a shell says of a program that SIGPIPE ended
    elif isinstance(error, VaError):
        code = error.exit_code
        say(f"error: {error}", file=sys.stderr)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        code = 5
        limit = ": a limit on the size of a file is reached, see ulimit -f" if error.errno == errno.EFBIG else ""
        say(
            f"error: disk full ({error}){limit}; finished cells are safe; run the same command again to continue",
            file=sys.stderr,
        )
    elif short_of_memory(error):
        code = 5
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        say(
            f"error: memory is short ({reason}): is there a limit (ulimit -v)? Finished cells are safe; run the same "
            "command again to continue",
            file=sys.stderr,
        )
    elif isinstance(error, FileNotFoundError) and working_folder_is_gone():  # while the command started
        code = 2
        say(f"error: {NO_WORKING_FOLDER}", file=sys.stderr)
    elif isinstance(error, OSError) and (error.errno in UNUSABLE or _of_the_kernel(error)):
        code = 2
        say(f"error: cannot be written: {error}; choose a folder with paths.outputs=FOLDER", file=sys.stderr)
    else:
        say(traceback.format_exc(), file=sys.stderr)
        code = code or 1
    if debug and code in (2, 4, 5):
        say(traceback.format_exc(), file=sys.stderr)
    if session is not None:
        session.abort()
    app.remove_sweep_folder()
    return code


def _of_the_kernel(error: OSError) -> bool:
    """Return whether a folder could not be made because the kernel makes all files there."""
    return error.errno == errno.ENOENT and str(error.filename).startswith(("/proc/", "/sys/", "/dev/"))


def _nobody_reads() -> bool:
    """Return whether the reader of our output (head, less) has closed it, and write no more to it."""
    gone = select.poll()
    gone.register(sys.stdout.fileno(), 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in gone.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


if __name__ == "__main__":
    end(main())
