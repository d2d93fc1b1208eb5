"""``python -m va_experiments``: compose jobs with Hydra, run them as one multirun.

With and without ``-m`` the same door is used: a command without commas is a sweep of one job.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

from va_experiments.config.schema import conf_dir
from va_experiments.errors import InputError
from va_experiments.hydra_app.config_allowlist import guard

__all__ = ["end", "main"]


_UNUSABLE = (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EPERM, errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP)
"""What the system says of a path that cannot be written to."""


def register_plugins() -> None:
    """Let Hydra find the launcher of this package, wherever the package is installed."""
    import hydra_plugins

    own = str(Path(__file__).resolve().parent / "hydra_plugins")
    if own not in hydra_plugins.__path__:
        hydra_plugins.__path__.append(own)


def main() -> int:
    """Run the command line and return its exit code.

    0 every cell is done; 2 something in the command, config or data cannot be used; 3 cells failed or are missing;
    4 the outputs folder is in use; 5 the disk is full or the workers are lost; 130, 143, 129 stopped by Ctrl-C,
    SIGTERM, SIGHUP; 141 nobody reads the output any more; 1 anything unexpected.
    """
    debug = "--debug" in sys.argv
    sys.argv = [sys.argv[0], *_as_multirun(sys.argv[1:])]
    os.umask(0o077)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors are told here, once, in words
    register_plugins()
    import hydra

    guard()

    @hydra.main(config_path=str(conf_dir()), config_name="config", version_base="1.3")
    def app(config: object) -> None:
        raise AssertionError("jobs run through the launcher")

    try:
        app()
    except BaseException as error:
        return _told(error, debug=debug)
    return _closed(debug=debug)


_SHOWS = ("-h", "--help", "--hydra-help", "--version", "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion")
"""Options with which Hydra shows something and runs nothing; none of them goes with --multirun."""


def _as_multirun(given: list[str]) -> list[str]:
    """Return the arguments with one --multirun before them: every command is a multirun here, with -m, -r or neither.

    Hydra refuses overrides on both sides of the flag; without the flag it calls a sweep ambiguous whatever else is
    wrong with the command.
    """
    rest = [a for a in given if a not in ("--debug", "-m", "--multirun", "-r", "--run")]
    return rest if any(a.partition("=")[0] in _SHOWS for a in rest) else ["--multirun", *rest]


def _closed(*, debug: bool) -> int:
    if "va_experiments.hydra_app.session" not in sys.modules:
        return 0
    from va_experiments.hydra_app.session import session

    try:
        return session.close()
    except BaseException as error:
        return _told(error, debug=debug)


def _told(error: BaseException, *, debug: bool) -> int:
    """Say what went wrong in words, and return the exit code."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from va_experiments.hydra_app.config_errors import explained, refused_by_hydra

    session = getattr(sys.modules.get("va_experiments.hydra_app.session"), "session", None)
    code: int | None = None
    if session is not None and session.run is not None:
        code = session.run.interrupts.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
    name = type(error).__name__
    if isinstance(error, KeyboardInterrupt):
        code = code or 130
        print("stopped; finished cells are kept, the same command goes on from them", file=sys.stderr)
    elif isinstance(error, (InputError, HydraException, OmegaConfBaseException)) or refused_by_hydra(error):
        code = 2
        print("\n".join(f"error: {line}" for line in explained(error, conf_dir())), file=sys.stderr)
    elif isinstance(error, BrokenPipeError) and _nobody_reads():
        code = 141  # as a shell says of a program that SIGPIPE ended
    elif name in ("Locked", "DiskFull", "EngineLost", "NewerSchema"):
        code = 4 if name == "Locked" else 5
        print(f"error: {error}", file=sys.stderr)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        code = 5
        print(f"error: disk full ({error}); finished cells are safe, the same command goes on", file=sys.stderr)
    elif isinstance(error, OSError) and error.errno in _UNUSABLE:
        code = 2
        print(f"error: cannot be written: {error}; choose a folder with paths.outputs=FOLDER", file=sys.stderr)
    else:
        traceback.print_exc()
        code = code or 1
    if debug and code in (2, 4, 5):
        traceback.print_exc()
    if session is not None:
        session.abandon()
    _leave_nothing()
    return code


def _nobody_reads() -> bool:
    """Return whether the reader of our output (head, less) has closed it, and write no more to it."""
    gone = select.poll()
    gone.register(sys.stdout.fileno(), 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in gone.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _leave_nothing() -> None:
    """Remove the folder that Hydra's sweeper made for a run that never came about."""
    plugin = sys.modules.get("hydra_plugins.va_launcher.launcher")
    if plugin is not None and plugin.VaLauncher.sweep_dir is not None:
        from va_experiments.hydra_app.config_errors import remove_empty_run

        remove_empty_run(Path(plugin.VaLauncher.sweep_dir))


def end(code: int) -> NoReturn:
    """End the process with `code`, also when a thread of a view that has died would keep it waiting."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:  # what was said is lost, not what was computed
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if any(t.is_alive() and t.name in ("prefect", "ray") for t in threading.enumerate()):
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    end(main())
